"""The one look of every table of the page."""

from rich import box
from rich.table import Table


def table(title: str, *columns: str, right: tuple[int, ...] = ()) -> Table:
    """Return an empty table in the house's style; `right` lists the columns of numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index in right else "left", overflow="fold")
    return made
