"""`prices` as a user meets it: what is printed where, and the exit code."""

import json
import re
import subprocess
import sys
from datetime import date

import pytest
from typer.testing import CliRunner

from pricing.check import stale
from pricing.cli import app

DAY = ["--as-of", "2026-11-21"]
HEAVY = {
    "torch",
    "transformers",
    "trl",
    "peft",
    "bitsandbytes",
    "pandas",
    "numpy",
    "httpx",
    "tiktoken",
    "rich",
    "pydantic",
}


def prices(*words: str):
    return CliRunner().invoke(app, list(words))


def test_list_as_json_is_json_and_nothing_else():
    result = prices("list", "--kind", "api", "--match", "gpt-6-", "--format", "json", *DAY)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = {line["name"]: line for line in json.loads(result.stdout)}
    assert set(lines) == {"openai/gpt-6-luna", "openai/gpt-6-sol", "openai/gpt-6-astra"}
    assert lines["openai/gpt-6-sol"]["cached_input_usd_per_million_tokens"] == "0.2"
    assert lines["openai/gpt-6-sol"]["age_days"] == 11  # 2026-11-10 to 2026-11-21


def test_list_shows_each_price_with_its_age():
    result = prices("list", "--match", "kimi", *DAY)
    assert result.exit_code == 0
    assert "input 3 · cached input 0.3 · output 15 / 1M tokens" in result.stdout
    assert "11 d" in result.stdout


def test_list_leaves_out_what_has_ended_and_what_nobody_has_read():
    names = {line["name"] for line in json.loads(prices("list", "--format", "json", *DAY).stdout)}
    assert "openai/gpt-4.1-nano" not in names  # switched off 2026-10-23
    assert "together/up to 16B/full-sft" not in names
    every = json.loads(prices("list", "--format", "json", "--allow-unverified", *DAY).stdout)
    assert "together/up to 16B/full-sft" in {line["name"] for line in every}


def test_show_gives_every_line_of_a_model_with_its_source():
    result = prices("show", "o3", "--format", "json", *DAY)
    lines = json.loads(result.stdout)
    assert [line["from"] for line in lines] == ["2025-04-21", "2025-06-20", "2026-11-10"]
    assert [line["input_usd_per_million_tokens"] for line in lines] == ["10", "2", "2"]
    assert all(line["source"] for line in lines)


def test_show_finds_a_card_by_any_spelling_in_every_part_of_the_book():
    lines = json.loads(prices("show", "NVIDIA H100 80GB", "--format", "json", *DAY).stdout)
    assert {line["kind"] for line in lines} == {"gpu", "serverless", "purchase"}


def test_show_of_an_unknown_name_exits_1_with_near_names_on_stderr():
    result = prices("show", "gpt-4o-minii", *DAY)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "near it: azure/gpt-4o-mini, openai/gpt-4o-mini" in result.stderr


def test_check_is_sound_and_warns_of_age_on_stderr_only(book):
    result = prices("check", *DAY)
    assert result.exit_code == 0
    days = f"{book.oldest_checked}..{book.newest_checked}"
    assert result.stdout.startswith(f"sound: {len(book.entries)} lines, prices as of {days}, ")
    assert result.stdout.count("\n") == 1
    assert re.search(r"^tuning/mistral.csv  1 lines in force, last checked 2026-07-06$", result.stderr, re.MULTILINE)


def test_check_as_json(book):
    told = json.loads(prices("check", "--format", "json", *DAY).stdout)
    assert (told["sound"], told["lines"], told["digest"]) == (True, len(book.entries), book.digest)
    assert told["older_than_90_days"] == len(stale(book.entries, date(2026, 11, 21)))


@pytest.mark.parametrize(
    "words", [["list", "--kind", "shares"], ["list", "--as-of", "2026-13-01"], ["show"], ["nonsense"]]
)
def test_wrong_usage_exits_2(words):
    assert prices(*words).exit_code == 2


@pytest.mark.parametrize("module", ["pricing.cli", "pricing.book"])
def test_importing_the_price_book_loads_nothing_heavy(module, repo):
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=repo)
    assert not HEAVY & set(done.stdout.split())
