# SPDX-License-Identifier: GPL-2.0-only
"""menuconfig on a real terminal: what is typed ends up in the fragment, and nothing else."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from generator.modules import kconfig
from generator.modules.variant import load_variant
from generator.verbs import menuconfig

ENTER = "\r"


def session(root: Path, name: str, keys: list[str]) -> tuple[int, str]:
    """Run menuconfig under a pseudo terminal, one key when the screen has settled."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; from generator import cli; sys.exit(cli.main())",
         "menuconfig", name], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "EXTSPT_ROOT": str(root), "TERM": "xterm", "LINES": "40",
             "COLUMNS": "100"})
    os.close(theirs)
    seen = drain(ours)
    for key in keys:
        with contextlib.suppress(OSError):      # it may have ended already
            os.write(ours, key.encode())
        seen += drain(ours)
    code = child.wait(30)
    os.close(ours)
    return code, seen


def drain(descriptor: int, first: float = 15.0, settled: float = 0.4) -> str:
    """What the program writes until it has been silent for ``settled`` seconds."""
    seen, limit, wait = "", time.monotonic() + first, first
    while time.monotonic() < limit and select.select([descriptor], [], [], wait)[0]:
        try:
            seen += os.read(descriptor, 65536).decode(errors="replace")
        except OSError:     # the other end is closed
            break
        wait = settled
    return seen


def test_edit_and_save(small_tree: Path) -> None:
    fragment = small_tree / "variants/cached.config"
    code, seen = session(small_tree, "cached", [ENTER, "!" + ENTER, "q", "y"])
    assert code == 0, seen
    changed = load_variant("cached", small_tree)
    assert changed.title == 'a cache: "quoted"!'
    text = fragment.read_text()
    assert text.startswith("# SPDX-License-Identifier: GPL-2.0-only\n")
    assert "CONFIG_EXTSPT_CACHE_MIN=7\n" in text
    assert "# CONFIG_EXTSPT_CACHE_ACCOUNT is not set\n" in text
    assert "SOURCE_LIST" not in text
    assert sorted(path.name for path in fragment.parent.iterdir()) \
        == ["Kconfig", "cached.config", "listed.config"]


def test_leaving_without_saving_changes_nothing(small_tree: Path) -> None:
    fragment = small_tree / "variants/cached.config"
    before = fragment.read_bytes()
    code, seen = session(small_tree, "cached", [ENTER, "!" + ENTER, "q", "n"])
    assert code == 0, seen
    assert fragment.read_bytes() == before


def test_written_fragment_is_the_same_design(small_tree: Path) -> None:
    fragment = small_tree / "variants/cached.config"
    before, text = load_variant("cached", small_tree), fragment.read_text()
    tree = kconfig.parse(small_tree)
    tree.load_config(str(fragment))
    fragment.write_text(menuconfig.comment(text) + menuconfig.assignments(tree))
    assert load_variant("cached", small_tree) == before


def test_comment_of_a_fragment() -> None:
    licence = "# SPDX-License-Identifier: GPL-2.0-only\n"
    assert menuconfig.comment(f"{licence}# what it is\nCONFIG_A=y\n# later\n") \
        == f"{licence}# what it is\n"
    assert menuconfig.comment(f"{licence}# CONFIG_A is not set\n") == licence
    assert menuconfig.comment("") == licence
