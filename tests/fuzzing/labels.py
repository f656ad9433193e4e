"""Mutated files of answers: refused with their name, or read as answers with texts."""

import json

from fuzzing.mutations import NUMBERS, OTHERS, TEXTS, mutated_bytes, pick
from labelling_tools import LABELS, LAYOUT, TASKS, TOOLS

from alrun.errors import LabellingError
from alrun.labelling.formats import FORMATS, read_answers

VALUES = [*TEXTS, *NUMBERS, *OTHERS, None, "\ud800", "accept", "007", {"choices": ["ham"]}]


def check_labels(rng, folder):
    """Read a mutated file of answers."""
    name = pick(rng, sorted(TOOLS))
    content = TOOLS[name](FORMATS[name].write(TASKS, LAYOUT), LABELS)
    if name == "csv" or rng.random() < 0.3:
        content = mutated_bytes(content, rng)
    else:
        content = mutated_json(content, rng)
    refusal, answers = "", []
    try:
        answers = read_answers(content, "answers", LAYOUT)
    except LabellingError as error:
        refusal = str(error)
    assert refusal.startswith("answers: ") or not refusal
    for answer in answers:
        assert answer.id
        assert answer.label != ""
        assert answer.seconds is None or answer.seconds >= 0
        f"{answer.id}{answer.label}{answer.annotator}".encode()
    return 2 if refusal else 0


def mutated_json(content, rng):
    """Drop or replace a value, however deep, of a JSON list or of JSON lines."""
    is_list = content.startswith(b"[")
    lines = [content] if is_list else content.splitlines()
    values = [json.loads(line) for line in lines]
    places = [
        (holder, key) for holder, key in entries_of(values) if is_list or holder is not values
    ]
    holder, key = pick(rng, places)
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = pick(rng, VALUES)
    return "\n".join(json.dumps(value, default=str) for value in values).encode()


def entries_of(value):
    """Yield every entry in lists and dicts, as what holds it and its key."""
    if isinstance(value, dict | list):
        for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from entries_of(entry)
