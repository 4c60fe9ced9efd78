"""What this machine can do: its matrix-product rate, measured at a small model's shapes. Edge file: clock, processor.

Training on the processor at hand is priced in hours before it is started; a stated peak rate is no use for that.
"""

import json
import os
import subprocess
import sys
import time
from datetime import date
from typing import Final

from advisor.shape import ModelShape
from pricing.figure import Figure, assumed, measured

MEASURE_SECONDS: Final = 2.0
"""Long enough for a steady median (hundreds of products), short enough to wait for."""

LARGEST_COLUMNS: Final = 16_384
"""A wider product is measured on this many columns: 256 MB at a depth of 4096, and the rate no longer grows."""

FLOPS_PER_PRODUCT: Final = 2  # one multiplication and one addition

UNMEASURED: Final = assumed(
    "local.matmul_rate",
    1e11,
    "flops_per_second",
    "not measured: two to sixteen processor cores in 32 bits; `--plan` measures this machine",
    low=3e10,
    high=1e12,
)
EFFICIENCY: Final = {
    method: measured(
        "local.efficiency",
        value,
        "share",
        "training step of a 1M-weight model over one thread's product rate, benchmarks/results/2026-11-21-cpu-step.md; "
        "a run's own measurement replaces it",
        date(2026, 11, 21),
        low=low,
        high=high,
    )
    for method, value, low, high in (
        ("qlora", 0.28, 0.12, 0.40),
        ("lora", 0.30, 0.13, 0.42),
        ("full", 0.45, 0.20, 0.60),
    )
}
"""Share of the product rate that a whole step reaches, by method: norms, softmax, dequantisation, Python beside."""
STEP_OVERHEAD: Final = assumed(
    "local.step_overhead",
    0.04,
    "seconds_per_step",
    "loader, optimizer and logging of one small step; a run's own measurement replaces it",
    low=0.01,
    high=0.15,
)


ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""One thread: beside other work two threads wait for each other and tell nothing (8 to 140 GFLOP/s seen)."""
QUICKEST: Final = (0.05, 0.25, 0.75)
"""Quantiles of the time of a product that give high, value and low: interruptions only ever slow a product down."""


def measure_matmul_flops_per_second(shape: ModelShape, step_tokens: int, seconds: float = MEASURE_SECONDS) -> Figure:
    """Return one thread's rate of 32-bit products: step_tokens rows through the model's feed-forward part.

    Runs for about `seconds` in a process of its own, because a thread count must be set before numpy is loaded.
    """
    rows, depth = max(1, step_tokens), shape.hidden
    columns = min(shape.intermediate or shape.expert_intermediate, LARGEST_COLUMNS)
    command = [sys.executable, "-m", "advisor.machine", *(str(number) for number in (rows, depth, columns, seconds))]
    told = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, check=True, text=True)
    spent = json.loads(told.stdout)
    high, value, low = (FLOPS_PER_PRODUCT * rows * depth * columns / taken for taken in spent["quantiles"])
    note = f"this machine: {spent['products']} fp32 products of {rows} x {depth} x {columns} on one thread"
    return measured("local.matmul_rate", value, "flops_per_second", note, low=low, high=high)


def time_products(rows: int, depth: int, columns: int, seconds: float) -> list[float]:
    """Return the seconds of each product of (rows, depth) by (depth, columns) over about `seconds`."""
    import numpy as np  # noqa: PLC0415  numpy is loaded only where a machine is measured

    rng = np.random.default_rng(0)
    left = rng.standard_normal((rows, depth), dtype=np.float32)
    right = rng.standard_normal((depth, columns), dtype=np.float32)
    spent: list[float] = []
    np.matmul(left, right)  # the first product also wakes threads and pages
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not spent:
        begin = time.perf_counter()
        np.matmul(left, right)
        spent.append(time.perf_counter() - begin)
    return sorted(spent)


def main() -> None:
    """Time products of the shape on the command line and print what the measurement asks for as JSON."""
    rows, depth, columns = (int(word) for word in sys.argv[1:4])
    spent = time_products(rows, depth, columns, float(sys.argv[4]))
    quantiles = [spent[int(share * (len(spent) - 1))] for share in QUICKEST]
    sys.stdout.write(json.dumps({"products": len(spent), "quantiles": quantiles}))


if __name__ == "__main__":
    main()
