# SPDX-License-Identifier: GPL-2.0-only
"""Where the spread of a figure comes from: layouts, blocks, and what is left within a block.

Blocks are nested in builds. The estimates are those of the one-way analysis of variance, on
logarithms; a component that comes out negative is shown as nothing. Three builds are three
samples: the component between them is a warning, not a measurement.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.evidence import frames, measurements
from generator.evidence.amortised import main_stat
from generator.evidence.frames import RunLike
from generator.evidence.rows import failed, typical
from generator.evidence.stats import NAN
from generator.runs import plan

DOUBLE_OFF = 0.05
"""Twice the passes may take this share more or less than twice the time."""


@dataclass(frozen=True)
class Components:
    """Standard deviations as shares of the figure; NaN where there is nothing to tell it from.

    ``builds``: between layouts; ``blocks``: between blocks of one layout; ``residual``: of one
    block's figure, from its batches. ``batches_worth``: batches in a block after which another
    block tells more than another batch (Kalibera and Jones 2013: the root of the ratio of costs
    times the ratio of variances); None where no spread between blocks is left.
    """

    variant: str
    workload: str
    metric: str
    n_builds: int
    n_blocks: int
    builds: float
    blocks: float
    residual: float
    batches_worth: int | None = None


@dataclass(frozen=True)
class Block:
    """One block's figure. ``spread``: variance of its batches' logarithms, ``batches`` of them.

    ``cost``: time of what else the block takes for it, over that of one batch. NaN: not known.
    """

    build: int
    value: float
    spread: float
    batches: int
    cost: float

    @property
    def residual(self) -> float:
        """Variance of the figure that its batches leave."""
        return self.spread / self.batches if self.batches else NAN


def between(builds: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """Standard deviations between builds and between blocks of one build, of the logarithms."""
    logs, groups = np.log(np.asarray(values, dtype=float)), np.asarray(builds)
    names, sizes = np.unique(groups, return_counts=True)
    within = sum(float(((logs[groups == g] - logs[groups == g].mean()) ** 2).sum()) for g in names)
    free = len(logs) - len(names)
    blocks = within / free if free > 0 else NAN
    if len(names) < 2 or math.isnan(blocks):
        return NAN, math.sqrt(blocks) if not math.isnan(blocks) else NAN
    means = np.array([logs[groups == g].mean() for g in names])
    across = float((sizes * (means - logs.mean()) ** 2).sum()) / (len(names) - 1)
    typical = (len(logs) - float((sizes ** 2).sum()) / len(logs)) / (len(names) - 1)
    return math.sqrt(max(across - blocks, 0.0) / typical), math.sqrt(blocks)


def of_run(run: RunLike) -> tuple[Components, ...]:
    """Components of every primary figure that was taken in blocks, variants in display order."""
    found: dict[tuple[str, str], list[Block]] = {}
    for case in _timed(run):
        op, workload = measurements.main_op(case["workload"]), case["workload"]
        value, stat = typical(case["record"], op, workload), main_stat(op, workload)
        if not math.isnan(value) and measurements.is_primary(workload, f"op.{op}", stat):
            found.setdefault((case["variant"], workload), []).append(
                block_of(int(case.get("build", 0)), value, op, stat, case["record"]))
    return tuple(_components(key, rows) for key, rows in found.items() if len(rows) > 1)


def block_of(build: int, value: float, op: str, stat: str, record: Mapping[str, Any]) -> Block:
    """What a record says of the block's figure ``stat`` of an operation."""
    batch = record.get("batch") or {}
    # Medians are kept of the operation that most of the time goes to; means are of all of them.
    medians = batch.get("op") == op and stat == "p50"
    per_op: NDArray[np.float64] = np.asarray(batch.get("medians" if medians else "per_op", ()),
                                             float)
    if len(per_op) < 2 or per_op.min() <= 0:
        return Block(build, value, NAN, 0, NAN)
    *before, measuring = batch.get("spent_ns") or (NAN,)
    return Block(build, value, float(np.log(per_op).var(ddof=1)), len(per_op),
                 sum(before) * len(per_op) / measuring if measuring else NAN)


def _components(key: tuple[str, str], rows: Sequence[Block]) -> Components:
    across, blocks = between([row.build for row in rows], [row.value for row in rows])
    known = [row for row in rows if not math.isnan(row.residual)]
    left = float(np.median([row.residual for row in known])) if known else NAN
    return Components(*key, f"op.{measurements.main_op(key[1])}", len({r.build for r in rows}),
                      len(rows), across, blocks, math.sqrt(left), _worth(known, blocks ** 2 - left))


def _worth(rows: Sequence[Block], blocks: float) -> int | None:
    """Batches that are worth their time; ``blocks``: variance between blocks, batches' share off.

    A block's cost is at least what its warm-up takes; that of the boot comes on top of it.
    """
    costs = [row.cost for row in rows if not math.isnan(row.cost)]
    if not costs or not blocks > 0:
        return None
    spread = float(np.median([row.spread for row in rows]))
    return max(1, math.ceil(math.sqrt(float(np.median(costs)) * spread / blocks)))


def doubts(run: RunLike) -> tuple[str, ...]:
    """What the batches say against their own figures: a line for each kind of doubt."""
    batches = [(case["variant"], case["workload"], batch) for case in _timed(run)
               if (batch := case["record"].get("batch"))]
    kinds = {f"twice the work did not take twice the time within {100 * DOUBLE_OFF:g} %":
             [(v, w) for v, w, batch in batches
              if batch["doubled"] and abs(batch["doubled"] / 2000 - 1) > DOUBLE_OFF],
             "not settled in the warm-up": [(v, w) for v, w, batch in batches if not batch["warm"]]}
    return tuple(f"{what} in {len(off)} of {len(batches)} cases"
                 + (f", most often {', '.join(Counter(off).most_common(1)[0][0])}"
                    if len(off) < len(batches) else "") for what, off in kinds.items() if off)


def _timed(run: RunLike) -> Iterator[Mapping[str, Any]]:
    cases = frames.ordered_cases(run)
    out = frames.failures(cases)
    for case in cases:
        tier = run.manifest["boots"][case["boot"]]["tier"]
        if tier != plan.COUNT_TIER and case["variant"] not in out and not failed(case):
            yield case
