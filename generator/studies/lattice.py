# SPDX-License-Identifier: GPL-2.0-only
"""The designs between two designs: each has some of B's decisions and A's for the rest.

Two designs that differ in k decisions span 2^k designs. A path goes from A to B one decision at a
time. An illegal design on the way is gone around, with another order or, where there is none, by
taking two decisions in one step.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from generator import layout
from generator.errors import ConfigError
from generator.modules import adhoc, differ, variant
from generator.modules.differ import Difference
from generator.modules.kconfig import PREFIX
from generator.modules.variant import Variant

MOST_ORDERED = 4
"""Up to this many decisions every order is walked; with more, one order and its reverse."""

Taken = frozenset[str]
"""Keys of the decisions in which a design has B's choice."""


@dataclass(frozen=True)
class Way:
    """One way from A to B: the sets of decisions taken, from none to all."""

    stops: tuple[Taken, ...]

    @property
    def steps(self) -> tuple[tuple[Taken, Taken], ...]:
        """Neighbouring stops."""
        return tuple(itertools.pairwise(self.stops))

    @property
    def groups(self) -> frozenset[Taken]:
        """The decisions of each step: one alone, or those that share it."""
        return frozenset(after - before for before, after in self.steps)

    @property
    def compound(self) -> int:
        """Decisions that share a step with another one."""
        return sum(len(group) - 1 for group in self.groups)


class Lattice:
    """All designs between ``a`` and ``b``, made when they are asked for."""

    def __init__(self, a: Variant, b: Variant, root: Path = layout.ROOT) -> None:
        self.a, self.b = a, b
        self.differences = differ.differences(a, b, root)
        self.illegal: dict[Taken, str] = {}
        self._root = root
        self._known: dict[Taken, Variant | None] = {frozenset(): a, self.all: b}

    @property
    def all(self) -> Taken:
        """Every decision: B itself."""
        return frozenset(one.key for one in self.differences)

    def at(self, taken: Taken) -> Variant | None:
        """The design with these decisions of B's; None when Kconfig forbids it (``illegal``)."""
        if taken not in self._known:
            try:
                self._known[taken] = self._between(taken)
            except ConfigError as error:
                self._known[taken] = None
                self.illegal[taken] = error.what
        return self._known[taken]

    @functools.cached_property
    def paths(self) -> tuple[Way, ...]:
        """Ways from A to B: all orders of few decisions, two of many; no order twice.

        All take the same steps, so that what these contribute adds up to the whole difference.
        """
        keys = [one.key for one in self.differences]
        orders: Iterable[tuple[str, ...]] = itertools.permutations(keys)
        if len(keys) > MOST_ORDERED:
            orders = (tuple(keys), tuple(reversed(keys)))
        found = list(dict.fromkeys(Way(tuple(self._walk(order))) for order in orders))
        steps = min(found, key=lambda path: path.compound).groups
        return tuple(path for path in found if path.groups == steps)

    def designs(self) -> dict[Taken, Variant]:
        """Every design that lies on a path."""
        stops = dict.fromkeys(stop for path in self.paths for stop in path.stops)
        return {stop: design for stop in stops if (design := self.at(stop)) is not None}

    def _walk(self, order: tuple[str, ...]) -> Iterator[Taken]:
        """Stops in this order; a decision that is illegal now waits for its turn to be legal."""
        here: Taken = frozenset()
        yield here
        while left := [key for key in order if key not in here]:
            here = self._next(here, left)
            yield here

    def _next(self, here: Taken, left: list[str]) -> Taken:
        for size in range(1, len(left)):
            for keys in itertools.combinations(left, size):
                if self.at(there := here | frozenset(keys)) is not None:
                    return there
        return here | frozenset(left)

    def _between(self, taken: Taken) -> Variant:
        chosen = [one for one in self.differences if one.key in taken]
        words = _changes(chosen)
        design = variant.load_variant(words.named(self.a.name), self._root)
        more = {symbol: text for symbol, value in design.values.items()
                if (text := self._wanted(symbol, taken)) and text != variant.as_kconfig(value)}
        if not more:
            return design
        words = adhoc.Changes(words.choices, {**words.values, **more})
        return variant.load_variant(words.named(self.a.name), self._root)

    def _wanted(self, symbol: str, taken: Taken) -> str:
        """What a tunable ought to be: that of the design its decision is from."""
        key = symbol.removeprefix(PREFIX).lower()
        first, second = self.a.values, self.b.values
        if key in taken or symbol not in first:
            first, second = second, first
        return variant.as_kconfig(first.get(symbol, second.get(symbol)))


def _changes(chosen: Iterable[Difference]) -> adhoc.Changes:
    choices: dict[str, str] = {}
    values: dict[str, str] = {}
    for one in chosen:
        if one.axis:
            choices[one.key] = one.b.value
        else:
            values[f"{PREFIX}{one.key}".upper()] = one.b.value
    return adhoc.Changes(choices, values)


def label(step: tuple[Taken, Taken], differences: Mapping[str, Difference]) -> str:
    """A step in words: ``pamt_lock: fastpath -> always``."""
    keys = [key for key in differences if key in step[1] - step[0]]
    return " & ".join(f"{key}: {differences[key].a.value} -> {differences[key].b.value}"
                      for key in keys)
