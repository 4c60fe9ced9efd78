"""A test in production as pages: its plan, and what its results say so far. Only here are its numbers rounded."""

from collections.abc import Mapping
from typing import Any

from runner.ab_judge import Effect, Reading, Terms
from runner.render import Section, percent, usd


def plan_sections(test: Mapping[str, Any]) -> list[Section]:
    """Return the plan of a test as sections."""
    return [question_section(test), size_section(test), ramp_section(test), rail_section(test), end_section(test)]


def question_section(test: Mapping[str, Any]) -> Section:
    """Return what is asked, of whom, and what must hold before."""
    control, tuned, money = test["arms"]["control"], test["arms"]["tuned"], test["usd_per_task"]
    costs = [f"{name} {usd(money[name])} USD" for name in ("control", "tuned") if money[name] is not None]
    sentences = [
        f"Question: {test['question']}",
        f"Before it begins: {test['precondition']}.",
        f"Control: {control['name']} ({percent(control['share'])}). "
        f"Tuned: {tuned['name']} ({percent(tuned['share'])}).",
        f"Who gets which: {test['assigned_by']}.",
    ]
    if costs:
        sentences.append(f"Planned cost of a task: {', '.join(costs)}.")
    return Section(f"A/B plan of {test['scenario']} (plan {test['plan_id'][:12]})", tuple(sentences))


def size_section(test: Mapping[str, Any]) -> Section:
    """Return sizes and duration, with what looking at any time costs."""
    primary, better, days = test["primary"], test["superiority"], test["duration"]
    rows = [
        ("no worse by the margin", f"{primary['tasks_per_arm']:,}", f"{primary['fixed_tasks_per_arm']:,}",
         f"both at {percent(primary['control_share'])}: {primary['control_basis']}")
    ]  # fmt: skip
    if better:
        rows.append(
            ("better, if the offline gain holds", f"{better['tasks_per_arm']:,}", f"{better['fixed_tasks_per_arm']:,}",
             f"{percent(better['control_share'])} against {percent(better['tuned_share'])} on the locked test")
        )  # fmt: skip
    rows += [
        (f"guardrail: {line['name']}", f"{line['tasks_per_arm']:,}" if line["tasks_per_arm"] else "not known", "",
         f"from {percent(line['planned_share'])}, may rise by {100 * line['allowed_share']:.1f} points"
         if line["planned_share"] else f"may rise by {percent(line['allowed_share'])}")
        for line in test["guardrails"]
    ]  # fmt: skip
    sentences = (
        f"{percent(primary['power'])} power at a two-sided error of {percent(primary['alpha'])}: "
        f"{test['tasks_per_arm']:,} judged tasks an arm, read as often as anybody likes; 'one look' is what a test "
        "that is read once, at its end, would need. A clear difference ends it sooner.",
        f"{days['tasks_per_day']:,.0f} tasks a day ({days['basis']}): {days['ramp_days']} days of ramp, then "
        f"{days['test_days']} days in whole weeks ({days['test_days_low']} to {days['test_days_high']} over the "
        f"range); judge {percent(days['judged_share'])} of the answers, drawn at random.",
        *([days["note"].capitalize() + "."] if days["note"] else []),
    )
    return Section("How many tasks, how long", sentences, ("to show", "tasks / arm", "one look", "planned for"),
                   tuple(rows))  # fmt: skip


def ramp_section(test: Mapping[str, Any]) -> Section:
    """Return the steps up to the test's split."""
    rows = [(percent(step["tuned_share"]), str(step["days"]), step["what"]) for step in test["ramp"]]
    rows.append((percent(test["arms"]["tuned"]["share"]), str(test["duration"]["test_days"]), "the test"))
    said = "A step follows only where no guardrail is in harm. Tasks of the ramp are not part of the test."
    return Section("Ramp", (said,), ("tuned share", "days", "what shows there"), tuple(rows))


def rail_section(test: Mapping[str, Any]) -> Section:
    """Return what is watched, and how far it may go."""
    rows: list[tuple[str, ...]] = []
    for line in test["guardrails"]:
        what = line["what"]
        if "limit_ms" in line:
            limit = line["limit_ms"]
            what += " (not stated yet: --slow-ms)" if limit is None else f" of {limit:,.0f} ms"
        rows.append((line["name"], line["field"], what, line["why"]))
    return Section("Guardrails", (), ("name", "field", "what", "why this much"), tuple(rows))


def end_section(test: Mapping[str, Any]) -> Section:
    """Return stop rules and the way back."""
    sentences = (
        "Rules, in the order they are asked (run ab RESULTS.jsonl --plan DIR asks them):",
        *(f"{number}. When {rule['when']}: {rule['then']}." for number, rule in enumerate(test["stop_rules"], 1)),
        "The way back:",
        *(f"- {step}." for step in test["rollback"]),
    )
    rows = tuple(test["results"].items())
    return Section("Stop rules, rollback, and a line of the results", sentences, ("field", "what it holds"), rows)


def reading_json(reading: Reading, terms: Terms) -> dict[str, Any]:
    """Return a reading as plain JSON; an effect's shares and interval as fractions."""

    def effect(found: Effect | None) -> dict[str, float | None] | None:
        return None if found is None else {**found._asdict(), "information": finite(found.information)}

    return {
        "decision": reading.decision,
        "why": reading.why,
        "terms": terms._asdict(),
        "judged": reading.judged,
        "split": reading.split,
        "primary": effect(reading.primary),
        "guardrails": [one._asdict() | {"effect": effect(one.effect)} for one in reading.guardrails],
    }


def finite(value: float) -> float | None:
    """Return the number, None where JSON has no way to write it."""
    return None if value in (float("inf"), float("-inf")) else value


def effect_row(name: str, effect: Effect | None, cost: bool, may: str, state: str) -> tuple[str, ...]:
    """Return one line of the table of effects; a cost is a relative difference of amounts."""
    if effect is None:
        return name, "-", "-", "-", may, state
    low, high = 100 * effect.low, 100 * effect.high
    arms = (usd(effect.control), usd(effect.tuned)) if cost else (percent(effect.control), percent(effect.tuned))
    return name, *arms, f"{100 * effect.value:+.2f} ({low:+.2f} to {high:+.2f})", may, state


def reading_sections(reading: Reading, terms: Terms, name: str) -> list[Section]:
    """Return what the results say so far as sections."""
    judged, split = reading.judged, reading.split
    sentences = (
        reading.why[:1].upper() + reading.why[1:] + ".",
        f"Judged: {judged['control']:,} control, {judged['tuned']:,} tuned, of {judged['planned']:,} planned an arm. "
        f"Split: {percent(split['tuned_share'])} tuned of {split['control_tasks'] + split['tuned_tasks']:,} tasks, "
        f"planned {percent(split['planned_share'])}.",
        "Differences in points (cost: percent of the control's), tuned minus control, with intervals that hold at "
        "every look.",
    )
    state = "not shown"
    if reading.primary is not None:
        low, high = reading.primary.low, reading.primary.high
        state = "no worse" if low > -terms.margin_share else "worse" if high < -terms.margin_share else "open"
    may = f"-{100 * terms.margin_share:.1f}"
    rows = [effect_row("success", reading.primary, False, may, state)]
    rows += [
        effect_row(one.name, one.effect, one.name == "cost", f"+{100 * one.allowed_share:.1f}",
                   one.state if one.effect else f"{one.state}: {one.why}")
        for one in reading.guardrails
    ]  # fmt: skip
    columns = ("what", "control", "tuned", "difference", "may be", "state")
    return [Section(f"{name}: {reading.decision.upper()}", sentences, columns, tuple(rows))]
