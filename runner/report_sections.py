"""A run report (plain JSON) as sections in reading order: every form that is text is made of them."""

from runner.render import (
    TERMINAL_COLUMNS,
    Report,
    Section,
    markdown_of,
    quantity,
    tables_of,
)
from runner.report_answers import answer_guards_section, quality_section
from runner.report_money import money_section, money_sentences, spent_section


def banner(report: Report) -> Section:
    """Return the verdict, an override if there was one, the state, and whether it ships."""
    verdict = report["verdict"]
    sentences = [f"Verdict: {verdict['title']} ({verdict['road']}): {verdict['reason']}"]
    if verdict["override_reason"]:
        sentences.append(f"OVERRIDE: run against the verdict, because: {verdict['override_reason']}")
    sentences += [
        f"LIMIT RAISED in attempt {one['attempt']}: {one['limit']} from {one['planned']} to {one['to']}, "
        f"because: {one['reason']}"
        for one in report["raised_limits"]
    ]
    ships = {True: "SHIPS: every assessed gate passed", False: "DOES NOT SHIP: see the gates"}
    sentences += [f"State: {report['state']}", ships.get(report["ships"], "Not judged yet"), *money_sentences(report)]
    return Section(f"Run of {report['scenario']} (plan {report['plan_id'][:12]})", tuple(sentences))


def predicted_section(report: Report) -> Section:
    """Return predicted against actual."""
    rows = tuple(
        (
            line["where"],
            line["name"],
            f"{quantity(line['predicted'], line['unit'])} {line['grade']}",
            f"{quantity(line['low'], line['unit'])} .. {quantity(line['high'], line['unit'])}",
            quantity(line["actual"], line["unit"]) if line["actual"] is not None else line["note"],
            "-" if line["ratio"] is None else f"{line['ratio']:.2f}" + (" !" if line["escalate"] else ""),
        )
        for line in report["comparisons"]
    )
    legend = (
        "Letters: q quoted, m measured, a assumed (the weakest a forecast rests on); actuals are measured. "
        "! = off by over 15 %."
    )
    return Section(
        "Predicted and actual", (legend,), ("where", "what", "predicted", "90 % interval", "actual", "ratio"), rows
    )


def data_section(report: Report) -> Section:
    """Return what was trained on."""
    data = report["data"]
    if data is None:
        return Section("Data", ("Not curated yet.",))
    dropped = ", ".join(f"{count} {reason}" for reason, count in data["dropped"].items() if count) or "none"
    kept = (
        f"{data['kept']} of {data['rows']} rows kept, dropped: {dropped}; {data['tokens']:,} tokens; "
        f"{data['test_rows']} test rows."
    )
    return Section("Data", (kept, *held_notes(data)))


def held_notes(data: Report) -> list[str]:
    """Return a sentence for rows that watch training, preference pairs, and personal data in what is trained on."""
    notes: list[str] = []
    if data.get("valid_rows"):
        notes.append(f"{data['valid_rows']} rows from {data['valid_from']} watch training.")
    if data.get("pairs") is not None:
        notes.append(f"{data['pairs']} preference pairs.")
    if data.get("personal"):
        kinds = ", ".join(f"{kind} in {count}" for kind, count in data["personal"].items())
        notes.append(f"Rows with what looks like personal data: {kinds} (lines in curate/personal.jsonl).")
    return notes


def test_section(report: Report) -> Section:
    """Return the test in production that comes next."""
    test = report["ab"]
    if not test["planned"]:
        return Section("A/B plan", (f"None: {test['why']}.",))
    said = (
        f"Next: {test['question']} {test['tasks_per_arm']:,} judged tasks an arm, {test['days']} days; "
        "abplan/abplan.md has the ramp, the guardrails, the stop rules and the way back."
    )
    return Section("A/B plan", (said, "Read it at any time: run ab RESULTS.jsonl --plan DIR"))


def probe_section(report: Report) -> Section:
    """Return what a few real steps foretold before the spend, beside the plan and what came of it."""
    probe = report["probe"]
    sentences = [f"Accepted all the same, because: {probe['accepted']}"] if probe["accepted"] else []
    if probe["sample"]:
        sentences.append(f"A training row as the model reads it, learned in [[ ]]: {probe['sample']}")
    rows = tuple(
        (
            line["where"],
            line["name"],
            quantity(line["planned"], line["unit"]),
            f"{quantity(line['probed'], line['unit'])} m",
            f"{quantity(line['low'], line['unit'])} .. {quantity(line['high'], line['unit'])}",
            quantity(line["actual"], line["unit"]),
        )
        for line in probe["lines"]
    )
    return Section("Probe", tuple(sentences), ("where", "what", "planned", "probed", "from .. to", "actual"), rows)


def training_section(report: Report) -> Section:
    """Return what the training guards saw, and the remedy of each that warned."""
    rows = tuple(
        (
            f"{one['stage']}: {one['guard']}",
            one["answer"],
            one["found"] + (f". {one['remedy']}" if one["remedy"] else ""),
        )
        for one in report["guards"]
    )
    return Section("Training guards", (), ("guard", "result", "what it saw, and the remedy"), rows)


def artefact_section(report: Report) -> Section:
    """Return committed files with digests."""
    rows = tuple((line["sha256"][:12], line["path"]) for line in report["artefacts"])
    return Section("Artefacts (sha256, in the run folder)", (), ("sha256", "path"), rows)


def sections(report: Report) -> list[Section]:
    """Return the report in reading order."""
    found = [
        banner(report),
        quality_section(report),
        *answer_guards_section(report),
        money_section(report),
        predicted_section(report),
        spent_section(report),
        *([probe_section(report)] if report["probe"] else []),
        *([training_section(report)] if report["guards"] else []),
        data_section(report),
        *([test_section(report)] if report["ab"] else []),
        artefact_section(report),
    ]
    notes = [Section("Notes", tuple(report["notes"]))] if report["notes"] else []
    return [*found, *notes, Section("Not assessed", tuple(f"{one}." for one in report["not_assessed"]))]


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    return markdown_of(sections(report))


def tables(report: Report, columns: int = TERMINAL_COLUMNS, colour: bool = False) -> str:
    """Return the report as terminal tables no wider than `columns`."""
    return tables_of(sections(report), columns, colour)
