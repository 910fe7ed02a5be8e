# SPDX-License-Identifier: GPL-2.0-only
"""Which decision contributes what: a measured walk from one design to another.

The figures are those of the count tier, which repeat but for where the page allocator put pages:
differences below a floor, A' against A among them, count as none. Where the orders of the decisions
give different contributions, the spread is the interaction; it is
shown, and the mean over the orders stands for the decision (with all orders: its Shapley value).
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.errors import DataError
from generator.gate.result import FAIL
from generator.runs import store
from generator.studies.counted import MEASURES, SHARE, Counted, Measure
from generator.studies.lattice import Lattice, Taken, label

FILE = "ablation.json"


@dataclass(frozen=True)
class Part:
    """What one step does to a figure: mean, least and most over ``orders`` orders."""

    label: str
    mean: float
    low: float
    high: float
    orders: int

    @property
    def spread(self) -> float:
        """How much it depends on the decisions taken before."""
        return self.high - self.low


@dataclass(frozen=True)
class Waterfall:
    """One figure from A to B. Values are NaN where a design on the way has none.

    ``floor``: what is not larger is no effect. ``pairs``: two decisions and what they do together
    beyond what each does alone, from A, where that is larger than twice the floor: it is a
    difference of differences.
    """

    key: str
    title: str
    unit: str
    start: float
    end: float
    floor: float
    parts: tuple[Part, ...]
    pairs: tuple[tuple[str, float], ...]

    @property
    def whole(self) -> bool:
        """Whether all designs on the way have this figure."""
        return not any(math.isnan(part.low + part.high) for part in self.parts)

    def counts(self, part: Part) -> bool:
        """Whether a decision has an effect."""
        return max(abs(part.low), abs(part.high)) > self.floor


@dataclass(frozen=True)
class Ablation:
    """The walk from ``a`` to ``b``. ``gate``: design -> its gate's word; ``illegal``: why not."""

    run: str
    a: str
    b: str
    orders: int
    waterfalls: tuple[Waterfall, ...]
    designs: Mapping[str, str]
    gate: Mapping[str, str]
    illegal: Mapping[str, str]


def ablate(lattice: Lattice, run: store.Run) -> Ablation:
    """The contributions of every decision, from a run of all designs of the lattice.

    Raises DataError when the run lacks one of them, or the gate refused it.
    """
    designs = lattice.designs()
    gate = run.manifest.get("gate") or {}
    missing = sorted(d.name for d in designs.values() if d.name not in run.manifest["variants"])
    if refused := [name for name in missing if gate.get(name) == FAIL]:
        raise DataError(f"the gate refused {', '.join(refused)}", where=f"run {run.id}",
                        fix=f"extspt check '{refused[0]}' says why; extspt ablate --force measures "
                        "it all the same")
    if missing:
        raise DataError(f"the run has no {', '.join(missing)}", where=f"run {run.id}",
                        fix="measure it: extspt ablate without --run")
    counted = Counted.of(run)
    again = lattice.a.aprime().name
    falls = tuple(_waterfall(measure, lattice, {
        taken: counted.value(design.name, measure) for taken, design in designs.items()},
        counted.value(again, measure)) for measure in MEASURES)
    return Ablation(run.id, lattice.a.name, lattice.b.name, len(lattice.paths), falls,
                    {_word(taken): design.name for taken, design in designs.items()},
                    {d.name: str(gate.get(d.name, "not run")) for d in designs.values()},
                    reasons(lattice.illegal))


def _word(taken: Taken) -> str:
    return " & ".join(sorted(taken)) or "-"


def reasons(illegal: Mapping[Taken, str]) -> dict[str, str]:
    """Each reason once, with the smallest set of decisions that runs into it."""
    found: dict[str, str] = {}
    for taken, why in sorted(illegal.items(), key=lambda item: (len(item[0]), _word(item[0]))):
        if why not in found.values():
            found[_word(taken)] = why
    return found


def _waterfall(measure: Measure, lattice: Lattice, values: Mapping[Taken, float],
               again: float) -> Waterfall:
    """One figure's waterfall; ``again``: the figure of A'."""
    differences = {one.key: one for one in lattice.differences}
    deltas: dict[str, list[float]] = {}
    for way in lattice.paths:
        for step in way.steps:
            delta = values[step[1]] - values[step[0]]
            deltas.setdefault(label(step, differences), []).append(delta)
    parts = tuple(Part(name, math.fsum(found) / len(found), min(found), max(found), len(found))
                  for name, found in deltas.items())
    start, end = values[frozenset()], values[lattice.all]
    known = [abs(x) for x in (start, end) if not math.isnan(x)]
    floor = max([measure.floor, *(SHARE * x for x in known)])
    if not math.isnan(start + again):
        floor = max(floor, abs(again - start))
    return Waterfall(measure.key, measure.title, measure.unit, start, end, floor, parts,
                     tuple(_pairs(lattice.all, values, floor)))


def _pairs(keys: Taken, values: Mapping[Taken, float], floor: float) -> list[tuple[str, float]]:
    """Pairs of decisions whose joint effect on A is not the sum of their own."""
    found, none = [], values[frozenset()]
    for one, other in itertools.combinations(sorted(keys), 2):
        needed = [frozenset((one,)), frozenset((other,)), frozenset((one, other))]
        if not all(taken in values for taken in needed):
            continue
        first, second, both = (values[taken] - none for taken in needed)
        if abs(extra := both - first - second) > 2 * floor:
            found.append((f"{one} x {other}", extra))
    return found


def as_json(ablation: Ablation) -> str:
    """The ablation as load() reads it; null for a figure that is not there."""
    return json.dumps(_plain(asdict(ablation)), indent=1) + "\n"


def write(ablation: Ablation, folder: Path) -> Path:
    """Keep the ablation in the run's folder, for reports."""
    path = folder / FILE
    store.write_atomically(path, as_json(ablation).encode())
    return path


def load(folder: Path) -> Ablation | None:
    """The ablation of a run's folder; None when there is none, DataError when it is damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text())
        falls = tuple(Waterfall(**{**fall, "start": _number(fall["start"]),
                                   "end": _number(fall["end"]),
                                   "parts": tuple(_part(part) for part in fall["parts"]),
                                   "pairs": tuple((k, v) for k, v in fall["pairs"])})
                      for fall in data["waterfalls"])
        return Ablation(**{**data, "waterfalls": falls})
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"not an ablation: {error!r}", where=str(path)) from error


def _part(data: Mapping[str, Any]) -> Part:
    return Part(**{**data, **{name: _number(data[name]) for name in ("mean", "low", "high")}})


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _plain(value: Any) -> Any:
    """JSON has no NaN: null stands for it."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
