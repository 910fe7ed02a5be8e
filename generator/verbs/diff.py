# SPDX-License-Identifier: GPL-2.0-only
"""extspt diff: what two designs decide differently, in words."""

from __future__ import annotations

import argparse
import json
import textwrap
from dataclasses import asdict

from generator.modules import differ, variant
from generator.modules.kconfig import PREFIX
from generator.modules.variant import Variant

HELP = "the axes in which two designs differ, in words"
WIDTH = 72


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which two."""
    parser.add_argument("a", metavar="A",
                        help="a design, or a changed one: <design>+<axis>=<choice>")
    parser.add_argument("b", metavar="B", help="another")


def run(args: argparse.Namespace) -> int:
    """Print the differences; 0 also when there are none."""
    a, b = variant.load_variant(args.a), variant.load_variant(args.b)
    found = differ.differences(a, b)
    if args.json:
        print(json.dumps({"a": a.name, "b": b.name, "differences": [asdict(d) for d in found],
                          "only_a": differ.alone(a, b), "only_b": differ.alone(b, a)}, indent=2))
        return 0
    print("\n".join(lines(a, b, found)))
    return 0


def lines(a: Variant, b: Variant, found: tuple[differ.Difference, ...]) -> list[str]:
    """The differences as text, at most WIDTH columns wide."""
    out = [*_wrapped("A  ", f"{a.name}: {a.title}"), *_wrapped("B  ", f"{b.name}: {b.title}")]
    if not found:
        return [*out, "", "They decide the same."]
    for one in found:
        out += ["", *_wrapped("", f"{one.key}: {one.title}")]
        for mark, side in (("A", one.a), ("B", one.b)):
            out += _wrapped(f"  {mark}  ", f"{side.value}: {side.title}" if side.title
                            else side.value)
            out += _wrapped("       ", side.help) if side.help else []
    for mark, first, second in (("A", a, b), ("B", b, a)):
        if only := differ.alone(first, second):
            told = ", ".join(f"{name.removeprefix(PREFIX).lower()}={variant.as_kconfig(value)}"
                             for name, value in only.items())
            out += ["", *_wrapped("", f"With {mark}'s choices alone: {told}")]
    return out


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
