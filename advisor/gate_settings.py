"""The part of a scenario that says when a finished run may ship: score, target, and what it may lose or drop."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from advisor.quantity import Setting, refuse
from advisor.settings import Part, Rate

Metric: TypeAlias = Literal["exact_match", "json_match", "accuracy", "macro_f1"]
"""Scores of an answer that is right or wrong; the evidence counts by them."""
GateMetric: TypeAlias = Literal[Metric, "rouge_l", "bleu"]
"""Those, and two that measure how near a text comes; no share of successes compares with these."""


class Gate(Part):
    """May the result ship? Score and target are quality's unless free text needs its own; shares, tokens an answer."""

    metric: Annotated[
        GateMetric | None, Field(description="score on the locked test, with a target of its own; quality.metric")
    ] = None
    target: Annotated[Rate | None, Field(description="the score wanted, 0 to 1; quality.target")] = None
    min_gain: Rate = 0.0
    max_merge_drop: Rate = 0.02
    max_new_tokens: Annotated[int, Setting("1", "1048576")] = 64
    max_dropped_share: Rate = 0.05
    max_truncated_share: Rate = 0.02

    @model_validator(mode="after")
    def both_or_neither(self) -> Self:
        """Refuse a score without its target, and a target whose score is another's."""
        if self.metric is not None and self.target is None:
            raise refuse("the score wanted beside gate.metric", "state gate.target", "target")
        if self.metric is None and self.target is not None:
            raise refuse("none without gate.metric", "state gate.metric, or leave both to quality", "target")
        return self
