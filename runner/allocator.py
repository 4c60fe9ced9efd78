"""Replay of an allocation history through the rules of torch's CUDA caching allocator. Pure; no torch.

Rule 1  A request is rounded up to 512 bytes. Up to 1 MiB it comes from the small pool, whose segments are 2 MiB; above,
        from the large pool, whose segments are 20 MiB for requests under 10 MiB and the request rounded up to 2 MiB
        otherwise (torch 2.x, c10/cuda/CUDACachingAllocator).
Rule 2  The smallest free block that is large enough is taken, the lowest address among equals. What is left over is
        split off from 512 bytes in the small pool, and from more than 1 MiB in the large one.
Rule 3  A freed block joins its free neighbours; a segment is never given back. Leaves out: `empty_cache`, memory
        pressure (where the allocator would give cached segments back and try again), several streams.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

ROUND_BYTES = 512  # kMinBlockSize of c10/cuda/CUDACachingAllocator, as the five below
SMALL_REQUEST_BYTES = 1 << 20  # kSmallSize: the small pool's largest request
SMALL_SEGMENT_BYTES = 2 << 20  # kSmallBuffer: what the small pool asks of the driver
LARGE_SEGMENT_BYTES = 20 << 20  # kLargeBuffer: what the large pool asks for a middling request
OWN_SEGMENT_BYTES = 10 << 20  # kMinLargeAlloc: from here a request has a segment of its own
SEGMENT_ROUND_BYTES = 2 << 20  # kRoundLarge: the step of such segments


def rounded_bytes(request_bytes: int, step_bytes: int = ROUND_BYTES) -> int:
    """Return the request rounded up to a whole step, one step at least."""
    return max(step_bytes, -(-request_bytes // step_bytes) * step_bytes)


def segment_bytes(block_bytes: int) -> int:
    """Return how much is asked of the driver for a block that no free one can hold."""
    if block_bytes <= SMALL_REQUEST_BYTES:
        return SMALL_SEGMENT_BYTES
    if block_bytes < OWN_SEGMENT_BYTES:
        return LARGE_SEGMENT_BYTES
    return rounded_bytes(block_bytes, SEGMENT_ROUND_BYTES)


@dataclass(slots=True, eq=False)
class Block:
    """A piece of a segment; `before` and `after` are its neighbours there."""

    size_bytes: int
    address: int
    small: bool
    free: bool = False
    before: "Block | None" = None
    after: "Block | None" = None


@dataclass(slots=True)
class CachingAllocator:
    """One card's allocator: `reserved_bytes` only grows, `held_bytes` counts rounded blocks in use."""

    reserved_bytes: int = 0
    held_bytes: int = 0
    peak_held_bytes: int = 0
    _pools: dict[bool, list[tuple[int, int]]] = field(default_factory=lambda: {True: [], False: []})
    _at: dict[int, Block] = field(default_factory=dict[int, Block])

    def take(self, request_bytes: int) -> Block:
        """Return a block for a request, out of the cache where one fits."""
        size = rounded_bytes(request_bytes)
        small = size <= SMALL_REQUEST_BYTES
        pool = self._pools[small]
        place = bisect_left(pool, (size, 0))
        if place < len(pool):
            block = self._at[pool.pop(place)[1]]
            block.free = False
        else:
            block = self._new_segment(segment_bytes(size), small)
        self._split(block, size)
        self.held_bytes += block.size_bytes
        self.peak_held_bytes = max(self.peak_held_bytes, self.held_bytes)
        return block

    def _new_segment(self, size_bytes: int, small: bool) -> Block:
        block = Block(size_bytes, self.reserved_bytes, small)
        self._at[block.address] = block
        self.reserved_bytes += size_bytes
        return block

    def _split(self, block: Block, size_bytes: int) -> None:
        left = block.size_bytes - size_bytes
        if left < ROUND_BYTES or (not block.small and left <= SMALL_REQUEST_BYTES):
            return
        rest = Block(left, block.address + size_bytes, block.small, free=True, before=block, after=block.after)
        if block.after is not None:
            block.after.before = rest
        block.after, block.size_bytes = rest, size_bytes
        self._cache(rest)

    def _cache(self, block: Block) -> None:
        self._at[block.address] = block
        insort(self._pools[block.small], (block.size_bytes, block.address))

    def give_back(self, block: Block) -> None:
        """Return a block to the cache; it joins its free neighbours."""
        self.held_bytes -= block.size_bytes
        block.free = True
        if block.after is not None and block.after.free:
            self._absorb(block, block.after)
        if block.before is not None and block.before.free:
            before = block.before
            self._uncache(before)
            before.size_bytes += block.size_bytes
            before.after = block.after
            if block.after is not None:
                block.after.before = before
            del self._at[block.address]
            block = before
        self._cache(block)

    def _absorb(self, block: Block, after: Block) -> None:
        self._uncache(after)
        del self._at[after.address]
        block.size_bytes += after.size_bytes
        block.after = after.after
        if after.after is not None:
            after.after.before = block

    def _uncache(self, block: Block) -> None:
        pool = self._pools[block.small]
        del pool[bisect_left(pool, (block.size_bytes, block.address))]


def reserved_peak_bytes(history: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Return peak reserved and peak held bytes of a history of (allocation number, its bytes; 0 where it is freed)."""
    allocator, blocks = CachingAllocator(), dict[int, Block]()
    for number, size_bytes in history:
        if size_bytes:
            blocks[number] = allocator.take(size_bytes)
        elif number in blocks:
            allocator.give_back(blocks.pop(number))
    return allocator.reserved_bytes, allocator.peak_held_bytes
