# SPDX-License-Identifier: GPL-2.0-only
"""Which statistic an operation is judged by. Imports nothing: asv starts a process per figure."""

from __future__ import annotations

AMORTISED = ("topup",)
"""Ops much of whose time goes to few of them. Every eighth or ninth topup refills a cache of 40,
every one a list of 16 by its share: the median tells how often, the mean how much, and that is what
it costs. By its median such a list was 38 % slower, where it was 0.4 % faster (UML, 7.2)."""


def main_stat(op: str) -> str:
    """The mean of an amortised operation, the median of all others."""
    return "mean" if op in AMORTISED else "p50"
