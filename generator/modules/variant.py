# SPDX-License-Identifier: GPL-2.0-only
"""A design as a point on the axes: one fragment, one choice per axis folder.

No list of axes or choices exists anywhere: an axis is a folder of kmod/axes, a choice is a
header in it, and its symbol is EXTSPT_<AXIS>_<CHOICE>.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from generator import layout
from generator.errors import ConfigError, unknown
from generator.modules import adhoc, kconfig

BASELINE = "kvm_owned"
ALL = "all"
"""In a comma list: every named design."""
HEADLINE = frozenset({BASELINE, "tdx_prealloc", "split_ops", "tip_x86_tdx", "none"})
"""What is timed unless designs are named: what was merged, what was refused, and the floor."""
APRIME = "_aprime"
CONTRACT = "contract.h"
RIG = f"{kconfig.PREFIX}RIG_"
NEEDS = f"{kconfig.PREFIX}NEEDS_"
ON_PURPOSE = f"{kconfig.PREFIX}ON_PURPOSE_"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# MODULE_NAME_LEN is 56 with the final NUL; "extspt_" and "_aprime" take 14.
_LONGEST = 41


@dataclass(frozen=True)
class Variant:
    """One design. ``choices``: axis -> choice. ``values``: active tunables, symbol -> value.

    ``known``: what the list knows to be wrong with it, as "<finding>: <what>; ...", or "".
    ``derived``: symbols that follow from the choices and cannot be set.
    """

    name: str
    title: str
    origin: str
    design: str
    fragment: Path
    choices: Mapping[str, str]
    values: Mapping[str, int | bool]
    aprime_of: str | None = None
    known: str = ""
    derived: Mapping[str, bool] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """Hook points that a host must have for it, such as prepare_pfn; sorted."""
        return self._derived(NEEDS)

    @property
    def on_purpose(self) -> tuple[str, ...]:
        """Kinds of the gate's findings that follow from its choices, such as uncharged; sorted."""
        return self._derived(ON_PURPOSE)

    def _derived(self, prefix: str) -> tuple[str, ...]:
        return tuple(sorted(name.removeprefix(prefix).lower()
                            for name, value in self.derived.items()
                            if name.startswith(prefix) and value))

    @property
    def slug(self) -> str:
        """The name as a C identifier, for files: its own, or the base's with a hash."""
        base, *changed = self.name.split(adhoc.JOIN, 1)
        if not changed:
            return base
        return f"{base[:_LONGEST - 10]}_x{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"

    @property
    def module(self) -> str:
        """Name of the kernel module, without .ko."""
        return f"extspt_{self.slug}"

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

    ``<name>+<axis>=<choice>`` and ``+<tunable>=<value>`` change it (see adhoc).
    Raises UsageError for an unknown name and ConfigError for a fault in the fragment.
    """
    if name.endswith(APRIME):
        return load_variant(name.removesuffix(APRIME), root).aprime()
    if adhoc.JOIN in name:
        return _changed(name, root)
    if name not in names(root):
        raise unknown("variant", name, names(root))
    fragment = root / "variants" / f"{name}.config"
    check_name(name, fragment)
    return _read(name, fragment, root)


def _changed(name: str, root: Path) -> Variant:
    """A named design with changes; those that change nothing are dropped from its name."""
    text, pairs = adhoc.split(name)
    base = load_variant(text, root)
    symbols = {axis.name: axis.symbols for axis in axes(root)}
    asked = adhoc.changes(pairs, symbols, root)
    choices = {a: c for a, c in asked.choices.items() if base.choices[a] != c}
    values = {s: v for s, v in asked.values.items() if as_kconfig(base.values.get(s)) != v}
    if not choices and not values:
        return base
    wanted = replace(base, name=(kept := adhoc.Changes(choices, values)).named(base.name))
    fragment = adhoc.fragment(base.fragment, kept, wanted.name, wanted.slug, symbols, root)
    return _read(wanted.name, fragment, root)


def as_kconfig(value: int | bool | None) -> str:
    """A tunable's value as Kconfig writes it; "" when it is not in use."""
    if isinstance(value, bool):
        return "y" if value else "n"
    return "" if value is None else str(value)


def _read(name: str, fragment: Path, root: Path) -> Variant:
    symbols = kconfig.load(fragment, root)
    text = {s.name: s for s in symbols if s.kind == "string"}
    title, origin, design = (_text(text[f"{kconfig.PREFIX}{name}"], fragment)
                             for name in ("TITLE", "ORIGIN", "DESIGN"))
    known = text.get(f"{kconfig.PREFIX}KNOWN")
    return Variant(name, title, origin, design, fragment, _choices(symbols, root),
                   _values(symbols), known=str(known.value) if known else "",
                   derived={s.name: bool(s.value) for s in symbols if not s.prompt})


def all_variants(root: Path = layout.ROOT) -> tuple[Variant, ...]:
    """Every named design, without A'."""
    return tuple(load_variant(name, root) for name in names(root))


def not_modelled(root: Path = layout.ROOT) -> dict[str, dict[str, str]]:
    """Designs of the catalogue without a variant: tag -> title, origin, why, nearest."""
    try:
        return tomllib.loads((root / "variants" / "not-modelled.toml").read_text())
    except FileNotFoundError:
        return {}


def select(wanted: str | None, root: Path = layout.ROOT) -> tuple[Variant, ...]:
    """Variants of a comma list as given; of None: all of them and the baseline's A'."""
    if wanted is None:
        found = all_variants(root)
        return (*found, *(v.aprime() for v in found if v.name == BASELINE))
    listed = dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip())
    if not listed:
        raise unknown("variant", wanted, names(root))
    if ALL in listed:
        listed = dict.fromkeys((*names(root), *(name for name in listed if name != ALL)))
    return tuple({v.name: v for v in (load_variant(name, root) for name in listed)}.values())


def picked(wanted: str | None, root: Path = layout.ROOT) -> list[str]:
    """Names of a comma list, each as it is called in records; of None: all named designs."""
    if wanted is None:
        return names(root)
    return [v.name for v in select(wanted, root)]


def timed(wanted: str | None, root: Path = layout.ROOT) -> list[str]:
    """As picked(), but of None the HEADLINE designs: the whole catalogue takes minutes to time."""
    return picked(wanted, root) if wanted else [n for n in names(root) if n in HEADLINE]


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
    # What belongs to the rig is told only where it is in use.
    return {s.name: s.value for s in symbols
            if s.active and s.prompt and not s.in_choice and not isinstance(s.value, str)
            and not (s.name.startswith(RIG) and not s.value)}
