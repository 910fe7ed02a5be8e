# SPDX-License-Identifier: GPL-2.0-only
"""extspt doctor: what is here, what is missing, and the command that mends it."""

from __future__ import annotations

import argparse
import contextlib
import json
from dataclasses import asdict
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError, UsageError
from generator.kvm import tdxhost
from generator.modules import check
from generator.trees import kernel, kernelbuild, treecheck, treeform
from generator.trees.treecheck import Item

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which tree to look at, and what to ask about it."""
    parser.add_argument("tree", nargs="?", help="kernel tree (default: the newest distro headers)")
    parser.add_argument("--kdir", help="the same, as the other verbs call it")
    parser.add_argument("--why", metavar="CONFIG_X", help="say why this option is off in the tree")
    parser.add_argument("--ksrc", type=Path, help="with --why: the full source of this kernel, "
                        "when the tree has none (header packages) and none is fetched")


def examine(kdir: str | None) -> list[Item]:
    """Every check, in the order a user needs them."""
    return [*(_tool(name, *about) for name, about in TOOLS.items()), *treecheck.examine(kdir),
            *(_tool(name, *about, absent="note") for name, about in STYLE_TOOLS.items()),
            _checkpatch(), _kvm(), *tdxhost.examine()]


def run(args: argparse.Namespace) -> int:
    """Print the table; the exit code is that of our rig when something is missing."""
    if args.tree and args.kdir and args.tree != args.kdir:
        raise UsageError(f"two trees are given: {args.tree} and {args.kdir}", fix="name one")
    if args.why:
        return _why(args)
    items = examine(args.tree or args.kdir)
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


def _why(args: argparse.Namespace) -> int:
    """Print why an option is off, from the tree's own Kconfig and .config."""
    from generator.trees import kconfigtree
    folder = treeform.config_folder(Path(args.tree or args.kdir or kernel.default_headers()))
    config = kernel.settings(folder)
    source = args.ksrc or treeform.source_of(folder) or _fetched(folder) or folder
    _note_another_version(source, folder)
    arch = "um" if config.get("UML") == "y" else "x86_64"
    reasons = kconfigtree.why(kconfigtree.parse(source.resolve(), arch), args.why, config)
    if args.json:
        print(json.dumps([asdict(reason) for reason in reasons], indent=2))
    else:
        print("\n".join(f"{'  ' * reason.depth}{reason.text}" for reason in reasons))
    return 0


def _fetched(folder: Path) -> Path | None:
    """The fetched source of just the version of header packages, which leave Kconfig out."""
    source = layout.SOURCES / (treeform.number(treeform.upstream_release(folder)) or "none")
    return source if (source / "Kconfig").is_file() else None


def _note_another_version(source: Path, folder: Path) -> None:
    theirs = treeform.number(treeform.upstream_release(folder))
    with contextlib.suppress(BuildError):
        own = treeform.number(kernelbuild.version(source))
        if theirs and own != theirs:
            proc.note(f"  NOTE    this Kconfig is of Linux {own}, the kernel of {theirs}: it may "
                      "depend on other options there")


def _tool(name: str, package: str, purpose: str, absent: str = "missing") -> Item:
    path = proc.find(name)
    if path is None:
        return Item(name, absent, f"not here; {purpose}",
                    f"make setup, or apt-get install {package}")
    return Item(name, "ok", f"{path} ({purpose})")


def _checkpatch() -> Item:
    script = layout.TOOLS / "scripts" / check.CHECKPATCH[0]
    if script.is_file():
        return Item("checkpatch", "ok", str(script))
    return Item("checkpatch", "note", "not here; for make check-style and make test", "make setup")


def _kvm() -> Item:
    present = "is there" if Path("/dev/kvm").exists() else "is not there"
    return Item("kvm", "note", f"/dev/kvm {present}; not used and not probed: only a boot to a "
                "printed marker would tell whether it works")
