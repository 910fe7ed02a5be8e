# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes that measuring tools have made, each as a test that we do not make it.

TRAPS is section 8 of the project's standard; some are tested where the code is.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import synthetic
from scipy import stats as scipy_stats

from generator.evidence import frames, verdict
from generator.evidence.inference import Floats
from generator.evidence.rows import Row, Scale, batch_rows
from generator.evidence.stats import Histogram
from generator.evidence.table import Table
from generator.evidence.verdict import Series
from generator.runs import honesty, plan, store

HERE = "test_traps"
TRAPS = {
    "refscale: loops + 1 by loops": "test_batch.test_what_is_divided_by_is_what_was_run",
    "refscale, mmtests: medians of the wrong ranks": f"{HERE}.test_medians_are_medians",
    "refscale: a phase that never ends": "test_batch.test_what_never_settles_is_given_up_and_told",
    "test_vmalloc: cyclic orders only": "test_plan.test_shuffle_is_uniform",
    "time_bench: a dear or a wrong clock": "test_hist.test_a_timed_operation_is_cheap",
    "memslot_perf: the best run": f"{HERE}.test_the_best_run_is_not_the_result",
    "bpf: trims before the tails": f"{HERE}.test_tails_are_not_trimmed",
    "mmtests, pyperf: one value": f"{HERE}.test_one_value_is_no_evidence",
    "lkp: weaker as n grows": f"{HERE}.test_lkps_rule_gets_weaker_as_n_grows",
    "mmtests: the asterisk, too": f"{HERE}.test_the_asterisk_finds_nothing",
    "phoronix: stops when it looks good": f"{HERE}.test_blocks_are_fixed_before_the_first",
    "rustc-perf: says 1.5, takes 3": f"{HERE}.test_fences_are_where_they_are_said_to_be",
    "Fastpath: no commit": "test_report_files.test_no_attachment_without_a_commit",
    "asv: machines are not told apart": "test_asv.test_no_machine_is_two_kinds",
    "KUnit: no number field": "test_capsule.test_a_bundle_is_whole",
    "selftests: the tail of dmesg": "test_records.test_every_truncation_is_noticed",
    "UML: times without a word": "test_honesty.test_uml_without_our_header_is_told",
    "icount: contention and ns": f"{HERE}.test_instructions_and_time_have_different_places",
    "VM without PMU: no counts": "test_frames.test_count_tier_keeps_whole_instructions",
}


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_its_test(trap: str) -> None:
    module, _, name = TRAPS[trap].partition(".")
    text = (Path(__file__).parent / f"{module}.py").read_text()
    assert f"\ndef {name}(" in text


def series(name: str, values: Floats) -> Series:
    return Series(name, "zap", "op.zap", "p50", "ns", "twin", "native", np.arange(len(values)),
                  np.asarray(values, dtype=float), 1000)


@pytest.mark.parametrize("samples", [[1, 2, 3, 4, 5], [1, 2, 3, 4], list(range(1, 11)), [7]])
def test_medians_are_medians(samples: list[int]) -> None:
    """refscale's recheck script and mmtests average the wrong ranks."""
    expected = float(np.median(samples))
    table = Table()
    for block, value in enumerate(samples):
        head = ("r", "uml", "twin", "native", "a", "", "zap", 2)
        table.add(head, block, 0, [Row("m", "p50", float(value), "ns")])
    assert table.summary()["value"][0] == expected
    batch = {"per_op": [1000 * s for s in samples], "doubled": 0, "warm": True, "warmed": 5,
             "ops": 1, "passes": 1}
    [middle] = [r.value for r in batch_rows(batch, Scale("ns", 1.0, 0.0)) if r.stat == "p50"]
    assert middle == expected
    # The module's own percentile is the nearest rank: a sample that was really taken.
    hist = Histogram.of(synthetic.hist(samples))
    assert hist.percentile(0.5) == sorted(samples)[math.ceil(len(samples) / 2) - 1]


def test_the_best_run_is_not_the_result() -> None:
    """memslot_perf prints the best of its runs."""
    base, other = np.full(20, 1000.0), np.full(20, 1100.0)
    other[3] = 500.0
    rng = np.random.default_rng(1)
    found = verdict.adjusted([verdict.measured(
        series("a", base * rng.normal(1, 0.002, 20)), series("b", other), floor=0.01,
        primary=True)])[0]
    assert found.outcome == "slower" and found.value == 1100.0


def test_tails_are_not_trimmed() -> None:
    """bpf's timing drops what lies outside the IQR and then prints p99."""
    samples = [100] * 980 + [90_000] * 20
    hist = Histogram.of(synthetic.hist(samples))
    assert hist.percentile(0.99) == 90_000 and hist.high == 90_000 and hist.n == 1000
    values = np.array([*np.random.default_rng(2).normal(0, 0.01, 19), 3.0])
    row = verdict.measured(series("a", np.ones(20)), series("b", np.exp(values)), floor=0.01,
                           primary=True)
    assert row.n == 20 and row.outside[1] == 1      # counted, and still in


def test_one_value_is_no_evidence() -> None:
    """mmtests runs once by default; pyperf calls single values significant."""
    for n in (1, 2, verdict.MIN_BLOCKS - 1):
        found = verdict.adjusted([verdict.measured(series("a", np.full(n, 1.0)),
                                                   series("b", np.full(n, 9.0)), floor=0.01,
                                                   primary=True)])[0]
        assert found.outcome == "refused" and "n too small" in found.note


def test_blocks_are_fixed_before_the_first() -> None:
    """phoronix stops when the spread looks small."""
    made = plan.make(["b"], baseline="a", aprime="a_aprime", seed=1, runner="uml",
                     boots={"uml": ("native", "ns")}, costs={"uml": "zero"}, workloads=["smoke"])
    assert plan.repeated(made, 20).blocks("uml") == 20
    assert plan.from_json(plan.repeated(made, 20).as_json()).blocks("uml") == 20


def test_fences_are_where_they_are_said_to_be() -> None:
    """rustc-perf says 1.5 IQR and takes 3."""
    quartiles = np.array([0.0, 1.0, 2.0, 3.0, 4.0])     # IQR 2: fences at -2, 6 and -5, 9
    from generator.evidence import inference
    assert inference.FENCES == (1.5, 3.0)
    for beyond, expected in ((5.9, (0, 0)), (100.0, (1, 1))):
        values = np.concatenate((np.repeat(quartiles, 50), [beyond]))
        assert inference.outside_fences(values) == expected
    assert inference.outside_fences(np.concatenate((np.repeat(quartiles, 50), [7.0]))) == (1, 0)


def test_provenance_cannot_be_empty(tmp_path: Path) -> None:
    """A published Fastpath table has an empty commit field."""
    made = synthetic.build(tmp_path, workloads=("zap",), designs=("none", "kvm_owned"))
    for name in ("seed", "baseline", "variants", "costs"):
        broken = {key: value for key, value in made.manifest.items() if key != name}
        (made.path / "manifest.json").write_text(json.dumps(broken))
        with pytest.raises(store.DataError, match=f"'{name}' is missing"):
            store.load_run(made.path)


def test_instructions_and_time_have_different_places(tmp_path: Path) -> None:
    """Emulated instructions make no claim on ns or contention, and never meet a time."""
    run = store.load_run(synthetic.build(tmp_path, workloads=("zap",)).path)
    units = frames.summarize(run).groupby("tier")["unit"].unique()
    assert "ns" not in units["count"] and "instructions" not in units["model"]


def test_oversubscribed_hosts_are_refused() -> None:
    """More vCPUs than cores measure the host's scheduler."""
    from generator.errors import UsageError
    from generator.trees.kernel import KernelTree
    tree = KernelTree("6.1", Path(), "um", "built", {}, "h", "gcc", "gcc", "gcc 12", None)
    with pytest.raises(UsageError):
        honesty.marks(tree, ["native"], 4, 2, force=False)


# Section 4.4: the rules of others against ours, by simulation. Lower trial numbers than the table
# there, so wide bounds; fixed seeds, so no flakes.

TRIALS = 400


def draw(rng: np.random.Generator, n: int, effect: float, drift: float,
         interleaved: bool) -> tuple[Floats, Floats]:
    """2 % noise; the machine drifts by ``drift`` over the whole session."""
    order = np.arange(2 * n)
    places = (order[::2], order[1::2]) if interleaved else (order[:n], order[n:])
    if interleaved:
        swap = rng.random(n) < 0.5
        places = (np.where(swap, places[1], places[0]), np.where(swap, places[0], places[1]))
    line = drift * order / (2 * n)
    one, two = (np.exp(line[p] + rng.normal(0, 0.02, n)) for p in places)
    return one, two * (1 + effect)


def ours(one: Floats, two: Floats) -> bool:
    found = verdict.measured(series("a", one), series("b", two), floor=0.01, primary=True)
    return found.p is not None and found.p < 0.05


def mann_whitney(one: Floats, two: Floats) -> bool:
    return bool(scipy_stats.mannwhitneyu(one, two).pvalue < 0.05)


def lkp_default(one: Floats, two: Floats) -> bool:
    """The smaller one's mean lies below all of the other's values, and the other way round."""
    low, high = (one, two) if one.mean() < two.mean() else (two, one)
    return bool(high.min() > low.mean() and high.mean() > low.max())


def asterisk(one: Floats, two: Floats) -> bool:
    """mmtests' mark: the other's mean lies beyond 1.96 standard deviations."""
    return bool(abs(two.mean() - one.mean()) > 1.96 * one.std(ddof=1))


def share(rule: object, n: int, effect: float, drift: float, interleaved: bool = True) -> float:
    rng = np.random.default_rng(11)
    hits = sum(rule(*draw(rng, n, effect, drift, interleaved)) for _ in range(TRIALS))  # type: ignore[operator]
    return hits / TRIALS


def test_order_matters_more_than_the_test() -> None:
    """All of A and then all of B under 3 % drift: identical variants differ, whatever the test."""
    assert 0.45 < share(mann_whitney, 20, 0.0, 0.03, interleaved=False) < 0.72  # table: 58.7 %
    assert share(mann_whitney, 20, 0.0, 0.03) < 0.07                            # table: 3.3 %
    assert share(ours, 20, 0.0, 0.03) < 0.07


def test_our_rule_keeps_its_level_and_finds_what_it_should() -> None:
    assert 0.02 < share(ours, 20, 0.0, 0.0) < 0.08
    assert share(ours, 20, 0.02, 0.0) > 0.80
    assert share(ours, 10, 0.05, 0.0) > 0.97


def test_lkps_rule_gets_weaker_as_n_grows() -> None:
    assert 0.15 < share(lkp_default, 3, 0.0, 0.0) < 0.32                        # table: 23.2 %
    few, many = (share(lkp_default, n, 0.02, 0.0) for n in (3, 20))
    assert few > 0.35 and many < 0.05                                           # 46.8 % and 0.9 %
    assert share(ours, 20, 0.02, 0.0) > many + 0.7
    # Ours never gets weaker.
    powers = [share(ours, n, 0.02, 0.0) for n in (6, 10, 20, 40)]
    assert powers == sorted(powers)


def test_the_asterisk_finds_nothing() -> None:
    powers = [share(asterisk, n, 0.02, 0.0) for n in (5, 10, 20)]
    assert powers[0] > powers[2] and powers[2] < 0.03           # table: 0.6 %, 0.0 %, 0.0 %
    assert share(asterisk, 20, 0.05, 0.0) > 0.5 > powers[0]     # not that it never could


def test_holm_keeps_a_report_of_48_honest() -> None:
    """48 null comparisons: at least one p below 0.05 in nearly every report, 6 % with Holm."""
    from generator.evidence import inference
    rng, raw, corrected = np.random.default_rng(5), 0, 0
    for _ in range(300):
        p = inference.sign_flip_p(rng.normal(0, 0.02, (48, 20)))
        raw += bool((p < 0.05).any())
        corrected += bool(min(inference.holm(list(p))) < 0.05)
    assert raw / 300 > 0.85 and corrected / 300 < 0.10
