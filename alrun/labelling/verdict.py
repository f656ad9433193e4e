"""What the monitoring of a project says in sentences, in its text as on its page."""

from collections.abc import Iterator, Mapping
from typing import Any

from alrun.labelling.phrasing import amount_text, counted, share_text, signal_text

Numbers = Mapping[str, Any]
BIASED = (
    "No accuracy: that on examples which a strategy chose is biased. Name a labelled file with"
    " dataset.test, or set audit = 0.1."
)
# What is missing where accuracy will be measured.
_NOT_YET = {
    "test": "No accuracy yet: it is that of the model which chose a batch, from the second on.",
    "audit": "No accuracy yet: the audit is a part of each batch from the second on.",
}
_MUST_BE = {">=": "at least", "<=": "at most", "<": "below"}


def progress(numbers: Numbers) -> str:
    """Return how far the labelling is, and what it has cost."""
    waiting = numbers["n_open"]
    parts = [
        f"{numbers['n_labels']:,} of {counted(numbers['budget'], 'label')}",
        f"{counted(waiting, 'example')} {'waits' if waiting == 1 else 'wait'} for an answer"
        if waiting
        else "",
        f"{counted(numbers['n_skipped'], 'example')} skipped" if numbers["n_skipped"] else "",
    ]
    n = numbers["n_answers"]
    has = "has" if n == 1 else "have"
    cost = f" {counted(n, 'answer')} {has} cost {amount_text(numbers['cost'])}." if n else ""
    return f"{'; '.join(filter(None, parts))}.{cost}"


def verdict(numbers: Numbers) -> Iterator[str]:
    """Yield whether to go on, how good the model is, and what more of it has cost."""
    yield from _whether_to_go_on(numbers)
    yield from _accuracy(numbers)
    if numbers["cost_per_point"] is not None:
        cost = amount_text(numbers["cost_per_point"])
        yield f"A further point of accuracy, a hundredth, has cost {cost} so far."
    if numbers["now"] is None and numbers["n_answers"]:
        yield (
            "The model on all labels so far takes a fit: give --fit for its accuracy, and for the"
            " labels that it disputes."
        )


def rule_text(rule: Numbers) -> str:
    """Return whether a rule has fired, or else how near it is."""
    if rule["stopped_at"] is not None:
        return (
            f"Stopping rule {rule['rule']} has fired at {counted(rule['stopped_at'], 'label')},"
            f" when batch {rule['batch']} was chosen."
        )
    near = "" if rule["criterion"] is None else f": {_nearness(rule['criterion'])}"
    return f"Stopping rule {rule['rule']} has not fired{near}."


def agreement_text(agreement: Numbers) -> str:
    """Return how far annotators agree."""
    name = "Cohen's kappa" if agreement["measure"] == "kappa" else "Krippendorff's alpha"
    value = "not defined" if agreement["value"] is None else f"{agreement['value']:.2f}"
    n = counted(agreement["n_examples"], "example")
    return f"Agreement on {n} of several annotators: {name} {value}."


def score_text(score: Numbers) -> str:
    """Return an accuracy with its interval and the number of examples."""
    return (
        f"{share_text(score['accuracy'])}"
        f" [{100 * score['accuracy_low']:.0f}, {100 * score['accuracy_high']:.0f}] of"
        f" {score['n']:,}"
    )


def last_scored(numbers: Numbers) -> Numbers | None:
    """Return the last batch with a score."""
    scored = [batch for batch in numbers["batches"] if batch["score"] is not None]
    return scored[-1] if scored else None


def _nearness(criterion: Numbers) -> str:
    if criterion["value"] is None:
        return f"{criterion['subject']} is not known at the last batch"
    value = signal_text(criterion["value"])
    before = "" if criterion["before"] is None else f", was {signal_text(criterion['before'])}"
    must = f"{_MUST_BE[criterion['comparison']]} {signal_text(criterion['threshold'])}"
    return f"{criterion['subject']} is {value}{before}, and must be {must}"


def _whether_to_go_on(numbers: Numbers) -> Iterator[str]:
    fired = [rule for rule in numbers["stopping"] if rule["stopped_at"] is not None]
    if fired:
        yield from map(rule_text, fired)
    elif numbers["stopping"]:
        yield "No stopping rule has fired."
    if numbers["n_labels"] >= numbers["budget"]:
        yield "The budget is spent."


def _accuracy(numbers: Numbers) -> Iterator[str]:
    last, now = last_scored(numbers), numbers["now"]
    has_now = now is not None and now["score"] is not None
    if last is None and not has_now:
        yield _NOT_YET.get(numbers["scored_on"], BIASED)
    if last is not None:
        on = last["score"]["on"]
        what = "the test file" if on == "test" else "the audit, a random part of the pool"
        yield (
            f"On {what}, the model that chose batch {last['batch']} has an accuracy of"
            f" {score_text(last['score'])}, fitted on {counted(last['n_trained'], 'label')}."
        )
        if last["expected"] is not None:
            yield (
                f"The sweep in {numbers['promise']['from']} had promised"
                f" {share_text(last['expected'])} there, {_against(last)}."
            )
    if has_now:
        yield f"Now, on {counted(now['n_trained'], 'label')}: {score_text(now['score'])}."


def _against(batch: Numbers) -> str:
    """Return where a promise lies beside the interval of what came."""
    score, promised = batch["score"], batch["expected"]
    if promised > score["accuracy_high"]:
        return "above the interval of what came"
    if promised < score["accuracy_low"]:
        return "below the interval of what came"
    return "within the interval of what came"
