"""The book that ships with the package, read once."""

import pytest

from pricing.book import load_book
from pricing.table import PriceBook


@pytest.fixture(scope="session")
def book() -> PriceBook:
    return load_book()


@pytest.fixture(scope="session")
def whole_book() -> PriceBook:
    """Return the book with the lines nobody has read on a page."""
    return load_book(allow_unverified=True)
