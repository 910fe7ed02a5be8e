# SPDX-License-Identifier: GPL-2.0-only
"""extspt check: the gate. A design is shown to be correct, or it gets no timing."""

from __future__ import annotations

import argparse
import json

from generator import proc
from generator.errors import GateError, Skipped, UsageError
from generator.gate import conduct, kernels, ktap, repeat, result, seeded, text
from generator.gate.conduct import Level, Wish
from generator.gate.result import GateResult
from generator.modules import variant
from generator.modules.render import HOSTS, TWIN

HELP = "the gate: make everything fail in turn, look at who frees what, run under a debug kernel"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which designs, on which kernels, and how much of it."""
    parser.add_argument("designs", nargs="*", metavar="VARIANT", help="default: all")
    parser.add_argument("--variants", metavar="A,B", help="the same as a comma list")
    parser.add_argument("--kdir", help="kernel of the sweep (default: an own UML kernel where "
                        "there is one, else the newest distro headers)")
    parser.add_argument("--host", choices=HOSTS, default=TWIN, help="as for run (default: twin)")
    parser.add_argument("--quick", action="store_true",
                        help="two workloads, no debug kernel: what bench does by itself")
    parser.add_argument("--debug", action=argparse.BooleanOptionalAction,
                        help="with the debug kernels, KASAN's and KCSAN's (default: those that "
                        "were built)")
    parser.add_argument("--again", action="store_true", help="even where the verdict is known")
    parser.add_argument("--seeded", action="store_true",
                        help="test the gate: the bugs of tests/seeded/ (named, or all) in copies "
                        "of the designs have to be caught")
    parser.add_argument("--repeat", type=int, nargs="?", const=repeat.RUNS, metavar="N",
                        help="test the gate: on correct designs it has to find the same N times "
                        f"(default {repeat.RUNS}), on another seed each time, and nothing wrong")
    parser.add_argument("--ktap", action="store_true", help="print KTAP")


def run(args: argparse.Namespace) -> int:
    """Print the verdicts; exit code 13 when a design is wrong."""
    if args.designs and args.variants:
        raise UsageError("designs and --variants name two lists", fix="give one of them")
    if args.seeded:
        return _seeded(args)
    wanted = ",".join(args.designs) or args.variants
    wish = Wish(conduct.names_of(wanted), args.host, args.kdir, _level(args), args.verbose)
    if args.repeat is not None:
        return _repeat(args, wish)
    found = conduct.check(wish, again=args.again)
    if proc.dry_run():
        return 0
    if args.json:
        print(json.dumps([result.as_json(one) for one in found], indent=1))
    elif args.ktap:
        print("\n".join(ktap.lines(found)))
    else:
        print(text.page(found, {one.variant: _known(one.variant) for one in found}), end="")
    return _exit_code(found)


def _seeded(args: argparse.Namespace) -> int:
    """Print which bugs were caught; exit code 13 when one was not."""
    debug = kernels.for_debug(args.host) if args.debug is not False else {}
    if args.debug and not debug:
        raise conduct.no_debug_kernel(args.host)
    grounds = [kernels.for_sweep(args.kdir, args.host), *debug.values()]
    wanted = seeded.chosen(args.designs, seeded.bugs())
    left = seeded.untried(wanted, grounds)
    if len(left) == len(wanted):
        raise Skipped("no seeded bug was tried", where=", ".join(bug.name for bug in left),
                      fix="\n".join(kernels.not_run(args.host, grounds)))
    found = seeded.run(wanted, grounds, Level.QUICK if args.quick else Level.SWEEP)
    if args.json:
        print(json.dumps([{"bug": one.bug.name, "caught": one.ok, "seen": one.seen,
                           "why": one.why,
                           "result": one.result and result.as_json(one.result)}
                          for one in found]
                         + [{"bug": bug.name, "caught": None, "why": seeded.why_not(bug)}
                            for bug in left], indent=1))
    elif args.ktap:
        print("\n".join(ktap.caught(found, left)))
    else:
        print("\n".join(seeded.table(found, left)))
    return 0 if all(one.ok for one in found) else GateError.exit_code


def _repeat(args: argparse.Namespace, wish: Wish) -> int:
    """Print what was found of designs that are right; exit code 13 when it was anything wrong, or
    not the same each time.
    """
    if args.repeat < 1:
        raise UsageError(f"--repeat {args.repeat}", fix="say how often, once at least")
    if proc.dry_run():
        return 0
    found = repeat.run(wish, args.repeat, again=args.again)
    print(json.dumps(repeat.as_json(found), indent=1) if args.json
          else "\n".join(repeat.table(found)))
    return GateError.exit_code if found.wrong or found.fickle else 0


def _level(args: argparse.Namespace) -> Level:
    if args.quick:
        if args.debug:
            raise UsageError("--quick leaves the debug kernels out", fix="give one of the two")
        return Level.QUICK
    wanted = bool(kernels.for_debug(args.host)) if args.debug is None else args.debug
    return Level.FULL if wanted else Level.SWEEP


def _known(name: str) -> dict[str, str]:
    """What the design's fragment says is known: kind of finding -> what."""
    parts = (part.partition(":") for part in variant.load_variant(name).known.split(";"))
    return {kind.strip(): what.strip() for kind, _, what in parts if what.strip()}


def _exit_code(found: list[GateResult]) -> int:
    return 0 if all(one.passed for one in found) else GateError.exit_code
