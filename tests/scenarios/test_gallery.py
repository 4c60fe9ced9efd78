"""The gallery is what the program prints today: written anew with CROSSOVER_WRITE_GOLDENS=1, or by its own script."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "scenarios" / "gallery"
LARGEST_BYTES = 300_000  # a page is mailed, and the repository keeps every version of it


def maker():
    spec = importlib.util.spec_from_file_location("make_gallery", FOLDER / "make_gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILES = maker().gallery()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_of_the_gallery_is_what_the_program_prints_today(name):
    text = FILES[name]()
    if os.environ.get("CROSSOVER_WRITE_GOLDENS"):
        (FOLDER / name).write_text(text, encoding="utf-8")
    same = text == (FOLDER / name).read_text(encoding="utf-8")
    assert same, f"{name} is stale: python scenarios/gallery/make_gallery.py, and read the difference"


def test_the_gallery_holds_nothing_else_and_nothing_large():
    held = {path.name for path in FOLDER.iterdir() if path.suffix in (".html", ".svg")}
    assert held == set(FILES)
    assert [name for name in held if (FOLDER / name).stat().st_size > LARGEST_BYTES] == []


def test_no_screen_asks_anything_of_the_network():
    for path in FOLDER.glob("*.svg"):
        addresses = set(re.findall(r"https?://[^\s\"'<)]+", path.read_text(encoding="utf-8")))
        assert addresses == {"http://www.w3.org/2000/svg"}, path.name
