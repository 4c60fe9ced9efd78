"""Edge: llama.cpp's converter as a process of its own, where it is present. It is asked before training, too.

A converter rejects tokenizers that it does not know; finding that out after training would be finding it out too late.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

CONVERTER = "convert_hf_to_gguf.py"  # llama.cpp's name for it
CONVERTER_SETTING = "CROSSOVER_GGUF_CONVERTER"  # its path, where it is not on PATH
LIMIT_SECONDS = 3600  # a 70B model is written at disk speed well within the hour
LAST_WORDS = 300  # characters of the converter's last words that are shown


class Gguf(NamedTuple):
    """What came of it: a file, or None and the sentence that says why."""

    file: Path | None
    why: str


def find_converter() -> Path | None:
    """Return the converter's path, None where there is none."""
    named = os.environ.get(CONVERTER_SETTING) or shutil.which(CONVERTER)
    return Path(named) if named and Path(named).is_file() else None


def convert(model: Path, output: Path, *arguments: str) -> Gguf:
    """Convert a model folder to `output`, which appears whole or not at all."""
    converter = find_converter()
    if converter is None:
        why = f"not present: no {CONVERTER} on PATH and none in {CONVERTER_SETTING}"
        return Gguf(None, f"{why}; serve/llama-cpp.sh has the commands")
    temporary = output.with_name(f".{output.name}.partial")
    command = [sys.executable, str(converter), str(model), "--outfile", str(temporary), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return Gguf(None, f"{converter.name} did not end within {LIMIT_SECONDS} s")
    if done.returncode or not temporary.is_file():
        said = " ".join(done.stderr.split())[-LAST_WORDS:]
        temporary.unlink(missing_ok=True)
        return Gguf(None, f"{converter.name} rejects the model (exit {done.returncode}): {said}")
    temporary.replace(output)
    return Gguf(output, f"made by {converter.name}")


def preflight(model: Path) -> str | None:
    """Return why a model of this tokenizer could not be converted later; None if it can, or there is no converter."""
    if find_converter() is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        found = convert(model, Path(folder) / "vocabulary.gguf", "--vocab-only")
    return None if found.file else found.why
