# SPDX-License-Identifier: GPL-2.0-only
"""A copy of the project under git, for tests of what belongs to a commit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import synthetic

from generator import layout

SMALL: dict[str, Any] = {"workloads": ("populate_seq", "convert"),
                         "designs": ("kvm_owned", "split_ops")}


class Project:
    """A copy of the project under git, with a run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for part in ("generator", "kmod"):
            shutil.copytree(layout.ROOT / part, root / part,
                            ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(layout.ROOT / "asv.conf.json", root)
        (root / ".gitignore").write_text("/build/\n/results/\n__pycache__/\n")
        self.git("init", "-q", "-b", "main")
        self.commit("one")
        self.run = synthetic.build(root / "results" / "runs", **SMALL)
        self.describe(commit=self.head())

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", self.root, *words],
            check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, subject: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def describe(self, **suite: Any) -> None:
        self.run.manifest["suite"].update(suite)
        (self.run.path / "manifest.json").write_text(json.dumps(self.run.manifest))

    def extspt(self, *words: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from generator.cli import main; sys.exit(main(sys.argv[1:]))"
        place = {"EXTSPT_ROOT": str(self.root), "PYTHONPATH": str(self.root)}
        return subprocess.run([sys.executable, "-c", code, *words], cwd=self.root, check=False,
                              capture_output=True, text=True, env={**os.environ, **place})

    def results(self) -> list[Path]:
        return sorted((self.root / "results" / "asv").glob("*/*-guest.json"))
