"""`prices refresh` as a user meets it: its exit codes, what it prints where, where the book lies."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from pricing.cli import app
from pricing.places import book_in_use, refresh_root, refreshed_folder
from pricing.refresh_files import only_one
from tests.pricing import price_lists
from tests.pricing.price_server import PriceServer, Reply

REPO = Path(__file__).parents[2]


@pytest.fixture
def server():
    with PriceServer() as open_server:
        yield open_server


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def process(root: Path, *words: str) -> Done:
    """Run the command as a process of its own."""
    environment = {**os.environ, "CROSSOVER_PRICES": str(root)}
    command = [sys.executable, "-m", "pricing.cli", "refresh", *words]
    done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


def refresh(root: Path, *words: str) -> Done:
    """Run the command here, to the same result in a fifth of the time."""
    done = CliRunner().invoke(app, ["refresh", *words], env={"CROSSOVER_PRICES": str(root)}, catch_exceptions=False)
    return Done(done.exit_code, done.stdout, done.stderr)


def at(server: PriceServer, name: str) -> list[str]:
    return ["--source", name, "--url", f"{name}={server.url('/' + name)}"]


def test_auto_takes_what_comes_and_warns_of_the_rest(server: PriceServer, tmp_path: Path) -> None:
    server.replies["/vast"] = Reply(price_lists.VAST)
    done = process(tmp_path, *at(server, "vast"), *at(server, "litellm"))
    assert done.returncode == 0
    assert "vast               updated         1 rows" in done.stdout
    assert "litellm            refused         0 rows" in done.stdout
    assert "litellm: the server answered 404; next: the list has moved: name its new address with --url" in done.stderr
    folder = book_in_use(tmp_path)
    assert f"in use: {folder}" in done.stdout


def test_required_ends_with_1_and_says_the_same(server: PriceServer, tmp_path: Path) -> None:
    done = process(tmp_path, *at(server, "litellm"), "--mode", "required", "--format", "json")
    assert done.returncode == 1
    (told,) = json.loads(done.stdout)["lists"]
    assert (told["source"], told["outcome"], told["why"]) == ("litellm", "refused", "the server answered 404")
    assert book_in_use(tmp_path) is None


def test_offline_asks_nobody_and_says_what_is_held(server: PriceServer, tmp_path: Path) -> None:
    never = refresh(tmp_path, *at(server, "vast"), "--mode", "offline")
    assert (never.returncode, never.stdout.split()) == (0, ["vast", "never", "fetched"])
    assert server.asked == []
    server.replies["/vast"] = Reply(price_lists.VAST)
    refresh(tmp_path, *at(server, "vast"))
    held = refresh(tmp_path, "--source", "vast", "--mode", "offline", "--format", "json")
    assert json.loads(held.stdout)["lists"][0]["rows"] == 1
    assert len(server.asked) == 1


def test_a_dry_run_writes_nothing(server: PriceServer, tmp_path: Path) -> None:
    server.replies["/vast"] = Reply(price_lists.VAST)
    done = refresh(tmp_path / "new", *at(server, "vast"), "--dry-run")
    assert "nothing written: a dry run" in done.stdout
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]


def test_into_another_folder_says_how_to_use_it(server: PriceServer, tmp_path: Path) -> None:
    server.replies["/vast"] = Reply(price_lists.VAST)
    done = refresh(tmp_path / "a", *at(server, "vast"), "--into", str(tmp_path / "b"))
    assert f"these prices are used where CROSSOVER_PRICES={tmp_path / 'b'} is set" in done.stderr
    assert book_in_use(tmp_path / "b") is not None
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--source", "lightllm"], "no source is called lightllm"),
        (["--url", "litellm"], "wanted NAME=URL"),
        (["--url", "lightllm=https://x.example"], "no source is called lightllm"),
    ],
)
def test_wrong_use_ends_with_2(tmp_path: Path, words: list[str], says: str) -> None:
    done = refresh(tmp_path, *words)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_accepting_what_does_not_wait_ends_with_1(tmp_path: Path) -> None:
    done = refresh(tmp_path, "--accept", "litellm")
    assert done.returncode == 1
    assert "nothing of litellm waits in" in done.stderr


def test_while_another_is_at_work(tmp_path: Path) -> None:
    with only_one(tmp_path):
        waits = refresh(tmp_path, "--source", "vast")
        fails = refresh(tmp_path, "--source", "vast", "--mode", "required")
    assert (waits.returncode, fails.returncode) == (0, 1)
    assert "another refresh is at work" in waits.stderr


def test_killed_while_it_fetches_the_lock_is_free_again(server: PriceServer, tmp_path: Path) -> None:
    server.replies["/litellm"] = Reply(b"{}", manner="silent")
    environment = {**os.environ, "CROSSOVER_PRICES": str(tmp_path)}
    command = [sys.executable, "-m", "pricing.cli", "refresh", *at(server, "litellm")]
    with subprocess.Popen(command, cwd=REPO, env=environment, stderr=subprocess.DEVNULL) as going:
        deadline = time.monotonic() + 30
        while not server.asked and time.monotonic() < deadline:
            time.sleep(0.02)
        going.kill()
    assert server.asked
    with only_one(tmp_path):
        assert book_in_use(tmp_path) is None


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        ({"CROSSOVER_PRICES": "/a", "XDG_DATA_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_DATA_HOME": "/b", "HOME": "/c"}, "/b/crossover/prices"),
        ({"HOME": "/c"}, "/c/.local/share/crossover/prices"),
        ({"CROSSOVER_PRICES": "none", "HOME": "/c"}, None),
        ({}, None),
    ],
)
def test_where_refreshed_prices_lie(environ: dict[str, str], root: str | None) -> None:
    assert refresh_root(environ) == (None if root is None else Path(root))


def test_nothing_refreshed_is_no_book(tmp_path: Path) -> None:
    assert refreshed_folder({"CROSSOVER_PRICES": str(tmp_path)}) is None
    assert refreshed_folder({"CROSSOVER_PRICES": str(tmp_path / "no" / "such")}) is None
