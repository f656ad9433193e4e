"""What a project has asked and heard so far: the label of each example, and what is still open."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from alrun.errors import LabellingError, quoted
from alrun.labelling.records import Answer
from alrun.labelling.state import Asked, Batch, Delivery, State


@dataclass(frozen=True)
class History:
    """The batches and the deliveries of a project.

    Attributes
    ----------
    given
        The labels that the data file holds, by id, in the order of the rows.
    """

    batches: Sequence[Batch]
    deliveries: Sequence[Delivery]
    given: Mapping[str, str]

    @cached_property
    def asked(self) -> dict[str, tuple[Batch, Asked]]:
        """Every example that was asked for, with its batch, by id."""
        return {one.id: (batch, one) for batch in self.batches for one in batch.examples}

    @cached_property
    def answers(self) -> dict[str, dict[str, Answer]]:
        """The answer that counts of each annotator to each example, by id and annotator.

        It is that with the latest time, or without times the one taken last.
        """
        found: dict[str, dict[str, Answer]] = {}
        for delivery in self.deliveries:
            for answer in delivery.answers:
                of_example = found.setdefault(answer.id, {})
                before = of_example.get(answer.annotator)
                if before is None or replaces(answer, before):
                    of_example[answer.annotator] = answer
        return found

    @cached_property
    def labels(self) -> dict[str, str | None]:
        """The label of each example with an answer, by id; None where all have skipped it."""
        return {id: majority(answers.values()) for id, answers in self.answers.items()}

    @cached_property
    def open_batches(self) -> list[Batch]:
        """The batches with an example that nobody has answered."""
        return [batch for batch in self.batches if self.unanswered(batch)]

    def unanswered(self, batch: Batch) -> list[Asked]:
        """Return the examples of a batch that nobody has answered."""
        return [example for example in batch.examples if example.id not in self.answers]

    @property
    def n_labels(self) -> int:
        """Number of labels that count towards the budget: those of the file and those that came."""
        return len(self.given) + sum(label is not None for label in self.labels.values())

    @property
    def n_open(self) -> int:
        """Number of examples that were asked for, and that nobody has answered."""
        return sum(len(self.unanswered(batch)) for batch in self.open_batches)

    @property
    def n_answers(self) -> int:
        """Number of answers that were paid for: one of each annotator to each example."""
        return sum(map(len, self.answers.values()))

    @cached_property
    def sources(self) -> dict[str, int]:
        """The number of the delivery with the content of each source, by its hash."""
        return {
            source["sha256"]: delivery.number
            for delivery in self.deliveries
            for source in delivery.sources
        }


def read_history(state: State, given: Mapping[str, str]) -> History:
    """Read what was asked and heard.

    Raises LabellingError where a file is damaged, or the files do not belong together.
    """
    history = History(state.batches(), state.deliveries(), given)
    n_examples = sum(len(batch.examples) for batch in history.batches)
    if len(history.asked) < n_examples:
        raise LabellingError(
            f"{state.folder}: an example is in two batches, so that a batch file is another"
            " project's; restore it from a backup"
        )
    for number, batch in enumerate(history.batches, start=1):
        if batch.facts["n_deliveries"] > len(history.deliveries):
            name = f"labels-{len(history.deliveries) + 1}.jsonl"
            raise LabellingError(
                f"{state.folder / name} is gone: batch {number} was chosen with it; restore it from"
                " a backup"
            )
    for delivery in history.deliveries:
        for answer in delivery.answers:
            if answer.id not in history.asked:
                raise LabellingError(
                    f"{state.folder}: labels-{delivery.number}.jsonl answers {quoted(answer.id)},"
                    " which is in no batch, so that a batch file is gone; restore it from a backup"
                )
    return history


def replaces(answer: Answer, before: Answer) -> bool:
    """Return whether an answer counts in the place of one that was taken before it."""
    if answer.time is None or before.time is None:
        return True
    return _moment(answer.time) >= _moment(before.time)


def says_the_same(answer: Answer, other: Answer) -> bool:
    """Return whether two answers differ in nothing but where they were found."""
    return replace(answer, place="") == replace(other, place="")


def majority(answers: Iterable[Answer]) -> str | None:
    """Return the most frequent label, of several the one that was taken first; None for skips."""
    counts = Counter(answer.label for answer in answers if answer.label is not None)
    return max(counts, key=counts.__getitem__) if counts else None


def _moment(time: str) -> datetime:
    """Return a time for comparison; one without a zone is taken for UTC."""
    moment = datetime.fromisoformat(time)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
