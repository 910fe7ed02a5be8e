# SPDX-License-Identifier: GPL-2.0-only
"""The twin held to the real kvm.ko: one script of faults in both, equal counts, equal order.

Both hosts run the same designs on the same kernel, under icount with one vCPU: once with all that
counts them, and once bare, without the page ledger and with an empty backend in place of the SEAM
model (kmod/lib/bare.h), which is what the rig itself is calibrated against. What a pair of PAMT
pages costs depends on where guest memory lies, and the page allocator decides that: a count that
differs by just as much as the installed pairs do is equal "but for placement".
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from generator.errors import DataError, GuestError
from generator.kvm.kvmhost import KvmBuild
from generator.modules.build import BuiltModule
from generator.modules.render import KVM, TWIN
from generator.modules.variant import load_variant
from generator.runs import scripted
from generator.trees.kernel import KernelTree

SCRIPTS: Mapping[str, str] = {"populate_seq": "vcpus=1 pages=4096 rounds=1",
                              "populate_sparse": "vcpus=1 pages=128 rounds=1"}
PAIRED = "PAMT pages"
#: Count -> how many of it a pair of PAMT pages takes when it is installed.
COUNTS: Mapping[str, int] = {"faults": 0, "leaf": 0, "non-leaf": 0, "topups": 0, "allocs": 0,
                             "S-EPT pages": 0, "gets": 0, PAIRED: 2, "pamt_lock": 1}
#: In a word a SEAMCALL just before a get's end is the PAMT.ADD of that get.
_INSTALL = re.compile(r"sg")
#: Before the name of a script that a bare module runs.
_BARE = "bare."
_CASE = re.compile(r"EXTSPT CASE \d+ (\S+) (\S+) rc=(\d+) ")


@dataclass(frozen=True)
class Seen:
    """What one host did in one case. ``steps``: (word, times in a row); None: too long to tell.

    ``installs``: pairs installed in the faults; ``control``: pages of the TD itself, before them;
    ``fault``, ``bare``: its median instructions, and those without ledger and SEAM model.
    """

    counts: Mapping[str, int]
    installs: int
    control: int
    steps: tuple[tuple[str, int], ...] | None
    fault: int
    bare: int


@dataclass(frozen=True)
class Compared:
    """One design and script in both hosts. ``wrong``: what is not equal, "" for all of it."""

    variant: str
    script: str
    twin: Seen
    kvm: Seen

    @property
    def wrong(self) -> list[str]:
        """What differs beyond placement."""
        found = [f"{name}: twin {self.twin.counts[name]}, kvm {self.kvm.counts[name]}"
                 for name, each in COUNTS.items() if not self._equal(name, each)]
        if self.twin.steps is None or self.kvm.steps is None:
            return [*found, "the order of steps is too long to tell"]
        there = self.kvm.steps
        if self._bound_in_faults:
            there = tuple((word.replace("tg", "t", 1), n) for word, n in there)
        if self.twin.steps != there:
            found.append(_first_difference(self.twin.steps, there))
        return found

    def _equal(self, name: str, each: int) -> bool:
        apart = self.twin.counts[name] - self.kvm.counts[name]
        placed = each * (self.twin.installs - self.kvm.installs)
        # A control page brings a pair or finds one there: nobody counted which, as it came before.
        paired = name == PAIRED and (apart - placed) % each == 0 and \
            abs(apart - placed) <= each * max(self.twin.control, self.kvm.control)
        # A folio is bound in the fault that allocates it; the twin's memory was there before.
        bound = name == "gets" and apart == -self._bound_in_faults
        return apart in (0, placed) or paired or bound

    @property
    def _bound_in_faults(self) -> int:
        early = "gmem_bound" in load_variant(self.variant).needs
        return self.kvm.counts["leaf"] if early and self.script == "populate_sparse" else 0


def compare(modules: Mapping[str, Sequence[BuiltModule]], kvm: KvmBuild) -> list[Compared]:
    """Run the designs in both hosts; ``modules``: host -> the same designs in the same order.

    Raises GuestError when a guest is lost or a case fails, DataError for a damaged answer.
    """
    seen = {host: _run(host, built, kvm if host == KVM else None)
            for host, built in modules.items()}
    return [Compared(*case, seen[TWIN][case], seen[KVM][case]) for case in seen[TWIN]]


def _run(host: str, built: Sequence[BuiltModule],
         kvm: KvmBuild | None) -> dict[tuple[str, str], Seen]:
    tree: KernelTree = built[0].rendered.tree
    files = [(one.rendered.variant.name, one.ko) for one in built]
    with tempfile.TemporaryDirectory(prefix="extspt-twin-") as out:
        told = scripted.counted(tree, _script(built, kvm), Path(out), kvm, files)
    if told.lost or not told.serial or not told.serial[-1].endswith("status=0"):
        raise GuestError("the conformance script failed", where=f"host {host}, {tree.release}",
                         evidence="\n".join((*told.serial, *told.console)[-12:])[-2000:],
                         fix=told.lost)
    return _read(told.serial, host)


def _script(built: Sequence[BuiltModule], kvm: KvmBuild | None) -> str:
    lines = [] if kvm is None else [
        'for ko in irqbypass kvm kvm-amd; do insmod "$modules/$ko.ko" || failed=1; done',
        "drive keep || failed=1"]
    for one in built:
        design = one.rendered.variant
        steps = f"/sys/module/{design.module}/parameters/steps"
        insert = f"module '{design.name}' {design.module} 'table zero'"
        lines += [insert, f"echo 1 >{steps}"]
        for name, words in SCRIPTS.items():
            lines += [f"measure {name} {name} {words}", f"cat {steps} >&3 || failed=1"]
        lines += ["unload", "parameters=bare=1", insert]
        lines += [f"measure {_BARE}{name} {name} {words}" for name, words in SCRIPTS.items()]
        lines += ["unload", "parameters="]
    return "\n".join(lines)


def _read(serial: Sequence[str], host: str) -> dict[tuple[str, str], Seen]:
    found: dict[tuple[str, str], Seen] = {}
    serial = [line for line in serial if not line.startswith("EXTSPT MORE ")]
    for at, line in enumerate(serial):
        if case := _CASE.match(line):
            variant, script = case[1], case[2].removeprefix(_BARE)
            try:
                record = json.loads(serial[at + 1])
                if script == case[2]:
                    found[variant, script] = _seen(record, json.loads(serial[at + 2]), host)
                else:
                    bare = int(record["ops"]["fault"]["p50"])
                    found[variant, script] = replace(found[variant, script], bare=bare)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise DataError(f"not a record with steps: {error!r}",
                                where=f"{host}, {case[1]} {case[2]}") from error
    return found


def _seen(record: Mapping[str, Any], steps: list[list[Any]] | None, host: str) -> Seen:
    """Of a run that counts; its ``bare`` is 0 until that run has come."""
    def calls(leaf: str) -> int:
        return sum(int(row["n"]) for row in record["seam"]["calls"] if row["leaf"] == leaf)

    def pages(*classes: str) -> int:
        return sum(int(row["allocated"]) for row in record["memory"]["end"]
                   if row["class"] in classes)

    # KVM tops up once more, for the roots; the twin's root is a control page.
    roots = int(record["params"]["vcpus"]) if host == KVM else 0
    ops = record["ops"]
    counts = {"faults": int(record["counts"]["faults"]), "leaf": calls("PAGE.AUG.4K"),
              "non-leaf": calls("SEPT.ADD"), "topups": int(ops["topup"]["n"]) - roots,
              "allocs": int(ops["alloc"]["n"]), "gets": int(ops["pamt_get"]["n"]),
              "S-EPT pages": pages("sept", "unassigned"), "PAMT pages": pages("pamt"),
              "pamt_lock": int(record["locks"].get("pamt_lock", {"acquired": 0})["acquired"])}
    return Seen(counts, calls("PAMT.ADD"), pages("control"), _words(steps, roots),
                int(ops["fault"]["p50"]), 0)


def _words(steps: list[list[Any]] | None, roots: int) -> tuple[tuple[str, int], ...] | None:
    """Runs of equal words without what placement decides and without the roots' topups."""
    if steps is None:
        return None
    flat = [(_INSTALL.sub("g", str(word)), int(n)) for word, n in steps]
    # What a topup itself does is told before it, as it is told of when it is over.
    if roots and ("t", roots) in flat[:2]:
        flat.remove(("t", roots))
    return tuple((word, sum(n for _, n in same))
                 for word, same in groupby(flat, lambda one: one[0]))


def _first_difference(twin: Sequence[tuple[str, int]], kvm: Sequence[tuple[str, int]]) -> str:
    at = next((i for i, (a, b) in enumerate(zip(twin, kvm, strict=False)) if a != b),
              min(len(twin), len(kvm)))

    def there(runs: Sequence[tuple[str, int]]) -> str:
        return f"{runs[at][0]} x{runs[at][1]}" if at < len(runs) else "nothing"

    return f"steps differ at run {at}: twin {there(twin)}, kvm {there(kvm)}"


def lines(done: Sequence[Compared], baseline: str) -> list[str]:
    """The result as text, at most 72 columns."""
    said = [f"{'design':<17} {'script':<15} {'counts, steps':<13} {'fault':>11} {'bare':>12}",
            f"{'':<17} {'':<15} {'':<13} {'twin':>5} {'kvm':>5} {'twin':>6} {'kvm':>5}"]
    for one in done:
        verdict = "DIFFER" if one.wrong else "equal" if one.twin.counts == one.kvm.counts \
            else "but placement"
        said.append(f"{one.variant:<17.17} {one.script:<15} {verdict:<13} {one.twin.fault:>5} "
                    f"{one.kvm.fault:>5} {one.twin.bare:>6} {one.kvm.bare:>5}")
        said += [f"    {text}"[:72] for text in one.wrong]
    return [*said, "Instructions, median; bare: without page ledger and SEAM model.", "",
            *_differences(done, baseline)]


def _differences(done: Sequence[Compared], baseline: str) -> list[str]:
    """What a design costs more than the baseline, in both hosts, and how far they disagree."""
    base = {one.script: one for one in done if one.variant == baseline}
    said = [f"{'minus ' + baseline:<18.18} {'script':<16} {'twin':>9} {'kvm':>9} {'apart':>9}"]
    for one in done:
        if one.variant == baseline or one.script not in base:
            continue
        twin = one.twin.fault - base[one.script].twin.fault
        kvm = one.kvm.fault - base[one.script].kvm.fault
        said.append(f"{one.variant:<18.18} {one.script:<16} {twin:>+9} {kvm:>+9} {twin - kvm:>+9}")
    return said
