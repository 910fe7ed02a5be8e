# SPDX-License-Identifier: GPL-2.0-only
"""Many figures: from records to frames and verdicts in time that does not keep anyone waiting.

    EXTSPT_FIGURES=1000000 pytest -s tests/unit/test_million.py

says how long a million take; without it a tenth of that is run and only has to be right.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
import synthetic

from generator.evidence import frames, verdict
from generator.runs import store

FIGURES = int(os.environ.get("EXTSPT_FIGURES", "0"))
LIMIT_S = 10.0


def repeat(path: Path, boot: str, blocks: int) -> int:
    """One block's records again as ``blocks`` blocks, their times a little apart; all cases."""
    file = path / "boots" / boot / "records.jsonl"
    cases = [json.loads(line) for line in file.read_text().splitlines()]
    with file.open("w") as out:
        for block in range(blocks):
            for case in cases:
                case["block"] = block
                for data in case["record"]["ops"].values():
                    if "p50" in data:
                        data["p50"] += (block * 7) % 5
                out.write(json.dumps(case) + "\n")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["boots"][boot].update(cases=blocks * len(cases),
                                   sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    (path / "manifest.json").write_text(json.dumps(manifest))
    return blocks * len(cases)


def test_records_to_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = synthetic.build(tmp_path, boots=("uml",))
    one = len(frames.blocks(store.load_run(made.path)))
    blocks = max(verdict.GOOD_BLOCKS, -(-(FIGURES or 100_000) // one))
    repeat(made.path, "uml", blocks)
    start, cpu = time.monotonic(), time.process_time()
    run = store.load_run(made.path)
    table = frames.read(run)
    summary, verdicts = table.summary(), verdict.of_run(run, table)
    took, cpu = time.monotonic() - start, time.process_time() - cpu
    assert len(summary) == one
    assert (summary["blocks"] == blocks * summary["value"].notna()).all()
    assert len(table.blocks()) == one * blocks
    primary = [v for v in verdicts if v.primary and v.outcome != verdict.BASELINE]
    assert primary and all(v.n == blocks for v in primary)
    with capsys.disabled():
        if FIGURES:
            print(f"\n{one * blocks} figures of {len(run.records)} cases: records to frames and "
                  f"verdicts in {took:.1f} s, {cpu:.1f} s of CPU")
    if FIGURES:
        assert cpu <= LIMIT_S       # the machine may have other things to do
