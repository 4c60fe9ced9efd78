"""How the exported model is served: one file a server, each a command that needs only the folder. Pure text.

None of these servers runs in the tests but `transformers serve`: the others' options are as their manuals name them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.engine import Message

GGUF_TYPE = "Q4_K_M"  # about 4.8 bits a weight; llama.cpp's own recommendation for little loss (R108)
Rendered = Callable[[Sequence[Message], bool], str]
MARKS = {"system": "\x02S\x02", "user": "\x02U\x02", "assistant": "\x02A\x02"}


@dataclass(frozen=True, slots=True)
class Served:
    """What the commands name: the model's name, dtype, context in tokens, LoRA rank if any, and a GGUF file if made."""

    name: str
    dtype: str
    context_tokens: int
    lora_rank: int | None
    base_name: str
    gguf: str | None


def files(served: Served, template: str | None, stops: Sequence[str]) -> dict[str, str]:
    """Return file name to content; every command is run in the ship folder."""
    half = "bfloat16" if served.dtype == "float32" else served.dtype  # TGI and LMDeploy know no float32
    name, context = served.name, served.context_tokens
    found = {
        "vllm.sh": f"vllm serve ./model --served-model-name {name} --dtype {served.dtype} --max-model-len {context}",
        "tgi.sh": f"text-generation-launcher --model-id ./model --dtype {half} --max-total-tokens {context}",
        "lmdeploy.sh": f"lmdeploy serve api_server ./model --model-name {name} --dtype {half} --session-len {context}",
        "transformers.sh": f"transformers serve ./model --dtype {served.dtype} --host 127.0.0.1 --port 8000",
        "llama-cpp.sh": llama_cpp(served),
        "ollama.sh": f"ollama create {name} -f serve/Modelfile && ollama run {name}",
    }
    if served.lora_rank is not None:
        found["vllm-adapter.sh"] = (
            f"# base and adapter apart, for the A/B test and the way back; BASE is the folder of {served.base_name}\n"
            f'vllm serve "$BASE" --enable-lora --max-lora-rank {served.lora_rank} --lora-modules {name}=./adapter'
        )
    scripts = {file: f"#!/bin/sh\nset -e\n{text}\n" for file, text in found.items()}
    return {**scripts, "Modelfile": modelfile(served, template, stops)}


def llama_cpp(served: Served) -> str:
    """Return the commands for llama.cpp, from the conversion on where there is no GGUF file yet."""
    made = served.gguf or f"{served.name}-{GGUF_TYPE}.gguf"
    convert = (
        f"convert_hf_to_gguf.py ./model --outfile {served.name}-f16.gguf --outtype f16\n"
        f"llama-quantize {served.name}-f16.gguf {made} {GGUF_TYPE}\n"
    )
    run = f"llama-server --model {made} --alias {served.name} --ctx-size {served.context_tokens} --jinja --port 8000"
    return ("" if served.gguf else convert) + run


def modelfile(served: Served, template: str | None, stops: Sequence[str]) -> str:
    """Return Ollama's Modelfile; without a template of its own Ollama must find one in the weights."""
    lines = [f"FROM ../{served.gguf or 'model'}"]
    if template is None:
        lines.append("# the chat template could not be put in Ollama's words: check it against the model card's sample")
    else:
        lines.append(f'TEMPLATE """{template}"""')
    lines += ["PARAMETER temperature 0", f"PARAMETER num_ctx {served.context_tokens}"]
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    return "\n".join(lines) + "\n"


def affixes(rendered: Rendered) -> dict[str, tuple[str, str]] | None:
    """Return what stands before and after each role's text, and ("next", "") before an answer; None if it varies."""
    said = {role: Message(role=role, content=mark) for role, mark in MARKS.items()}
    user, answer, system = said["user"], said["assistant"], said["system"]
    asked = rendered([user], False)
    answered = rendered([user, answer], False)
    opened = rendered([user], True)
    if asked.count(MARKS["user"]) != 1 or not answered.startswith(asked) or not opened.startswith(asked):
        return None
    found = {"user": around(asked, "user"), "next": (opened[len(asked) :], "")}
    found["assistant"] = around(answered[len(asked) :], "assistant")
    instructed = rendered([system, user], False)
    if instructed.endswith(asked):
        found["system"] = around(instructed[: -len(asked)], "system")
    talk = [system, user, answer, user] if "system" in found else [user, answer, user]
    joined = "".join(found[turn["role"]][0] + turn["content"] + found[turn["role"]][1] for turn in talk)
    return found if joined + found["next"][0] == rendered(talk, True) else None


def around(text: str, role: str) -> tuple[str, str]:
    """Return what stands before and after a role's mark."""
    before, _, after = text.partition(MARKS[role])
    return before, after


def ollama_template(rendered: Rendered) -> str | None:
    """Return the chat template in Ollama's language; None where turns cannot be put one after the other."""
    found = affixes(rendered)
    if found is None or any("{{" in part or '"""' in part for pair in found.values() for part in pair):
        return None
    roles = [role for role in ("system", "user", "assistant") if role in found]
    turns = "".join(
        f'{{{{ {"if" if role == roles[0] else "else if"} eq .Role "{role}" }}}}'
        f"{found[role][0]}{{{{ .Content }}}}{found[role][1]}"
        for role in roles
    )
    return f"{{{{ range .Messages }}}}{turns}{{{{ end }}}}{{{{ end }}}}{found['next'][0]}"
