"""yes, no or unknown: the three answers a gate may give, and how they combine."""

from enum import StrEnum


class Answer(StrEnum):
    """Outcome of a question; unknown is an outcome of its own, never a soft no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def and_(self, *others: "Answer") -> "Answer":
        """Return no if any answer is no, else unknown if any is unknown, else yes."""
        answers = (self, *others)
        if Answer.NO in answers:
            return Answer.NO
        return Answer.UNKNOWN if Answer.UNKNOWN in answers else Answer.YES
