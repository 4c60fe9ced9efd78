"""The gallery: three scenarios as pages with sliders, and the README's screens as SVG, all from real output.

    python scenarios/gallery/make_gallery.py            # write every file anew
    python scenarios/gallery/make_gallery.py --check    # say which are no longer what the program prints; exit code 1

A screen is what a command prints, recorded by rich; it holds no font and no address outside itself.
"""

import argparse
import io
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from advisor.advise import advise
from advisor.question_files import read_question
from advisor.report.html import render

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]

AS_OF = date(2026, 11, 21)
PAGES = ("ticket_routing", "worked_example", "privacy_gate")
"""A yes, a no, and a constraint that is not economics."""
COLUMNS = 96  # a README's column holds as many without scrolling
FIRST = 1_760_000_400  # 2025-10-09 09:00 UTC: when the made-up log begins
SETTLED = {"CROSSOVER_PRICES": "none", "CROSSOVER_CALIBRATION": "none"}
"""The shipped book and no measurement of this machine, so that everybody's gallery is the same."""
LINKS = re.compile(r"\s*@font-face \{.*?\}\n|\s*<!--.*?-->", re.S)
START = "import sys; sys.argv[0] = 'advise'; from advisor.cli import main; main()"


class Screen(NamedTuple):
    """One screen: its file's name, the commands typed, how many lines of them are shown, and where."""

    name: str
    commands: tuple[str, ...]
    lines: int
    at_home: bool = False


SCREENS = (
    Screen("advise", ("advise scenarios/ticket_routing/scenario.yaml",), 48, at_home=True),
    Screen("diff", ("advise diff base.yaml scenario.yaml --policy policy.yaml",), 72),
    Screen("init", ("advise init mail.yaml --from-log usage.jsonl", "cat mail.yaml"), 46),
    Screen("vram", ("advise vram Qwen/Qwen3-8B --method qlora --seq-len 2048",), 40),
)


def page(name: str) -> str:
    """Return one scenario's page with sliders."""
    return render(advise(read_question(REPO / "scenarios" / name / "scenario.yaml", AS_OF)).advice)


def lay_out(folder: Path) -> None:
    """Put what the screens' commands name into a folder: a scenario and its base, a policy, and a made-up log."""
    scenario = (REPO / "scenarios" / "worked_example" / "scenario.yaml").read_text(encoding="utf-8")
    (folder / "base.yaml").write_text(scenario, encoding="utf-8")
    (folder / "scenario.yaml").write_text(scenario.replace("40_000", "400_000"), encoding="utf-8")
    (folder / "policy.yaml").write_bytes((REPO / "scenarios" / "ci" / "policy.yaml").read_bytes())
    (folder / "usage.jsonl").write_text("\n".join(log()) + "\n", encoding="utf-8")


def log() -> Iterator[str]:
    """Yield four weeks of a made-up log: office hours, two models, and one line that was cut off."""
    dice = random.Random(1)
    for hour in range(24 * 28):
        busy = 8 <= (hour + 9) % 24 < 18 and (hour // 24) % 7 < 5
        for _ in range(dice.randint(6, 12) if busy else 1):
            model = dice.choices(("gpt-6-sol", "gpt-6-luna"), (3, 1))[0]
            sent = round(dice.lognormvariate(6.5, 0.4))
            usage = {"prompt_tokens": sent, "completion_tokens": dice.randint(20, 160)}
            yield json.dumps({"created": FIRST + hour * 3600, "model": model, "usage": usage})
    yield '{"created": 17600'


def printed(command: str, folder: Path) -> str:
    """Return what a command prints on a terminal of the gallery's width, colours and all."""
    program, *arguments = shlex.split(command)
    dated = ["--as-of", str(AS_OF)] if program == "advise" else []
    start = [sys.executable, "-c", START] if program == "advise" else [program]
    environment = {**os.environ, **SETTLED, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [*start, *arguments, *dated], cwd=folder, env=environment, check=False, timeout=120, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode not in (0, 3):
        message = f"{command} ended with {done.returncode}: {done.stdout}"
        raise RuntimeError(message)
    return done.stdout


def screen(wanted: Screen) -> str:
    """Return one screen as SVG."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder)
        text = Text()
        for command in wanted.commands:
            text.append(f"$ {command}\n", style="bold")
            text.append(Text.from_ansi(printed(command, REPO if wanted.at_home else folder)))
            text.append("\n")
    lines = text.split("\n")
    shown = lines[: wanted.lines] + ([Text("...")] if len(lines) > wanted.lines else [])
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in shown:
        line.rstrip()
        console.print(line, no_wrap=True, crop=False, highlight=False)
    return LINKS.sub("", console.export_svg(title="Crossover", unique_id=f"crossover-{wanted.name}")) + "\n"


def gallery() -> dict[str, Callable[[], str]]:
    """Return what makes each file of the gallery."""
    pages = {f"{name}.html": lambda name=name: page(name) for name in PAGES}
    return pages | {f"{one.name}.svg": lambda one=one: screen(one) for one in SCREENS}


def main() -> None:
    """Write the gallery, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check: bool = parser.parse_args().check
    os.environ.update(SETTLED)
    stale: list[str] = []
    for name, make in gallery().items():
        path, text = HERE / name, make()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
