# SPDX-License-Identifier: GPL-2.0-only
"""extspt doctor: what is here, what is missing, and the command that mends it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from generator import check, layout, proc
from generator.errors import ExtsptError
from generator.kernel import KernelTree

HELP = "check tools, kernel tree and image; say how to mend what is missing"

# program -> (package, what it is for)
TOOLS = {
    "make": ("make", "builds modules"),
    "qemu-system-x86_64": ("qemu-system-x86", "boots the kernel under test"),
    "busybox": ("busybox-static", "the guest's user space"),
    "modinfo": ("kmod", "checks what was built"),
    "git": ("git", "names the suite's commit in every result"),
    "taskset": ("util-linux", "pins the vCPU threads"),
}
# Nothing but make check-style and make test needs these, so their absence is no fault.
STYLE_TOOLS = {
    "perl": ("perl", "runs checkpatch for make check-style"),
    "sparse": ("sparse", "checks the C for make check-style"),
}


@dataclass(frozen=True)
class Item:
    """One line of the table. ``state``: ok, missing, or note (nothing to mend)."""

    name: str
    state: str
    detail: str
    fix: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which tree to look at."""
    parser.add_argument("--kdir", help="kernel tree (default: the newest distro headers)")


def examine(kdir: str | None) -> list[Item]:
    """Every check, in the order a user needs them."""
    return [*(_tool(name, *about) for name, about in TOOLS.items()), *_tree(kdir),
            *(_tool(name, *about, absent="note") for name, about in STYLE_TOOLS.items()),
            _checkpatch(), _kvm()]


def run(args: argparse.Namespace) -> int:
    """Print the table; the exit code is that of our rig when something is missing."""
    items = examine(args.kdir)
    missing = [item for item in items if item.state == "missing"]
    if args.json:
        print(json.dumps([asdict(item) for item in items], indent=2))
    else:
        width = max(len(item.name) for item in items)
        for item in items:
            print(f"{item.state:<8} {item.name:<{width}}  {item.detail}")
            if item.fix:
                print(f"{'':<8} {'':<{width}}  mend: {item.fix}")
    return 15 if missing else 0


def _tool(name: str, package: str, purpose: str, absent: str = "missing") -> Item:
    path = proc.find(name)
    if path is None:
        return Item(name, absent, f"not here; {purpose}",
                    f"make setup, or apt-get install {package}")
    return Item(name, "ok", f"{path} ({purpose})")


def _tree(kdir: str | None) -> list[Item]:
    try:
        tree = KernelTree.probe(kdir)
    except ExtsptError as error:
        place = f"{error.where}: " if error.where else ""
        return [Item("kernel tree", "missing", f"{place}{error.what}", error.fix)]
    options = " ".join(f"{name}={value}" for name, value in tree.config.items())
    return [Item("kernel tree", "ok", f"{tree.release} ({tree.kind}) {tree.kdir}"),
            Item("options", "ok", options), _compiler(tree), _image(tree)]


def _compiler(tree: KernelTree) -> Item:
    if not tree.compiler:
        return Item("compiler", "missing", f"built with {tree.built_with}",
                    f"apt-get install {tree.cc}")
    same = tree.compiler == tree.built_with
    return Item("compiler", "ok" if same else "note", tree.compiler
                + ("" if same else f" (kernel: {tree.built_with})"))


def _image(tree: KernelTree) -> Item:
    try:
        return Item("kernel image", "ok", str(tree.need_image()))
    except ExtsptError as error:
        return Item("kernel image", "missing", error.what, error.fix)


def _checkpatch() -> Item:
    script = layout.TOOLS / "scripts" / check.CHECKPATCH[0]
    if script.is_file():
        return Item("checkpatch", "ok", str(script))
    return Item("checkpatch", "note", "not here; for make check-style and make test", "make setup")


def _kvm() -> Item:
    present = "is there" if Path("/dev/kvm").exists() else "is not there"
    return Item("kvm", "note", f"/dev/kvm {present}; not used and not probed: only a boot to a "
                "printed marker would tell whether it works")
