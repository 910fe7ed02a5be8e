# SPDX-License-Identifier: GPL-2.0-only
"""extspt seam: the SEAM model in user space: replay traces, fuzz, measure, check collisions."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from generator import layout, proc
from generator.seam import conformance, harness, ktap, traces
from generator.seam.conformance import Agreement

HELP = "the SEAM model in user space: replay traces, conformance, fuzz, bench, check"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command for each use."""
    parser.add_argument("--flavour", choices=list(harness.FLAVOURS), default="plain",
                        help="how the programs are built (asan, tsan: sanitizers)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(commands, "replay", "replay trace files, any of the format", _replay_arguments)
    _add(commands, "conformance", "replay the traces that come with the suite",
         _conformance_arguments)
    _add(commands, "fuzz", "random calls, invariants after each", _fuzz_arguments)
    _add(commands, "bench", "calls per second with zero costs", _bench_arguments)
    _add(commands, "check", "violations, costs, events, and collisions on two CPUs",
         lambda parser: None)


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str,
         fill: Callable[[argparse.ArgumentParser], None]) -> None:
    fill(commands.add_parser(name, help=text, description=text, allow_abbrev=False))


def _output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ktap", action="store_true", help="KTAP: one test per leaf and status")
    parser.add_argument("--generation", type=traces.Generation.parse, metavar="NUMBER",
                        help="1.5.01, 1.5.25 or 2.0.08 (default: as the traces say)")


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl or .jsonl.xz")
    _output_arguments(parser)


def _conformance_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--traces", type=Path, metavar="DIR",
                        help="folder of .jsonl or .jsonl.xz files (default: the suite's own)")
    _output_arguments(parser)


def _fuzz_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, metavar="N",
                        help="side by side; invariants are then checked between bursts")


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=int, default=20_000_000)


def run(args: argparse.Namespace) -> int:
    """Build what is needed and do it; 1 when the model disagrees."""
    folder = harness.build(args.flavour)
    if args.command == "replay":
        return _agreement(args, args.files, folder)
    if args.command == "conformance":
        found = sorted(args.traces.glob("*.jsonl*")) if args.traces else traces.shipped()
        return _agreement(args, found, folder)
    return {"fuzz": _fuzz, "bench": _bench, "check": _check}[args.command](args, folder)


def _agreement(args: argparse.Namespace, files: list[Path], folder: Path) -> int:
    tallies: dict[str, Agreement] = {}
    for file in files:
        proc.note(f"  REPLAY  {layout.shown(file)}")
        tally = conformance.replay(traces.load(file, args.generation), folder)
        if tally is not None:
            tallies[file.name] = tally
    if args.json:
        print(json.dumps({name: conformance.as_json(t) for name, t in tallies.items()}, indent=2))
    else:
        print("\n".join(ktap.from_tallies(tallies) if args.ktap else ktap.as_text(tallies)))
    return 0 if all(tally.complete for tally in tallies.values()) else 1


def _fuzz(args: argparse.Namespace, folder: Path) -> int:
    print(harness.run(folder, "fuzz", "-q", "-t", str(args.seconds), "-s", str(args.seed),
                      "-j", str(args.threads), timeout=args.seconds + 120), end="")
    return 0


def _bench(args: argparse.Namespace, folder: Path) -> int:
    output = harness.run(folder, "bench", str(args.calls))
    if args.json or proc.dry_run():
        print(output, end="")
        return 0
    figures = json.loads(output)
    print(f"{figures['calls_per_s'] / 1e6:.2f} million zero-cost leaf calls per second, one core "
          f"({figures['calls']} calls; SEPT.RD {figures['sept_rd_ns']} ns, "
          f"TRACK {figures['track_ns']} ns, refused {figures['refused_ns']} ns)")
    return 0


def _check(args: argparse.Namespace, folder: Path) -> int:
    for program in ("selftest", "across", "collide"):
        print(f"# {program}")
        print(harness.run(folder, program), end="")
    return 0
