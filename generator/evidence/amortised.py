# SPDX-License-Identifier: GPL-2.0-only
"""Which statistic an operation is judged by. Imports nothing: asv starts a process per figure."""

from __future__ import annotations

AMORTISED = ("topup",)
"""Ops most of whose time goes to few of them: a cache of 40 is refilled every ninth time, a list
of 16 nearly every time. The median tells how often, the mean how much, and that is what it costs:
a list that does as much work in all was 38 % slower by its median (UML, 7.2)."""


def main_stat(op: str) -> str:
    """The mean of an amortised operation, the median of all others."""
    return "mean" if op in AMORTISED else "p50"
