"""Detectors of what goes wrong in training: series and counts in, findings with the field's remedies out. Pure.

Each detector reads one kind of evidence and answers with one Finding; "not assessed" is an answer where there is none.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Literal, NamedTuple

Answer = Literal["passed", "warned", "stopped", "not assessed"]

SPIKE_RATIO = 3.0
"""A loss of three times the recent median is far outside the noise of a batch: what practice calls a spike."""
SPIKE_WINDOW = 20  # steps: long enough for a steady median, short enough to follow a falling loss
SPIKE_LEAST_STEPS = 8  # below it the loss still falls from its start and a median says nothing
SPIKE_FLOOR_NATS = 0.1  # near zero a loss may triple and still be nothing
RISE = 1.02
"""Held-out loss 2 % above its best is a rise; less is the noise of a flat end."""
FALL_SHARE = 0.98  # the training loss fell by 2 % or more, likewise
GRADIENT_RATIO = 10.0
"""Ten times the run's own median gradient norm: clipping has then cut nine tenths of that step."""
CLIPPED_SHARE = 0.5
"""Where more than half of all steps are clipped, clipping sets the step size and the learning rate does not."""
LEARNED_SHARE = 0.01
"""Under one supervised token in a hundred a step reads far more than it learns; usually a template's fault."""


class Evaluated(NamedTuple):
    """One evaluation while training: mean held-out loss, and the mean training loss since the one before, in nats."""

    step: int
    loss: float
    train_loss: float


class Finding(NamedTuple):
    """What a guard saw: its answer, the evidence in words, and what to do about it."""

    guard: str
    answer: Answer
    found: str
    remedy: str = ""


class Step(NamedTuple):
    """One executed step as the ledger has it; loss and gradient norm may be NaN or infinite."""

    step: int
    loss: float
    grad_norm: float
    tokens: int
    supervised_tokens: int


def jumped(loss: float, before: Sequence[float]) -> bool:
    """Return whether a loss is a spike against the losses before it."""
    if len(before) < SPIKE_LEAST_STEPS:
        return False
    recent = median(before[-SPIKE_WINDOW:])
    return loss > SPIKE_RATIO * max(recent, SPIKE_FLOOR_NATS)


def best_of(evaluations: Sequence[Evaluated]) -> Evaluated:
    """Return the evaluation with the lowest held-out loss, the earliest of equals."""
    return min(evaluations, key=lambda one: (one.loss, one.step))


def overfitted(evaluations: Sequence[Evaluated], patience: int) -> bool:
    """Return whether held-out loss stayed above its best for `patience` evaluations while training loss fell."""
    if not evaluations:
        return False
    best = best_of(evaluations)
    after = [one for one in evaluations if one.step > best.step]
    risen = len(after) >= patience and all(one.loss > best.loss * RISE for one in after[-patience:])
    return risen and after[-1].train_loss < best.train_loss * FALL_SHARE


def finite(steps: Sequence[Step]) -> Finding:
    """Return whether every loss and gradient was a number; the engine stops before the update where one is not."""
    if not steps:
        return Finding("finite numbers", "not assessed", "no step was executed")
    bad = [one.step for one in steps if not (math.isfinite(one.loss) and math.isfinite(one.grad_norm))]
    if bad:
        remedy = "look at the rows named in the failure, lower the learning rate, or compute in bfloat16 or float32"
        return Finding("finite numbers", "stopped", f"NaN or infinite at step {bad[0]}", remedy)
    return Finding("finite numbers", "passed", f"loss and gradients finite before each of {len(steps)} updates")


def spikes(steps: Sequence[Step]) -> Finding:
    """Return the jumps of the training loss."""
    if len(steps) <= SPIKE_LEAST_STEPS:
        return Finding("loss spikes", "not assessed", f"{len(steps)} steps; wanted more than {SPIKE_LEAST_STEPS}")
    losses = [one.loss for one in steps]
    found = [one for place, one in enumerate(steps) if jumped(one.loss, losses[:place])]
    if not found:
        return Finding("loss spikes", "passed", f"no step above {SPIKE_RATIO:g} times the recent median")
    worst = max(found, key=lambda one: one.loss)
    remedy = "halve the learning rate, lengthen the warm-up, keep clipping at 1, and read the rows of those steps"
    return Finding(
        "loss spikes", "warned", f"{len(found)} spikes, the worst {worst.loss:.3g} at step {worst.step}", remedy
    )


def overfitting(evaluations: Sequence[Evaluated], patience: int, stopped_early: bool) -> Finding:
    """Return whether held-out loss rose while training loss fell, and what was kept."""
    if len(evaluations) < 2:  # a trend needs two points
        remedy = "name held-out rows in data.valid, and the run watches them"
        return Finding("overfitting", "not assessed", f"{len(evaluations)} evaluations on held-out rows", remedy)
    best, last = best_of(evaluations), evaluations[-1]
    seen = f"held-out loss best {best.loss:.3g} at step {best.step}, last {last.loss:.3g} at step {last.step}"
    remedy = "more or more varied data, fewer epochs, dropout 0.05 to 0.1, or a smaller rank"
    if stopped_early:
        return Finding("overfitting", "stopped", f"{seen}; stopped early, step {best.step} is kept", remedy)
    rising = [one for one in evaluations if one.step > best.step]
    if rising and last.loss > best.loss * RISE and last.train_loss < best.train_loss:
        return Finding("overfitting", "warned", f"{seen}; under {patience} rises in a row, the last is kept", remedy)
    return Finding("overfitting", "passed", seen)


def gradients(steps: Sequence[Step], max_grad_norm: float) -> Finding:
    """Return whether single steps had gradients far above the run's own, and how many were clipped, after warm-up."""
    steps = steps[len(steps) // 10 :]  # the first tenth warms up, and starts high
    norms = [one.grad_norm for one in steps if math.isfinite(one.grad_norm)]
    if len(norms) <= SPIKE_LEAST_STEPS:
        return Finding("gradient norm", "not assessed", f"{len(norms)} steps; wanted more than {SPIKE_LEAST_STEPS}")
    middle, clipped = median(norms), sum(norm > max_grad_norm for norm in norms) / len(norms)
    worst = max(steps, key=lambda one: one.grad_norm if math.isfinite(one.grad_norm) else 0)
    seen = f"median {middle:.3g}, highest {worst.grad_norm:.3g} at step {worst.step}"
    seen = f"{seen}; {clipped:.0%} of steps clipped at {max_grad_norm:g}"
    if worst.grad_norm > GRADIENT_RATIO * middle:
        remedy = "read the rows of that step, lengthen the warm-up, or lower the learning rate"
        return Finding("gradient norm", "warned", seen, remedy)
    if clipped > CLIPPED_SHARE:
        remedy = "clipping sets the step here: lower the learning rate, or raise max_grad_norm knowingly"
        return Finding("gradient norm", "warned", seen, remedy)
    return Finding("gradient norm", "passed", seen)


def learning(steps: Sequence[Step]) -> Finding:
    """Return whether the training loss fell at all, first tenth of the steps against the last."""
    losses = [one.loss for one in steps if math.isfinite(one.loss)]
    tenth = len(losses) // 10
    if not tenth:
        return Finding("learning", "not assessed", f"{len(losses)} steps; wanted 10 or more")
    first, last = fmean(losses[:tenth]), fmean(losses[-tenth:])
    seen = f"training loss {first:.3g} in the first tenth, {last:.3g} in the last"
    if last < first:
        return Finding("learning", "passed", seen)
    return Finding("learning", "warned", seen, "raise the learning rate or the rank, and check the labels and the mask")


def truncation(over_long: int, rows: int, max_share: float) -> Finding:
    """Return how many rows were too long and left out; none is ever cut."""
    seen = f"{over_long} of {rows} rows longer than max_length; none is cut"
    if not over_long:
        return Finding("truncation", "passed", seen)
    remedy = f"raise max_length or shorten them; over {max_share:.1%} refuses the run"
    return Finding("truncation", "warned", seen, remedy)


def supervision(steps: Sequence[Step]) -> Finding:
    """Return the share of tokens that are learned; no token at all refuses before training."""
    read, learned = sum(one.tokens for one in steps), sum(one.supervised_tokens for one in steps)
    if not read:
        return Finding("supervision mask", "not assessed", "no step was executed")
    seen = f"{learned:,} of {read:,} tokens learned ({learned / read:.1%})"
    if learned / read < LEARNED_SHARE:
        return Finding(
            "supervision mask", "warned", seen, "shorten the prompts, or check the template's generation marks"
        )
    return Finding("supervision mask", "passed", seen)


def each_once(steps: Sequence[Step]) -> list[Step]:
    """Return each step once, as it was last executed, in order: redone steps would look like a series of their own."""
    last = {one.step: one for one in steps}
    return [last[step] for step in sorted(last)]
