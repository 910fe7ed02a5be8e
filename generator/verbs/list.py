# SPDX-License-Identifier: GPL-2.0-only
"""extspt list: the designs, the axes they differ on, the workloads."""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from collections.abc import Mapping

from generator.kvm import kvmpoints
from generator.modules import kconfig, variant
from generator.runs import plan

HELP = "list the designs, the axes (--axes) or the workloads (--workloads)"

INDENT = " " * 5
_TAG = re.compile(r"(?P<letter>.)(?P<number>\d*)(?P<rest>.*)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to list."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--axes", action="store_true", help="the axes and their choices")
    what.add_argument("--workloads", action="store_true", help="the workloads and their sizes")
    what.add_argument("--names", action="store_true", help="names only, for shell completion")


def run(args: argparse.Namespace) -> int:
    """Print one row per design, or per axis."""
    if args.names:
        found = variant.names()
        print(json.dumps(found) if args.json else "\n".join(found))
    elif args.axes:
        _axes(args.json)
    elif args.workloads:
        _workloads(args.json)
    else:
        _designs(args.json)
    return 0


def _axes(as_json: bool) -> None:
    used = {(axis, choice): v.name for v in variant.all_variants()
            for axis, choice in v.choices.items()}
    found = {axis.name: list(axis.symbols) for axis in variant.axes()}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, choices in found.items():
        marked = (c if (name, c) in used else f"{c} (unused)" for c in choices)
        print(textwrap.fill(", ".join(marked), 72, initial_indent=f"{name:<14} ",
                            subsequent_indent=" " * 15))


def _workloads(as_json: bool) -> None:
    if as_json:
        print(json.dumps({name: dict(params) for name, params in plan.SIZES.items()}, indent=2))
        return
    for name, params in plan.SIZES.items():
        note = "" if name in plan.DEFAULT_WORKLOADS else "   (when asked for)"
        print(f"{name:<16} {' '.join(f'{key}={value}' for key, value in params.items())}{note}")


def _designs(as_json: bool) -> None:
    designs, hooks = sorted(variant.all_variants(), key=catalogue_order), kvmpoints.newest()
    if as_json:
        rows = [{"name": v.name, "design": v.design, "title": v.title, "origin": v.origin,
                 "choices": dict(v.choices), "values": dict(v.values), "known": v.known,
                 "kvm_host": kvmpoints.verdict(v, hooks)} for v in designs]
        print(json.dumps(sorted(rows, key=lambda row: str(row["name"])), indent=2))
        return
    base = next((v for v in designs if v.name == variant.BASELINE), designs[0])
    for v in designs:
        _entry(f"{v.design:<4} {v.name}", v.title,
               "the baseline: " + _words(v.choices) if v is base else _words(changes(v, base)),
               *(f"known: {fault}" for fault in v.known.split("; ") if fault),
               f"real KVM {hooks.trees[-1]}: {kvmpoints.verdict(v, hooks)}")
    for tag, row in variant.not_modelled().items():
        _entry(f"{tag:<4} not modelled", row["title"], row["why"], f"nearest: {row['nearest']}")


def changes(one: variant.Variant, base: variant.Variant) -> dict[str, int | bool | str]:
    """Where a design differs from another: axis or tunable -> its own choice or value.

    A tunable that only one of them has in use goes with the choice that brings it.
    """
    tuned = {name.removeprefix(kconfig.PREFIX).lower(): value
             for name, value in one.values.items()
             if name in base.values and base.values[name] != value}
    chosen = {axis: choice for axis, choice in one.choices.items() if base.choices[axis] != choice}
    return {**chosen, **tuned}


def _words(pairs: Mapping[str, int | bool | str]) -> str:
    return ", ".join(f"{key}={variant.as_kconfig(value) if not isinstance(value, str) else value}"
                     for key, value in pairs.items()) or "as the baseline"


def _entry(head: str, *texts: str) -> None:
    """A design: its tag and name, then each text as a paragraph of its own, in 72 columns."""
    print(head)
    for text in texts:
        print(textwrap.fill(text, 72, initial_indent=INDENT, subsequent_indent=INDENT + "  ",
                            break_on_hyphens=False, break_long_words=False))
    print()


def catalogue_order(one: variant.Variant) -> tuple[int, int, str]:
    """Key that sorts designs as the catalogue has them: U, A1 to A11, H2 to H3b, B1 to B9, -."""
    tag = _TAG.match(one.design)
    assert tag                          # a design's tag is never empty
    return "UAHB".find(tag["letter"]) % 5, int(tag["number"] or 0), tag["rest"]
