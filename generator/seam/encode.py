# SPDX-License-Identifier: GPL-2.0-only
"""Trace steps as the command lines of the replay program (kmod/seam/host/replay.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from generator.seam.traces import Step, Trace

PAGE_SHIFT = 12
NULL = (1 << 64) - 1
TDMR_REGIONS = 512
"""1 GiB: page ids 0 to 262143."""

LEAVES = {
    "CREATE": 9, "KEYCFG": 8, "TRACK": 38, "FINAL": 17, "VPFD": 19, "FREEID": 20, "ADDCX": 1,
    "SADD": 3, "PADD": 2, "AUG": 6, "BLOCK": 7, "UNBLOCK": 39, "REMOVE": 29, "SREM": 30,
    "SRD": 25, "PROMOTE": 23, "DEMOTE": 15, "RECLAIM": 28, "WBINVD": 41, "CWB": 40,
    "PAMTADD": 58, "PAMTREM": 59,
}
_NAMED_PAGES = {"out": 0x8000_1000, "out2": 0x8020_0000, "null": NULL}
_HKID_SHIFT = 46
_SOURCE = 0x3000
_SOURCES = {"ok": _SOURCE, "mis": _SOURCE | 0x10, "key": _SOURCE | 40 << _HKID_SHIFT,
            "wide": _SOURCE | 1 << 52}
_EVENTS = {"rnd": 1 << 1, "ketbusy": 1 << 2, "keyent": 1 << 3, "treehp": 1 << 4}
_INTERRUPT = 1 << 0
REGISTERS = ("rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13")


def page(operand: Any) -> int:
    """Address of a page operand: id, [id, "0x.."], or a name."""
    if isinstance(operand, list):
        return int(operand[0]) << PAGE_SHIFT | int(operand[1], 16)
    return operand << PAGE_SHIFT if isinstance(operand, int) else _NAMED_PAGES[operand]


def _gpa(step: Step) -> int:
    return int(step["g"]) << PAGE_SHIFT | int(step["l"]) | int(step.get("ro", "0"), 16)


def _td(step: Step) -> int:
    return page(step["d"]) | int(step.get("fl", 0))


def _sept_add(step: Step) -> list[int]:
    l2_tables = [NULL] * 3 if step.get("v", 0) else []
    return [_gpa(step), _td(step), page(step["p"]), *l2_tables]


def _demote(step: Step) -> list[int]:
    pair = [page(step[key]) for key in ("a", "b") if key in step]
    return [_gpa(step), _td(step), page(step["p"]), NULL, NULL, NULL, *pair]


def _td_only(step: Step) -> list[int]:
    return [page(step["d"])]


def _range(step: Step) -> list[int]:
    return [_gpa(step), _td(step)]


_OPERANDS: dict[str, Callable[[Step], list[int]]] = {
    "CREATE": lambda s: [page(s["p"]), s["k"]],
    **dict.fromkeys(("KEYCFG", "TRACK", "FINAL", "VPFD", "FREEID"), _td_only),
    "ADDCX": lambda s: [page(s["p"]), page(s["d"])],
    "SADD": _sept_add,
    "PADD": lambda s: [_gpa(s), _td(s), page(s["p"]), _SOURCES[s["s"]]],
    "AUG": lambda s: [_gpa(s), _td(s), page(s["p"])],
    **dict.fromkeys(("BLOCK", "UNBLOCK", "REMOVE", "SREM", "SRD", "PROMOTE"), _range),
    "DEMOTE": _demote,
    "RECLAIM": lambda s: [page(s["p"])],
    "WBINVD": lambda s: [page(s["p"]) | s["k"] << _HKID_SHIFT],
    "CWB": lambda s: [s["cmd"]],
    "PAMTADD": lambda s: [page(s["p"]) | s["l"], page(s["a"]), page(s["b"])],
    "PAMTREM": lambda s: [page(s["p"]) | s["l"]],
}

_PSEUDO: dict[str, tuple[str, Callable[[Step], list[int]]]] = {
    "@init": ("I", lambda s: []),
    "@vcpus": ("V", lambda s: [s["n"]]),
    "@enter": ("E", lambda s: []),
    "@exit": ("X", lambda s: [s["e"]]),
    "@accept": ("A", lambda s: [_gpa(s)]),
    "@op": ("O", lambda s: [s["s"]]),
    "@st": ("S", lambda s: [_gpa(s), s["s"]]),
    "@fatal": ("F", lambda s: [s["n"]]),
}


def _lock(lock: list[Any]) -> str:
    kind = lock[0]
    if kind == "kot":
        return f"kot:0:{lock[1]}"
    if kind == "ent":
        return f"ent:{page(lock[1]):x}:{lock[2] << PAGE_SHIFT | lock[3]:x}"
    address = lock[1] << (PAGE_SHIFT + 9) if kind == "p2" else page(lock[1])
    return f"{kind}:{address:x}:{lock[2]}"


def _call(step: Step) -> str:
    operands = _OPERANDS[step["f"]](step)
    operands += [0] * (len(REGISTERS) - len(operands))
    events = (_INTERRUPT if step.get("i") else 0) | _EVENTS.get(step.get("n", ""), 0)
    numbers = [LEAVES[step["f"]] | step.get("v", 0) << 16, *operands, events, step.get("pg", 0)]
    return " ".join(["C", *(f"{n:x}" for n in numbers), *map(_lock, step.get("L", ()))])


def is_call(step: Step) -> bool:
    """False for pseudo-steps."""
    return not step["f"].startswith("@")


def step_line(step: Step) -> str:
    """The command for one step. KeyError, TypeError or IndexError when the step is malformed."""
    if is_call(step):
        return _call(step)
    letter, operands = _PSEUDO[step["f"]]
    return " ".join([letter, f"{page(step['d']):x}", *(f"{n:x}" for n in operands(step))])


def trace_lines(trace: Trace) -> list[str]:
    """A new module, every step, and a dump where the trace has one."""
    lines = [f"R {trace.generation:x} {trace.dpamt:x} {trace.packages:x} {TDMR_REGIONS:x}"]
    for step in trace.steps:
        lines.append(step_line(step))
        if "S" in step:
            lines.append("D")
    return lines
