# SPDX-License-Identifier: GPL-2.0-only
"""Which statistic an operation is judged by. Imports nothing: asv starts a process per figure."""

from __future__ import annotations

SPARSE = "populate_sparse"
"""Each fault of it needs page tables, so that caches are emptied within a few faults."""


def main_stat(op: str, workload: str) -> str:
    """Where a few operations do the others' work as well the mean, the median of all others.

    Every eighth or ninth topup refills a cache of 40, every one a list of 16 by its share: the
    median tells how often, the mean how much, and that is what it costs. By its median such a list
    was 38 % slower, where it was 0.4 % faster (UML, 7.2). The faults of populate_sparse have those
    topups in them: +15 % by the median, -1 % by the mean (real KVM, 7.2, instructions).
    """
    sparse = workload.partition("+")[0] == SPARSE     # which may have parameters
    return "mean" if op == "topup" or (op == "fault" and sparse) else "p50"
