# SPDX-License-Identifier: GPL-2.0-only
"""Gate before clock: what a run asks before it times anything."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from generator import proc
from generator.errors import GateError, unknown
from generator.gate import conduct, kernels, result
from generator.gate.conduct import Level, Wish
from generator.gate.result import FAIL, FORCED, NOT_RUN, PASS, GateResult
from generator.modules import variant
from generator.modules.render import KVM
from generator.runs.store import RunDir

OFF = "off"
FAILING = "timed though they FAIL the gate (--force)"
"""Begins the mark of a run in which some designs are FORCED."""
CHOICES = (*(level.name.lower() for level in Level), OFF)


@dataclass(frozen=True)
class Gated:
    """What the gate said before a run. ``verdicts``: variant -> PASS, FAIL, forced or not run.

    ``marks``: what every table of the run has to say.
    """

    results: tuple[GateResult, ...] = ()
    verdicts: dict[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()

    @property
    def failed(self) -> list[str]:
        """The designs that get no timing."""
        return [name for name, verdict in self.verdicts.items() if verdict == FAIL]

    def allowed(self, names: Sequence[str]) -> list[str]:
        """The designs of ``names`` that may be timed, with their A'."""
        return [name for name in names if name.removesuffix(variant.APRIME) not in self.failed]

    def keep(self, directory: RunDir) -> None:
        """Put the results into a run's folder and the verdicts into its manifest."""
        listed = {name: self.verdicts.get(name.removesuffix(variant.APRIME), NOT_RUN)
                  for name in directory.manifest["variants"]}
        directory.manifest["gate"] = {**self.verdicts, **listed}
        directory.save()
        if self.results:
            result.save(directory.path, self.results)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much of the gate comes before the clock."""
    usual = os.environ.get("EXTSPT_GATE") or Level.QUICK.name.lower()
    parser.add_argument("--gate", choices=CHOICES, default=usual,
                        help="correctness before timing: quick, sweep, full (with a debug "
                        f"kernel), or off (default: EXTSPT_GATE, here {usual})")


def before(args: argparse.Namespace, names: Sequence[str], baseline: str) -> Gated:
    """Check the designs of a run. With --force those that fail are timed, and the tables say so.

    Raises GateError when the baseline fails: there would be nothing to compare with.
    """
    if args.gate not in CHOICES:
        raise unknown("gate", args.gate, CHOICES)
    wanted = list(dict.fromkeys(name.removesuffix(variant.APRIME) for name in (baseline, *names)))
    if args.gate == OFF or proc.dry_run():
        return Gated((), dict.fromkeys(wanted, NOT_RUN), ("the gate was not run (--gate off)",))
    # The kernel of the run is the gate's only where no quicker one is there, or KVM is the host.
    kdir = args.kdir if args.host == KVM or not kernels.own_uml() else None
    found = conduct.check(Wish(tuple(wanted), args.host, kdir, Level[args.gate.upper()]))
    bad = [one.variant for one in found if not one.passed]
    verdicts = {one.variant: PASS if one.passed else FORCED if args.force else FAIL
                for one in found}
    gated = Gated(tuple(found), verdicts, _marks(bad) if args.force else ())
    for name in gated.failed:
        proc.note(f"  GATE    {name} FAILS and is not timed: extspt check {name} says why")
    if baseline in gated.failed:
        raise GateError(f"the baseline {baseline} fails the gate", where="gate",
                        fix=f"extspt check {baseline} says why; --force times it all the same")
    return gated


def _marks(bad: Sequence[str]) -> tuple[str, ...]:
    return (f"{FAILING}: {', '.join(bad)}",) if bad else ()
