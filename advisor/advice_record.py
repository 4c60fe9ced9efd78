"""What every part of the advice is: a frozen record with named fields, which the standard library can take apart."""

from dataclasses import dataclass

from pydantic import ConfigDict

from pricing.record import Record


class AdviceRecord(Record):
    """Base of the parts of an advice: a dataclass to `asdict` and pydantic, without the code that makes one slow.

    A frozen dataclass of ten fields takes over a millisecond to make, and an advice has twenty of them.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    """Reading refuses a name that it does not know."""

    def __init_subclass__(cls) -> None:
        """Register the fields with the standard library."""
        super().__init_subclass__()
        dataclass(init=False, repr=False, eq=False)(cls)
