# SPDX-License-Identifier: GPL-2.0-only
"""A design as a point on the axes: one fragment, one choice per axis folder.

No list of axes or choices exists anywhere: an axis is a folder of kmod/axes, a choice is a
header in it, and its symbol is EXTSPT_<AXIS>_<CHOICE>.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from generator import kconfig, layout
from generator.errors import ConfigError, unknown

BASELINE = "kvm_owned"
APRIME = "_aprime"
CONTRACT = "contract.h"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# MODULE_NAME_LEN is 56 with the final NUL; "extspt_" and "_aprime" take 14.
_LONGEST = 41


@dataclass(frozen=True)
class Variant:
    """One design. ``choices``: axis -> choice. ``values``: active tunables, symbol -> value."""

    name: str
    title: str
    origin: str
    design: str
    fragment: Path
    choices: Mapping[str, str]
    values: Mapping[str, int | bool]
    aprime_of: str | None = None

    @property
    def module(self) -> str:
        """Name of the kernel module, without .ko."""
        return f"extspt_{self.name}"

    def aprime(self) -> Variant:
        """The same design under another name: what differs between the two is noise."""
        return replace(self, name=f"{self.name}{APRIME}", aprime_of=self.name)


@dataclass(frozen=True)
class Axis:
    """One axis folder: its choices by header, and each choice's Kconfig symbol."""

    name: str
    folder: Path
    symbols: Mapping[str, str]


def axes(root: Path = layout.ROOT) -> tuple[Axis, ...]:
    """All axes, by name. An axis folder is one that has a Kconfig."""
    folders = sorted(path.parent for path in (root / "kmod" / "axes").glob("*/Kconfig"))
    return tuple(_axis(folder) for folder in folders)


def _axis(folder: Path) -> Axis:
    headers = sorted(path.stem for path in folder.glob("*.h") if path.name != CONTRACT)
    symbols = {stem: f"{kconfig.PREFIX}{folder.name}_{stem}".upper() for stem in headers}
    return Axis(folder.name, folder, symbols)


def names(root: Path = layout.ROOT) -> list[str]:
    """Names of all fragments."""
    return sorted(path.stem for path in (root / "variants").glob("*.config"))


def load_variant(name: str, root: Path = layout.ROOT) -> Variant:
    """The variant of variants/<name>.config, or its A' when ``name`` ends in _aprime.

    Raises UsageError for an unknown name and ConfigError for a fault in the fragment.
    """
    if name.endswith(APRIME):
        return load_variant(name.removesuffix(APRIME), root).aprime()
    if name not in names(root):
        raise unknown("variant", name, names(root))
    fragment = root / "variants" / f"{name}.config"
    check_name(name, fragment)
    symbols = kconfig.load(fragment, root)
    text = {s.name: _text(s, fragment) for s in symbols if s.kind == "string"}
    return Variant(name, text["EXTSPT_TITLE"], text["EXTSPT_ORIGIN"], text["EXTSPT_DESIGN"],
                   fragment, _choices(symbols, root), _values(symbols))


def all_variants(root: Path = layout.ROOT) -> tuple[Variant, ...]:
    """Every named design, without A'."""
    return tuple(load_variant(name, root) for name in names(root))


def select(wanted: str | None, root: Path = layout.ROOT) -> tuple[Variant, ...]:
    """Variants of a comma list as given; of None: all of them and the baseline's A'."""
    if wanted is None:
        found = all_variants(root)
        return (*found, *(v.aprime() for v in found if v.name == BASELINE))
    listed = dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip())
    if not listed:
        raise unknown("variant", wanted, names(root))
    return tuple(load_variant(name, root) for name in listed)


def check_name(name: str, fragment: Path) -> None:
    """ConfigError when ``name`` cannot be part of a kernel module's name."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ConfigError(f"'{name}' cannot name a kernel module", where=fragment.name,
                          fix=f"use lower case letters, digits and _, at most {_LONGEST}")


def _text(symbol: kconfig.Symbol, fragment: Path) -> str:
    value = str(symbol.value)
    if not value.strip() or not value.isprintable():
        raise ConfigError(f"{symbol.name} must be one line of text", where=fragment.name,
                          fix=f'add CONFIG_{symbol.name}="..." ({symbol.prompt})')
    return value


def _choices(symbols: Iterable[kconfig.Symbol], root: Path) -> dict[str, str]:
    """Choice of each axis, after checking that headers and symbols match one to one."""
    listed = tuple(symbols)
    return {axis.name: _choice(axis, listed) for axis in axes(root)}


def _choice(axis: Axis, symbols: tuple[kconfig.Symbol, ...]) -> str:
    where = f"kmod/axes/{axis.name}/Kconfig"
    declared = {s.name: s for s in symbols if s.in_choice and s.file == where}
    for name in sorted(declared.keys() - set(axis.symbols.values())):
        header = name.lower().removeprefix(f"{kconfig.PREFIX}{axis.name}_".lower())
        raise ConfigError(f"{name} has no header", where=where,
                          fix=f"add kmod/axes/{axis.name}/{header}.h, or remove the symbol")
    for choice, name in axis.symbols.items():
        if name not in declared:
            raise ConfigError(f"{choice}.h has no symbol {name}", where=where,
                              fix="add it to the choice, or remove the header")
    chosen = [choice for choice, name in axis.symbols.items() if declared[name].value]
    if len(chosen) != 1:
        raise ConfigError("no choice can be made: none has its dependencies met", where=where,
                          fix="look at the 'depends on' lines of its symbols")
    return chosen[0]


def _values(symbols: Iterable[kconfig.Symbol]) -> dict[str, int | bool]:
    return {s.name: s.value for s in symbols
            if s.active and not s.in_choice and not isinstance(s.value, str)}
