# SPDX-License-Identifier: GPL-2.0-only
"""extspt menuconfig: edit a fragment with kconfiglib's menuconfig."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from generator import layout, proc
from generator.errors import UsageError
from generator.modules import kconfig, variant

HELP = "edit a design's fragment, or start a new one, in a menu"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which fragment."""
    parser.add_argument("name", help="design to edit; a new name starts from the defaults")


def run(args: argparse.Namespace) -> int:
    """Open the menu, then write back only what differs from the defaults."""
    fragment = layout.VARIANTS / f"{args.name}.config"
    variant.check_name(args.name, fragment)
    if proc.dry_run():
        print(f"# menuconfig {fragment}")
        return 0
    if not sys.stdin.isatty():
        raise UsageError("menuconfig needs a terminal", fix=f"edit {fragment} with an editor")
    before = fragment.read_text() if fragment.exists() else ""
    if before:
        kconfig.load(fragment)      # every fault is named before the menu hides it
    tree = kconfig.parse()
    if edited(tree, before):
        fragment.write_text(comment(before) + assignments(tree))
    shown = variant.load_variant(args.name)
    print(json.dumps({"name": shown.name, "choices": dict(shown.choices)}) if args.json
          else f"{fragment}: {shown.title}")
    return 0


def comment(text: str) -> str:
    """The leading comment of a fragment: its licence line and what it is about."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#") or line.endswith("is not set"):
            break
        lines.append(line)
    return "\n".join(lines or ["# SPDX-License-Identifier: GPL-2.0-only"]) + "\n"


def assignments(tree: Any) -> str:
    """Every choice, and each other symbol that can be set now, as fragment lines."""
    lines = []
    for sym in tree.unique_defined_syms:
        if sym.visibility and (sym.choice is None or sym.str_value == "y"):
            lines.append(sym.config_string)
    return "".join(lines)


def edited(tree: Any, text: str) -> bool:
    """Run the menu on ``tree``, starting from the fragment ``text``; True when it was saved."""
    import menuconfig

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "fragment"
        if text:
            scratch.write_text(text)
        with kconfig.environment(KCONFIG_CONFIG=str(scratch)):
            menuconfig.menuconfig(tree)
        return scratch.exists() and scratch.read_text() != text
