# SPDX-License-Identifier: GPL-2.0-only
"""What the tree matrix found, for people (a table), for test tools (KTAP) and for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generator.trees.treematrix import FAIL, SKIP, Cell

WIDTH = 72
TEXT, KTAP, JSON = "matrix.txt", "matrix.ktap", "matrix.json"
#: Of the compilers of headers; the KTAP and the JSON have it.
_TRIPLET = "x86_64-linux-gnu-"
_HEAD = ("kernel", "tree", "compiler", "build", "boot", "release")


def table(found: Sequence[Cell]) -> list[str]:
    """kernel x tree x compiler x (build, boot); what was not done has its reason below."""
    reasons: list[str] = []
    rows = [_HEAD]
    named = None
    for build, boot in _pairs(found):
        target = build.target
        tree = (target.series, target.form) if target != named else ("", "")
        release = target.tree.release if target.tree and target != named else ""
        named = target
        rows.append((*tree, build.tool.removeprefix(_TRIPLET) or "-", _word(build, reasons),
                     _word(boot, reasons) if boot else "-", release))
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]
    notes = [line for number, reason in enumerate(reasons, start=1)
             for line in textwrap.wrap(f"[{number}] {reason}", WIDTH, subsequent_indent="    ")]
    return [*lines, *([""] if notes else []), *notes]


def ktap(found: Sequence[Cell]) -> list[str]:
    """KTAP: one test per cell, each below its detail, a failed one below its evidence, too."""
    lines = ["KTAP version 1", f"1..{len(found)}"]
    for number, cell in enumerate(found, start=1):
        lines += cell_lines(cell, number)
    return lines


def cell_lines(cell: Cell, number: int) -> list[str]:
    """The KTAP of one cell."""
    said = cell.evidence.splitlines()
    if cell.state != SKIP:
        said.append(cell.detail)
    return [*(f"# {line}" for line in said), cell.ktap.replace("@", str(number), 1)]


def as_json(cell: Cell) -> dict[str, object]:
    """A cell as plain data."""
    tree = cell.target.tree
    return {"kernel": cell.target.series, "tree": cell.target.form, "compiler": cell.tool,
            "stage": cell.stage, "state": cell.state, "detail": cell.detail,
            "release": tree.release if tree else None,
            "built_with": tree.built_with if tree else None,
            "evidence": cell.evidence, "seconds": round(cell.seconds, 1)}


def write(folder: Path, found: Sequence[Cell], about: Mapping[str, Any]) -> list[Path]:
    """Write the table, the KTAP and the JSON; ``about``: what the JSON says of where it is from."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = [as_json(cell) for cell in found]
    texts = {TEXT: "\n".join([*_origin(about), "", *table(found)]), KTAP: "\n".join(ktap(found)),
             JSON: json.dumps({**about, "cells": cells}, indent=1)}
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")
    return [folder / name for name in texts]


def _origin(about: Mapping[str, Any]) -> list[str]:
    suite = about["suite"]
    mark = " with changes" if suite["dirty"] else ""
    return [f"extspt-bench {(suite['commit'] or 'unknown')[:12]}{mark}, {about['created']}",
            *textwrap.wrap(f"designs: {', '.join(about['variants'])}", WIDTH,
                           subsequent_indent="  "),
            "build: all designs, W=1 -Werror; boot: all of them, workload smoke",
            "kvm, own-kvm: the real kvm.ko with its hooks, tdx.o with it where it is",
            "on (own-kvm); boot: upstream's counts, all designs, populate_sparse"]


def _pairs(found: Sequence[Cell]) -> list[tuple[Cell, Cell | None]]:
    """Each build with its boot, None where only the build was tried."""
    pairs: list[tuple[Cell, Cell | None]] = []
    for cell in found:
        if cell.stage == "boot" and pairs:
            pairs[-1] = (pairs[-1][0], cell)
        else:
            pairs.append((cell, None))
    return pairs


def _word(cell: Cell, reasons: list[str]) -> str:
    """ok, or FAIL or SKIP with the number of its reason."""
    if cell.state not in (SKIP, FAIL):
        return cell.state
    if cell.detail not in reasons:
        reasons.append(cell.detail)
    return f"{cell.state} [{reasons.index(cell.detail) + 1}]"
