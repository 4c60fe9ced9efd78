"""The round trip: the merged model behind a real server on loopback says what `generate` says, token by token."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.engine import ModelRef
from tests.engines.test_answers import PROMPTS, ROWS, flat

pytestmark = pytest.mark.torch
START_SECONDS = 300  # imports of the server on a very busy machine; about 15 on an idle one


@pytest.fixture(scope="session")
def merged(engine: Any, tuned: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return engine.merge(tuned, ROWS[:4], tmp_path_factory.mktemp("served") / "model").directory


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `transformers serve` with the merged model, started as its own process."""
    for name in ("fastapi", "uvicorn", "openai"):
        pytest.importorskip(name, reason="transformers[serving] is not installed")
    url = f"http://127.0.0.1:{(port := free_port())}"
    log = (tmp_path_factory.mktemp("log") / "serve.txt").open("w+", encoding="utf-8")
    program = Path(sys.executable).with_name("transformers")
    command = [program, "serve", merged, "--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1"]
    surroundings = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    process = subprocess.Popen([*map(str, command), "--port", str(port)], stdout=log, stderr=log, env=surroundings)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, Path(log.name).read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < deadline, Path(log.name).read_text(encoding="utf-8")[-2000:]
            try:
                if httpx.get(f"{url}/health", timeout=2).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield url
    finally:
        process.kill()
        process.wait()
        log.close()


def test_the_served_model_says_what_generate_says(engine: Any, merged: Path, server: str) -> None:
    from runner.engines.loading import load_tokenizer

    tokenizer = load_tokenizer(merged)
    prompts = PROMPTS[::8]
    wanted = flat(engine.answer(ModelRef(merged, None, False, "float32"), prompts, 16, 1))
    for prompt, answer in zip(prompts, wanted, strict=True):
        body = {"model": str(merged), "messages": prompt, "max_tokens": 16, "temperature": 0, "stream": False}
        reply = httpx.post(f"{server}/v1/chat/completions", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        (choice,) = reply.json()["choices"]
        said = choice["message"]["content"]
        assert tokenizer(said)["input_ids"] == tokenizer(str(answer))["input_ids"]
        assert choice["finish_reason"] == ("stop" if answer.ended else "length")
