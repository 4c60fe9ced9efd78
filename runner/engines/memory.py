"""Peak memory of a stage: on a card what the allocator held, on a CPU how far the process's resident set grew."""

import contextlib
import resource
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""Written to clear_refs it resets VmHWM (Linux, proc(5))."""
BYTES_PER_KIB = 1024


class PeakMemory:
    """Starts on construction. CPU: VmHWM - VmRSS at the start; memory freed before and used again is not seen."""

    def __init__(self) -> None:
        """Reset the peak where the system can; where it cannot the process's own maximum is the peak."""
        self._cuda = torch.cuda.is_available()
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            return
        with contextlib.suppress(OSError):
            _CLEAR.write_text(RESET_PEAK, encoding="ascii")
        self._start_bytes = _status_bytes("VmRSS")

    def peak_bytes(self) -> int:
        """Return the most bytes held since the start."""
        if self._cuda:
            return int(torch.cuda.max_memory_allocated())
        return max(0, _status_bytes("VmHWM") - self._start_bytes)


def _status_bytes(field: str) -> int:
    if _STATUS.is_file():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * BYTES_PER_KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_KIB
