# SPDX-License-Identifier: GPL-2.0-only
"""Agreement of the SEAM model with traces: per leaf and status, N of M."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator import proc
from generator.errors import DataError, RigError
from generator.seam import compare, encode, harness
from generator.seam.traces import Step, Trace

STATUSES = {
    0x00000000: "SUCCESS", 0x80000003: "INTERRUPTED_RESUMABLE",
    0x80000004: "INTERRUPTED_RESTARTABLE", 0xC0000100: "OPERAND_INVALID",
    0xC0000101: "OPERAND_ADDR_RANGE_ERROR", 0x80000200: "OPERAND_BUSY",
    0x80000201: "PREVIOUS_TLB_EPOCH_BUSY", 0x80000203: "RND_NO_ENTROPY",
    0x80000206: "INTERRUPTED_BUSY", 0xC0000300: "PAGE_METADATA_INCORRECT",
    0xC0000303: "PAGE_NOT_FREE", 0xC0000304: "HPA_RANGE_NOT_FREE",
    0xC0000305: "NO_PAMT_PAGE_PAIR", 0xC0000306: "PAMT_PAGE_NOT_EMPTY",
    0x80000308: "MISSING_PAMT_PAGE_PAIR", 0xC0000400: "TD_ASSOCIATED_PAGES_EXIST",
    0xE0000604: "TD_FATAL", 0xC0000606: "TDCS_NOT_ALLOCATED",
    0xC0000607: "LIFECYCLE_STATE_INCORRECT", 0xC0000608: "OP_STATE_INCORRECT",
    0xC0000609: "NO_VCPUS", 0xC0000610: "TDCX_NUM_INCORRECT",
    0x80000800: "KEY_GENERATION_FAILED", 0x80000810: "TD_KEYS_NOT_CONFIGURED",
    0x00000815: "KEY_CONFIGURED", 0x80000817: "WBCACHE_NOT_COMPLETE",
    0xC0000820: "HKID_NOT_FREE", 0x00000821: "NO_HKID_READY_TO_WBCACHE",
    0xC0000823: "WBCACHE_RESUME_ERROR", 0xC0000B00: "EPT_WALK_FAILED",
    0xC0000B06: "GPA_RANGE_NOT_BLOCKED", 0x00000B07: "GPA_RANGE_ALREADY_BLOCKED",
    0xC0000B08: "TLB_TRACKING_NOT_DONE", 0xC0000B09: "EPT_INVALID_PROMOTE_CONDITIONS",
    0xC0000B0D: "EPT_ENTRY_STATE_INCORRECT", 0xC0000B0E: "EPT_PAGE_NOT_FREE",
}
_REPLAY_S = 600.0


@dataclass(frozen=True)
class Disagreement:
    """First of its kind: ``what`` differs (a register, or a part of the state)."""

    trace: str
    index: int
    leaf: str
    what: str
    expected: str
    got: str
    step: Step

    @property
    def kind(self) -> tuple[str, ...]:
        """Disagreements of one kind are shown once."""
        values = (self.expected, self.got) if self.what == "rax" else ()
        return (self.leaf, self.what.partition("(")[0], *values)


@dataclass
class Agreement:
    """Counts over all replayed traces; ``good`` and ``total`` by (leaf, status name|low half)."""

    traces: int = 0
    good_traces: int = 0
    total: Counter[tuple[str, str]] = field(default_factory=Counter)
    good: Counter[tuple[str, str]] = field(default_factory=Counter)
    dumps: int = 0
    good_dumps: int = 0
    kinds: Counter[tuple[str, ...]] = field(default_factory=Counter)
    first: dict[tuple[str, ...], Disagreement] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Everything agrees."""
        return self.good_traces == self.traces

    def note(self, found: Disagreement) -> None:
        """Count a disagreement, keep the first of its kind."""
        self.kinds[found.kind] += 1
        self.first.setdefault(found.kind, found)


def status_name(step: Step) -> str:
    """Name of a call's expected status, with its low half where that is not zero."""
    value = int(step["r"], 16)
    name = STATUSES.get(value >> 32, f"0x{value >> 32:08x}")
    return f"{name}|{value & 0xFFFFFFFF:x}" if value & 0xFFFFFFFF else name


def _commands(traces: Sequence[Trace]) -> str:
    lines: list[str] = []
    for trace in traces:
        try:
            lines += encode.trace_lines(trace)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise DataError(f"a step that cannot be read: {error!r}", where=trace.id,
                            fix="not a trace of this format") from error
    return "\n".join(lines) + "\n"


def _answers(folder: Path, commands: str) -> list[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".replay") as file:
        file.write(commands)
        file.flush()
        return harness.run(folder, "replay", file.name, timeout=_REPLAY_S).splitlines()


def _dump(answers: Iterator[str]) -> list[str]:
    lines = []
    while (line := next(answers)) != ".":
        lines.append(line)
    return lines


def _check_step(step: Step, answers: Iterator[str]) -> tuple[str, str, str] | None:
    if encode.is_call(step):
        return compare.registers(step, next(answers).split())
    if step["f"] == "@enter":
        epoch = int(next(answers), 16)
        return None if epoch == step["e"] else ("epoch", str(step["e"]), str(epoch))
    return None


def _check_state(step: Step, answers: Iterator[str], tally: Agreement,
                 ) -> tuple[str, str, str] | None:
    difference = compare.states(compare.trace_state(step["S"]),
                                compare.model_state(_dump(answers)))
    tally.dumps += 1
    tally.good_dumps += difference is None
    return difference


def _check_trace(trace: Trace, answers: Iterator[str], tally: Agreement) -> None:
    agreed = True
    for index, step in enumerate(trace.steps):
        found = _check_step(step, answers)
        if encode.is_call(step):
            key = (step["f"], status_name(step))
            tally.total[key] += 1
            tally.good[key] += found is None
        if "S" in step:
            state = _check_state(step, answers, tally)
            found = found or state
        if found:
            tally.note(Disagreement(trace.id, index, step["f"], *found,
                                    {k: v for k, v in step.items() if k != "S"}))
            agreed = False
    tally.traces += 1
    tally.good_traces += agreed


def replay(traces: Sequence[Trace], folder: Path) -> Agreement | None:
    """Replay with the program in ``folder``; None on a dry run.

    Raises DataError for a malformed step, RigError when the program fails.
    """
    tally = Agreement()
    answers = iter(_answers(folder, _commands(traces)))
    if proc.dry_run():
        return None
    for trace in traces:
        try:
            _check_trace(trace, answers, tally)
        except StopIteration as end:
            raise RigError("the replay program stopped early", where=trace.id,
                           fix="a fault of the harness") from end
    return tally


def as_json(tally: Agreement) -> dict[str, Any]:
    """Totals, counts by leaf and status, the first disagreement of each kind."""
    return {
        "traces": [tally.good_traces, tally.traces], "dumps": [tally.good_dumps, tally.dumps],
        "calls": [tally.good.total(), tally.total.total()],
        "leaves": {leaf: {status: [tally.good[leaf, status], n]
                          for (name, status), n in sorted(tally.total.items()) if name == leaf}
                   for leaf in sorted({leaf for leaf, _ in tally.total})},
        "disagreements": [{"trace": d.trace, "step": d.index, "leaf": d.leaf, "what": d.what,
                           "expected": d.expected, "got": d.got, "n": tally.kinds[d.kind],
                           "operands": dict(d.step)} for d in tally.first.values()],
    }
