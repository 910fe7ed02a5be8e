# SPDX-License-Identifier: GPL-2.0-only
"""Raw records to one tidy frame: a row per (case, metric, statistic).

Units: the icount boot ticks once per instruction, so its times are "instructions"; everywhere
else ticks become "ns" with the clock rate the record carries. Counts stay integers. A figure that
does not exist for a design is NaN with n = 0, never 0.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from generator.errors import DataError
from generator.evidence.rows import Row, case_rows, failed
from generator.evidence.table import BLOCK_COLUMNS, COLUMNS, Table
from generator.evidence.verdict import Verdict
from generator.runs import store
from generator.runs.choose import vcpus_of
from generator.runs.records import answered

__all__ = ["BLOCK_COLUMNS", "COLUMNS", "blocks", "read", "read_csv", "summarize", "write_summary"]

FLOOR = "none"
MARK = "# "
"""Before a comment in front of a table."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


class RunLike(Protocol):
    """What is needed of a run: its manifest, and one mapping per case as stored."""

    @property
    def manifest(self) -> Any: ...

    @property
    def records(self) -> Sequence[Any]: ...


def baseline_of(manifest: Mapping[str, Any]) -> str:
    """Name of the design the others are put beside."""
    return str(manifest.get("baseline", ""))


def variant_order(manifest: Mapping[str, Any]) -> list[str]:
    """Variants for display: baseline, its A', the others by name, the floor last."""
    variants: Mapping[str, Any] = manifest["variants"]
    base = baseline_of(manifest)

    def place(name: str) -> tuple[int, str]:
        if name == base:
            return 0, name
        if variants[name].get("aprime_of"):
            return 1, name
        return (3 if name == FLOOR else 2), name
    return sorted(variants, key=place)


def ordered_cases(run: RunLike) -> list[Mapping[str, Any]]:
    """The run's cases by boot, variant, workload, vCPUs; independent of the order they ran in."""
    manifest = run.manifest
    boots, workloads = list(manifest["boots"]), list(manifest["workloads"])
    variants = variant_order(manifest)

    def rank(names: list[str], name: str) -> int:
        return names.index(name) if name in names else len(names)

    def place(case: Mapping[str, Any]) -> tuple[int, ...]:
        return (rank(boots, case["boot"]), rank(variants, case["variant"]),
                rank(workloads, case["workload"]), vcpus_of(case), int(case.get("block", 0)),
                int(case["index"]))
    return sorted(run.records, key=place)


def failures(cases: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Design -> its first case that failed, and why. Such a design has no figures in any output."""
    why: dict[str, str] = {}
    for case in cases:
        if (reason := failed(case)) and not answered(case):
            why.setdefault(str(case["variant"]), f"{case['workload']}: {reason}")
    return why


def read(run: RunLike) -> Table:
    """All figures of a run, block by block, in an order that does not depend on the seed.

    Of a design of which a case failed there is only which one did.
    Raises DataError naming the case when a record lacks what the schema promises.
    """
    manifest, table = run.manifest, Table()
    cases = ordered_cases(run)
    out = failures(cases)
    with store.uncollected():
        for case in cases:
            if case["variant"] in out and not failed(case):
                continue
            tier = str(manifest["boots"][case["boot"]]["tier"])
            head = (str(manifest["id"]), case["boot"],
                    str((case.get("record") or {}).get("host", "")), tier, case["variant"],
                    case.get("aprime_of") or "", case["workload"], vcpus_of(case))
            table.add(head, int(case.get("block", 0)), int(case.get("build", 0)),
                      rows_of(case, tier))
    return table


def summarize(run: RunLike) -> pd.DataFrame:
    """Tidy frame of a run, columns COLUMNS: a row per figure, the median over the blocks."""
    return read(run).summary()


def blocks(run: RunLike) -> pd.DataFrame:
    """Tidy frame of a run, columns BLOCK_COLUMNS: a row per figure and block."""
    return read(run).blocks()


def of_verdicts(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """A row per verdict, its fields as columns; the log-ratios stay with the verdicts."""
    names = [field.name for field in dataclasses.fields(Verdict) if field.name != "effects"]
    return pd.DataFrame([[getattr(v, name) for name in names] for v in verdicts], columns=names)


def rows_of(case: Mapping[str, Any], tier: str) -> Iterator[Row]:
    """case_rows(); a record that lacks what the schema promises is a DataError naming the case."""
    try:
        yield from case_rows(case, tier)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as flaw:
        raise DataError(f"record does not fit the schema: {type(flaw).__name__} {flaw}",
                        where=f"{case['boot']} case {case['index']} {case['variant']} "
                              f"{case['workload']}",
                        fix="run the boot again, or use the suite version that wrote it") \
            from flaw


def write_csv(frame: pd.DataFrame, path: Path, marks: Iterable[str] = ()) -> Path:
    """Write the frame atomically; integers without a decimal point, 9 significant digits.

    ``marks``: why its figures are worth less, a comment in front of the table each.
    """
    text = io.StringIO()
    text.writelines(f"{MARK}forced: {' '.join(mark.split())}\n" for mark in marks)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(map(plain, frame.itertuples(index=False, name=None)))
    scratch = path.with_suffix(".tmp")
    scratch.write_text(text.getvalue())
    scratch.replace(path)
    return path


def plain(row: Iterable[Any]) -> list[Any]:
    """A row's cells as written: NaN is empty, a whole number has no decimal point.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    return [short(cell) if isinstance(cell, float) else harmless(cell) for cell in row]


def harmless(cell: Any) -> Any:
    """Text that starts no formula; anything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULA else cell


def short(value: float) -> str:
    """Nine significant digits, all digits of a whole number, nothing for NaN."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else f"{value:.9g}"


def read_csv(path: Path) -> pd.DataFrame:
    """A summary.csv as the frame it was written from; raises DataError when it is not one."""
    try:
        lines = path.read_text().splitlines()
        marked = itertools.takewhile(lambda line: line.startswith(MARK), lines)
        frame = pd.read_csv(path, skiprows=len(list(marked)), keep_default_na=False, na_values={
            name: [""] for name in ("value", "ci_lo", "ci_hi")})
    except (OSError, ValueError) as flaw:
        raise DataError(f"not readable: {flaw}", where=str(path), fix="run 'extspt summarize'") \
            from flaw
    if tuple(frame.columns) != COLUMNS:
        raise DataError("not a summary", where=str(path), fix="run 'extspt summarize'")
    return frame


def write_summary(run: store.Run) -> Path:
    """Write ``summary.csv`` into the run's folder and return its path."""
    return write_csv(summarize(run), run.path / "summary.csv", run.manifest.get("marks") or ())
