"""How near a written answer is to the expected one: ROUGE-L and BLEU. Pure.

Sources: ROUGE-L, Lin 2004 ("ROUGE: a package for automatic evaluation of summaries"), F1 of the longest common
subsequence; BLEU, Papineni et al. 2002, with 13a tokens and exponential smoothing as sacrebleu has them (Post 2018).
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

MAX_ORDER = 4  # BLEU-4, as published
WORD = re.compile(r"[^\W_]+")  # rouge-score keeps a-z and 0-9 only; letters of any script count here
# the mteval-v13a rules: punctuation stands alone, but a full stop or comma between digits does not
SPLITS = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
Counts = tuple[int, ...]  # hits by order, candidates by order, answer tokens, reference tokens


def words(text: str) -> list[str]:
    """Return the words of a text as ROUGE compares them: lower case, letters and digits."""
    return WORD.findall(text.casefold())


def common_subsequence_tokens(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for one in first:
        diagonal = 0
        for place, other in enumerate(second, start=1):
            diagonal, row[place] = row[place], diagonal + 1 if one == other else max(row[place], row[place - 1])
    return row[-1]


def rouge_l(expected: str, answer: str) -> float:
    """Return ROUGE-L F1 in 0..1; two texts without a word are equal only as they stand."""
    wanted, given = words(expected), words(answer)
    if not wanted or not given:
        return float(expected.strip() == answer.strip())
    common = common_subsequence_tokens(wanted, given)
    return 2 * common / (len(wanted) + len(given))


def tokens_13a(text: str) -> list[str]:
    """Return the tokens of the standard BLEU tokenizer for Western scripts."""
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, sign in ENTITIES:
        text = text.replace(entity, sign)
    text = f" {text} "
    for pattern, spaced in SPLITS:
        text = pattern.sub(spaced, text)
    return text.split()


def ngrams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """Return how often each run of `order` tokens occurs."""
    return Counter(tuple(tokens[place : place + order]) for place in range(len(tokens) - order + 1))


def bleu_counts(references: Sequence[str], answer: str) -> Counts:
    """Return one answer's clipped hits and candidates by order, its length, and the nearest reference's length."""
    given = tokens_13a(answer)
    wanted = [tokens_13a(reference) for reference in references]
    hits: list[int] = []
    for order in range(1, MAX_ORDER + 1):
        best: Counter[tuple[str, ...]] = Counter()
        for tokens in wanted:
            best |= ngrams(tokens, order)
        hits.append((ngrams(given, order) & best).total())
    candidates = [max(0, len(given) - order + 1) for order in range(1, MAX_ORDER + 1)]
    nearest = min((abs(len(tokens) - len(given)), len(tokens)) for tokens in wanted)[1]
    return (*hits, *candidates, len(given), nearest)


def bleu_of(totals: Sequence[float]) -> float:
    """Return BLEU in 0..1 of summed counts; an order without a hit is halved again each time (smoothing `exp`)."""
    hits, candidates = totals[:MAX_ORDER], totals[MAX_ORDER : 2 * MAX_ORDER]
    given, reference = totals[-2:]
    logs, smooth = 0.0, 1.0
    if given == 0 or hits[0] == 0:  # no word in common: nothing to smooth
        return 0.0
    for hit, candidate in zip(hits, candidates, strict=True):
        if candidate == 0:
            return 0.0
        if hit == 0:
            smooth *= 2
        logs += math.log(hit / candidate if hit else 1 / (smooth * candidate))
    brevity = 1.0 if given > reference else math.exp(1 - reference / given)
    return brevity * math.exp(logs / MAX_ORDER)
