# SPDX-License-Identifier: GPL-2.0-only
"""The bench measured: how often it sees a difference that is not there, and finds one that is.

One design runs under many names, byte for byte the same but for the name, and with a delay of a
known share of each timed operation. All of it goes through the same pipeline as any other run.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from generator.errors import DataError
from generator.evidence import frames, inference, measurements, verdict
from generator.evidence.verdict import ALPHA, FASTER, SLOWER, Series, Verdict
from generator.modules.variant import APRIME, Variant, load_variant
from generator.runs.store import Run

SAME = "_same"
DELAY = "+rig_delay="
DELAYS = (20, 50, 100)
"""Thousandths by which the known-slower modules are slower."""
DETECTABLE = 0.02
BEGIN, END = "<!-- written by make calibrate -->", "<!-- end of the calibration -->"
"""Where the README has the results."""
WORKLOADS = ("populate_seq", "populate_rand", "same_range", "zap", "topup")
NAMES, REPEATS = 8, 1
"""With A and A' 10 identical modules: 45 pairs x 5 workloads are 225 comparisons, in 10 minutes."""


def designs(baseline: str, names: int) -> list[Variant]:
    """The baseline, its A', the same under ``names`` names, and the slower ones."""
    base = load_variant(baseline)
    same = [replace(base, name=f"{base.name}{SAME}{i + 1}") for i in range(names)]
    slower = [load_variant(f"{baseline}{DELAY}{delay}") for delay in DELAYS]
    return [base, base.aprime(), *same, *slower]


def results(runs: Sequence[Run]) -> dict[str, Any]:
    """What the runs show, as plain data: shares with Wilson's 95 % interval.

    Raises DataError for runs that are no calibrations, or not of one design on one kernel.
    """
    _refuse_others(runs)
    reported = [v for run in runs for v in verdict.of_run(run) if v.primary and v.p is not None]
    same = [v for run in runs for v in pairs(run)]
    slower = {delay: [v for run in runs for v in against_all(run, f"{DELAY}{delay}")]
              for delay in DELAYS}
    first = runs[0].manifest
    return {
        "abi": 1, "suite": first["suite"], "host": first["host"],
        "created": str(first["created"])[:10],
        "kernel": first["kernel"]["release"], "runner": first["plan"]["runner"],
        "baseline": first["baseline"], "workloads": list(first["workloads"]),
        "blocks": {key: value for key, value in first["blocks"].items() if key != "order"},
        "runs": [run.id for run in runs],
        "load": [[b.get("load_before"), b.get("load_after")] for run in runs
                 for b in run.manifest["boots"].values()],
        "pairs": _same(same),
        "baseline_pairs": _same([v for v in reported if SAME in v.variant]),
        "slower": {str(delay): _slower(rows) for delay, rows in slower.items()},
        "spread": spread(same),
    }


def _refuse_others(runs: Sequence[Run]) -> None:
    """A run of designs would count their differences as false alarms."""
    def of(run: Run) -> tuple[object, ...]:
        manifest = run.manifest
        return (manifest["baseline"], manifest["kernel"]["release"],
                manifest["kernel"].get("config_hash"))
    for run in runs:
        base = run.manifest["baseline"]
        other = next((name for name in run.manifest["variants"] if not name.startswith(
            (f"{base}{SAME}", f"{base}{DELAY}")) and name not in (base, f"{base}{APRIME}")), None)
        if other or not any(SAME in name for name in run.manifest["variants"]):
            raise DataError(f"no calibration: it has {other or 'no identical modules'}",
                            where=f"run {run.id}", fix="name runs of 'extspt calibrate'")
        if of(run) != of(runs[0]):
            raise DataError("another design or kernel than the first run's",
                            where=f"run {run.id}", fix="judge runs of one design on one kernel")


def spread(rows: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """Of pairs of identical modules, by workload: how far their blocks lie apart.

    "sd": median standard deviation of the log-ratios; "blocks": those that find DETECTABLE in
    80 % of cases by the planning formula.
    """
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.workload, []).append(float(row.effects.std(ddof=1)))
    middle = {name: statistics.median(values) for name, values in found.items()}
    return {name: {"sd": round(sd, 6),
                   "blocks": inference.blocks_needed(sd, math.log1p(DETECTABLE))}
            for name, sd in middle.items()}


def identical(name: str) -> bool:
    """Whether a variant is the baseline under whatever name."""
    return DELAY not in name


def pairs(run: Run) -> list[Verdict]:
    """Every pair of identical modules in every primary figure, Holm over those of this run.

    Pairs share modules, so they are not independent, and an interval of their share is too narrow.
    """
    return _judged(run, lambda found: itertools.combinations(
        [s for name, s in found.items() if identical(name)], 2))


def against_all(run: Run, suffix: str) -> list[Verdict]:
    """The variant whose name ends so against each identical module, Holm over those."""
    return _judged(run, lambda found: [
        (base, other) for name, other in found.items() if name.endswith(suffix)
        for known, base in found.items() if identical(known)])


def _judged(run: Run, chosen: Callable[[Mapping[str, Series]], Iterable[tuple[Series, Series]]]
            ) -> list[Verdict]:
    found: list[Verdict] = []
    base = run.manifest["baseline"]
    for (_, workload, metric, stat), by_name in measurements.series(frames.read(run)).items():
        if measurements.is_primary(workload, metric, stat):
            floor = verdict.floor_of(by_name[base], by_name.get(f"{base}{APRIME}"))
            found += [verdict.estimated(one, two, floor=floor, primary=True)
                      for one, two in chosen(by_name)]
    return [v for v in verdict.adjusted(verdict.tested(found)) if v.p is not None]


def share(hits: int, n: int) -> dict[str, Any]:
    """Hits of n with Wilson's interval."""
    low, high = inference.wilson(hits, n)
    return {"hits": hits, "n": n, "share": hits / n if n else None,
            "wilson": [round(low, 4), round(high, 4)] if n else None}


def _same(rows: Sequence[Verdict]) -> dict[str, Any]:
    """False alarms: by p alone, by p after Holm, and by the word the report would print."""
    return {
        "uncorrected": share(sum((v.p or 0) < ALPHA for v in rows), len(rows)),
        "after_holm": share(sum((v.p_holm if v.p_holm is not None else 1) < ALPHA for v in rows),
                            len(rows)),
        "reported": share(sum(v.outcome in (FASTER, SLOWER) for v in rows), len(rows)),
        "words": _words(rows),
    }


def _slower(rows: Sequence[Verdict]) -> dict[str, Any]:
    """Found: by p alone and the right way round, and by the word the report would print."""
    return {
        "uncorrected": share(sum((v.p or 1) < ALPHA and v.ratio > 1 for v in rows), len(rows)),
        "reported": share(sum(v.outcome == SLOWER for v in rows), len(rows)),
        "median_ratio": statistics.median(v.ratio for v in rows) if rows else None,
        "words": _words(rows),
    }


def _words(rows: Iterable[Verdict]) -> dict[str, int]:
    words = sorted(v.outcome for v in rows)
    return {word: words.count(word) for word in dict.fromkeys(words)}


def in_readme(readme: str, found: Mapping[str, Any]) -> str:
    """The README with these results between BEGIN and END; DataError when it lacks the place."""
    before, begin, rest = readme.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError("no place for the calibration", where="README.md",
                        fix=f"put {BEGIN} and {END} on lines of their own where it belongs")
    shown = "".join(f"    {line}\n" for line in text(found).splitlines())
    return f"{before}{begin}\n{shown}\n{end}{after}"


def text(found: Mapping[str, Any]) -> str:
    """The results for a reader, at most 72 columns."""
    blocks = found["blocks"]
    commit = str(found["suite"].get("commit") or "no commit")[:12]
    lines = [f"commit {commit}, Linux {found['kernel']}, {found['created']}",
             f"{found['baseline']}, runner {found['runner']}, {blocks['n']} blocks (replicate: "
             f"{blocks['replicate']}), layouts: {blocks.get('builds', 1)}, runs: "
             f"{len(found['runs'])}"]
    for name, title in (("pairs", "identical, all pairs"),
                        ("baseline_pairs", "identical, beside A ")):
        rows = found[name]
        lines += [f"{title}: p < {ALPHA}: {_said(rows['uncorrected'])}",
                  f"{'':{len(title)}}  after Holm: {_said(rows['after_holm'])}",
                  f"{'':{len(title)}}  reported: {_said(rows['reported'])}"]
    for delay, rows in found["slower"].items():
        ratio = rows["median_ratio"]
        shown = "-" if ratio is None else f"{100 * (ratio - 1):.1f} %"
        lines += [f"{int(delay) / 10:g} % slower (seen: {shown}): p < {ALPHA}: "
                  f"{_said(rows['uncorrected'])}",
                  f"  reported as slower: {_said(rows['reported'])}"]
    lines += ["(95 %, Wilson's. Pairs share modules and blocks, so that they are",
              "not independent, and these intervals are too narrow.)",
              "between identical modules, by workload: sd of a block's ratio, and",
              f"blocks that find {100 * DETECTABLE:g} % in 80 % at p < {ALPHA:g}, before Holm and "
              "the floor:"]
    lines += [f"  {name:<16} {100 * one['sd']:5.2f} %  {one['blocks']:5d}"
              for name, one in found["spread"].items()]
    return "\n".join(lines)


def _said(counted: Mapping[str, Any]) -> str:
    if not counted["n"]:
        return "none"
    low, high = counted["wilson"]
    return (f"{counted['hits']} of {counted['n']} = {100 * counted['share']:.1f} % "
            f"({100 * low:.1f}-{100 * high:.1f})")
