"""`advise --out FILE` and `--from ADVICE.json`: the same advice as a page, a spreadsheet, a comment, rows or JSON."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from advisor.advice import Advice

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


def form_of(path: Path) -> Callable[["Advice"], str | bytes] | None:
    """Return what makes a file of this name, or None for an ending we do not know."""
    endings = (ending for ending in FORMS if path.name.lower().endswith(ending))
    return FORMS.get(max(endings, key=len, default=""))


def refuse_unknown(paths: Sequence[Path]) -> None:
    """End with exit code 2 where a file's name has no known ending, before anything is computed."""
    odd = [str(path) for path in paths if form_of(path) is None]
    if odd:
        message = f"--out {', '.join(odd)}: the name must end in one of {', '.join(FORMS)}"
        raise typer.BadParameter(message)


def write_files(advice: "Advice", paths: Sequence[Path]) -> None:
    """Write every file asked for and say so on stderr; exit code 1 and the reason where one cannot be made."""
    for path in paths:
        make = form_of(path)
        if make is None:
            continue
        try:
            made = make(advice)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made.encode() if isinstance(made, str) else made)
        except (OSError, ValueError, ImportError) as fault:
            typer.echo(f"{path} not written: {fault}", err=True)
            raise typer.Exit(1) from None
        typer.echo(f"written: {path}", err=True)


def read_advice(path: Path) -> "Advice":
    """Return an earlier advice; faults of the file end with exit code 1."""
    from pydantic import ValidationError

    from advisor.advice import FORMAT_VERSION, from_json

    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        typer.echo(f"{path}: {fault}; name the file that `advise SCENARIO --out advice.json` wrote", err=True)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        wanted = f"wanted an advice of format {FORMAT_VERSION}; make it again with `advise SCENARIO --out advice.json`"
        typer.echo(f"{path}: {fault.error_count()} faults, first {place}: {first['msg']}; {wanted}", err=True)
    raise typer.Exit(1)


def earlier_advice(scenario: Path | None, earlier: Path | None, plan: Path | None) -> "Advice":
    """Return the advice of --from; exit code 2 where a scenario or a plan is named too, or neither is."""
    if scenario is not None or earlier is None or plan is not None:
        message = "name a SCENARIO or --from ADVICE.json: one of them, and --plan needs the SCENARIO"
        raise typer.BadParameter(message)
    return read_advice(earlier)
