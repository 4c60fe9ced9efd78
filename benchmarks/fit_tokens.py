"""Fit the token counts' rates and factors, and score them on texts they were not fitted on.

    python -m benchmarks.fit_tokens ../shared/reference [--write DAY]

Rates of pieces come from files that lie in every Python installation, counted exactly with o200k; rates by script, and
factors by tokenizer, from the 40 texts of token_ratios.csv (31 languages of one declaration, 9 files of code and data).
The other files of that folder are never fitted: they are scored, and widen the spreads.
`--write` makes advisor/data/token_{rates,factors}.csv and benchmarks/results/DAY-tokens.md.
"""

import argparse
import csv
import sysconfig
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.token_ranks_files import count_exactly
from advisor.token_text import LONG_WORD, Pieces, pieces
from advisor.tokens import class_of, piece_counts

HOUSE = Path(__file__).resolve().parent.parent
DATA = HOUSE / "advisor" / "data"
SUFFIXES = (".py", ".md", ".json", ".csv", ".yaml", ".toml", ".txt", ".h", ".html", ".js")
FILES_A_KIND, LONGEST = 40, 20_000  # files, and characters of each
PIECES = ("word", "long_letter", "digit_group", "symbol_run", "line_end", "gap")
TOKENIZERS = ("cl100k", "qwen", "llama3", "llama4", "tekken", "deepseek", "claude2", "gemma3")
SCRIPTS = {
    "Russian": "cyrillic", "Ukrainian": "cyrillic", "Greek": "greek", "Arabic": "arabic", "Persian": "arabic",
    "Hebrew": "hebrew", "Hindi": "devanagari", "Bengali": "bengali", "Tamil": "tamil", "Thai": "thai",
    "Japanese": "kana", "Korean": "hangul", "Chinese(simpl)": "han", "Chinese(trad)": "han", "Amharic": "ethiopic",
}  # fmt: skip
PRIOR_TEXTS = 3.0
"""A class's own spread counts as its texts, and that of all classes together as three more."""
UNPUBLISHED_SPREAD = 0.12  # assumed: successors of a published tokenizer counted 0.8 to 1.35 times as many tokens

Array = NDArray[np.float64]


def text_class(name: str) -> str:
    """Return the class of a row of token_ratios.csv by its name."""
    kind, _, rest = name.partition(":")
    if kind == "udhr":
        return "english" if rest == "English" else SCRIPTS.get(rest, "latin")
    return {"docs": "code"}.get(kind, kind)


def own_texts() -> list[tuple[str, str]]:
    """Return (kind, text) of the standard library's and installed packages' ASCII files, the same ones each time."""
    roots = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "include")]
    found: list[tuple[str, str]] = []
    for suffix in SUFFIXES:
        files = sorted({path for root in roots for path in root.rglob(f"*{suffix}")})
        for path in files[:: max(1, len(files) // FILES_A_KIND)][:FILES_A_KIND]:
            text = path.read_text(encoding="utf-8", errors="replace")[:LONGEST]
            if len(text) >= 1000 and text.isascii():
                found.append((suffix, text))
    return found


def counted(found: Pieces) -> list[float]:
    """Return the counts of a text's pieces in the order of PIECES, under the names that advisor.tokens gives them."""
    named = piece_counts(found)
    return [float(named.get(name, 0)) for name in PIECES]


def fit_pieces(table: Array, tokens: Array) -> Array:
    """Return tokens a piece by least squares of relative errors."""
    return np.asarray(np.linalg.lstsq(table / tokens[:, None], np.ones(len(tokens)), rcond=None)[0], dtype=np.float64)


def spread_of(logs: list[float], pooled: float) -> float:
    """Return the standard deviation of a class's log ratios, drawn towards that of all, widened for few texts."""
    n = len(logs)
    variance = (float(np.var(logs)) * n + pooled**2 * PRIOR_TEXTS) / (n + PRIOR_TEXTS)
    return float(np.sqrt(variance * (1 + 1 / n)))


def pooled_spread(groups: dict[str, list[float]]) -> float:
    """Return the standard deviation within classes of two texts and more."""
    parts = [np.array(logs) - np.mean(logs) for logs in groups.values() if len(logs) > 1]
    freedom = sum(len(part) - 1 for part in parts)
    return float(np.sqrt(sum(float((part**2).sum()) for part in parts) / max(1, freedom)))


def errors_line(name: str, errors: list[float]) -> str:
    """Return one row of the result's table."""
    return f"| {name} | {len(errors)} | {np.median(errors):.1%} | {np.quantile(errors, 0.9):.1%} | {max(errors):.0%} |"


def fit_factors(rows: list[dict[str, str]]) -> tuple[list[list[str]], list[str]]:
    """Return the factor table and the score lines: each text held out against the rest of its class."""
    table: list[list[str]] = []
    lines: list[str] = []
    middle: dict[str, list[float]] = defaultdict(list)
    for tokenizer in TOKENIZERS:
        groups: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            ratio = np.log(int(row[tokenizer]) / int(row["o200k"]))
            groups[text_class(row["text"])].append(ratio)
            middle[text_class(row["text"])].append(ratio)
        pooled = pooled_spread(groups)
        for name, logs in groups.items():
            table.append([tokenizer, name, *rate_row(np.exp(np.mean(logs)), spread_of(logs, pooled)), str(len(logs))])
        held = [abs(np.exp((sum(logs) - x) / (len(logs) - 1) - x) - 1) for logs in groups.values() if len(logs) > 1
                for x in logs]  # fmt: skip
        lines.append(errors_line(f"proxy {tokenizer}", held))
    for name, logs in middle.items():
        table.append(["other", name, *rate_row(np.exp(np.median(logs)), float(np.std(logs))), str(len(logs))])
    return table, lines


def rate_row(value: float, spread: float) -> list[str]:
    """Return a value and its spread as the data files write them."""
    return [f"{value:.4g}", f"{spread:.3g}"]


def fit_scripts(rows: list[dict[str, str]]) -> tuple[dict[str, tuple[float, float, int]], list[float]]:
    """Return o200k tokens a letter by script with spread and texts, and errors with a text held out."""
    groups: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        script = text_class(row["text"])
        if script in SCRIPTS.values():
            groups[script].append(np.log(int(row["o200k"]) / (int(row["chars"]) - int(row["words"]))))
    pooled = max(pooled_spread(groups), UNPUBLISHED_SPREAD)
    held = [abs(np.exp((sum(g) - x) / (len(g) - 1) - x) - 1) for g in groups.values() if len(g) > 1 for x in g]
    fitted = {name: (float(np.exp(np.mean(g))), spread_of(g, pooled), len(g)) for name, g in groups.items()}
    return fitted, held


def fit_foreign(rows: list[dict[str, str]]) -> tuple[float, float, float, list[float]]:
    """Return how many times the tokens of English a Latin word of another language takes: log base, slope, spread."""
    english = next(row for row in rows if row["text"] == "udhr:English")
    per_letter = int(english["o200k"]) / int(english["chars"])
    texts = [row for row in rows if text_class(row["text"]) == "latin"]
    y = np.array([np.log(int(r["o200k"]) / int(r["chars"]) / per_letter) for r in texts])
    share = np.array([(int(r["bytes"]) / int(r["chars"]) - 1) / (1 - int(r["words"]) / int(r["chars"])) for r in texts])
    design = np.stack([np.ones(len(y)), share], axis=1)
    held: list[float] = []
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        at = np.linalg.lstsq(design[rest], y[rest], rcond=None)[0]
        held.append(float(abs(np.exp(design[i] @ at - y[i]) - 1)))
    base, slope = np.linalg.lstsq(design, y, rcond=None)[0]
    spread = float(np.sqrt(np.mean(np.log1p(np.array(held)) ** 2)))
    return float(base), float(slope), spread, held


def other_texts(folder: Path) -> list[tuple[str, str]]:
    """Return (name, text) of the reference's own CSV and text files: written by others, and never fitted."""
    files = sorted([*folder.rglob("*.csv"), *folder.rglob("*.txt")])
    return [(path.name, path.read_text(encoding="utf-8")[:LONGEST]) for path in files]


def exact_table(texts: list[tuple[str, str]]) -> tuple[list[Pieces], Array, Array]:
    """Return pieces, their counts in the order of PIECES (texts x pieces), and exact o200k tokens (texts)."""
    exact = [count_exactly(text, "o200k") for _, text in texts]
    if None in exact:
        raise SystemExit("the ranks of o200k are not at hand: pip install 'crossover[tokens]'")
    found = [pieces(text) for _, text in texts]
    return found, np.array([counted(one) for one in found]), np.array([one[0] for one in exact if one], dtype=float)


def fit_own(folder: Path) -> tuple[Array, dict[str, float], list[str]]:
    """Return tokens a piece, spread by class, and score lines: each kind of file held out, then texts of others."""
    texts = own_texts()
    kinds = np.array([kind for kind, _ in texts])
    found, table, tokens = exact_table(texts)
    ratio = np.zeros(len(tokens))
    lines: list[str] = []
    for kind in sorted(set(kinds)):
        inside = kinds == kind
        ratio[inside] = np.log(table[inside] @ fit_pieces(table[~inside], tokens[~inside]) / tokens[inside])
        lines.append(errors_line(f"pieces, {kind} held out", list(abs(np.expm1(ratio[inside])))))
    lines.append(errors_line("pieces, all kinds, each held out", list(abs(np.expm1(ratio)))))
    each = fit_pieces(table, tokens)
    other, other_table, other_tokens = exact_table(other_texts(folder))
    other_ratio = np.log(other_table @ each / other_tokens)
    lines.append(errors_line("pieces, files of others", list(abs(np.expm1(other_ratio)))))
    spreads = class_spreads(found, ratio)
    wider = class_spreads(other, other_ratio)
    return each, {name: max(spread, wider.get(name, 0.0)) for name, spread in spreads.items()}, lines


def class_spreads(found: list[Pieces], ratio: Array) -> dict[str, float]:
    """Return the root mean square of log ratios by class of text."""
    logs: dict[str, list[float]] = defaultdict(list)
    for one, error in zip(found, ratio, strict=True):
        logs[class_of(one)].append(float(error))
    return {name: float(np.sqrt(np.mean(np.square(errors)))) for name, errors in logs.items()}


def main() -> None:
    """Fit, score, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--write", metavar="DAY")
    asked = parser.parse_args()
    with (asked.reference / "pricing" / "token_ratios.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    each, spreads, lines = fit_own(asked.reference)
    scripts, held_scripts = fit_scripts(rows)
    base, slope, foreign_spread, held_foreign = fit_foreign(rows)
    factors, factor_lines = fit_factors(rows)
    lines += [errors_line("Latin of other languages, each held out", held_foreign)]
    lines += [errors_line("scripts with two texts, each held out", held_scripts), *factor_lines]
    own = f"benchmarks/fit_tokens.py: files of a Python installation; words over {LONG_WORD} letters count on"
    rates = [[name, *rate_row(rate, 0.0), "", own] for name, rate in zip(PIECES, each, strict=True)]
    rates += [[name, "0", f"{spread:.3g}", "", "kinds of files held out"] for name, spread in sorted(spreads.items())]
    ratios = "token_ratios: one declaration in 31 languages"
    rates += [["latin", *rate_row(0, foreign_spread), "15", ratios], ["foreign", *rate_row(base, 0), "15", ratios]]
    rates += [["marked", *rate_row(slope, 0), "15", ratios]]
    rates += [["unpublished", *rate_row(0, UNPUBLISHED_SPREAD), "", "assumed: successors counted 0.8 to 1.35 times"]]
    rates += [[name, *rate_row(rate, spread), str(n), ratios] for name, (rate, spread, n) in scripts.items()]
    head = "| what | texts | median error | p90 | worst |\n|---|---:|---:|---:|---:|"
    print("\n".join([head, *lines]))
    if asked.write:
        write("token_rates.csv", ["name", "tokens", "spread", "texts", "source"], rates)
        write("token_factors.csv", ["tokenizer", "text", "factor", "spread", "texts"], factors)
        note = f"# Token counts without the model's own tokenizer, {asked.write}\n\n{__doc__}\n"
        result = HOUSE / "benchmarks" / "results" / f"{asked.write}-tokens.md"
        result.write_text("\n".join([note, head, *lines, ""]), encoding="utf-8")


def write(name: str, header: list[str], table: list[list[str]]) -> None:
    """Write one table of advisor/data."""
    with (DATA / name).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *table])


if __name__ == "__main__":
    main()
