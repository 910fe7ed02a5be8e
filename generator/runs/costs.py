# SPDX-License-Identifier: GPL-2.0-only
"""Cost tables: how long the SEAM model spends in each leaf, and where each figure comes from.

A table is a TOML file: ``id``, ``unit = "ns"``, ``body_share`` (0 to 1: the part of a leaf's time
during which the module holds its locks) and per leaf ``[leaf."SEPT.ADD"]`` with ``ns`` and
``source``. With ``min`` and ``max`` too, each call's time is drawn between them and ``ns`` is the
mean. DEFAULT stands for leaves not named, BUSY for a call that is refused.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from generator import layout
from generator.errors import ConfigError, unknown

LEAVES = (
    "SEPT.ADD", "PAGE.ADD", "PAGE.AUG.4K", "PAGE.AUG.2M", "RANGE.BLOCK", "RANGE.UNBLOCK", "TRACK",
    "PAGE.REMOVE", "SEPT.REMOVE", "SEPT.RD", "DEMOTE", "PROMOTE", "PAMT.ADD", "PAMT.REMOVE",
    "RECLAIM", "WBINVD", "MNG.CREATE", "KEY.CONFIG", "ADDCX", "MNG.INIT", "VP.CREATE", "VP.ADDCX",
    "VP.INIT", "FINALIZE", "VPFLUSHDONE", "CACHE.WB", "KEY.FREEID", "DEFAULT", "BUSY",
)
ZERO = "zero"
DEFAULT_TABLE = "default"
MOST_NS = 10_000_000_000
"""Ten seconds: above this a figure is a typing error, and a boot would hang in one leaf."""


@dataclass(frozen=True)
class CostTable:
    """Per leaf (transition_ns, body_ns), for drawn times (.., .., min_ns, max_ns).

    ``sha256`` is of the file, ``sources`` per leaf.
    """

    id: str
    table: Mapping[str, tuple[int, ...]]
    sources: Mapping[str, str]
    sha256: str

    def lines(self) -> tuple[str, ...]:
        """What is written to the module's debugfs file ``costs``; the first line resets it."""
        named = (" ".join([leaf, *map(str, times)]) for leaf, times in self.table.items())
        return (f"table {self.id}", *named)

    def as_json(self) -> dict[str, Any]:
        """The manifest's view of the table."""
        return {"id": self.id, "sha256": self.sha256, "sources": dict(self.sources),
                "table": {leaf: list(pair) for leaf, pair in self.table.items()}}


def from_json(data: Mapping[str, Any]) -> CostTable:
    """The table a manifest carries, so that a resumed run does not depend on the file."""
    table = {leaf: tuple(int(n) for n in times) for leaf, times in data["table"].items()}
    return CostTable(data["id"], MappingProxyType(table), MappingProxyType(dict(data["sources"])),
                     data["sha256"])


def names(folder: Path = layout.COSTS) -> list[str]:
    """Names of the tables that come with the suite."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(name: str, folder: Path = layout.COSTS) -> CostTable:
    """A table by name, or by path when ``name`` ends in .toml.

    Raises UsageError for a name nobody knows and ConfigError, with file and key, for bad content.
    """
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if not path.is_file():
        raise unknown("cost table", name, [*names(folder), "<file>.toml"])
    return parse(path.read_bytes(), path.name)


def parse(blob: bytes, where: str) -> CostTable:
    """A table from the bytes of a TOML file called ``where``."""
    try:
        data = tomllib.loads(blob.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not TOML: {error}", where=where, fix="see kmod/seam/costs") from error
    _only(data, ("id", "title", "unit", "body_share", "leaf"), where)
    if data.get("unit") != "ns":
        raise ConfigError(f"unit is {data.get('unit')!r}", where=where, fix='write unit = "ns"')
    share = _number(data.get("body_share"), 1, f"{where}: body_share")
    leaves = _leaves(data.get("leaf", {}), where)
    table = {leaf: _times(entry, share, f"{where}: {leaf}") for leaf, entry in leaves.items()}
    sources = {leaf: _source(entry, f"{where}: {leaf}") for leaf, entry in leaves.items()}
    return CostTable(_id(data, where), MappingProxyType(table), MappingProxyType(sources),
                     hashlib.sha256(blob).hexdigest())


def _only(data: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in allowed:
            raise ConfigError(f"unknown key '{key}'", where=where,
                              fix=f"known: {', '.join(allowed)}")


def _id(data: Mapping[str, Any], where: str) -> str:
    name = data.get("id")
    if not isinstance(name, str) or not name.replace("_", "").replace("-", "").isalnum():
        raise ConfigError(f"id is {name!r}", where=where,
                          fix="give it one word: letters, digits, - and _")
    return name


def _leaves(entries: Any, where: str) -> dict[str, dict[str, Any]]:
    """The leaf entries in the order of LEAVES, so that equal tables give equal bytes."""
    if not isinstance(entries, dict):
        raise ConfigError("leaf is not a table", where=where, fix='write [leaf."SEPT.ADD"]')
    for leaf, entry in entries.items():
        if leaf not in LEAVES:
            raise ConfigError(f"unknown leaf '{leaf}'", where=where,
                              fix=f"known: {', '.join(LEAVES)}")
        if not isinstance(entry, dict):
            raise ConfigError(f"leaf {leaf} is not a table", where=where,
                              fix=f'write [leaf."{leaf}"] with ns = and source =')
        _only(entry, ("ns", "min", "max", "source"), f"{where}: {leaf}")
    return {leaf: entries[leaf] for leaf in LEAVES if leaf in entries}


def _number(value: Any, most: float, where: str) -> float:
    # bool is an int to Python, but "ns = true" is a mistake; NaN fails the comparison.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ConfigError(f"{value!r} is not a number from 0 to {most:g}", where=where,
                          fix="correct the file")
    return value


def _times(entry: Mapping[str, Any], share: float, where: str) -> tuple[int, ...]:
    total = round(_number(entry.get("ns"), MOST_NS, f"{where}.ns"))
    body = round(total * share)
    return total - body, body, *_bounds(entry, total, where)


def _bounds(entry: Mapping[str, Any], mean: int, where: str) -> tuple[int, ...]:
    """Nothing, or both of min and max around the mean."""
    if "min" not in entry and "max" not in entry:
        return ()
    least, most = (round(_number(entry.get(key), MOST_NS, f"{where}.{key}"))
                   for key in ("min", "max"))
    if not least <= mean <= most or not mean:
        raise ConfigError(f"min {least}, ns {mean}, max {most}", where=where,
                          fix="ns is the mean of what is drawn: it lies between min and max")
    return least, most


def _source(entry: Mapping[str, Any], where: str) -> str:
    source = entry.get("source")
    if not isinstance(source, str) or not source.strip():
        raise ConfigError("no source", where=where, fix="say where the figure comes from")
    return source
