# SPDX-License-Identifier: GPL-2.0-only
"""Designs along an axis: a tunable, a choice, or a parameter of the workload takes several values.

Every point is a design (adhoc) and a workload with parameters in its name, so that a sweep is a
run like any other. What it is for are the crossovers: between which values the ranking flips.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from generator import layout
from generator.errors import ConfigError, DataError, UsageError
from generator.evidence import frames, rows
from generator.evidence.verdict import Series
from generator.modules import adhoc, kconfig, variant
from generator.modules.adhoc import JOIN
from generator.modules.kconfig import PREFIX
from generator.modules.render import TWIN
from generator.modules.variant import Variant
from generator.runs import plan, store
from generator.studies import crossover
from generator.studies.crossover import Crossover, Point

FILE = "sweep.json"
PARAMETERS = {"vcpus": "vCPUs per TD", "tds": "TDs", "contig": "guest pages in each 2 MiB of host",
              "pages": "pages", "rounds": "rounds", "ev_busy": "BUSY per million SEAMCALLs"}
"""What a workload takes; all other axes are those of adhoc."""
LIMITS = {"vcpus": (1, plan.MOST_VCPUS), "tds": (1, 16), "contig": (1, 512), "pages": (1, 262144),
          "rounds": (1, 1000000), "ev_busy": (0, 999999)}
"""What the modules accept (kmod/lib/control_params.c); contig has to be a power of two as well."""
MOST_POINTS = 64
_RANGE = re.compile(r"(\d+)\.\.(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class Grid:
    """What is measured: (design, point) -> variant, point -> workload; ``illegal``: why not."""

    axes: Mapping[str, tuple[str, ...]]
    designs: tuple[str, ...]
    points: tuple[Point, ...]
    variants: Mapping[tuple[str, Point], str]
    workloads: Mapping[Point, str]
    illegal: Mapping[str, str]


@dataclass(frozen=True)
class Sweep:
    """A measured grid. ``values``: a design's figure at each point, NaN where it has none.

    ``blocks``: how often a boot with a clock was repeated. ``failed``: case -> why it has no
    figures.
    """

    run: str
    tier: str
    workload: str
    figure: str
    unit: str
    axes: Mapping[str, tuple[str, ...]]
    points: tuple[Point, ...]
    values: Mapping[str, tuple[float, ...]]
    crossovers: tuple[Crossover, ...]
    illegal: Mapping[str, str]
    failed: Mapping[str, str]
    blocks: int = 1


def parse(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """``axis=1,2,4`` or ``axis=5..40:5`` each; UsageError when malformed."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        key, _, text = word.partition("=")
        values = tuple(one for part in text.split(",") for one in _span(part, word))
        if not key or not text or "" in values or key in found:
            raise UsageError(f"'{word}' is no axis of a sweep",
                             fix="write axis=1,2,4 or axis=5..40:5, each axis once")
        if twice := [value for value in values if values.count(value) > 1]:
            raise UsageError(f"'{word}' has {twice[0]} twice", fix="give each value once")
        found[key] = values
    points = math.prod(map(len, found.values()))
    if not found or points > MOST_POINTS:
        raise _points(points if found else 0)
    return found


def _span(text: str, word: str) -> list[str]:
    if not (span := _RANGE.fullmatch(text.strip())):
        return [text.strip()]
    first, last, step = (int(part if part is not None else 1) for part in span.groups())
    if step < 1 or last < first:
        raise UsageError(f"'{word}': {text} holds no value", fix="write first..last:step")
    if len(found := range(first, last + 1, step)) > MOST_POINTS:
        raise _points(len(found))
    return [str(n) for n in found]


def _points(number: int) -> UsageError:
    return UsageError(f"a sweep of {number} points", fix=f"give 1 to {MOST_POINTS} of them")


def grid(axes: Mapping[str, tuple[str, ...]], designs: Sequence[Variant], workload: str,
         root: Path = layout.ROOT) -> Grid:
    """All points of all designs. A point that a design cannot have is left out, with the reason.

    A design that has no use for a tunable stays as it is: the others are compared with it.
    Raises UsageError for a value that the workload does not take, or none of the designs can have.
    """
    points = [tuple(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    named = {point: _workload(workload, point) for point in points}
    variants: dict[tuple[str, Point], str] = {}
    illegal: dict[str, ConfigError] = {}
    tried: dict[tuple[str, str], list[str]] = {}
    for design, point in itertools.product(designs, points):
        used = [item for item in point if item[0] not in PARAMETERS and _has(design, item[0], root)]
        name = JOIN.join((design.name, *(f"{key}={value}" for key, value in used)))
        try:
            variants[design.name, point] = variant.load_variant(name, root).name
        except ConfigError as error:
            illegal[name] = error
        for item in used:
            tried.setdefault(item, []).append(name)
    if idle := [key for key in axes if key not in {*PARAMETERS, *(item[0] for item in tried)}]:
        raise UsageError(f"no design here has a use for {idle[0]}",
                         fix="extspt show <design> lists what each can change")
    for (key, value), names in tried.items():
        if illegal.keys() >= set(names):
            raise UsageError(f"no design here can have {key}={value}",
                             fix="; ".join(dict.fromkeys(
                                 f"{illegal[name].what}; {illegal[name].fix}" for name in names)))
    possible = tuple(p for p in points if any((d.name, p) in variants for d in designs))
    return Grid(axes, tuple(d.name for d in designs), possible, variants,
                {point: named[point] for point in possible},
                {name: error.what for name, error in illegal.items()})


def _workload(workload: str, point: Point) -> str:
    """The workload's name at a point; UsageError for parameters the modules would refuse."""
    name = JOIN.join((workload, *(f"{key}={value}" for key, value in point if key in PARAMETERS)))
    given = plan.changed(name)      # numbers only
    for key, value in given.items():
        least, most = LIMITS.get(key, (0, math.inf))
        if not least <= value <= most:
            raise UsageError(f"{key}={value} is out of range", where=name,
                             fix=f"give {least} to {most}")
        if key == "contig" and value.bit_count() != 1:
            raise UsageError(f"contig={value} is no power of two", where=name)
    sizes = {"vcpus": plan.DEFAULT_VCPUS, **plan.SIZES[plan.plain(name)], **given}
    if sizes["pages"] < sizes["vcpus"]:
        raise UsageError(f"{sizes['pages']} pages for {sizes['vcpus']} vCPUs", where=name,
                         fix="give each vCPU a page")
    return name


def _has(design: Variant, key: str, root: Path) -> bool:
    """Whether a design can be changed by ``key``; a name nobody knows is left to be refused."""
    symbol = f"{PREFIX}{key}".upper()
    return symbol in design.values or symbol not in adhoc.tunables(kconfig.parse(root))


def read(measured: Grid, run: store.Run, metric: str, stat: str, boot: str = "") -> Sweep:
    """The figures of a sweep's run, and where the ranking flips; DataError without any.

    ``boot``: which one of a run that has several; nothing is compared across two.
    """
    boot = _boot(run, boot)
    figures = _figures(run, boot, metric, stat)
    if not figures:
        raise DataError(f"no case has a figure {metric} {stat}", where=f"run {run.id}",
                        fix="extspt summarize writes the names of all figures to summary.csv")
    found = {design: [figures.get((measured.variants.get((design, point), ""),
                                   measured.workloads[point])) for point in measured.points]
             for design in measured.designs}
    values = {design: tuple(math.nan if one is None else float(np.median(one.values))
                            for one in row) for design, row in found.items()}
    base = str(run.manifest.get("baseline") or measured.designs[0])
    again = f"{base}{variant.APRIME}"
    controls = [(first, second) if first and second else None for first, second in (
        [figures.get((name, measured.workloads[point])) for name in (base, again)]
        for point in measured.points)]
    flips = crossover.find(measured.axes, measured.points, crossover.orders(found, controls))
    any_one = next(iter(figures.values()))
    workload = plan.plain(next(iter(measured.workloads.values())))
    variants, workloads = {*measured.variants.values(), again}, {*measured.workloads.values()}
    failed = {f"{case['variant']} {case['workload']}": why for case in run.records
              if case["variant"] in variants and case["workload"] in workloads
              and (why := rows.failed(case))}
    return Sweep(run.id, any_one.tier, workload, f"{metric} {stat}", any_one.unit, measured.axes,
                 measured.points, values, tuple(flips), measured.illegal, failed,
                 max(len(one.values) for one in figures.values()))


def _boot(run: store.Run, wanted: str) -> str:
    names = list(run.manifest["boots"])
    if len(names) > 1 and wanted not in names:
        raise DataError(f"no boot {wanted or 'is named'}", where=f"run {run.id}",
                        fix=f"give --boot {' or '.join(names)}")
    return str(wanted if wanted in names else names[0])


def _figures(run: store.Run, boot: str, metric: str,
             stat: str) -> dict[tuple[str, str], Series]:
    """(variant, workload) -> the figure in each block; those that have none are left out.

    So is a design of which a case failed, of any boot, at all points: it has no figures anywhere.
    """
    found: dict[tuple[str, str], dict[int, rows.Row]] = {}
    tier = str(run.manifest["boots"][boot]["tier"])
    failed = frames.failures(run.records)
    for case in run.records:
        if case["boot"] != boot or case["variant"] in failed:
            continue
        for row in rows.case_rows(case, tier):
            if (row.metric, row.stat) == (metric, stat) and not math.isnan(row.value):
                found.setdefault((case["variant"], case["workload"]), {})[
                    int(case.get("block", 0))] = row
    return {name: Series(
        name[0], name[1], metric, stat, next(iter(many.values())).unit, TWIN, tier,
        np.array(sorted(many), dtype=np.int64),
        np.array([many[block].value for block in sorted(many)], dtype=np.float64),
        min(row.n for row in many.values())) for name, many in found.items()}


def as_json(sweep: Sweep) -> str:
    """The sweep as load() reads it; null for a figure that is not there."""
    data = asdict(sweep)
    data["values"] = {name: [None if math.isnan(value) else value for value in row]
                      for name, row in sweep.values.items()}
    return json.dumps(data, indent=1) + "\n"


def write(sweep: Sweep, folder: Path) -> Path:
    """Keep the sweep in the run's folder, for reports."""
    path = folder / FILE
    store.write_atomically(path, as_json(sweep).encode())
    return path


def load(folder: Path) -> Sweep | None:
    """The sweep of a run's folder; None when there is none, DataError when it is damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text())
        data["axes"] = {axis: tuple(values) for axis, values in data["axes"].items()}
        data["points"] = tuple(tuple((k, v) for k, v in point) for point in data["points"])
        data["values"] = {name: tuple(math.nan if value is None else value for value in row)
                          for name, row in data["values"].items()}
        data["crossovers"] = tuple(Crossover(**{**one, "tied": tuple(one["tied"])})
                                   for one in data["crossovers"])
        return Sweep(**data)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"not a sweep: {error!r}", where=str(path)) from error
