"""The commands of `advise` that have a module of their own, built together. Edge file."""

from typing import Any

import typer
from typer.main import get_group

from advisor.cli_data import add_data
from advisor.cli_diff import add_diff
from advisor.cli_init import add_init
from advisor.cli_serve import add_serve
from advisor.cli_sweep import add_sweep
from advisor.cli_tokens import add_tokens
from advisor.cli_train import add_train
from advisor.cli_vram import add_vram


def commands() -> dict[str, Any]:
    """Return each command by its name."""
    app = typer.Typer(rich_markup_mode=None)
    for add in (add_data, add_diff, add_init, add_vram, add_serve, add_sweep, add_tokens, add_train):
        add(app)
    return dict(get_group(app).commands)
