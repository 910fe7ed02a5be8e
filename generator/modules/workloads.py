# SPDX-License-Identifier: GPL-2.0-only
"""The workloads of the twin, read from where they are: the table in kmod/hosts/twin/workloads.c."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generator.errors import ConfigError

#: Also where EXTSPT_ROOT is another folder: the plan is made of the workloads this suite knows.
SOURCE = Path(__file__).resolve().parents[2]
TABLE = "kmod/hosts/twin/workloads.c"
LAST_USUAL = "smoke"
"""The table's order says which are usual: those before this one. It is for tests."""
USUAL_VCPUS = 2
"""A workload with another number of vCPUs has it for a reason and keeps it."""
_ENTRY = re.compile(r'\.control = \{\s*"(?P<name>\w+)",\s*"(?P<help>[^"]*)",\s*'
                    r"\{(?P<params>[^}]*)\}")
_PARAM = re.compile(r"\.(?P<key>\w+) = (?P<value>\w+)")
_CONSTANTS = {"TWIN_PAGES_PER_REGION": 512}


@dataclass(frozen=True)
class Workload:
    """One workload. ``params``: pages (of 4 KiB), rounds, and what else it has for itself."""

    name: str
    help: str
    params: Mapping[str, int]
    usual: bool


@functools.cache
def of_twin(root: Path = SOURCE) -> Mapping[str, Workload]:
    """All workloads of the twin in the table's order; ConfigError when it cannot be read so."""
    text = (root / TABLE).read_text()
    entries = list(_ENTRY.finditer(text))
    names = [entry["name"] for entry in entries]
    if len(entries) != text.count(".control = {") or LAST_USUAL not in names:
        raise ConfigError("the table of workloads is not in the form that is read", where=TABLE,
                          fix='{ .control = { "name", "help", { .vcpus = 2, ... } }, ... }')
    last = names.index(LAST_USUAL)
    return {entry["name"]: Workload(entry["name"], entry["help"], _params(entry["params"]),
                                    place < last)
            for place, entry in enumerate(entries)}


def _params(text: str) -> dict[str, int]:
    found = {}
    for param in _PARAM.finditer(text):
        value = param["value"]
        try:
            found[param["key"]] = _CONSTANTS[value] if value in _CONSTANTS else int(value, 0)
        except ValueError as error:
            raise ConfigError(f"'{value}' is no number known here", where=TABLE) from error
    if found.get("vcpus") == USUAL_VCPUS:
        del found["vcpus"]
    return found
