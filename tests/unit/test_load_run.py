# SPDX-License-Identifier: GPL-2.0-only
"""What a pandas user gets: documented frames, and the example of the README as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic

from generator import layout, load_run
from generator.evidence import table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return synthetic.build(tmp_path, boots=("uml",), blocks=10,
                           workloads=("populate_seq", "zap")).path


def test_columns_are_documented(folder: Path) -> None:
    run = load_run(folder)
    frame, blocks = run.frame(), run.blocks()
    assert set(frame.columns) | set(blocks.columns) == set(table.ABOUT)
    assert set(blocks["block"]) == set(range(10)) \
        and (frame["blocks"] == 10 * frame["value"].notna()).all()
    assert len(blocks) == 10 * len(frame)


def test_verdicts_as_a_frame(folder: Path) -> None:
    found = load_run(folder).verdicts()
    assert {"variant", "ratio", "ci_lo", "ci_hi", "p_holm", "outcome", "floor"} <= set(found)
    assert set(found[found["variant"] == "kvm_owned"]["outcome"]) == {"baseline"}
    assert (found["n"] == 10).all()


def test_loading_needs_no_numerics(folder: Path) -> None:
    """asv starts a process per figure: what needs no pandas must not wait for it."""
    code = (f"import sys; from generator import load_run; load_run({str(folder)!r}); "
            "sys.exit('pandas' in sys.modules or 'scipy' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=layout.ROOT,
                          timeout=60).returncode == 0


def test_readme_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (layout.ROOT / "README.md").read_text()
    [example] = re.findall(r"^    from generator import load_run\n(?:(?:    .*)?\n)+?(?=^\S)", text,
                           re.MULTILINE)
    code = "\n".join(line[4:] for line in example.splitlines())
    exec(compile(code.replace('"<run>"', repr(str(folder))), "README.md", "exec"), {})
    assert "tip_x86_tdx" in capsys.readouterr().out
