# SPDX-License-Identifier: GPL-2.0-only
"""Designs nobody posted: a named one with some of its axes or tunables changed.

``kvm_owned+pamt_lock=hashed+pamt_lock_bits=4`` is the design kvm_owned with two changes. Its
fragment is written to build/adhoc/, so that it is looked at, kept and built like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kconfiglib

from generator import layout
from generator.errors import UsageError, unknown
from generator.modules import kconfig
from generator.modules.kconfig import PREFIX

JOIN = "+"
_CHANGE = re.compile(r"(?P<key>[a-z][a-z0-9_]*)=(?P<value>[a-z0-9_]+)")
_TEXTS = (f"{PREFIX}TITLE", f"{PREFIX}ORIGIN", f"{PREFIX}DESIGN")
_KNOWN = f"{PREFIX}KNOWN"


@dataclass(frozen=True)
class Changes:
    """What is changed: axis -> choice, and tunable (its symbol) -> value as Kconfig writes it."""

    choices: Mapping[str, str]
    values: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.choices or self.values)

    def named(self, base: str) -> str:
        """The one name of ``base`` with these changes."""
        words = [f"{axis}={choice}" for axis, choice in sorted(self.choices.items())]
        words += [f"{symbol.removeprefix(PREFIX).lower()}={value}"
                  for symbol, value in sorted(self.values.items())]
        return JOIN.join((base, *words))


def split(name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A name as the base's name and the (key, value) pairs after it; UsageError when malformed."""
    base, *words = name.split(JOIN)
    found = [_CHANGE.fullmatch(word) for word in words]
    for word, match in zip(words, found, strict=True):
        if match is None:
            raise UsageError(f"'{word}' is no change of a design", where=name,
                             fix=f"write <design>{JOIN}<axis>=<choice> or "
                                 f"{JOIN}<tunable>=<number, y or n>")
    return base, tuple((m["key"], m["value"]) for m in found if m)


def changes(pairs: tuple[tuple[str, str], ...], axes: Mapping[str, Mapping[str, str]],
            root: Path = layout.ROOT) -> Changes:
    """Sort pairs into axes and tunables. ``axes``: axis -> choice -> symbol.

    Raises UsageError for a name nobody knows, and lists those that are known.
    """
    choices: dict[str, str] = {}
    values: dict[str, str] = {}
    known = tunables(kconfig.parse(root))
    for key, value in pairs:
        if key in axes:
            if value not in axes[key]:
                raise unknown(f"choice of {key}", value, axes[key])
            choices[key] = value
        elif (symbol := f"{PREFIX}{key}".upper()) in known:
            values[symbol] = str(int(value)) if value.isdecimal() else value
        else:
            raise unknown("axis or tunable", key, [*axes, *sorted(known.values())])
    return Changes(choices, values)


def tunables(tree: Any) -> dict[str, str]:
    """Symbols with a prompt that are neither choices nor texts -> their short names."""
    return {s.name: s.name.removeprefix(PREFIX).lower() for s in tree.unique_defined_syms
            if s.choice is None and s.orig_type != kconfiglib.STRING
            and any(n.prompt for n in s.nodes)}


def fragment(base: Path, asked: Changes, name: str, slug: str,
             axes: Mapping[str, Mapping[str, str]], root: Path = layout.ROOT) -> Path:
    """Write the fragment of a changed design and return its path.

    A tunable that ``base`` sets and that a changed axis has no use for is left out. What is
    illegal is found when the fragment is read, as with any other.
    """
    taken = {symbol for axis in asked.choices for symbol in axes[axis].values()} | set(asked.values)
    lines = {axes[axis][choice]: "y" for axis, choice in asked.choices.items()}
    lines.update(asked.values)
    kept = {symbol: value for symbol, value in kconfig.assignments(base, root).items()
            if symbol not in taken}
    title, origin, design = (kept.pop(symbol)[1:-1] for symbol in _TEXTS)
    kept.pop(_KNOWN, None)      # of the design as it was
    changed = name.split(JOIN, 1)[1].replace(JOIN, ", ")
    head = dict(zip(_TEXTS, (f'"{title}; with {changed}"', f'"changed from: {origin}"',
                             f'"{design}*"'), strict=True))
    path = root / "build" / "adhoc" / f"{slug}.config"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = head | {s: v for s, v in kept.items() if s not in _useless(kept, lines, root)} | lines
    text = "".join(f"CONFIG_{symbol}={value}\n" for symbol, value in whole.items())
    whole_text = f"# SPDX-License-Identifier: GPL-2.0-only\n# {name}\n{text}"
    if not path.exists() or path.read_text() != whole_text:
        path.write_text(whole_text)
    return path


def _useless(kept: Mapping[str, str], lines: Mapping[str, str], root: Path) -> set[str]:
    """Tunables of the base that the changed axes have switched off."""
    tree = kconfig.parse(root)
    for symbol, value in {**kept, **lines}.items():
        tree.syms[symbol].set_value(value)
    return {symbol for symbol in kept if tree.syms[symbol].choice is None
            and not kconfiglib.expr_value(tree.syms[symbol].direct_dep)}
