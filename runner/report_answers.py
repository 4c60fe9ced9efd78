"""What a run's report says of the answers: scores and gates, figures beside them, guards with their remedies."""

from typing import Any

from runner.render import Report, Section, interval, percent, points

WORDS = {True: "passed", False: "FAILED", None: "not assessed"}


def quality_section(report: Report) -> Section:
    """Return base, tuned and merged with intervals, and the gates."""
    quality = report["quality"]
    if quality is None or "scores" not in quality:
        return Section("Quality", ("Not evaluated yet." if quality is None else quality["why"],))
    paired = quality["paired"]
    p_value = "" if paired["p_value"] is None else f", exact McNemar p = {paired['p_value']:.2g}"
    sentences = [
        f"{quality['metric']} on {quality['rows']} locked test rows, 95 % intervals.",
        f"Tuned minus base: {points(paired['difference'])}{p_value}; right by tuned only {paired['only_second']}, "
        f"by base only {paired['only_first']}.",
    ]
    beside = quality.get("figures", {})
    rows = [(name, interval(found), figures_text(beside.get(name, {}))) for name, found in quality["scores"].items()]
    rows += [(f"gate: {check['name']}", WORDS[check["passed"]], check["why"]) for check in quality["checks"]]
    return Section("Base, tuned, merged", tuple(sentences), ("model or gate", "result", "why"), tuple(rows))


def figures_text(found: dict[str, Any]) -> str:
    """Return the figures beside a model's score on one line."""
    parts = [f"{name} {percent(value['value'])}" for name, value in found.items() if name != "perplexity"]
    if found.get("perplexity") is not None:
        parts.append(f"perplexity {found['perplexity']:,.3g}")
    return ", ".join(parts)


def answer_guards_section(report: Report) -> list[Section]:
    """Return the guards on answers, each with what to do if it did not pass; none before the verdict."""
    quality = report["quality"]
    if not quality or not quality.get("guards"):
        return []
    rows = tuple((guard["name"], state(guard), guard_text(guard)) for guard in quality["guards"])
    ship: dict[str, Any] | None = quality.get("ship")
    said = ("FAILED keeps it from shipping; FLAG is for you to judge.",)
    if ship is not None:
        said += (f"{ship['folder']}/: card, review sheet ({ship['review_rows']} rows); GGUF: {ship['gguf']}.",)
    return [Section("Guards on answers", said, ("guard", "result", "why, and what to do"), rows)]


def state(guard: dict[str, Any]) -> str:
    """Return a guard's result in a word."""
    return "FLAG" if guard["passed"] is False and not guard["blocks"] else WORDS[guard["passed"]]


def guard_text(guard: dict[str, Any]) -> str:
    """Return why, and the remedy where it did not pass."""
    return guard["why"] if guard["passed"] else f"{guard['why']}. Remedy: {guard['remedy']}"
