# SPDX-License-Identifier: GPL-2.0-only
"""extspt show: one design as it will be built, every choice with its help text."""

from __future__ import annotations

import argparse
import json
import textwrap

from generator.modules import kconfig, variant

HELP = "show one design: choices, values, where it was posted"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which design."""
    parser.add_argument("name", help="a name that 'extspt list' knows")


def run(args: argparse.Namespace) -> int:
    """Print the effective configuration of one design."""
    shown = variant.load_variant(args.name)
    symbols = {s.name: s for s in kconfig.load(shown.fragment)}
    if args.json:
        print(json.dumps(_as_data(shown), indent=2))
        return 0
    print(f"{shown.name}: {shown.title}")
    print(f"  design   {shown.design}\n  origin   {shown.origin}")
    if shown.aprime_of:
        print(f"  A' of    {shown.aprime_of}: the same module under another name")
    for axis in variant.axes():
        choice = shown.choices[axis.name]
        _entry(f"{axis.name} = {choice}", symbols[axis.symbols[choice]])
    for name, value in shown.values.items():
        text = {True: "y", False: "n"}[value] if isinstance(value, bool) else value
        _entry(f"{name} = {text}", symbols[name])
    return 0


def _entry(head: str, symbol: kconfig.Symbol) -> None:
    default = "" if symbol.assigned else "   (default)"
    print(f"\n{head}{default}\n  {symbol.prompt}")
    if symbol.help:
        print(textwrap.indent(symbol.help, "    "))


def _as_data(shown: variant.Variant) -> dict[str, object]:
    return {"name": shown.name, "title": shown.title, "design": shown.design,
            "origin": shown.origin, "fragment": shown.fragment.name,
            "choices": dict(shown.choices), "values": dict(shown.values),
            "aprime_of": shown.aprime_of}
