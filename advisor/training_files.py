"""Edge: the record files that a scenario names, to records for the readiness check."""

from pathlib import Path

from advisor.checks.records import read_records
from advisor.readiness import Records
from advisor.scenario import Data


def read_data(data: Data, folder: Path) -> tuple[Records | None, Records | None]:
    """Return the training and test records that `data` names in `folder`; None for a file that it does not name."""
    train, test = (
        Records(*read_records(folder / name)) if name is not None else None for name in (data.train, data.test)
    )
    return train, test
