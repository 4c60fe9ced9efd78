"""The caching allocator's rules, by hand, and as laws."""

from hypothesis import given
from hypothesis import strategies as st

from runner.allocator import reserved_peak_bytes, rounded_bytes, segment_bytes

KIB, MIB = 1 << 10, 1 << 20


def test_requests_are_rounded_and_segments_have_their_sizes() -> None:
    assert [rounded_bytes(n) for n in (1, 512, 513)] == [512, 512, 1024]
    assert segment_bytes(512) == 2 * MIB  # small pool
    assert segment_bytes(MIB) == 2 * MIB
    assert segment_bytes(MIB + 512) == 20 * MIB  # shared large segment
    assert segment_bytes(10 * MIB) == 10 * MIB  # its own, in steps of 2 MiB
    assert segment_bytes(10 * MIB + 512) == 12 * MIB


def test_small_blocks_share_a_segment() -> None:
    history = [(number, 700 * KIB) for number in range(3)]  # two fit in 2 MiB, the third opens another
    assert reserved_peak_bytes(history) == (4 * MIB, 3 * 700 * KIB)


def test_a_freed_block_is_used_again_and_neighbours_join() -> None:
    two = [(1, 8 * MIB), (2, 8 * MIB), (1, 0), (2, 0)]  # one 20 MiB segment: 8 + 8 + 4 left
    assert reserved_peak_bytes([*two, (3, 9 * MIB)])[0] == 20 * MIB  # taken from the joined 20 MiB
    assert reserved_peak_bytes([*two[:3], (3, 9 * MIB)])[0] == 40 * MIB  # 8 and 4 free, not 9: another segment


def test_the_smallest_block_that_fits_is_taken() -> None:
    # 12 and 30 MiB segments free; 11 MiB goes into the 12, so that 25 still finds the 30
    history = [(1, 30 * MIB), (2, 12 * MIB), (1, 0), (2, 0), (3, 11 * MIB), (4, 25 * MIB)]
    assert reserved_peak_bytes(history)[0] == 42 * MIB


def test_a_large_block_is_not_split_for_a_megabyte() -> None:
    # 12 MiB for 11: the 1 MiB left over stays in the block, so 1 MiB + 512 bytes needs a new segment of 20
    history = [(1, 12 * MIB), (1, 0), (2, 11 * MIB), (3, MIB + 512)]
    assert reserved_peak_bytes(history) == (32 * MIB, 12 * MIB + MIB + 512)


@given(st.lists(st.tuples(st.integers(1, 64 * MIB), st.booleans()), max_size=60))
def test_reserved_covers_what_is_held_and_held_covers_what_was_asked(asks: list[tuple[int, bool]]) -> None:
    history, alive, asked, peak = list[tuple[int, int]](), list[int](), dict[int, int](), 0
    for number, (size, free_one) in enumerate(asks):
        if free_one and alive:
            gone = alive.pop(len(alive) // 2)
            del asked[gone]
            history.append((gone, 0))
        history.append((number, size))
        alive.append(number)
        asked[number] = size
        peak = max(peak, sum(asked.values()))
    reserved, held = reserved_peak_bytes(history)
    assert reserved >= held >= peak


def twice(sizes: list[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    once = [(n, size) for n, size in enumerate(sizes)] + [(n, 0) for n in range(len(sizes))]
    return once, once + [(n + len(sizes), size) for n, size in once]


@given(st.lists(st.integers(5, 32).map(lambda n: 2 * MIB * n), min_size=1, max_size=30))
def test_the_same_again_costs_nothing_more_where_each_finds_its_own_segment(sizes: list[int]) -> None:
    once, again = twice(sizes)  # from 10 MiB on a segment is as large as the request, in steps of 2 MiB
    assert reserved_peak_bytes(again) == reserved_peak_bytes(once)


def test_the_same_again_may_hold_more_where_a_remainder_is_too_small_to_split() -> None:
    once, again = twice([1048577, 9436673, 10485249])  # just over 1, 9 and 10 MiB
    # first all three lie in a segment of 20 and one of 10 rounded up; then the second gets the one of 10 whole
    assert reserved_peak_bytes(once) == (31457280, 20972032)
    assert reserved_peak_bytes(again) == (31457280, 22020608)
