# SPDX-License-Identifier: GPL-2.0-only
"""Calibration on made-up runs: what is counted, and what a reader sees of it."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import synthetic

from generator import cli, layout
from generator.errors import DataError, UsageError
from generator.evidence import calibrate
from generator.modules.variant import load_variant
from generator.runs import plan, session, store
from generator.verbs import calibrate as verb

BLOCKS, NAMES = 20, ("kvm_owned_same1", "kvm_owned_same2")


@pytest.fixture
def run(tmp_path: Path) -> store.Run:
    """Identical modules with 0.5 % noise, and slower ones that are just that much slower."""
    made = store.load_run(synthetic.build(tmp_path, boots=("uml",), blocks=BLOCKS,
                                          workloads=("zap", "populate_seq"),
                                          designs=("kvm_owned",)).path)
    rng, cases = np.random.default_rng(1), []
    slower = {f"kvm_owned{calibrate.DELAY}{d}": 1 + d / 1000 for d in calibrate.DELAYS}
    aprime = "kvm_owned_aprime"
    for case in (c for c in made.records if c["variant"] == "kvm_owned"):
        for name, factor in {"kvm_owned": 1.0, aprime: 1.0, **dict.fromkeys(NAMES, 1.0),
                             **slower}.items():
            one = copy.deepcopy(case) | {"variant": name,
                                         "aprime_of": "kvm_owned" if name == aprime else None}
            for op in ("fault", "zap"):
                data = one["record"]["ops"][op]
                data |= {"p50": round(100_000 * factor * rng.normal(1, 0.005)), "exact": True}
            cases.append(one)
    entry = made.manifest["variants"]["kvm_owned"]
    variants = made.manifest["variants"] | dict.fromkeys((*NAMES, *slower), entry)
    manifest = made.manifest | {"variants": variants, "plan": {"runner": "uml"},
                                "blocks": {"n": BLOCKS, "replicate": "boot", "order": [[]]}}
    return store.Run(made.path, manifest, tuple(cases))


def test_designs_are_the_same_but_for_the_name() -> None:
    found = calibrate.designs("kvm_owned", 3)
    base = load_variant("kvm_owned")
    assert [v.name for v in found[:5]] == [
        "kvm_owned", "kvm_owned_aprime", "kvm_owned_same1", "kvm_owned_same2", "kvm_owned_same3"]
    assert all((v.choices, v.values) == (base.choices, base.values) for v in found[:5])
    assert [v.values["EXTSPT_RIG_DELAY"] for v in found[5:]] == list(calibrate.DELAYS)
    assert len({v.module for v in found}) == len(found)


def test_counts(run: store.Run) -> None:
    found = calibrate.results([run])
    assert found["pairs"]["uncorrected"]["n"] == 2 * 6      # workloads x pairs of four names
    assert found["pairs"]["reported"]["hits"] == 0
    assert found["baseline_pairs"]["uncorrected"]["n"] == 2 * len(NAMES)
    for delay in calibrate.DELAYS:
        rows = found["slower"][str(delay)]
        assert rows["reported"]["n"] == 2 * 4 == rows["reported"]["hits"]
        assert rows["median_ratio"] == pytest.approx(1 + delay / 1000, abs=0.003)
    assert "order" not in found["blocks"]
    assert json.loads(json.dumps(found)) == found


def test_text_fits_a_mail(run: store.Run) -> None:
    said = calibrate.text(calibrate.results([run, run]))
    assert said.isascii() and max(map(len, said.splitlines())) <= 72
    assert "commit abc" in said
    assert "2 % slower (seen: 2.0 %): p < 0.05: 16 of 16 = 100.0 %" in said


def test_only_calibrations_are_judged(run: store.Run, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """The designs of any other run would be 'identical', and the README would say so."""
    designs = store.load_run(synthetic.build(tmp_path / "x", boots=("uml",), blocks=BLOCKS,
                                             workloads=("zap",)).path)
    for other, says in ((designs, "it has none"), (run, "another design or kernel")):
        kernel = {"release": "6.1", "config_hash": "x"}
        changed = store.Run(other.path, other.manifest | {"kernel": kernel}, other.records)
        with pytest.raises(DataError, match=f"{says}|it has s|it has t"):
            calibrate.results([run, changed])
    monkeypatch.setattr(layout, "README", tmp_path / "README.md")
    monkeypatch.setattr(layout, "CALIBRATION", tmp_path / "calibration.json")
    assert cli.main(["calibrate", "--of", str(designs.path)]) == 16
    assert not layout.CALIBRATION.exists()


def test_the_intervals_are_said_to_be_too_narrow(run: store.Run) -> None:
    said = calibrate.text(calibrate.results([run]))
    assert "intervals are too narrow" in said and "before Holm and the floor" in said
    assert "layouts: 1, runs: 1" in said


def test_shares() -> None:
    assert calibrate.share(0, 0)["wilson"] is None
    assert calibrate.share(5, 200)["wilson"] == [0.0107, 0.0572]


def test_judging_again_boots_nothing(run: store.Run, tmp_path: Path,
                                     monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    kept, readme = tmp_path / "calibration.json", tmp_path / "README.md"
    readme.write_text(f"before\n{calibrate.BEGIN}\nold\n{calibrate.END}\nafter\n")
    monkeypatch.setattr(layout, "CALIBRATION", kept)
    monkeypatch.setattr(layout, "README", readme)
    monkeypatch.setattr(layout, "CALIBRATING", tmp_path / "calibrating.json")
    monkeypatch.setattr(store, "load_run", lambda name: run)
    assert cli.main(["calibrate", "--of", "a,b"]) == 0
    assert "runs: 2" in capsys.readouterr().out
    found = json.loads(kept.read_text())
    assert found["pairs"]["uncorrected"]["n"] == 24
    said = readme.read_text()
    assert said.startswith("before\n") and said.endswith("after\n") and "old" not in said
    assert f"    {calibrate.text(found).splitlines()[0]}\n" in said
    assert calibrate.in_readme(said, found) == said


def test_the_readme_has_the_figures_that_were_measured() -> None:
    """No figure in it that is not in results/calibration.json, and none that is older."""
    readme = layout.README.read_text()
    if layout.CALIBRATION.is_file():
        assert calibrate.in_readme(readme, json.loads(layout.CALIBRATION.read_text())) == readme
    else:
        assert f"{calibrate.BEGIN}\n{calibrate.END}\n" in readme
    with pytest.raises(DataError, match="no place"):
        calibrate.in_readme("a README without one\n", {})


def test_spread_says_how_many_blocks_it_takes(run: store.Run) -> None:
    """Noise of 0.5 % in each of two modules: 0.7 % in their ratio."""
    found = calibrate.spread(calibrate.pairs(run))
    assert set(found) == {"zap", "populate_seq"}
    for one in found.values():
        assert one["sd"] == pytest.approx(0.005 * 2 ** 0.5, rel=0.25)
        assert one["blocks"] == math.ceil(8.2 * (one["sd"] / math.log(1.02)) ** 2)


def test_an_interrupted_one_is_finished(run: store.Run, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options and seeds come back; runs that were begun go on, the others are begun."""
    monkeypatch.setattr(layout, "CALIBRATING", tmp_path / "calibrating.json")
    monkeypatch.setattr(layout, "RUNS", run.path.parent)
    args = cli.verb_parser("calibrate").parse_args(["--resume", "--ksrc", "x"])
    with pytest.raises(UsageError, match="no calibration was interrupted"):
        verb._again(args)
    seed = run.manifest["seed"]
    kept = {"runner": "uml", "kdir": "there", "baseline": "kvm_owned", "names": 3, "blocks": 7,
            "workloads": "zap"}
    layout.CALIBRATING.write_text(json.dumps(kept | {"seeds": [seed, 5]}))
    assert verb._again(args) == [seed, 5]
    assert (args.names, args.blocks, args.kdir, args.ksrc) == (3, 7, "there", None)
    monkeypatch.setattr(session, "resume", lambda name, modules: ("resumed", name))
    monkeypatch.setattr(session, "run_plan", lambda planned, *rest, **marks: ("new", planned.seed))
    for wanted, done in ((seed, ("resumed", run.id)), (5, ("new", 5))):
        planned = plan.make([], baseline="a", aprime="b", seed=wanted, runner="uml",
                            workloads=["zap"], boots={"uml": ("native", "ns")},
                            costs={"uml": "zero"})
        assert verb._one(planned, [], []) == done
