# SPDX-License-Identifier: GPL-2.0-only
"""What the model answered against what a trace says: status, registers, state dumps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from generator.seam.encode import PAGE_SHIFT, REGISTERS
from generator.seam.traces import Step

_KEYS = dict(zip(("c", "x", "o8", "o9", "oa", "ob", "oc", "od"), REGISTERS, strict=True))
_TYPES = {3: "REG", 4: "TDR", 5: "TDCX", 6: "TDVPR", 8: "EPT"}
_TEARDOWN = 3
_NO_OWNER = (1 << 64) - 1
_REGION_SHIFT = 9

State = dict[str, dict[Any, Any]]
"""Per part (pm, se, td, pp, bm) what is where; the same form for both sides."""


def _value(given: Any) -> int:
    """A register of a trace: hex digits, or [hex digits, page id]."""
    if isinstance(given, str):
        return int(given, 16)
    return int(given[0], 16) | int(given[1]) << PAGE_SHIFT


def registers(step: Step, answer: Iterable[str]) -> tuple[str, str, str] | None:
    """First register that differs as (name, expected, got); ``answer``: rax, rcx, ... in hex."""
    values = dict(zip(("rax", *REGISTERS), (int(word, 16) for word in answer), strict=True))
    given = {"rax": step["r"], **{_KEYS[key]: step[key] for key in _KEYS if key in step}}
    for name, expected in given.items():
        if _value(expected) != values[name]:
            return name, f"{_value(expected):016x}", f"{values[name]:016x}"
    return None


def _page_id(word: str) -> int:
    address = int(word, 16)
    return -1 if address == _NO_OWNER else address >> PAGE_SHIFT


def model_state(lines: Iterable[str]) -> State:
    """The state as the replay program dumps it."""
    state: State = {part: {} for part in ("pm", "se", "td", "pp", "bm")}
    for line in lines:
        part, *words = line.split()
        numbers = [int(word, 16) for word in words]
        match part:
            case "pm":
                state[part][_page_id(words[0]), numbers[3]] = (_TYPES[numbers[1]],
                                                               _page_id(words[2]))
            case "se":
                state[part][_page_id(words[0]), numbers[1], numbers[2]] = (
                    numbers[3], numbers[4] >> PAGE_SHIFT, numbers[5])
            case "td":
                state[part][_page_id(words[0])] = tuple(
                    numbers[1:4] if numbers[1] == _TEARDOWN else numbers[1:])
            case "pp":
                state[part][numbers[0]] = tuple(numbers[1:])
            case "bm":
                state[part][numbers[0]] = True
    return state


def _pages(rows: Iterable[list[Any]]) -> dict[Any, Any]:
    return {(first + (i << _REGION_SHIFT if size else i), size): (kind, owner)
            for first, count, kind, owner, size in rows for i in range(count)}


def _entries(rows: Iterable[list[Any]]) -> dict[Any, Any]:
    """None stands for a BEPOCH the trace does not give; a page of -1 is none."""
    return {(tdr, gpa + i, level): (state, page + i if page >= 0 else 0,
                                    epoch[0] if epoch else None)
            for tdr, gpa, level, state, page, count, *epoch in rows for i in range(count)}


def _tds(rows: Iterable[list[int]]) -> dict[int, tuple[int, ...]]:
    return {tdr: tuple(rest[:3] if rest[0] == _TEARDOWN else rest) for tdr, *rest in rows}


def trace_state(dump: Mapping[str, Any]) -> State:
    """The state as a trace dumps it, runs expanded."""
    return {"pm": _pages(dump["pm"]), "se": _entries(dump["se"]), "td": _tds(dump["td"]),
            "pp": {region: tuple(rest) for region, *rest in dump.get("pp", ())},
            "bm": dict.fromkeys(dump.get("bm", ()), True)}


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, tuple) and isinstance(got, tuple) and len(expected) == len(got):
        return all(e is None or e == g for e, g in zip(expected, got, strict=True))
    return bool(expected == got)


def states(expected: State, got: State) -> tuple[str, str, str] | None:
    """First difference of two states as (part and key, expected, got)."""
    for part, items in expected.items():
        for key in sorted(items.keys() | got[part].keys()):
            if not _same(items.get(key), got[part].get(key)):
                return f"{part}{key}", str(items.get(key)), str(got[part].get(key))
    return None
