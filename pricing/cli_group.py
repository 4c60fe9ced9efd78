"""What the three commands share: a first word that is no command belongs to the default one; `--version`."""

import gc
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


class DefaultCommand(TyperGroup):
    """A group whose commands may be left out: `advise scenario.yaml`, `run plan.json`. Set `default` in a subclass.

    Commands named in `later` are built by `build_later` once one of them, or the list of all, is asked for.
    """

    default: ClassVar[str]
    later: ClassVar[tuple[str, ...]] = ()

    def build_later(self) -> Mapping[str, Any]:
        """Return the commands of `later` by name."""
        return {}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None where the name is none."""
        if cmd_name in self.later and cmd_name not in self.commands:
            self.commands.update(self.build_later())
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, as help and completion show them."""
        if not set(self.later) <= set(self.commands):
            self.commands.update(self.build_later())
        return super().list_commands(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command before a first word that is no command and no option; a misspelt one is told."""
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        known = {*self.commands, *self.later}
        if args and args[0] not in known | own:
            self.refuse_misspelt(ctx, args[0], known)
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    @staticmethod
    def refuse_misspelt(ctx: Any, word: str, known: set[str]) -> None:
        """End with the command that was meant where a bare word is no file and is nearly a command."""
        if word.startswith("-") or Path(word).suffix or Path(word).exists():
            return
        from difflib import get_close_matches  # only where something is wrong already

        if near := get_close_matches(word, sorted(known), n=1):
            ctx.fail(f"no such command or file {word!r}. Did you mean {near[0]!r}?")


def show_version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        from importlib.metadata import version  # 20 ms that no other option needs

        typer.echo(f"crossover {version('crossover')}")
        raise typer.Exit


VersionOption = typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")


def enter(app: Callable[[], Any]) -> None:
    """Run a command line with what a short life does not need switched off: plugins, threads, most collections.

    Imports make much that lives and little that dies: looking for it is 5 % of the start, and taking it all down one
    by one at the end another 0.1 s; frozen, it goes back to the system with the process.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(100_000)
    try:
        app()
    finally:
        gc.freeze()
