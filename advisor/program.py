"""A figure tree as a flat list of calls: written once, then run for thousands of rows of input values at a time.

Rule 1  The formulas are the tree's own; a row whose inputs are the tree's own values gives the tree's own numbers.
Rule 2  What does not rest on a free input is not computed again; equal calls on equal inputs are made once.
Rule 3  Rows are the first axis, months the last; blocks of rows are small enough to stay in the processor's cache.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from pricing.figure import Figure, Number, plain

Array = NDArray[np.float64]
BLOCK_ROWS = 1000
"""Rows to a block: over 24 months 190 kB an array; half as many spend more on calls, twice as many leave the cache."""

Call = tuple[Callable[..., Number], tuple[tuple[str, int], ...], int]
"""A formula, where each of its parameters stands, and where its result goes."""


class Program:
    """Some figures as functions of some of the inputs below them, those named in `free`."""

    def __init__(self, outputs: Sequence[Figure], free: Collection[str]) -> None:
        self._free = frozenset(free)
        self._slots: list[Number] = []
        self._rests: list[int] = []
        self._inputs: dict[str, int] = {}
        self._calls: list[Call] = []
        self._place: dict[int, int] = {}
        self._made: dict[tuple[object, ...], int] = {}
        self._outputs = [self._put(figure) for figure in outputs]

    def _new(self, figure: Figure, rests: int) -> int:
        """Return a new slot that holds the figure's own value; `rests` has a bit for each input it rests on."""
        self._slots.append(plain(figure.value))
        self._rests.append(rests)
        return len(self._slots) - 1

    def _put(self, figure: Figure) -> int:
        """Return the figure's slot; writes the calls it needs."""
        if id(figure) not in self._place:
            self._place[id(figure)] = self._input(figure) if figure.name in self._free else self._derived(figure)
        return self._place[id(figure)]

    def _input(self, figure: Figure) -> int:
        if figure.name not in self._inputs:
            self._inputs[figure.name] = self._new(figure, 1 << len(self._inputs))
        return self._inputs[figure.name]

    def _derived(self, figure: Figure) -> int:
        places = tuple((parameter, self._put(below)) for parameter, below in figure.inputs.items())
        rests = reduce(int.__or__, (self._rests[slot] for _, slot in places), 0)
        if figure.formula is None or not rests:
            return self._new(figure, 0)
        key = (figure.formula, *places)
        if key not in self._made:
            self._made[key] = self._new(figure, rests)
            self._calls.append((figure.formula, places, self._made[key]))
        return self._made[key]

    @property
    def inputs(self) -> frozenset[str]:
        """The free inputs that the outputs rest on."""
        return frozenset(self._inputs)

    def _follow(self, slots: list[Number], calls: Sequence[Call]) -> list[Number]:
        for formula, places, slot in calls:
            slots[slot] = formula(**{parameter: slots[place] for parameter, place in places})
        return [slots[slot] for slot in self._outputs]

    def block(self, values: Mapping[str, Number]) -> list[Number]:
        """Return each output for one block: inputs of shape (rows, 1), outputs (rows, 1), (rows, months) or ()."""
        slots = list(self._slots)
        for name, slot in self._inputs.items():
            slots[slot] = values[name]
        return self._follow(slots, self._calls)

    def along(self, name: str) -> Callable[[Array], Array]:
        """Return the first output as a function of one input, all others as they are, for arrays of shape (points,)."""
        place = self._inputs.get(name)
        bit = 0 if place is None else self._rests[place]
        calls = [call for call in self._calls if self._rests[call[2]] & bit]

        def at(values: Array) -> Array:
            slots = list(self._slots)
            if place is not None:
                slots[place] = values.reshape(-1, 1)
            found = np.asarray(self._follow(slots, calls)[0], dtype=float)
            return np.broadcast_to(found, (values.size, 1))[:, 0]

        return at

    def run(self, values: Mapping[str, Array], rows: int) -> Array:
        """Return scalar outputs for all rows, shape (outputs, rows); inputs have shape (rows,)."""
        columns = {name: values[name].reshape(-1, 1) for name in self._inputs}
        found = np.empty((len(self._outputs), rows))
        for start in range(0, rows, BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            results = self.block({name: column[part] for name, column in columns.items()})
            for row, result in zip(found, results, strict=True):
                row[part] = np.reshape(result, -1)
        return found
