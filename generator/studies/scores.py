# SPDX-License-Identifier: GPL-2.0-only
"""The computed cells held against the catalogue's scores: does a figure rank designs as people do?

The scores are opinions, kept in ``variants/scores.toml`` and nowhere else. In all criteria that
have them less is better: findings, pages, calls, takes of a lock, instructions under one.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generator import layout
from generator.errors import ConfigError
from generator.studies.criteria import CRITERIA
from generator.studies.facts import Cell

FILE = "scores.toml"
SCALE = {"--": -2, "-": -1, "0": 0, "+": 1, "++": 2}
FLOORS = {"C9": 4.0, "C10": 0.01}
"""Differences that are none: takes that depend on where pages lay; a share of the figure (C10)."""
WHY = "why"


@dataclass(frozen=True)
class Held:
    """One criterion. Pairs are (scored better, scored worse) and in the order of the scores.

    ``missing``: designs without a cell; ``same``: pairs with equal figures; ``reverse``: pairs in
    which the better has the larger one.
    """

    key: str
    missing: tuple[str, ...]
    same: tuple[tuple[str, str], ...]
    reverse: tuple[tuple[str, str], ...]
    pairs: int
    why: str

    @property
    def agrees(self) -> bool:
        """Whether every two designs that are scored apart are told apart the same way."""
        return not (self.missing or self.same or self.reverse)


def load(root: Path = layout.ROOT) -> dict[str, dict[str, str]]:
    """Criterion -> design -> score, with its "why"; ConfigError when it is malformed."""
    path = root / "variants" / FILE
    data: dict[str, dict[str, str]] = tomllib.loads(path.read_text())
    known = {one.key for one in CRITERIA}
    for key, row in data.items():
        wrong = [text for name, text in row.items() if name != WHY and text not in SCALE]
        if key not in known or wrong:
            raise ConfigError(f"{key}: {', '.join(wrong) or 'no such criterion'}", where=str(path),
                              fix=f"scores are {', '.join(SCALE)}")
    return data


def designs(root: Path = layout.ROOT) -> tuple[str, ...]:
    """Every design that has a score."""
    return tuple(dict.fromkeys(name for row in load(root).values() for name in row if name != WHY))


def hold(table: Mapping[str, Mapping[str, Cell]], root: Path = layout.ROOT) -> list[Held]:
    """Each scored criterion against the cells of criteria.table()."""
    return [_held(key, row, table) for key, row in load(root).items()]


def _held(key: str, row: Mapping[str, str], table: Mapping[str, Mapping[str, Cell]]) -> Held:
    scores = {name: SCALE[text] for name, text in row.items() if name != WHY}
    cells = {name: table[name][key] for name in scores if name in table}
    missing = tuple(name for name in scores if name not in cells or not cells[name].measured)
    same, reverse, pairs = [], [], 0
    for one, other in itertools.permutations([n for n in scores if n not in missing], 2):
        if scores[one] <= scores[other]:
            continue
        pairs += 1
        better, worse = cells[one].value, cells[other].value
        if abs(better - worse) <= _floor(key, max(abs(better), abs(worse))):
            same.append((one, other))
        elif better > worse:
            reverse.append((one, other))
    return Held(key, missing, tuple(same), tuple(reverse), pairs, row.get(WHY, ""))


def _floor(key: str, figure: float) -> float:
    floor = FLOORS.get(key, 0.0)
    return floor * figure if floor < 1 else floor


def lines(held: list[Held]) -> list[str]:
    """The comparison in sentences, a criterion each."""
    out = []
    for one in held:
        if one.missing:
            out.append(f"{one.key}: not measured for {', '.join(one.missing)}")
            continue
        agreed = one.pairs - len(one.same) - len(one.reverse)
        text = f"{one.key}: ranks {agreed} of {one.pairs} pairs as scored"
        text += f"; equal: {_told(one.same)}" if one.same else ""
        text += f"; the other way: {_told(one.reverse)}" if one.reverse else ""
        out.append(f"{text} ({one.why})" if one.why and not one.agrees else text)
    return out


def _told(pairs: tuple[tuple[str, str], ...]) -> str:
    """Pairs in words, better first."""
    return ", ".join(f"{better} and {worse}" for better, worse in pairs)
