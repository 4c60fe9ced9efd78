"""Where every byte of a step on fake tensors comes from: storages, their births and deaths, one by one.

Rule 1  A storage is counted once, from the operation that made it until its last reference is gone (a weak reference on
        the storage tells); views cost nothing.
Rule 2  A number that would have to be read off a tensor is answered, because a fake tensor holds none: 1, and for a yes
        or no what the caller said (`yes`). A count that depends on values (which labels are learned) is the largest.
Rule 3  Gradients that meet at one place are added in place, as torch does where nobody watches its operations: while a
        dispatch mode is on it makes a third tensor (at::isTensorSubclassLike), which no card would hold.
"""

import sys
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
LOSS, BACKWARD, BACKWARD_END, STEP = "loss", "backward", "end of backward", "optimizer step"


@dataclass(slots=True)
class History:
    """Births (number, bytes) and deaths (number, 0) in order, a label for each number, and where each phase begins."""

    events: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    labels: dict[int, str] = field(default_factory=dict[int, str])
    marks: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def mark(self, phase: str) -> None:
        """Say that a phase begins here."""
        self.marks.append((len(self.events), phase))

    def without(self, label: str) -> "History":
        """Return the history as if the storages of that label were somewhere else."""
        kept, marks, following = [], [], iter([*self.marks, (len(self.events) + 1, "")])
        at, phase = next(following)
        for index, event in enumerate(self.events):
            while index >= at:
                marks.append((len(kept), phase))
                at, phase = next(following)
            if self.labels.get(event[0]) != label:
                kept.append(event)
        return History(kept, self.labels, marks)


def held_bytes(events: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield the bytes held after each event."""
    sizes: dict[int, int] = {}
    held = 0
    for number, size in events:
        if size:
            sizes[number] = size
            held += size
        else:
            held -= sizes.pop(number)
        yield held


class StorageTracker(TorchDispatchMode):
    """Records every storage that operations make while it is on; sits above the fake tensor mode."""

    def __init__(self, history: History, yes: bool):
        super().__init__()
        self.history, self.yes = history, yes
        self._numbers: dict[int, tuple[int, weakref.ref[Any]]] = {}
        self._next = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, or answer for it, and record what it made."""
        answer = ANSWERS.get(func)
        out = func(*args, **(kwargs or {})) if answer is None else answer(self, args, kwargs or {})
        if isinstance(out, torch.Tensor):
            self.record(out)
        elif isinstance(out, tuple | list):
            for one in out:
                if isinstance(one, torch.Tensor):
                    self.record(one)
        return out

    def record(self, tensor: torch.Tensor) -> int:
        """Return the number of the tensor's storage, a new one where it was not seen before."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        known = self._numbers.get(key)
        if known is not None:
            return known[0]
        number = self._next
        self._next += 1
        size = storage.nbytes()
        self._numbers[key] = (number, weakref.ref(storage, self._death_of(key, number, size)))
        if size:
            self.history.events.append((number, size))
        return number

    def _death_of(self, key: int, number: int, size: int) -> Callable[[Any], None]:
        def dead(_: Any) -> None:
            if self._numbers.get(key, (None,))[0] == number:
                del self._numbers[key]
            if size:
                self.history.events.append((number, 0))

        return dead

    def call(self, tensors: Iterable[Any], label: str) -> None:
        """Give the storages of these tensors a label."""
        for tensor in tensors:
            if isinstance(tensor, torch.Tensor):
                self.history.labels[self.record(tensor)] = label


def _scalar(tracker: StorageTracker, args: Any, kwargs: Any) -> Any:
    del kwargs
    kind = args[0].dtype
    if kind is torch.bool:
        return tracker.yes
    return 1.0 if kind.is_floating_point else 1


def _nonzero(tracker: StorageTracker, args: Any, kwargs: Any) -> Any:
    del tracker, kwargs
    asked = args[0]
    return torch.zeros((asked.numel(), asked.dim()), dtype=torch.int64, device=asked.device)


def _index(tracker: StorageTracker, args: Any, kwargs: Any) -> Any:
    """Indexing by a mask: as many rows as the mask has places."""
    del tracker
    tensor, indices = args[0], list(args[1])
    found = []
    for one in indices:
        if one is not None and one.dtype is torch.bool:
            found += [torch.zeros((one.numel(),), dtype=torch.int64, device=one.device) for _ in range(one.dim())]
        else:
            found.append(one)
    return aten.index.Tensor(tensor, found, **kwargs)


def _sum(tracker: StorageTracker, args: Any, kwargs: Any) -> Any:
    """Add, into the first term where the backward pass itself asks."""
    del tracker
    alike = isinstance(args[1], torch.Tensor) and args[0].shape == args[1].shape and args[0].dtype == args[1].dtype
    return args[0].add_(args[1]) if alike and _asked_by_engine() else aten.add.Tensor(*args, **kwargs)


def _asked_by_engine() -> bool:
    """Return whether no Python of a module or a function stands between an answer and the backward pass."""
    frame = sys._getframe(ANSWER_FRAMES)
    while frame is not None and frame.f_code.co_name in WRAPPERS:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == "_engine_run_backward"


ANSWER_FRAMES = 3  # this function's caller's caller's caller: the wrappers of __torch_dispatch__
WRAPPERS = ("__torch_dispatch__", "_fn", "inner")  # torch/_compile.py and torch/_dynamo/eval_frame.py


def _dequantised_product(tracker: StorageTracker, args: Any, kwargs: Any) -> Any:
    """Bitsandbytes' 4-bit product as CUDA does it above 1,536 rows: scales, weight, product (backends/cuda/ops)."""
    del kwargs
    a, (rows, columns), block = args[0], args[2], args[4]
    scales = torch.empty((rows * columns // block,), dtype=torch.float32, device=a.device)
    weight = torch.empty((rows, columns), dtype=a.dtype, device=a.device)
    tracker.call((scales, weight), "dequant")
    return torch.empty((*a.shape[:-1], rows), dtype=a.dtype, device=a.device)


def _dequantised(tracker: StorageTracker, args: Any, kwargs: Any) -> Any:
    weight = torch.ops.bitsandbytes.dequantize_4bit.default(*args, **kwargs)
    tracker.call((weight,), "dequant")
    return weight


ANSWERS: dict[Any, Callable[[StorageTracker, Any, Any], Any]] = {
    aten._local_scalar_dense.default: _scalar,
    aten.nonzero.default: _nonzero,
    aten.index.Tensor: _index,
    aten.add.Tensor: _sum,
}


def answer_for_bitsandbytes() -> None:
    """Add the answers for bitsandbytes' operations; it must have been imported, which defines them."""
    ANSWERS[torch.ops.bitsandbytes.gemm_4bit.default] = _dequantised_product
    ANSWERS[torch.ops.bitsandbytes.dequantize_4bit.default] = _dequantised


def spans(history: History) -> Iterator[tuple[str, int, int]]:
    """Yield each phase with its first event and the one after its last."""
    ends = [*(at for at, _ in history.marks[1:]), len(history.events)]
    for (start, phase), end in zip(history.marks, ends, strict=True):
        yield phase, start, end


def phase_peaks(history: History) -> dict[str, tuple[int, int]]:
    """Return for each phase its peak in bytes, what it begins with included, and the event at which it stands."""
    held = list(held_bytes(history.events))
    peaks: dict[str, tuple[int, int]] = {}
    for phase, start, end in spans(history):
        best = max(range(max(0, start - 1), end), key=held.__getitem__, default=start)
        if start < end and held[best] > peaks.get(phase, (-1, 0))[0]:
            peaks[phase] = (held[best], best)
    return peaks


def components_at(history: History, index: int) -> dict[str, int]:
    """Return what is held after an event, by label."""
    sizes: dict[int, int] = {}
    for number, size in history.events[: index + 1]:
        if size:
            sizes[number] = size
        else:
            del sizes[number]
    found: defaultdict[str, int] = defaultdict(int)
    for number, size in sizes.items():
        found[history.labels.get(number, "activations")] += size
    return dict(found)
