"""Write experiments/texts.csv: made-up texts of four topics, of very different lengths.

The topic is the label. Each word comes from the topic with a chance of .25, else from what all
topics have in common. The column n_words is the length, which is what a label of a text costs.
"""

from pathlib import Path

import numpy as np

N_TEXTS, N_TOPICS, N_WORDS = 1500, 4, 600
SHARE_OF_TOPIC = 0.25


def lines() -> list[str]:
    """Return the lines of the file."""
    rng = np.random.Generator(np.random.PCG64(2026))
    common = _frequencies(rng)
    topics = [_frequencies(rng) for _ in range(N_TOPICS)]
    found = ["topic,n_words,text"]
    for _ in range(N_TEXTS):
        topic = int(rng.integers(N_TOPICS))
        length = 4 + int(rng.geometric(1 / 30))
        of_topic = rng.random(length) < SHARE_OF_TOPIC
        words = np.where(
            of_topic, rng.choice(topics[topic], size=length), rng.choice(common, size=length)
        )
        found.append(f"t{topic},{length},{' '.join(f'w{word}' for word in words)}")
    return found


def _frequencies(rng: np.random.Generator) -> np.ndarray:
    """Return words, each as often as its frequency, which falls as one over its rank."""
    ranks = np.arange(1, N_WORDS + 1)
    return np.repeat(rng.permutation(N_WORDS), 1 + N_WORDS // ranks)


if __name__ == "__main__":
    Path(__file__).with_name("texts.csv").write_text("\n".join([*lines(), ""]), encoding="utf-8")
