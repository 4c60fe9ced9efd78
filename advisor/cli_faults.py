"""What ends a command early: wrong usage, and every fault of the input that reading or advising may raise."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import typer

INPUT_AT_FAULT: Final = 1
WRONG_USAGE: Final = 2


def fail(message: str, code: int = INPUT_AT_FAULT) -> typer.Exit:
    """Print a message on stderr and return the exit to raise."""
    typer.echo(message, err=True)
    return typer.Exit(code)


@contextmanager
def input_faults() -> Generator[None]:
    """Turn a fault of the input inside the block into its text on stderr and exit code 1."""
    from advisor.catalog import UnknownCardError, UnknownModelError
    from advisor.hf_config import ConfigError
    from advisor.quantity import UnknownQuantityError
    from advisor.replica import ServingFault
    from advisor.scenario_file import ScenarioFaultsError
    from advisor.shape import UnknownTargetError
    from pricing.book import BookFaultsError
    from pricing.names import PriceError

    try:
        yield
    except (
        ScenarioFaultsError, UnknownModelError, UnknownCardError, ConfigError, UnknownQuantityError,
        BookFaultsError, PriceError, UnknownTargetError, ServingFault,
    ) as fault:  # fmt: skip
        typer.echo(str(fault), err=True)
        raise typer.Exit(1) from None
