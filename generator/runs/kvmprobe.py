# SPDX-License-Identifier: GPL-2.0-only
"""Does KVM work here? Only a boot to a printed marker tells: nested KVM may open and never run."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from generator import proc
from generator.runs import initramfs
from generator.runs.watch import END, Follower

DEVICE = Path("/dev/kvm")
PATIENCE_S = 6.0
FATAL = "KVM internal error"
INIT = """#!/bin/sh
exec 3>/dev/ttyS1
echo "EXTSPT END cases=0 status=0" >&3
exec 3>&-
/bin/poweroff -f
"""


def failure(command: Callable[[Path, Path], list[str]], patience_s: float = PATIENCE_S) -> str:
    """Boot a guest that only prints a marker: "" when it does, else why KVM is of no use.

    ``command``: QEMU's command line for (initramfs, folder of its output files).
    """
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} is not there or not ours to use"
    with tempfile.TemporaryDirectory(prefix="extspt-kvm-") as folder:
        out = Path(folder)
        image = initramfs.write(out / "probe.cpio.gz", initramfs.guest_entries(
            INIT, [], initramfs.find_busybox()))
        return _watch(command(image, out), out, patience_s)


def _watch(argv: list[str], out: Path, patience_s: float) -> str:
    said, serial = out / "qemu.txt", Follower(out / "serial.txt")
    deadline = time.monotonic() + patience_s
    with proc.spawned(argv, output=said) as child:
        while time.monotonic() < deadline:
            ended = child.poll() is not None
            if any(line.startswith(END) for line in serial.lines()):
                return ""
            text = said.read_text(errors="replace")
            # QEMU stays alive after this one.
            if FATAL in text:
                return text[text.index(FATAL):].partition("\n")[0]
            if ended:
                last = text.strip().rpartition("\n")[2]
                return f"QEMU ended at once: {last or f'exit status {child.returncode}'}"
            time.sleep(0.05)
    return f"a guest printed nothing in {patience_s:g} s"
