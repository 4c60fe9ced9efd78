"""The faults of the campaign, and the small run that meets them."""

import json
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
STORY = ROOT / "scenarios" / "ticket_routing"
ROWS = {"train": 240, "valid": 32, "test": 48}
"""Small enough that a run takes some 15 seconds, many enough for three batches of answers."""
STEPS, SAVE_EVERY_STEPS, ADAPT_STEPS, DPO_STEPS, PAIRS = 24, 4, 8, 4, 24
USD_PER_HOUR = "3.00"
"""An H100's hour on the open market, so that a second is 0.0008 USD and shows."""
TRAINING = ("adapt", "sft", "dpo")
MODELS = (*TRAINING, "evaluate", "merge")
FREE = ("abplan", "account")
"""Stages that a signal does not stop before."""
LEADS_ON = ("merge", *FREE)
"""An attempt that outlives its fault is ended by a kill after these, so that the next can be harmed."""
KILLED, SAVED, FAILED = -9, 75, 5


@dataclass(frozen=True)
class Kind:
    """One fault: its name, what strikes, after which line of a stage (None: at a random write), how it may end."""

    name: str
    harm: dict[str, Any]
    endings: tuple[int, ...]
    stages: tuple[str, ...] | None = None


def at_line(event: str | None = None, **harm: Any) -> dict[str, Any]:
    """Return a harm after a line of the stage: of this event, or after the first work there is."""
    return {**harm, "event": event or "first"}


KILL_MOMENT = Kind("kill -9 at a random moment", {"do": ["SIGKILL"], "event": "moment"}, (KILLED,))
KILL_WRITE = Kind("kill -9 at a random write", {"do": ["SIGKILL"], "event": "write"}, (KILLED,))
KINDS = (
    Kind("SIGTERM", at_line(do=["SIGTERM"]), (SAVED,)),
    Kind("SIGINT", at_line(do=["SIGINT"]), (SAVED,)),
    Kind("SIGTERM, SIGTERM", at_line(do=["SIGTERM", "SIGTERM"]), (SAVED,)),
    Kind("disk full", at_line(do="fill", leave=0), (FAILED,)),
    Kind("disk full a little later", at_line(do="fill", leave=12_000), (FAILED, SAVED, KILLED)),
    Kind("out of memory at a write", {"do": "memory", "event": "write"}, (FAILED, SAVED)),
    Kind("out of memory in the model", at_line(do="memory"), (FAILED, SAVED), MODELS),
    Kind("NaN in the loss", at_line("step", do="nan_loss"), (FAILED,), TRAINING),
    Kind("NaN in a gradient", at_line("step", do="nan_gradient"), (FAILED,), TRAINING),
    Kind("NaN in a weight", at_line("step", do="nan_weights"), (FAILED,), TRAINING),
    Kind("newest checkpoint: one bit flipped", at_line("checkpoint", do=["SIGKILL"], count=2), (KILLED,), TRAINING),
    Kind("wall clock a day forward", at_line(do="clock", jump=86_400), (SAVED, KILLED)),
    Kind("wall clock a day back", at_line(do="clock", jump=-86_400), (SAVED, KILLED)),
    Kind("a second run on the folder", at_line(do="hold"), (SAVED, KILLED)),
)  # fmt: skip


def harm_of(kind: Kind, stage: str, seconds: float, writes: int, rng: random.Random) -> dict[str, Any]:
    """Return the harm for one stage that takes so many seconds and writes; one that misses still ends the attempt."""
    harm = {
        **kind.harm,
        "stage": stage,
        "last": "SIGKILL" if KILLED in kind.endings[:1] or stage in LEADS_ON else "SIGTERM",
    }
    event = harm["event"]
    if event == "moment":
        return {**harm, "event": "stage_started", "delay": rng.uniform(0, seconds)}
    if event == "write":
        del harm["event"]
        return {**harm, "write": rng.randint(1, max(1, writes))}
    if event == "first":
        harm["event"] = {"evaluate": "rows"}.get(stage, "step" if stage in TRAINING else "stage_started")
    if harm["event"] == "step":
        harm["count"] = rng.randint(1, SAVE_EVERY_STEPS - 1)  # a step must follow that can be spoiled
    return harm


def pair_line(turns: list[dict[str, str]], others: list[dict[str, str]]) -> str:
    """Return a preference: this conversation's answer, before the answer to another one."""
    pair = {"prompt": turns[0]["content"], "chosen": turns[1]["content"], "rejected": others[1]["content"]}
    return json.dumps(pair) + "\n"


def small_plan(work: Path) -> Path:
    """Write the small scenario, advise on it, and return its plan; it is made against the verdict, which says so."""
    home = work / "scenario"
    shutil.copytree(STORY / "base_model", home / "base_model")
    lines = {name: (STORY / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(True) for name in ROWS}
    for name, rows in ROWS.items():
        (home / f"{name}.jsonl").write_text("".join(lines[name][:rows]), encoding="utf-8")
    texts = [json.loads(line)["messages"][0]["content"] for line in lines["train"][1000:1064]]
    (home / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    pairs = [json.loads(line)["messages"] for line in lines["train"][1100 : 1100 + PAIRS + 1]]
    (home / "pairs.jsonl").write_text("".join(map(pair_line, pairs[:-1], pairs[1:])), encoding="utf-8")
    yaml = YAML()
    document: dict[str, Any] = yaml.load((STORY / "scenario.yaml").read_text(encoding="utf-8"))
    document["data"].update(unlabelled="texts.jsonl", preferences="pairs.jsonl")
    adapt = {"learning_rate": 1e-3, "max_steps": ADAPT_STEPS, "micro_batch": 4, "accumulation": 1}
    dpo = {"max_steps": DPO_STEPS, "micro_batch": 2, "accumulation": 2, "min_pairs": PAIRS}
    document["training"].update(max_steps=STEPS, micro_batch=4, save_every_steps=SAVE_EVERY_STEPS, adapt=adapt, dpo=dpo)
    document["gate"]["max_new_tokens"] = 16
    with (home / "scenario.yaml").open("w", encoding="utf-8") as handle:
        yaml.dump(document, handle)
    plan = work / "plan" / "plan.json"
    why = "a small run for the fault campaign"
    command = [sys.executable, "-m", "advisor.cli", str(home / "scenario.yaml"), "--plan", str(plan), "--override", why]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return plan
