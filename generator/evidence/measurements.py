# SPDX-License-Identifier: GPL-2.0-only
"""A run's records as series over blocks, and the verdicts of those that are compared.

Only what is compared is taken out of the records; frames.py gives all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from generator.evidence import frames, verdict
from generator.evidence.amortised import main_stat
from generator.evidence.frames import RunLike
from generator.evidence.table import Table
from generator.evidence.verdict import Series, Verdict
from generator.runs import plan

#: The operation a workload is about; all others populate.
MAIN_OP: Mapping[str, str] = {
    "convert": "zap", "zap": "zap", "teardown": "teardown", "topup": "topup", "idle": "topup",
    "fleet": "topup"}
_TIMED = {"p50", "p99"}
_MAIN = {"p50", "mean"}
_COUNTED = ("count.", "parked.design.", "mem.tables.", "seam.")


Key = tuple[str, str, str, str]     # boot, workload, metric, stat


def main_op(workload: str) -> str:
    """Name of the operation a workload's primary figure times."""
    return MAIN_OP.get(plan.plain(workload), "fault")


def is_primary(workload: str, metric: str, stat: str) -> bool:
    """The main figure of the operation a workload is about; those about memory have none."""
    about_time = plan.plain(workload) not in plan.ABOUT_MEMORY
    return about_time and metric == f"op.{main_op(workload)}" and is_main(workload, metric, stat)


def is_main(workload: str, metric: str, stat: str) -> bool:
    """Whether it is the statistic an operation is judged by."""
    op = metric.removeprefix("op.")
    return op != metric and stat == main_stat(op, workload)


def compared(tier: str, metric: str, stat: str) -> bool:
    """Whether a figure of that name is compared between variants; of counts the whole ones are.

    Of means only main figures are: series() knows the workload.
    """
    if tier == plan.COUNT_TIER:
        return (metric.startswith("op.") and stat in _MAIN) or metric.startswith(_COUNTED)
    return ((metric.startswith("op.") and stat in _TIMED | _MAIN)
            or (metric.startswith("batch.") and stat in _TIMED)
            or (metric, stat) == ("lock.all.contended", "per_1k"))


def series(table: Table) -> dict[Key, dict[str, Series]]:
    """Every compared figure: (boot, workload, metric, stat) -> variant -> its series.

    Where a workload ran with several vCPU counts, it is the one with the most.
    """
    found: dict[Key, dict[str, Series]] = {}
    for name, unit, blocks, values, samples in table.series(compared):
        _, boot, host, tier, variant, _, workload, _, metric, stat = name
        there = samples > 0
        counted = tier == plan.COUNT_TIER and metric.startswith(_COUNTED)
        if stat == "mean" and not is_main(workload, metric, stat):
            continue
        if not there.any() or (counted and (values[there] % 1 != 0).any()):
            continue
        found.setdefault((boot, workload, metric, stat), {})[variant] = Series(
            variant, workload, metric, stat, unit, host, tier, blocks[there], values[there],
            int(samples[there].min()))
    return found


def verdicts(run: RunLike, table: Table | None = None) -> tuple[Verdict, ...]:
    """The verdicts of a run, corrected within each tier; see verdict.of_run()."""
    names = frames.variant_order(run.manifest)
    controls = {n for n in names if run.manifest["variants"][n].get("aprime_of")}
    by_boot: dict[str, list[Verdict]] = {}
    for key, found in series(table or frames.read(run)).items():
        by_boot.setdefault(key[0], []).extend(
            _compare(key, found, names, frames.baseline_of(run.manifest), controls))
    return tuple(v for rows in by_boot.values()
                 for v in verdict.adjusted(verdict.tested(rows), controls))


def _compare(key: Key, found: Mapping[str, Series], names: list[str], baseline: str,
             controls: set[str]) -> Iterator[Verdict]:
    """One figure of all variants, the baseline first; nothing when the baseline lacks it."""
    if (base := found.get(baseline)) is None:
        return
    _, workload, metric, stat = key
    primary = is_primary(workload, metric, stat)
    twin = next((found[name] for name in names if name in controls and name in found), None)
    counted = base.tier == plan.COUNT_TIER
    floor = 0.0 if counted else verdict.floor_of(base, twin, thorough=primary)
    for name in names:
        if name == baseline:
            yield verdict.as_baseline(base, floor, primary=primary)
        elif name in found and counted:
            yield verdict.exact(base, found[name], primary=primary,
                                again=None if name in controls else twin)
        elif name in found:
            yield verdict.estimated(base, found[name], floor=floor, primary=primary)
