"""`advise --out FILE` and `--from ADVICE.json`: the same advice as a page, a spreadsheet, a comment, rows or JSON."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from advisor.advice import Advice
    from advisor.mix_records import MixAdvice

OutFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--out", metavar="FILE", help="Also write FILE.html, .xlsx, .md, .json, .csv or .focus.csv; may be repeated."
    ),
]
FromAdvice = Annotated[
    Path | None, typer.Option("--from", metavar="ADVICE.json", help="Reports of an earlier advice; needs no scenario.")
]


def as_json(advice: "Advice") -> str:
    """Return the advice as JSON text."""
    from advisor.advice import to_json

    return to_json(advice) + "\n"


def as_markdown(advice: "Advice") -> str:
    """Return the comment for a pull request."""
    from advisor.report.markdown import render

    return render(advice)


def as_csv(advice: "Advice") -> str:
    """Return every road by month."""
    from advisor.report.csv_rows import render

    return render(advice)


def as_focus(advice: "Advice") -> str:
    """Return the forecast of the verdict's road as FOCUS rows."""
    from advisor.report.focus import render

    return render(advice)


def as_workbook(advice: "Advice") -> bytes:
    """Return the spreadsheet; raises ModuleNotFoundError without its package."""
    try:
        from advisor.report.xlsx import render
    except ModuleNotFoundError as missing:
        message = f"{missing}; install the spreadsheet writer: pip install 'crossover[xlsx]'"
        raise ModuleNotFoundError(message) from None

    return render(advice)


def as_page(advice: "Advice") -> str:
    """Return the page with sliders."""
    from advisor.report.html import render

    return render(advice)


FORMS: dict[str, Callable[["Advice"], str | bytes]] = {
    ".html": as_page,
    ".xlsx": as_workbook,
    ".md": as_markdown,
    ".json": as_json,
    ".csv": as_csv,
    ".focus.csv": as_focus,
}
"""How a file's name ends, and what it then holds; the longest ending wins."""


def mix_json(advice: "MixAdvice") -> str:
    """Return the advice on several tasks as JSON text."""
    from advisor.mix_records import to_json

    return to_json(advice) + "\n"


def mix_markdown(advice: "MixAdvice") -> str:
    """Return the comment on several tasks."""
    from advisor.report.mix_page import markdown

    return markdown(advice)


def mix_page(advice: "MixAdvice") -> str:
    """Return the page of several tasks."""
    from advisor.report.mix_page import html

    return html(advice)


MIX_FORMS: dict[str, Callable[["MixAdvice"], str]] = {".html": mix_page, ".md": mix_markdown, ".json": mix_json}
"""The forms that a scenario of several tasks has; the others are made for one task."""


def ending_of(path: Path) -> str:
    """Return how a file's name ends, of the endings we know; empty for another one."""
    return max((ending for ending in FORMS if path.name.lower().endswith(ending)), key=len, default="")


def form_of(path: Path) -> Callable[["Advice"], str | bytes] | None:
    """Return what makes a file of this name, or None for an ending we do not know."""
    return FORMS.get(ending_of(path))


def refuse_unknown(paths: Sequence[Path]) -> None:
    """End with exit code 2 where a file's name has no known ending, before anything is computed."""
    odd = [str(path) for path in paths if form_of(path) is None]
    if odd:
        message = f"--out {', '.join(odd)}: the name must end in one of {', '.join(FORMS)}"
        raise typer.BadParameter(message)


def refuse_for_mix(paths: Sequence[Path]) -> None:
    """End with exit code 2 where a form is asked for that a scenario of several tasks does not have yet."""
    odd = [str(path) for path in paths if ending_of(path) not in MIX_FORMS]
    if odd:
        known = ", ".join(MIX_FORMS)
        message = f"--out {', '.join(odd)}: several tasks have {known}; not yet others: add --task NAME for one of them"
        raise typer.BadParameter(message)


def write_files(advice: "Advice | MixAdvice", paths: Sequence[Path]) -> None:
    """Write every file asked for and say so on stderr; exit code 1 and the reason where one cannot be made."""
    forms = cast("Mapping[str, Callable[[Any], str | bytes]]", MIX_FORMS if is_of_tasks(advice) else FORMS)
    for path in paths:
        try:
            made = forms[ending_of(path)](advice)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made.encode() if isinstance(made, str) else made)
        except (OSError, ValueError, ImportError) as fault:
            typer.echo(f"{path} not written: {fault}", err=True)
            raise typer.Exit(1) from None
        typer.echo(f"written: {path}", err=True)


def is_of_tasks(advice: "Advice | MixAdvice") -> bool:
    """Say whether an advice is on several tasks."""
    return "tasks" in advice.fields


def read_advice(path: Path) -> "Advice | MixAdvice":
    """Return an earlier advice, on one task or several; faults of the file end with exit code 1."""
    from pydantic import TypeAdapter, ValidationError

    from advisor.advice import FORMAT_VERSION, from_json
    from advisor.mix_records import MixAdvice

    try:
        text = path.read_text(encoding="utf-8")
        return TypeAdapter(MixAdvice).validate_json(text) if MIX_MARK in text else from_json(text)
    except (OSError, UnicodeDecodeError) as fault:
        typer.echo(f"{path}: {fault}; name the file that `advise SCENARIO --out advice.json` wrote", err=True)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        wanted = f"wanted an advice of format {FORMAT_VERSION}; make it again with `advise SCENARIO --out advice.json`"
        typer.echo(f"{path}: {fault.error_count()} faults, first {place}: {first['msg']}; {wanted}", err=True)
    raise typer.Exit(1)


MIX_MARK = '\n  "tasks": ['
"""A name that only an advice on several tasks has at its top, as we write it."""


def earlier_advice(scenario: Path | None, earlier: Path | None, plan: Path | None) -> "Advice | MixAdvice":
    """Return the advice of --from; exit code 2 where a scenario or a plan is named too, or neither is."""
    if scenario is not None or earlier is None or plan is not None:
        message = "name a SCENARIO or --from ADVICE.json: one of them, and --plan needs the SCENARIO"
        raise typer.BadParameter(message)
    return read_advice(earlier)
