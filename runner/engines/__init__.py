"""Engines: the only place that knows torch. Importing this package sets what torch reads once, before it is loaded.

Rule 1  No network and no telemetry: models come from folders, and nothing phones home.
Rule 2  Waiting threads sleep (RUNNER.md 17: busy ones run 8-10 times slower beside another process).
Rule 3  cuBLAS gets a fixed workspace, without which a matrix product on a card is not reproducible.
"""

import logging
import os

_FORCED = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_PREFERRED = {
    "OMP_WAIT_POLICY": "passive",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}

os.environ.update(_FORCED)
for _name, _value in _PREFERRED.items():
    os.environ.setdefault(_name, _value)

# bitsandbytes tries to download a CPU kernel when it is imported, and warns that it could not; offline is what we want.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
