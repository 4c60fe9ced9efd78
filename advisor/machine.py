"""What this machine can do: its matrix-product rate, measured at a small model's shapes. Edge file: clock, processor.

Training on the processor at hand is priced in hours before it is started; a stated peak rate is no use for that.
"""

import time
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
EFFICIENCY: Final = assumed(
    "local.efficiency",
    0.5,
    "share",
    "a small model's step is also norms, softmax, dequantisation and Python; a run's own measurement replaces it",
    low=0.2,
    high=0.85,
)
STEP_OVERHEAD: Final = assumed(
    "local.step_overhead",
    0.1,
    "seconds_per_step",
    "loader, optimizer and logging of one small step; a run's own measurement replaces it",
    low=0.02,
    high=0.6,
)


def measure_matmul_flops_per_second(shape: ModelShape, step_tokens: int, seconds: float = MEASURE_SECONDS) -> Figure:
    """Return this machine's rate of 32-bit products: step_tokens rows through the model's feed-forward part.

    Takes about `seconds`; low and high bound 90 % of the products timed.
    """
    import numpy as np  # noqa: PLC0415  numpy is loaded only where a machine is measured

    rows, depth = max(1, step_tokens), shape.hidden
    columns = min(shape.intermediate or shape.expert_intermediate, LARGEST_COLUMNS)
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
    low, middle, high = (FLOPS_PER_PRODUCT * rows * depth * columns / np.quantile(spent, q) for q in (0.95, 0.5, 0.05))
    note = f"this machine: {len(spent)} fp32 products of {rows} x {depth} x {columns}"
    return measured("local.matmul_rate", float(middle), "flops_per_second", note, low=float(low), high=float(high))
