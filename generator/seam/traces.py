# SPDX-License-Identifier: GPL-2.0-only
"""Call traces of the TDX module: JSON Lines, one trace a line (``.jsonl`` or ``.jsonl.xz``)."""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from generator import layout
from generator.errors import DataError

Step = Mapping[str, Any]
"""One step as in the file: ``f`` and operands, for a call also ``r`` and what was seen after it."""

DATA = layout.ROOT / "tests" / "data" / "seam"
_KEYS = ("id", "kind", "dp", "pk", "nr", "st")
_PREFIX = {"1.5": 0, "25": 1, "25d": 1}
_USER_EXECUTE = "407"
"""Rights only 1.5.25 shows in a mapped entry."""


class Generation(IntEnum):
    """Module generations the model knows; the value is what the C side calls it."""

    V1_5_01 = 0
    V1_5_25 = 1
    V2_0_08 = 2

    @classmethod
    def parse(cls, text: str) -> Generation:
        """From ``1.5.01``, ``1.5.25`` or ``2.0.08``; ValueError otherwise."""
        try:
            return cls[f"V{text.replace('.', '_')}"]
        except KeyError:
            raise ValueError(text) from None


@dataclass(frozen=True)
class Trace:
    """One trace; ``dpamt``: Dynamic PAMT on, ``packages``: number of them."""

    id: str
    kind: str
    generation: Generation
    dpamt: bool
    packages: int
    regions: int
    steps: tuple[Step, ...]


def shipped() -> list[Path]:
    """The trace files that come with the suite."""
    return sorted(DATA.glob("*.jsonl.xz"))


def load(path: Path, generation: Generation | None = None) -> list[Trace]:
    """All traces of a file. Raises DataError, naming file and line, for what is not one."""
    try:
        blob = path.read_bytes()
        text = (lzma.decompress(blob) if path.suffix == ".xz" else blob).decode()
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read: {error}", where=str(path),
                        fix="give a .jsonl or .jsonl.xz file") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise DataError("no trace in it", where=str(path), fix="give a file of traces")
    return [_trace(line, f"{path}:{number}", generation) for number, line in lines]


def _trace(line: str, where: str, generation: Generation | None) -> Trace:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {error}", where=where, fix="the file is cut or damaged") \
            from error
    missing = [key for key in _KEYS if key not in data] if isinstance(data, dict) else list(_KEYS)
    if missing:
        raise DataError(f"no {', '.join(missing)}", where=where, fix="not a trace of this format")
    return Trace(data["id"], data["kind"],
                 _generation(data, line, where) if generation is None else generation,
                 bool(data["dp"]), data["pk"], data["nr"], tuple(data["st"]))


def _generation(data: Mapping[str, Any], line: str, where: str) -> Generation:
    """From the id's prefix, or from what only one generation does."""
    known = _PREFIX.get(str(data["id"]).partition("-")[0])
    if known is not None:
        return Generation(known)
    if data["dp"] or _USER_EXECUTE in line:
        return Generation.V1_5_25
    raise DataError("cannot tell the module's generation", where=where,
                    fix="say --generation 1.5.01, 1.5.25 or 2.0.08")
