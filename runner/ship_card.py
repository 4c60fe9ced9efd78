"""The model card: what was trained on what, how well it does, what it cost, what it must not be used for. Pure text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advisor.plan import Plan
from runner.energy import energy, energy_text
from runner.render import Section, interval, markdown_of, points, usd

Facts = Mapping[str, Any]
WORDS = {True: "passed", False: "FAILED", None: "not assessed"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What the run had used when the card was written."""

    usd: str
    seconds: float


def card(plan: Plan, verdict: Facts, data: Facts, weights: Mapping[str, str], cost: Cost) -> str:
    """Return the card as Markdown with the head that model hubs read; `weights` maps each form to its sha256."""
    base = f"Base model: {plan.base_model.name}, licence {plan.base_model.licence}."
    found = [
        Section(name_of(plan), (state(verdict), base)),
        data_section(plan, data),
        training_section(plan),
        quality_section(verdict),
        guards_section(verdict),
        cost_section(plan, cost),
        limits_section(plan),
        Section("Weights", (), ("form", "sha256"), tuple((form, digest) for form, digest in weights.items())),
        rollback_section(),
    ]
    return head(plan) + markdown_of(found)


def name_of(plan: Plan) -> str:
    """Return the model's name: the scenario's and the plan's first letters, so that two runs are told apart."""
    return f"{slug(plan.scenario.name)}-{plan.plan_id[:8]}"


def slug(text: str) -> str:
    """Return a name that is safe in a file name, a shell command and a server's model list."""
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "-" for sign in text).lstrip("-.")


def head(plan: Plan) -> str:
    """Return the YAML head; JSON strings are YAML strings, so no name can leave its place."""
    fields = {
        "base_model": plan.base_model.name,
        "license": plan.base_model.licence,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["crossover", plan.method.kind],
    }
    return "---\n" + "".join(f"{name}: {json.dumps(value)}\n" for name, value in fields.items()) + "---\n\n"


def state(verdict: Mapping[str, Any]) -> str:
    """Return whether it may be used, and against what advice it was trained if so."""
    return "It ships: every assessed gate passed." if verdict["ships"] else "IT DOES NOT SHIP: a gate or guard failed."


def data_section(plan: Plan, data: Mapping[str, Any]) -> Section:
    """Return what it was trained and tested on."""
    dropped = ", ".join(f"{count} {reason}" for reason, count in data["dropped"].items() if count) or "none"
    said = (
        f"{data['kept']} of {data['rows']} rows kept, dropped: {dropped}; {data['test_rows']} locked test rows.",
        f"Licence: {plan.data.licence}. Consent: {plan.data.consent}.",
        f"sha256 of the training file {plan.data.train.sha256}, of the test file {plan.data.test.sha256}.",
    )
    return Section("Data", said)


def training_section(plan: Plan) -> Section:
    """Return method and settings."""
    method, lora = plan.method, plan.method.lora
    shape = f", rank {lora.rank}, alpha {lora.alpha}, on {', '.join(lora.targets)}" if lora else ""
    rows = tuple(
        (stage.name, str(stage.train.max_steps), f"{stage.train.micro_batch * stage.train.accumulation}",
         f"{stage.train.learning_rate:g}", str(stage.train.max_length), str(stage.train.seed))
        for stage in plan.stages if stage.train
    )  # fmt: skip
    columns = ("stage", "steps", "rows a step", "learning rate", "most tokens", "seed")
    return Section("Training", (f"{method.kind}{shape}; optimizer {method.optimizer}.",), columns, rows)


def quality_section(verdict: Mapping[str, Any]) -> Section:
    """Return scores and gates."""
    said = (
        f"{verdict['metric']} on {verdict['rows']} locked test rows, 95 % intervals.",
        f"Tuned minus base: {points(verdict['paired']['difference'])}.",
    )
    rows = [(name, interval(found), "") for name, found in verdict["scores"].items()]
    rows += [(f"gate: {one['name']}", WORDS[one["passed"]], one["why"]) for one in verdict["checks"]]
    return Section("Evaluation", said, ("model or gate", "result", "why"), tuple(rows))


def guards_section(verdict: Mapping[str, Any]) -> Section:
    """Return what was looked at besides, also what was not assessed."""
    rows = tuple((one["name"], WORDS[one["passed"]], one["why"]) for one in verdict["guards"])
    return Section("Guards", (), ("guard", "result", "why"), rows)


def cost_section(plan: Plan, cost: Cost) -> Section:
    """Return money, time and energy up to the writing of the card."""
    said = (
        f"{usd(cost.usd)} USD and {cost.seconds:,.0f} s on {plan.machine.name} at {plan.machine.usd_per_hour} USD "
        "an hour, all attempts counted; the run's report has every line.",
        f"Energy: {energy_text(energy(plan.machine, cost.seconds))}.",
    )
    return Section("Cost", said)


def limits_section(plan: Plan) -> Section:
    """Return what it is for and what it is not for."""
    return Section(
        "Use and limits",
        (
            f"Made for one task, {plan.scenario.name}, in the form of its training prompts; other questions were not "
            "tested, and everyday language may have got worse (guard: forgetting).",
            "Its knowledge is that of the base model and the training rows. Tuning can remove a base model's refusals "
            "(guard: safety): keep a filter before it where strangers can ask.",
            "Stage it, log what it is asked, and watch the guardrails of abplan/abplan.md before all traffic moves.",
        ),
    )


def rollback_section() -> Section:
    """Return the way back."""
    return Section(
        "Rollback",
        (
            "The adapter is kept apart from the base model: serving the base, or today's hosted model, undoes this.",
            "rollback.json names both with their sha256; serve/vllm-adapter.sh serves base and adapter side by side.",
        ),
    )
