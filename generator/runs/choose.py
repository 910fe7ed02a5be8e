# SPDX-License-Identifier: GPL-2.0-only
"""Which run a verb means. Imports no numerics: asv starts a process per figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generator import layout
from generator.errors import DataError
from generator.runs import store


def find_run(name: str | None) -> store.Run:
    """The run of that id or path; without a name the newest complete one.

    Raises UsageError for an unknown name, DataError when there is no complete run or a file of the
    run is damaged.
    """
    if name is not None:
        return store.load_run(name)
    for run_id in reversed(store.run_ids()):
        path = store.locate(run_id)
        if store.read_manifest(path)["state"] == store.COMPLETE:
            return store.load_run(path)
    raise DataError("there is no complete run", where=str(layout.shown(layout.RUNS)),
                    fix="'extspt run' makes one; a partial run can be named")


def vcpus_of(case: Mapping[str, Any]) -> int:
    """vCPUs of a case, 0 when it left no record."""
    return int(case["record"]["params"].get("vcpus", 1)) if case.get("record") else 0
