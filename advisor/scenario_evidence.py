"""What was tried: trials by way, result files they were counted from, pairs, and who answers what a model declines."""

from typing import Annotated, Any, Final, Literal, Self, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, StringConstraints, model_validator

from advisor.fields import FileBelow
from advisor.quantity import Measure, Quantity, Setting, refuse, unknown
from advisor.settings import Part, Share, Text, left_out

LARGEST_TRIAL: Final = "10000000"  # more scored answers than any team has; a larger number is a slip

Trials: TypeAlias = Annotated[int, Setting("1", LARGEST_TRIAL)]
Count: TypeAlias = Annotated[int, Setting("0", LARGEST_TRIAL)]
COUNTED: Final = {"anyOf": [{"required": ["n", "successes"]}, {"required": ["results"]}]}


def or_counted(schema: dict[str, Any]) -> None:
    """Let a file of the editor's name `results` in place of the counts."""
    schema["required"] = ["variant"]
    schema |= COUNTED


class Trial(Part):
    """One variant that was tried: n scored answers, of which so many succeeded and so many were declined.

    `results` names a JSONL file to count them from: {id, correct}, or {id, answer, expected} scored by the metric.
    """

    model_config = ConfigDict(json_schema_extra=or_counted)

    variant: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
    n: Trials
    successes: Count
    declined: Count = 0
    results: FileBelow = None

    @model_validator(mode="after")
    def within_n(self) -> Self:
        """Refuse more successes than answers, and more of successes and declined than answers."""
        if self.successes > self.n:
            raise refuse(f"at most n, which is {self.n}", "check which number is which", "successes")
        if self.successes + self.declined > self.n:
            most = self.n - self.successes
            raise refuse(f"at most {most}: a declined answer is no success", "count each answer once", "declined")
        return self


class Arm(Part):
    """What was tried in one way; a list of trials, or `not_tried` with the reason. Empty means nothing is known."""

    trials: tuple[Trial, ...] = ()
    not_tried: Text = None


def read_arm(raw: object) -> object:
    """Return a bare list of trials as the mapping an Arm is made of."""
    return {"trials": cast("list[object]", raw)} if isinstance(raw, list) else raw


Tried: TypeAlias = Annotated[Arm, BeforeValidator(read_arm, json_schema_input_type=Arm | list[Trial])]


class Paired(Part):
    """The same questions answered by the tuned model and by today's: how many each got right.

    `file` names a JSONL file of {id, tuned, hosted} to count them from; two result files are paired by id unasked.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["both", "only_tuned", "only_hosted", "neither"]}, {"required": ["file"]}]
        }
    )

    both: Count = 0
    only_tuned: Count = 0
    only_hosted: Count = 0
    neither: Count = 0
    file: FileBelow = None

    @model_validator(mode="after")
    def some(self) -> Self:
        """Refuse pairs of nothing."""
        if self.both + self.only_tuned + self.only_hosted + self.neither == 0:
            raise refuse("at least one question", "state both, only_tuned, only_hosted and neither, or file", "both")
        return self


class Evidence(Part):
    """Trials by way: prompts, retrieval and tools, a smaller hosted model, a tuned pilot, today's hosted answer.

    `cascade` is the whole of `handover`, scored end to end.
    """

    prompting: Tried = left_out()
    retrieval: Tried = left_out()
    smaller_hosted: Tried = left_out()
    tuned: Tried = left_out()
    hosted: Tried = left_out()
    cascade: Tried = left_out()
    paired: Paired | None = None


class Handover(Part):
    """A small model first, and what it declines to today's model or to a person; a person's price is `usd_per_task`.

    Where `declined_share` is not stated, the first model's trials are asked for how many answers they declined.
    """

    first: Literal["smaller_hosted", "tuned", "none"] = "none"
    to: Literal["hosted", "person"] = "hosted"
    declined_share: Share = unknown("nobody has said how many answers the first model declines")
    usd_per_task: Annotated[Quantity, Measure("usd_per_task", example="1.50")] = unknown(
        "nobody has priced an answer by a person"
    )
    success_share: Share = unknown("nobody has said how often the second answer is right")
