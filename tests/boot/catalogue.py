# SPDX-License-Identifier: GPL-2.0-only
"""One run of every design with one vCPU, and how its records are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guests import Project

from generator.modules import variant
from generator.runs import store

Record = Mapping[str, Any]
Records = Mapping[tuple[str, str], Record]
"""(variant, workload) -> record."""
PAIR = 2
EMPTY = "populate_seq+pages=3+drain=1"
"""Every cache is found empty in a fault; the first fault needs pages of all kinds."""
WORKLOADS = ("idle", "populate_seq", "smoke", "topup", EMPTY)


def run(designs: Project) -> Records:
    """Boot once under icount; exact and the same each time but for where pages lie."""
    done = designs.extspt("run", "--gate", "off", "--boots", "icount", "--vcpus", "1",
                          "--seed", "7", "--variants", ",".join(variant.names()),
                          "--workloads", ",".join(WORKLOADS))
    assert done.returncode == 0, done.stderr
    found = store.load_run(designs.root / done.stdout.strip())
    return {(r["variant"], r["workload"]): r["record"] for r in found.records}


def pages(record: Record, page_class: str, what: str = "allocated") -> int:
    """Pages of a class over a VM's whole life."""
    return sum(row[what] for row in record["memory"]["end"] if row["class"] == page_class)


def calls(record: Record, leaf: str) -> int:
    """SEAMCALLs of a leaf from the workload's start to the VM's end."""
    return sum(row["n"] for row in record["seam"]["calls"] if row["leaf"] == leaf)


def pools(record: Record, vcpu: int, what: str) -> dict[str, int]:
    """Pool -> pages, of one vCPU or of the VM (-1); not the mirror page tables."""
    return {row["pool"]: row[what] for row in record["memory"]["parked"]
            if row["vcpu"] == vcpu and row["class"] != "mirror"}
