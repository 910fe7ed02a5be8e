# SPDX-License-Identifier: GPL-2.0-only
"""Where the instructions of a fault in the real kvm.ko go, and how much of them a design is.

The check of a hooked KVM (kvmcheck.py) has measured the same fault without hooks, and mirrored with
upstream's own cache in front of a backend that does nothing. The comparison with the twin
(twincheck.py) has run each design with that empty backend and without the page ledger: what a fault
takes beyond is the rig's, the modelled SEAM and the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from generator.modules.render import KVM, TWIN
from generator.report.model import NA, Section, Table, columns, number
from generator.report.view import COUNT, View

WORKLOADS = ("populate_seq", "populate_sparse")
Entry = Mapping[str, Any]
Key = tuple[str, str]
_COUNTS = ("leaf", "non-leaf", "topups", "S-EPT pages", "PAMT pages", "pamt_lock")


def sections(view: View) -> Iterator[Section]:
    """Where a fault goes, and the twin beside it; nothing for another host or an unchecked KVM."""
    found = view.manifest.get("kvm") or {}
    if view.host != KVM or not found.get("check"):
        return
    held = {(name, entry["script"]): entry for name, entries in (found.get("conform") or {}).items()
            for entry in entries if name not in view.failing}
    where = _where(view, found["check"], held)
    if where is not None:
        yield where
    if held:
        yield _beside(view, held)


def _where(view: View, check: Entry, held: Mapping[Key, Entry]) -> Section | None:
    shown = [one for name in WORKLOADS if (one := _table(view, check, held, name)) is not None]
    if not shown:
        return None
    costs = ", ".join(f"{cost:+d} ({name})" for name, cost in check["hooks_cost"].items())
    return Section("Where a fault's instructions go: host kvm", (f"host {KVM}", f"tier {COUNT}"), (
        "KVM: a private fault of the same kvm.ko without our hooks. mirror: what the mirrored walk "
        "and upstream's own cache add, with an empty backend. design: what this design adds to "
        "that, with the same empty backend. rig: the modelled SEAM and the page ledger. "
        "without rig: the fault against the baseline's, both without them. "
        f"The idle hooks cost {costs} instructions a fault.",), tables=tuple(shown))


def _table(view: View, check: Entry, held: Mapping[Key, Entry], workload: str) -> Table | None:
    medians = {v: view.figures.value(COUNT, v, workload, "op.fault", "p50") for v in view.variants}
    if all(map(math.isnan, medians.values())) or workload not in check["plain"]:
        return None
    bare = {name: float(entry[KVM]["bare"]) for name in medians if (entry := held.get(
        (view.baseline if name == view.aprime else name, workload)))}
    own, plain = check["unhooked"][workload], check["plain"][workload]
    base = medians[view.baseline], bare.get(view.baseline, math.nan)
    rows = tuple((view.label(name), *_cells((median, bare.get(name, math.nan)), own, plain, base))
                 for name, median in medians.items())
    return Table(f"Instructions per fault, median, {workload}.",
                 columns("option", "fault", "KVM", "mirror", "design", "rig", "design\nof fault",
                         "against\nbaseline", "without\nrig"), rows,
                 (f"host {KVM}, tier {COUNT}.",))


def _cells(of: tuple[float, float], own: int, plain: int,
           base: tuple[float, float]) -> tuple[str, ...]:
    """``of``, ``base``: the fault, and without the rig."""
    median, bare = of
    if math.isnan(median):
        return (NA,) * 8
    return (number(median), number(own), number(plain - own), number(bare - plain),
            number(median - bare), _share((bare - plain) / bare), _share(median / base[0] - 1, "+"),
            _share(bare / base[1] - 1, "+"))


def _share(value: float, sign: str = "") -> str:
    return NA if math.isnan(value) else f"{value:{sign}.1%}"


def _beside(view: View, held: Mapping[Key, Entry]) -> Section:
    """The twin's counts and instructions beside KVM's, of the same script of faults."""
    names = [name for name in view.variants if any(name == key[0] for key in held)]
    equal = sum(not entry["wrong"] for entry in held.values())
    wrong = tuple(f"{name}, {script}: {text}" for (name, script), entry in held.items()
                  for text in entry["wrong"])
    return Section("The twin beside real KVM", (f"hosts {TWIN} and {KVM}", f"tier {COUNT}"), (
        f"The same faults in both hosts, one vCPU: in {equal} of {len(held)} scripts the order of "
        "steps and all counts are equal. Which 2 MiB ranges memory lies in is the page "
        "allocator's: the pages and locks of the pairs that were installed more or fewer for it "
        "are no difference.",),
        tables=tuple(table for script in WORKLOADS if any(script == key[1] for key in held)
                     for table in (_counts(view, names, held, script),
                                   _apart(view, names, held, script))), items=wrong)


def _counts(view: View, names: list[str], held: Mapping[Key, Entry], script: str) -> Table:
    rows = tuple((view.label(name), *(_pair(held[name, script], count) for count in _COUNTS))
                 for name in names if (name, script) in held)
    return Table(f"Counts, {script}: twin/kvm where they differ.",
                 columns("option", "leaf", "non-leaf", "topups", "S-EPT\npages", "PAMT\npages",
                         "pamt_lock"), rows, (f"hosts {TWIN} and {KVM}, tier {COUNT}; counts of "
                                              "one run of the script in each.",))


def _pair(entry: Entry, count: str) -> str:
    twin, kvm = entry[TWIN]["counts"][count], entry[KVM]["counts"][count]
    return str(kvm) if twin == kvm else f"{twin}/{kvm}"


def _apart(view: View, names: list[str], held: Mapping[Key, Entry], script: str) -> Table:
    base = held.get((view.baseline, script))

    def row(name: str) -> tuple[str, ...]:
        one = held[name, script]
        cells = [str(one[host]["bare"]) for host in (TWIN, KVM)]
        if base is None:
            return (view.label(name), *cells, NA, NA, NA)
        twin, kvm = (one[host]["bare"] - base[host]["bare"] for host in (TWIN, KVM))
        return (view.label(name), *cells, f"{twin:+d}", f"{kvm:+d}", f"{twin - kvm:+d}")
    return Table(f"Instructions per fault without the rig, median, {script}.",
                 columns("option", "twin", "kvm", "twin\nagainst", "kvm\nagainst", "disagree"),
                 tuple(row(name) for name in names if (name, script) in held),
                 (f"hosts {TWIN} and {KVM}, tier {COUNT}, one run of the script in each.",
                  "against: difference to the baseline; disagree: of the two hosts on it.",))
