# SPDX-License-Identifier: GPL-2.0-only
"""Where two designs differ: the axes with another choice, the tunables with another value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator import layout
from generator.modules import kconfig, variant
from generator.modules.kconfig import PREFIX
from generator.modules.variant import Variant


@dataclass(frozen=True)
class Side:
    """What one of the two designs has: the choice or value, its title and its help text."""

    value: str
    title: str = ""
    help: str = ""


@dataclass(frozen=True)
class Difference:
    """One axis, or one tunable that both have in use. ``key``: as adhoc takes it."""

    key: str
    axis: bool
    title: str
    help: str
    a: Side
    b: Side

    @property
    def change(self) -> str:
        """What makes A's into B's, as adhoc takes it."""
        return f"{self.key}={self.b.value}"


def differences(a: Variant, b: Variant, root: Path = layout.ROOT) -> tuple[Difference, ...]:
    """Axes first, in their folders' order, then the tunables that both designs have in use.

    A tunable of one design alone goes with the choice that brings it, and is no difference.
    """
    tree = kconfig.parse(root)
    found = [_axis(axis, a.choices[axis.name], b.choices[axis.name], tree)
             for axis in variant.axes(root) if a.choices[axis.name] != b.choices[axis.name]]
    both = [name for name in a.values if name in b.values and a.values[name] != b.values[name]
            and any(node.prompt for node in tree.syms[name].nodes)]
    return (*found, *(_tunable(name, a.values, b.values, tree) for name in both))


def alone(a: Variant, b: Variant) -> dict[str, int | bool]:
    """Tunables that ``a`` has in use and ``b`` has not; what is switched off is left out."""
    return {name: value for name, value in a.values.items()
            if name not in b.values and value is not False}


def _axis(axis: variant.Axis, a: str, b: str, tree: Any) -> Difference:
    symbols = [tree.syms[axis.symbols[choice]] for choice in (a, b)]
    node = symbols[0].choice.nodes[0]
    sides = [Side(choice, symbol.nodes[0].prompt[0], _help(symbol.nodes[0]))
             for choice, symbol in zip((a, b), symbols, strict=True)]
    return Difference(axis.name, True, node.prompt[0], _help(node), sides[0], sides[1])


def _tunable(name: str, a: Mapping[str, int | bool], b: Mapping[str, int | bool],
             tree: Any) -> Difference:
    node = tree.syms[name].nodes[0]
    return Difference(name.removeprefix(PREFIX).lower(), False, node.prompt[0], _help(node),
                      Side(variant.as_kconfig(a[name])), Side(variant.as_kconfig(b[name])))


def _help(node: Any) -> str:
    return " ".join((node.help or "").split())
