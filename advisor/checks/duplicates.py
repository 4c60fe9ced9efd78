"""Rows that say the same: exactly or nearly, within a set or on both sides of a split. Pure.

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.uint64]

BANDS: Final = 25  # with five rows each: the chances worked out in Rule 3
ROWS_PER_BAND: Final = 5  # see BANDS
SHINGLE_LETTERS: Final = 5  # about one word: short questions still have dozens of them
NEAR_SHARE: Final = 0.8  # the threshold commonly used to clean training text; Rule 3 is worked out for it
MOST_IN_BAND: Final = 200  # bounds the work on a text (Rule 4); beyond it a band is boilerplate
MOST_COMPARED: Final = 50  # bounds the full comparisons of a text (Rule 4)
BOILERPLATE_SHARE: Final = 0.2  # a shingle in over a fifth of the texts tells them apart no better than a stop word
LEAST_FOR_BOILERPLATE: Final = 50  # below this many texts a fifth is a handful, and may be real duplicates
LETTERS_AT_ONCE: Final = 500_000  # sorting them takes about 30 MB
HASHES_AT_ONCE: Final = 50_000  # with their copies they stay within a core's cache of 1 to 2 MB
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


def anything(row: int, other: int) -> bool:
    """Return True: any two texts may be compared."""
    del row, other
    return True


def near_duplicates(
    texts: Sequence[str], threshold: float = NEAR_SHARE, comparable: Callable[[int, int], bool] = anything
) -> list[Resemblance]:
    """Return each text that is near an earlier one that was kept, with the nearest of those: drop these, keep the rest.

    Exact duplicates are among them with share 1.0. Only a nearest one that is `comparable` counts.
    """
    index = Index(threshold)
    found: list[Resemblance] = []
    for row, sketch in enumerate(sketches(texts)):
        nearest = index.nearest(row, sketch, comparable)
        if nearest is None:
            index.add(row, sketch)
        else:
            found.append(nearest)
    return found


def leak(train: Sequence[str], test: Sequence[str], threshold: float = NEAR_SHARE) -> list[Resemblance]:
    """Return each training text that says the same as a test text, with the nearest one (`other` is its place)."""
    both = sketches([*test, *train])
    return nearest_of(both[len(test) :], both[: len(test)], threshold)


def leak_both_ways(
    train: Sequence[str], test: Sequence[str], threshold: float = NEAR_SHARE
) -> tuple[list[Resemblance], list[Resemblance]]:
    """Return each training text that says the same as a test text, and each test text that a training text says."""
    both = sketches([*test, *train])
    theirs, ours = both[: len(test)], both[len(test) :]
    return nearest_of(ours, theirs, threshold), nearest_of(theirs, ours, threshold)


def nearest_of(these: Sequence["Sketch"], those: Sequence["Sketch"], threshold: float) -> list[Resemblance]:
    """Return each of these that is near one of those, with the nearest; all of them sketched together."""
    index = Index(threshold)
    for place, sketch in enumerate(those):
        index.add(place, sketch)
    nearest = (index.nearest(row, sketch) for row, sketch in enumerate(these))
    return [found for found in nearest if found is not None]


def mixed(hashes: Hashes) -> Hashes:
    """Return the hashes with every bit depending on every other (the SplitMix64 finaliser)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(MIX[0])
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(MIX[1])
    return hashes ^ (hashes >> np.uint64(31))


COUNTER: Final[Hashes] = np.arange(SEED, SEED + 2 * BANDS * ROWS_PER_BAND, dtype=np.uint64)
SEEDS: Final[Hashes] = mixed(COUNTER[::2] * np.uint64(GOLDEN))
FACTORS: Final[Hashes] = mixed(COUNTER[1::2] * np.uint64(GOLDEN)) | np.uint64(1)
POWERS: Final[Hashes] = np.cumprod(np.full(SHINGLE_LETTERS, GOLDEN, dtype=np.uint64))


@dataclass(frozen=True, slots=True)
class Sets:
    """Sets of hashes laid end to end: each sorted and distinct, the n-th of them `sizes[n]` long."""

    hashes: Hashes
    sizes: NDArray[np.int64]

    def each(self) -> list[Hashes]:
        """Return the sets one by one."""
        return np.split(self.hashes, np.cumsum(self.sizes)[:-1]) if self.sizes.size else []


def shingle_sets(texts: Sequence[str]) -> Sets:
    """Return the set of five-letter runs of each folded text; one run, filled up, where a text is shorter."""
    filled = [text.ljust(SHINGLE_LETTERS, "\x00") for text in texts]
    blocks: list[list[str]] = [[]]
    room = LETTERS_AT_ONCE
    for text in filled:
        if room < len(text) and blocks[-1]:
            blocks.append([])
            room = LETTERS_AT_ONCE
        blocks[-1].append(text)
        room -= len(text)
    parts = [block_sets(block) for block in blocks if block]
    if not parts:
        return Sets(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64))
    return Sets(np.concatenate([part.hashes for part in parts]), np.concatenate([part.sizes for part in parts]))


def block_sets(texts: Sequence[str]) -> Sets:
    """Return the shingle sets of texts of at least five letters, all at once."""
    letters = np.frombuffer("".join(texts).encode("utf-32-le", errors="surrogatepass"), dtype="<u4").astype(np.uint64)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    runs = letters.size - SHINGLE_LETTERS + 1
    hashes = np.zeros(runs, dtype=np.uint64)
    for start, power in enumerate(POWERS):
        hashes += letters[start : start + runs] * power
    left = np.repeat(np.cumsum(lengths), lengths)[:runs] - np.arange(runs)  # letters left in the run's own text
    whole = left >= SHINGLE_LETTERS
    owners = np.repeat(np.arange(lengths.size), lengths)[:runs][whole]
    hashes = mixed(hashes[whole])
    order = np.lexsort((hashes, owners))
    hashes, owners = hashes[order], owners[order]
    first = np.ones(hashes.size, dtype=np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return Sets(hashes[first], np.bincount(owners[first], minlength=lengths.size).astype(np.int64))


def without_boilerplate(sets: Sets) -> Sets:
    """Return the sets without shingles that more than BOILERPLATE_SHARE of them hold; as they are where few."""
    count = sets.sizes.size
    if count < LEAST_FOR_BOILERPLATE:
        return sets
    distinct, held = np.unique(sets.hashes, return_counts=True)
    common = distinct[held > BOILERPLATE_SHARE * count]
    if not common.size:
        return sets
    nearest = np.searchsorted(common, sets.hashes).clip(max=common.size - 1)
    kept = common[nearest] != sets.hashes
    owners = np.repeat(np.arange(count), sets.sizes)[kept]
    return Sets(sets.hashes[kept], np.bincount(owners, minlength=count).astype(np.int64))


def band_keys(sets: Sets) -> list[list[int]]:
    """Return the 25 band keys of each set, each made of five MinHash values; none for an empty set."""
    filled = np.flatnonzero(sets.sizes)
    ends = np.cumsum(sets.sizes)[filled]
    found: list[list[int]] = [[] for _ in sets.sizes]
    for block in np.split(filled, np.flatnonzero(np.diff(ends // HASHES_AT_ONCE)) + 1):
        if block.size:
            own = sets.hashes[int(sets.sizes[: block[0]].sum()) : int(sets.sizes[: block[-1] + 1].sum())]
            keys = block_keys(own, np.cumsum(sets.sizes[block]) - sets.sizes[block])
            for place, key in zip(block.tolist(), keys, strict=True):
                found[place] = key
    return found


def block_keys(hashes: Hashes, starts: NDArray[np.int64]) -> list[list[int]]:
    """Return the band keys of the sets that begin at `starts`, none of them empty."""
    keys = np.zeros((BANDS, starts.size), dtype=np.uint64)
    for number, (seed, factor) in enumerate(zip(SEEDS, FACTORS, strict=True)):
        minima = np.minimum.reduceat((hashes ^ seed) * factor, starts)
        keys[number // ROWS_PER_BAND] = mixed(keys[number // ROWS_PER_BAND] + minima + seed)
    return keys.T.tolist()


@dataclass(frozen=True, slots=True)
class Sketch:
    """A text's folded form, its shingles without boilerplate, and those of its band keys that others have too."""

    text: str
    shingles: Hashes
    bands: list[int]


def sketches(texts: Sequence[str]) -> list[Sketch]:
    """Return the sketch of each text, to be compared among these texts only: boilerplate is what they share."""
    plain = [folded(text) for text in texts]
    sets = without_boilerplate(shingle_sets(plain))
    keys = band_keys(sets)
    held = Counter(chain.from_iterable(keys))
    shared = [[key for key in own if held[key] > 1] for own in keys]
    return [Sketch(*parts) for parts in zip(plain, sets.each(), shared, strict=True)]


class Index:
    """Sketches by band and by text, for finding the nearest earlier one."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.places: list[int] = []
        self.sketches: list[Sketch] = []
        self.same: dict[str, int] = {}
        self.buckets: dict[int, list[int]] = defaultdict(list)

    def add(self, place: int, sketch: Sketch) -> None:
        """Add the sketch of the text at `place`; of equal texts the first counts."""
        if self.same.setdefault(sketch.text, place) != place:
            return
        for band in sketch.bands:
            self.buckets[band].append(len(self.sketches))
        self.places.append(place)
        self.sketches.append(sketch)

    def nearest(
        self, row: int, sketch: Sketch, comparable: Callable[[int, int], bool] = anything
    ) -> Resemblance | None:
        """Return the nearest sketch in the index at or over the threshold, the earliest of equals, or None."""
        if sketch.text in self.same and comparable(row, self.same[sketch.text]):
            return Resemblance(row, self.same[sketch.text], 1.0)
        buckets = (bucket for band in sketch.bands if (bucket := self.buckets.get(band)))
        shared = Counter(chain.from_iterable(bucket for bucket in buckets if len(bucket) <= MOST_IN_BAND))
        best: Resemblance | None = None
        for number, _ in sorted(shared.most_common(MOST_COMPARED)):
            share = overlap_share(sketch.shingles, self.sketches[number].shingles)
            better = share >= self.threshold and (best is None or share > best.share)
            if better and comparable(row, self.places[number]):
                best = Resemblance(row, self.places[number], share)
        return best


def overlap_share(first: Hashes, second: Hashes) -> float:
    """Return the Jaccard overlap of two sets of hashes, each sorted and distinct; 0 where both are empty."""
    common = np.intersect1d(first, second, assume_unique=True).size
    return common / max(1, first.size + second.size - common)
