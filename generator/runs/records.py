# SPDX-License-Identifier: GPL-2.0-only
"""The guest's serial protocol and the records made of it, checked line by line.

    EXTSPT BOOT <plan id> <release>
    EXTSPT INSMOD <variant>
    EXTSPT INFO <variant>               then a line of JSON
    EXTSPT TURN <variant> <workload>    where the variants take turns: some batches of a case begin
    EXTSPT CASE <index> <variant> <workload> rc=<rc> kernel=<before>,<live>,<after>
                                        then a line of JSON, or null; then of the same case
    EXTSPT MORE <index> sec_pagetables <before>,<live>,<after>
                                        bytes, as kernel= is, where memory.stat has it
    EXTSPT MORE <index> lock <contended> <acquired> <wait us> <held us> <name>
                                        kernels with lock_stat only: KVM's own locks
    EXTSPT MORE <index> faults <ticks>,<ticks>...[;<ticks>...]
                                        with dump=1: each fault, the workers one after another
    EXTSPT LOCKDEP debug_locks=<0|1>    kernels with lockdep only; 0: it has switched itself off
    EXTSPT END cases=<n> status=<0|1>
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import orjson

from generator.errors import DataError
from generator.runs.plan import BootPlan, plain

ABI = 1
RC_RUN, RC_DESTROY, RC_NO_RECORD, RC_NO_MODULE, RC_NO_COSTS = range(1, 6)
#: What the rc of a case means; 0 is fine. The guest's init sets it, RC_NO_RECORD is set here.
RC_TEXT = {
    RC_RUN: "the run was refused or failed", RC_DESTROY: "the tear-down failed",
    RC_NO_RECORD: "no record", RC_NO_MODULE: "the module could not be inserted",
    RC_NO_COSTS: "the cost table was refused",
}

_BOOT = re.compile(r"EXTSPT BOOT (\S+) (\S+)")
_SIGN = re.compile(r"EXTSPT (?:INSMOD \S+|TURN \S+ \S+)")
_INFO = re.compile(r"EXTSPT INFO (\S+)")
_CASE = re.compile(r"EXTSPT CASE (\d+) (\S+) (\S+) rc=(\d+) kernel=(\d+),(\d+),(\d+)")
_MORE = re.compile(r"EXTSPT MORE (\d+) (sec_pagetables|lock|faults) (.+)")
_LOCKDEP = re.compile(r"EXTSPT LOCKDEP debug_locks=([01])")
_END = re.compile(r"EXTSPT END cases=(\d+) status=([01])")


@dataclass(frozen=True)
class SerialCase:
    """One case as the guest reported it; ``kernel`` is bytes before, live and after.

    ``more``: "sec_pagetables", bytes as in ``kernel``; "locks", name -> acquired, contended,
    wait_us and held_us; "faults", ticks of each, by worker. Only what there was.
    """

    index: int
    variant: str
    workload: str
    rc: int
    kernel: tuple[int, int, int]
    record: Mapping[str, Any] | None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SerialLog:
    """A whole boot: plan id, kernel release, each module's ``info``, the cases in order.

    ``lockdep``: whether it was still at work at the end, None when the kernel has none.
    """

    plan_id: str
    release: str
    infos: Mapping[str, Mapping[str, Any] | None]
    cases: tuple[SerialCase, ...]
    status: int
    lockdep: bool | None = None


@dataclass
class _Lines:
    """The lines of a file with their numbers, for errors that say where."""

    source: str
    lines: list[str]
    at: int = 0
    infos: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    cases: list[SerialCase] = field(default_factory=list)
    lockdep: bool | None = None

    def fail(self, what: str) -> NoReturn:
        raise DataError(what, where=f"{self.source}:{self.at}",
                        fix="the boot is not usable; 'extspt run --resume' boots it again")

    def next(self) -> str | None:
        if self.at >= len(self.lines):
            return None
        self.at += 1
        return self.lines[self.at - 1]

    def document(self) -> dict[str, Any] | None:
        """The JSON line that must follow."""
        if (line := self.next()) is None:
            self.fail("the file ends where a line of JSON must follow")
        return self.decode(line)

    def decode(self, line: str) -> dict[str, Any] | None:
        try:
            value = orjson.loads(line)
        except ValueError as error:
            self.fail(f"not JSON, or a truncated line: {error}")
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fail("not a JSON object")
        if value.get("abi") != ABI:
            self.fail(f"ABI {value.get('abi')!r}, this suite reads {ABI}")
        return value


def parse(text: str, source: str) -> SerialLog:
    """Read a boot's record port; ``source`` names the file in errors.

    Raises DataError with file and line for anything that is not the protocol.
    """
    lines = _Lines(source, [line.rstrip("\r") for line in text.split("\n")])
    if lines.lines[-1]:
        lines.at = len(lines.lines)
        lines.fail("the last line is truncated")
    lines.lines.pop()
    boot = _BOOT.fullmatch(lines.next() or "")
    if boot is None:
        lines.fail("the first line is not 'EXTSPT BOOT <plan> <release>'")
    while (line := lines.next()) is not None:
        if end := _END.fullmatch(line):
            return SerialLog(boot[1], boot[2], lines.infos, _ended(lines, int(end[1])), int(end[2]),
                             lines.lockdep)
        _take(lines, line)
    lines.fail("no 'EXTSPT END' line: the guest was lost")


def _take(lines: _Lines, line: str) -> None:
    """One line of the protocol between the first and the last, with its JSON if it has any."""
    if info := _INFO.fullmatch(line):
        lines.infos[info[1]] = lines.document()
    elif case := _CASE.fullmatch(line):
        lines.cases.append(_case(lines, case))
    elif more := _MORE.fullmatch(line):
        _add(lines, more)
    elif lockdep := _LOCKDEP.fullmatch(line):
        lines.lockdep = lockdep[1] == "1"
    elif not _SIGN.fullmatch(line):
        lines.fail(f"not a line of the protocol: {line[:80]!r}")


def _add(lines: _Lines, more: re.Match[str]) -> None:
    """What is said of the last case besides its record."""
    if not lines.cases or int(more[1]) != lines.cases[-1].index:
        lines.fail(f"more of case {more[1]}, which is not the last one")
    known, text = lines.cases[-1].more, more[3]
    try:
        if more[2] == "lock":
            contended, acquired, wait, held, name = text.split(maxsplit=4)
            known.setdefault("locks", {})[name] = {
                "acquired": int(acquired), "contended": int(contended), "wait_us": float(wait),
                "held_us": float(held)}
        else:
            rows = [[int(n) for n in row.split(",")] for row in text.split(";")]
            known[more[2]] = rows if more[2] == "faults" else rows[0]
    except ValueError as error:
        lines.fail(f"not what {more[2]} has to say: {error}")


def _case(lines: _Lines, head: re.Match[str]) -> SerialCase:
    index, rc = int(head[1]), int(head[4])
    if index != len(lines.cases):
        lines.fail(f"case {index} where {len(lines.cases)} must come")
    kernel = (int(head[5]), int(head[6]), int(head[7]))
    record = lines.document()
    found = (record.get("variant"), record.get("workload")) if record else None
    if found is not None and found != (head[2], plain(head[3])):
        # A run that was refused leaves the previous record in place: not this case's.
        if rc == 0:
            lines.fail(f"the record is of {found[0]} {found[1]}, the case of {head[2]} {head[3]}")
        record = None
    return SerialCase(index, head[2], head[3], rc or (0 if record else RC_NO_RECORD), kernel,
                      record)


def _ended(lines: _Lines, count: int) -> tuple[SerialCase, ...]:
    if count != len(lines.cases):
        lines.fail(f"the guest counted {count} cases, the file has {len(lines.cases)}")
    if lines.next() is not None:
        lines.fail("lines after 'EXTSPT END'")
    return tuple(lines.cases)


def finished(text: str, boot: BootPlan) -> list[SerialCase]:
    """The cases of the variants that had their turn before a guest was lost.

    The last one that was begun is not among them, whatever it wrote.
    """
    whole = text[:text.rfind("EXTSPT INSMOD ")]
    if not whole.startswith(f"EXTSPT BOOT {boot.id} "):
        return []
    end = f"EXTSPT END cases={whole.count('EXTSPT CASE ')} status=1\n"
    try:
        cases = parse(whole + end, "a lost guest").cases
    except DataError:
        return []
    planned = [(case.variant, case.workload) for case in boot.cases]
    ran = [(case.variant, case.workload) for case in cases]
    return list(cases) if ran == planned[:len(ran)] else []


def check_against(log: SerialLog, boot: BootPlan, source: str) -> None:
    """Check that a boot ran the plan, whole and in order. Raises DataError."""
    if log.plan_id != boot.id:
        raise DataError(f"the guest ran plan {log.plan_id}, not {boot.id}", where=source,
                        fix="the run directory was mixed with another one")
    ran = [(case.variant, case.workload) for case in log.cases]
    planned = [(case.variant, case.workload) for case in boot.cases]
    if ran != planned:
        raise DataError(f"{len(ran)} cases do not match the {len(planned)} of the plan",
                        where=source, fix="resume the run to boot it again")


def stored(case: SerialCase, boot: str, aprime_of: str | None, block: int = 0,
           build: int = 0) -> dict[str, Any]:
    """A case as it is kept in records.jsonl, one line each."""
    return {"boot": boot, "block": block, "build": build, "index": case.index,
            "variant": case.variant, "aprime_of": aprime_of, "workload": case.workload,
            "rc": case.rc, "kernel_stat": list(case.kernel), "record": case.record,
            "more": case.more}


_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "boot": str, "index": int, "variant": str, "aprime_of": (str, type(None)), "workload": str,
    "rc": int, "kernel_stat": list, "record": (dict, type(None)), "block": int, "build": int,
    "more": dict,
}
#: Runs that have one block of one build need not say so.
_IMPLIED: Mapping[str, Any] = {"block": 0, "build": 0, "more": {}}


def read_stored(path: Path, cases: int,
                size: int | None = None) -> tuple[list[dict[str, Any]], str]:
    """The records of a records.jsonl, ``cases`` in number, and the sha256 of what was read.

    ``size``: bytes to read, None for all. Raises DataError with file and line.
    """
    try:
        blob = path.read_bytes()[:size]
        text = blob.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path), fix="boot it again") from error
    lines = _Lines(str(path), text.split("\n"))
    if lines.lines.pop():
        lines.at = len(lines.lines) + 1
        lines.fail("the last line is truncated")
    found = [_checked(lines, line) for line in iter(lines.next, None)]
    if len(found) != cases:
        lines.fail(f"{len(found)} records, the manifest says {cases}")
    return found, hashlib.sha256(blob).hexdigest()


def _checked(lines: _Lines, line: str) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except ValueError as error:
        lines.fail(f"not JSON, or a truncated line: {error}")
    value = {**_IMPLIED, **value} if isinstance(value, dict) else value
    if not isinstance(value, dict) or value.keys() != _FIELDS.keys():
        lines.fail(f"not a record: it must have {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if not isinstance(value[name], kind):
            lines.fail(f"{name} is {value[name]!r}")
    if value["record"] is not None and value["record"].get("abi") != ABI:
        lines.fail(f"ABI {value['record'].get('abi')!r}, this suite reads {ABI}")
    return value


def answered(stored: Mapping[str, Any]) -> bool:
    """Whether what a case ended with is its answer: -ENOMEM with all caches empty (drain=1)."""
    record = stored["record"] or {}
    return record.get("status") == -errno.ENOMEM and bool(record.get("params", {}).get("drain"))


def case_failure(stored: Mapping[str, Any]) -> str:
    """What went wrong in a stored case: variant, workload and reasons; "" when nothing did."""
    if answered(stored):
        return ""
    reasons = [RC_TEXT.get(stored["rc"], f"rc {stored['rc']}")] if stored["rc"] else []
    reasons += [str(error) for error in (stored["record"] or {}).get("errors", [])]
    return f"{stored['variant']} {stored['workload']}: {'; '.join(reasons)}" if reasons else ""
