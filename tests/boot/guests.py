# SPDX-License-Identifier: GPL-2.0-only
"""A project root of a test's own, and the real command line on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from generator import layout

EXTSPT = (sys.executable, "-c", "import sys; from generator.cli import main; sys.exit(main())")


PATIENCE_S = 1200
"""All designs are built or booted in 2 minutes of two idle cores, which these may not be."""


@dataclass(frozen=True)
class Project:
    """A project root of its own, with the designs 'listed' and 'cached'."""

    root: Path

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start extspt here."""
        return subprocess.Popen(
            [*EXTSPT, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(layout.TEMPLATES.parent.parent), **env,
                 "EXTSPT_ROOT": str(self.root)},
            # A test run in the background of a shell ignores Ctrl-C, and so would this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # noqa: PLW1509

    def extspt(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run extspt here to its end."""
        with self.start(*words, **env) as child:
            out, err = child.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(words, child.returncode, out, err)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """extspt run of the smallest kind: one design, one MTTCG boot."""
        return self.extspt("run", "--baseline", "listed", "--variants", "listed", "--costs", "zero",
                           "--boots", "mttcg", "--workloads", "smoke", *words, **env)

    @property
    def runs(self) -> list[Path]:
        """Run folders, oldest first."""
        return sorted((self.root / "results" / "runs").glob("*"))
