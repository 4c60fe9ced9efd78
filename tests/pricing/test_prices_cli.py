"""`prices` as a user meets it: what is printed where, and the exit code."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from pricing.book import DATA
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
    result = prices("list", "--match", "kimi-k3", *DAY)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:3] == [
        "Hosted models, USD per 1M tokens (1)",
        "model               input  cached  output   age",
        "moonshotai/kimi-k3      3     0.3      15  11 d",
    ]


def test_list_leaves_out_what_has_ended_and_what_nobody_has_read():
    names = {line["name"] for line in json.loads(prices("list", "--format", "json", *DAY).stdout)}
    assert "openai/gpt-4.1-nano" not in names  # switched off 2026-10-23
    assert "together/up to 16B/full-sft" not in names
    every = json.loads(prices("list", "--format", "json", "--allow-unverified", *DAY).stdout)
    assert "together/up to 16B/full-sft" in {line["name"] for line in every}


def test_show_gives_every_line_of_a_model_with_its_source():
    result = prices("show", "o3", "--format", "json", *DAY)
    lines = json.loads(result.stdout)
    assert [line["from"] for line in lines] == ["2025-04-21", "2025-06-10", "2025-06-20", "2026-11-10"]
    assert [line["input_usd_per_million_tokens"] for line in lines] == ["10", "2", "2", "2"]
    assert [line["status"] for line in lines] == ["earlier", "earlier", "earlier", "ending"]
    assert all(line["source"] for line in lines)


def test_show_finds_a_card_by_any_spelling_in_every_part_of_the_book():
    lines = json.loads(prices("show", "NVIDIA H100 80GB", "--format", "json", *DAY).stdout)
    assert {line["kind"] for line in lines} == {"gpu", "serverless", "purchase"}


def test_show_of_an_unknown_name_exits_1_with_near_names_on_stderr():
    result = prices("show", "gpt-4o-minii", *DAY)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "near it: azure/gpt-4o-mini, openai/gpt-4o-mini" in result.stderr


def test_check_is_sound_and_warns_of_age_and_dispute_on_stderr_only(book):
    result = prices("check", *DAY)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"sound: {len(book.entries)} lines, ")
    assert result.stdout.count("\n") == 1
    assert "old      tuning/mistral.csv: 1 in force, last checked 2026-07-06\n" in result.stderr
    assert re.search(
        r"^differs  mistral/mistral-large-4 output: 2.1 \(genai-prices .*\), 4.18 \(litellm", result.stderr, re.M
    )


def test_check_as_json(book):
    told = json.loads(prices("check", "--format", "json", *DAY).stdout)
    assert (told["sound"], told["lines"], told["digest"]) == (True, len(book.entries), book.digest)
    assert told["older_than_90_days"] == len(stale(book.entries, date(2026, 11, 21)))
    days = book.checked_days(date(2026, 11, 21))
    assert (told["oldest_checked"], told["newest_checked"]) == (str(days[0]), str(days[-1]))
    assert {each["model"] for each in told["disputes"]} >= {"mistral/mistral-large-4", "deepseek/deepseek-v4-flash"}


# --- filters, states, forms ---------------------------------------------------------------------------------------


def listed(*words: str) -> dict[str, dict[str, str]]:
    result = prices("list", "--format", "json", *DAY, *words)
    assert result.exit_code == 0, result.stderr
    return {line["name"]: line for line in json.loads(result.stdout)}


@pytest.mark.parametrize(
    ("words", "name", "not_there"),
    [
        (["--provider", "google", "--kind", "api"], "google/gemini-4-argon", "openai/gpt-6-sol"),
        (["--status", "ending", "--kind", "api"], "openai/gpt-5-nano", "openai/gpt-6-sol"),  # shutdown 2026-12-11
        (["--status", "announced"], "google/gemini-3.8-flash", "google/gemini-2.5-pro"),
        (["--status", "ended"], "openai/gpt-4.1-nano", "openai/gpt-6-sol"),
        (["--status", "earlier", "--kind", "gpu"], "nebius/H100-SXM/1x HGX", "lambda/H100-SXM/8x"),
        (["--tier", "long"], "openai/gpt-6-sol", "openai/gpt-5.4-mini"),
        (["--tier", "peak"], "deepseek/deepseek-v4-pro", "openai/gpt-6-sol"),
        (["--tier", "spot"], "nebius/B200/1x HGX", "lambda/H100-SXM/8x"),
        (["--older-than", "90"], "aws/T4/1x g4dn.xlarge@us-east-1", "openai/gpt-6-sol"),
        (["--older-than", "10", "--kind", "api"], "openai/gpt-6-sol", "mistral/ministral-3b-latest"),  # 11 and 9 days
    ],
)
def test_a_filter_keeps_what_it_says(words, name, not_there):
    found = listed(*words)
    assert name in found
    assert not_there not in found


def test_an_announced_step_is_told_beside_the_price_in_force():
    result = prices("list", "--match", "gemini-4-argon", *DAY)
    assert "from 2026-12-01: 4 in, 20 out; introductory price" in result.stdout


def test_csv_has_a_line_a_price_and_every_digit():
    rows = list(csv.DictReader(io.StringIO(prices("list", "--kind", "api", "--format", "csv", *DAY).stdout)))
    assert len(rows) == len(listed("--kind", "api"))
    luna = next(row for row in rows if row["name"] == "openai/gpt-6-luna")
    assert (luna["batch_input_usd_per_million_tokens"], luna["long_context_mode"]) == ("0.05", "cliff")


def test_show_puts_two_lists_side_by_side_and_flags_that_they_differ():
    lines = prices("show", "mistral-large-4", *DAY).stdout.splitlines()
    assert any(line.startswith("in-force  2026-11-10") for line in lines)
    second = next(line for line in lines if line.startswith("differs"))
    assert second.split()[1:] == ["1.36", "4.18", "litellm", "1.109.1"]
    assert any(line.startswith("agrees") for line in prices("show", "gpt-6-sol", *DAY).stdout.splitlines())


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "words",
    [["list"], ["list", "--kind", "gpu"], ["show", "H100"], ["diff", "--from", "2026-06-01", "--to", "2026-11-21"]],
    ids=" ".join,
)
def test_tables_fit_the_screen(words, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    day = DAY if words[0] != "diff" else []
    lines = prices(*words, *day).stdout.splitlines()
    assert len(lines) > 20
    assert [line for line in lines if len(line) > width] == []


# --- two days, two books ------------------------------------------------------------------------------------------


def test_diff_of_two_days_tells_the_step_the_end_and_nothing_else():
    result = prices("diff", "--from", "2026-11-30", "--to", "2026-12-01", "--format", "json")
    assert {(each["name"], each["what"]) for each in json.loads(result.stdout)} == {("google/gemini-4-argon", "dearer")}
    output = next(each for each in json.loads(result.stdout) if each["column"] == "output_usd_per_million_tokens")
    assert (output["old"], output["new"], Decimal(output["percent"])) == ("10", "20", 100)
    ends = json.loads(prices("diff", "--from", "2026-12-10", "--to", "2026-12-11", "--format", "json").stdout)
    assert {each["what"] for each in ends} == {"gone"}
    assert {each["name"] for each in ends} == {"openai/gpt-5", "openai/gpt-5-mini", "openai/gpt-5-nano", "openai/o3"}


def test_diff_of_a_day_with_itself_is_empty():
    result = prices("diff", "--from", "2026-11-21", "--to", "2026-11-21")
    assert result.stdout == "2026-11-21 to 2026-11-21: no price differs\n"


def test_diff_of_two_folders(tmp_path):
    for name in ("old", "new"):
        shutil.copytree(DATA, tmp_path / name)
    changed = tmp_path / "new" / "api" / "moonshotai.csv"
    changed.write_text(changed.read_text().replace(",15,", ",18,"))
    words = ["diff", str(tmp_path / "old"), str(tmp_path / "new"), "--to", "2026-11-21", "--format", "json"]
    told = json.loads(prices(*words).stdout)
    assert [(each["name"], each["old"], each["new"], each["percent"]) for each in told] == [
        ("moonshotai/kimi-k3", "15", "18", "20")  # 3 / 15
    ]
    (tmp_path / "empty").mkdir()
    assert prices("diff", str(tmp_path / "old"), str(tmp_path / "empty")).exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--kind", "shares"],
        ["list", "--as-of", "2026-13-01"],
        ["show"],
        ["nonsense"],
        ["diff"],
        ["list", "--tier", "x"],
    ],
)
def test_wrong_usage_exits_2(words):
    assert prices(*words).exit_code == 2


@pytest.mark.parametrize("module", ["pricing.cli", "pricing.book"])
def test_importing_the_price_book_loads_nothing_heavy(module, repo):
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=repo)
    assert not HEAVY & set(done.stdout.split())
