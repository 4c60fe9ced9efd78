"""Rows that say the same: exact, nearly, with another answer, or on both sides of a split. Pure.

Rule 1  Two texts are the same if they agree after Unicode folding, case folding and closing up blanks.
Rule 2  Two texts are near if their sets of five-letter shingles overlap by at least the threshold (Jaccard), leaving
        out boilerplate: shingles that more than a fifth of the texts hold, such as one instruction before every row.
Rule 3  MinHash only proposes; every pair that is reported was compared in full. With 25 bands of 5 a pair at 0.8 is
        proposed with a probability of 1 - (1 - 0.8**5)**25 = 0.99995, one at 0.5 with 0.55.
Rule 4  Work is bounded: a band that MOST_IN_BAND texts share proposes no more, and a text is compared with the
        MOST_COMPARED that share most bands with it (a pair at 0.8 shares eight of 25).
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.uint64]

BANDS: Final = 25
ROWS_PER_BAND: Final = 5
SHINGLE_LETTERS: Final = 5  # about one word: short questions still have dozens of them
NEAR_SHARE: Final = 0.8  # the threshold commonly used to clean training text; Rule 3 is worked out for it
MOST_IN_BAND: Final = 200  # bounds the work on a text (Rule 4); beyond it a band is boilerplate
MOST_COMPARED: Final = 50  # bounds the full comparisons of a text (Rule 4)
BOILERPLATE_SHARE: Final = 0.2  # a shingle in over a fifth of the texts tells them apart no better than a stop word
LEAST_FOR_BOILERPLATE: Final = 50  # below this many texts a fifth is a handful, and may be real duplicates
SHINGLES_AT_ONCE: Final = 8192  # bounds the memory of one sketch to 8 MiB
SEED: Final = 20_260  # any fixed number
MIX: Final = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # multipliers of the SplitMix64 finaliser (Steele et al. 2014)
GOLDEN: Final = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio, odd: the increment of SplitMix64


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Text `row` says the same as text `other`; both are places in the lists given, `share` is their overlap."""

    row: int
    other: int
    share: float


def folded(text: str) -> str:
    """Return the text by which two are the same (Rule 1)."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def exact_duplicates(keys: Sequence[Hashable]) -> list[Resemblance]:
    """Return each later key that equals an earlier one, with the first of them; fold texts before."""
    first: dict[Hashable, int] = {}
    return [Resemblance(row, first[key], 1.0) for row, key in enumerate(keys) if first.setdefault(key, row) != row]


def label_conflicts(prompts: Sequence[str], answers: Sequence[str]) -> list[list[int]]:
    """Return the groups of places whose folded prompts agree and whose folded answers do not."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, prompt in enumerate(prompts):
        places[folded(prompt)].append(place)
    return [group for group in places.values() if len({folded(answers[place]) for place in group}) > 1]


def near_duplicates(texts: Sequence[str], threshold: float = NEAR_SHARE) -> list[Resemblance]:
    """Return each text that is near an earlier one that was kept, with the nearest of those: drop these, keep the rest.

    Exact duplicates are among them with share 1.0.
    """
    index = Index(threshold)
    found: list[Resemblance] = []
    for row, sketch in enumerate(sketches(texts)):
        nearest = index.nearest(row, sketch)
        if nearest is None:
            index.add(row, sketch)
        else:
            found.append(nearest)
    return found


def leak(train: Sequence[str], test: Sequence[str], threshold: float = NEAR_SHARE) -> list[Resemblance]:
    """Return each training text that says the same as a test text, with the nearest one (`other` is its place).

    For the other direction, which test rows are touched, swap the two.
    """
    both = sketches([*test, *train])
    index = Index(threshold)
    for place, sketch in enumerate(both[: len(test)]):
        index.add(place, sketch)
    nearest = (index.nearest(row, sketch) for row, sketch in enumerate(both[len(test) :]))
    return [found for found in nearest if found is not None]


def mixed(hashes: Hashes) -> Hashes:
    """Return the hashes with every bit depending on every other (the SplitMix64 finaliser)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(MIX[0])
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(MIX[1])
    return hashes ^ (hashes >> np.uint64(31))


COUNTER: Final[Hashes] = np.arange(SEED, SEED + 2 * BANDS * ROWS_PER_BAND, dtype=np.uint64)
SEEDS: Final[Hashes] = mixed(COUNTER[::2] * np.uint64(GOLDEN))[:, None]
FACTORS: Final[Hashes] = mixed(COUNTER[1::2] * np.uint64(GOLDEN))[:, None] | np.uint64(1)
POWERS: Final[Hashes] = np.cumprod(np.full(SHINGLE_LETTERS, GOLDEN, dtype=np.uint64))


def shingles(text: str) -> Hashes:
    """Return the sorted distinct hashes of a text's five-letter runs; one hash of the whole where it is shorter."""
    letters = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4").astype(np.uint64)
    if letters.size < SHINGLE_LETTERS:
        letters = np.concatenate([letters, np.zeros(SHINGLE_LETTERS - letters.size, dtype=np.uint64)])
    runs = letters.size - SHINGLE_LETTERS + 1
    hashes = np.zeros(runs, dtype=np.uint64)
    for start, power in enumerate(POWERS):
        hashes += letters[start : start + runs] * power
    return np.unique(mixed(hashes))


def boilerplate(sets: Sequence[Hashes]) -> Hashes:
    """Return the shingles that more than BOILERPLATE_SHARE of the sets hold; none where there are few sets."""
    if len(sets) < LEAST_FOR_BOILERPLATE:
        return np.empty(0, dtype=np.uint64)
    hashes, counts = np.unique(np.concatenate(sets), return_counts=True)
    return hashes[counts > BOILERPLATE_SHARE * len(sets)]


@dataclass(frozen=True, slots=True)
class Sketch:
    """A text's folded form, its shingles without boilerplate, and the keys of its 25 bands of MinHash values."""

    text: str
    shingles: Hashes
    bands: tuple[bytes, ...]


def sketches(texts: Sequence[str]) -> list[Sketch]:
    """Return the sketch of each text; boilerplate is what they have in common."""
    plain = [folded(text) for text in texts]
    sets = [shingles(text) for text in plain]
    common = boilerplate(sets)
    own = [np.setdiff1d(one, common, assume_unique=True) for one in sets] if common.size else sets
    return [Sketch(text, one, bands(one)) for text, one in zip(plain, own, strict=True)]


def bands(own: Hashes) -> tuple[bytes, ...]:
    """Return the band keys of a set: 125 minima over hashed shingles, five to a key; none for an empty set."""
    if not own.size:
        return ()
    chunks = [own[start : start + SHINGLES_AT_ONCE] for start in range(0, own.size, SHINGLES_AT_ONCE)]
    minima = np.min([((chunk ^ SEEDS) * FACTORS).min(axis=1) for chunk in chunks], axis=0)
    raw, width = minima.tobytes(), ROWS_PER_BAND * minima.itemsize
    return tuple(raw[start : start + width] for start in range(0, len(raw), width))


class Index:
    """Sketches by band and by text, for finding the nearest earlier one."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.places: list[int] = []
        self.sketches: list[Sketch] = []
        self.same: dict[str, int] = {}
        self.buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)

    def add(self, place: int, sketch: Sketch) -> None:
        """Add the sketch of the text at `place`; of equal texts the first counts."""
        if self.same.setdefault(sketch.text, place) != place:
            return
        for band in enumerate(sketch.bands):
            self.buckets[band].append(len(self.sketches))
        self.places.append(place)
        self.sketches.append(sketch)

    def nearest(self, row: int, sketch: Sketch) -> Resemblance | None:
        """Return the nearest sketch in the index at or over the threshold, the earliest of equals, or None."""
        if sketch.text in self.same:
            return Resemblance(row, self.same[sketch.text], 1.0)
        shared: Counter[int] = Counter()
        for band in enumerate(sketch.bands):
            bucket = self.buckets.get(band, ())
            if len(bucket) <= MOST_IN_BAND:
                shared.update(bucket)
        best: Resemblance | None = None
        for number, _ in sorted(shared.most_common(MOST_COMPARED)):
            share = overlap_share(sketch.shingles, self.sketches[number].shingles)
            if share >= self.threshold and (best is None or share > best.share):
                best = Resemblance(row, self.places[number], share)
        return best


def overlap_share(first: Hashes, second: Hashes) -> float:
    """Return the Jaccard overlap of two sets of hashes, each sorted and distinct; 0 where both are empty."""
    common = np.intersect1d(first, second, assume_unique=True).size
    return common / max(1, first.size + second.size - common)
