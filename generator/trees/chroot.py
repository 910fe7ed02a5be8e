# SPDX-License-Identifier: GPL-2.0-only
"""Programs of another distro release, run inside the folder its packages were unpacked into.

Its compiler and its Kbuild tools need its own libc, so they run in a chroot, in a mount
namespace of their own: nothing stays mounted, and no root is needed where the kernel grants
user namespaces.
"""

from __future__ import annotations

import os
from pathlib import Path

_SCRIPT = Path(__file__).resolve().with_suffix(".sh")


def enter(root: Path, *shared: Path) -> tuple[str, ...]:
    """The words before a command that runs it in ``root``, where ``shared`` keep their paths.

    The same path inside and outside: the same files then give the same module.
    """
    alone = ("unshare", "--mount") if os.geteuid() == 0 else (
        "unshare", "--map-root-user", "--mount")
    return (*alone, str(_SCRIPT), str(root), ":".join(map(str, shared)))
