# SPDX-License-Identifier: GPL-2.0-only
"""checkpatch --strict, sparse, ruff and mypy are clean, and each can tell bad from good."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from generator import layout, proc
from generator.modules import check
from generator.modules.build import BuiltModule, build
from generator.errors import GateError
from generator.trees.kernel import KernelTree
from generator.modules.render import render
from generator.modules.variant import load_variant
from generator.verbs import style

pytestmark = pytest.mark.style


def test_c_is_clean(built: dict[str, BuiltModule]) -> None:
    check.refuse(style.findings(list(built.values())))


def test_checkpatch_finds(tmp_path: Path) -> None:
    bad = tmp_path / "bad.c"
    bad.write_text("// SPDX-License-Identifier: GPL-2.0-only\nint f(void) { if(1) return 0; }\n")
    with pytest.raises(GateError, match="style findings") as caught:
        check.refuse(check.checkpatch([bad]))
    assert "bad.c:2" in caught.value.evidence


def test_sparse_finds(small_tree: Path, tree: KernelTree) -> None:
    source = small_tree / "kmod/lib/sum.c"
    source.write_text(source.read_text() + "\nint *extspt_null;\n"
                      "int *extspt_address(void);\nint *extspt_address(void)\n{\n\treturn 0;\n}\n")
    module = build(render(load_variant("cached", small_tree), tree, small_tree))
    texts = [finding.text for finding in check.sparse(module)]
    assert any("kmod/lib/sum.c" in text and "NULL pointer" in text for text in texts)
    assert any("extspt_null" in text for text in texts)


def test_findings_of_several_variants_are_listed_once() -> None:
    one = check.Finding("sparse", "x.c:1:1: warning: y", "a")
    with pytest.raises(GateError, match=r"^1 style findings") as caught:
        check.refuse([one, replace(one, variant="b")])
    assert caught.value.evidence == "sparse: x.c:1:1: warning: y (a, b)"
    check.refuse([])


@pytest.mark.parametrize("words", [("ruff", "check", "."), ("mypy",)])
def test_python(words: tuple[str, ...]) -> None:
    done = proc.run([sys.executable, "-m", *words], timeout=300, cwd=layout.ROOT)
    assert done.ok, done.output
