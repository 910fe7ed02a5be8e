# SPDX-License-Identifier: GPL-2.0-only
"""extspt matrix: designs against the criteria of the debate, each cell computed."""

from __future__ import annotations

import argparse
import json
import tempfile
import textwrap
from dataclasses import asdict
from pathlib import Path

from generator import proc
from generator.errors import DataError, UsageError
from generator.gate import before
from generator.modules import variant
from generator.runs import choose
from generator.runs.store import Run
from generator.studies import asking, criteria, criteriatext, facts, scores
from generator.verbs.list import catalogue_order

HELP = "designs x criteria C1 to C19: from the gate, the counts and the source"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which designs and run; in which form."""
    parser.add_argument("--variants", metavar="A,B", help="default: all named designs; with "
                        "--scores those that have some")
    parser.add_argument("--run", metavar="RUN", help="default: the newest complete run")
    parser.add_argument("--measure", action="store_true",
                        help="gate and count all of them first (minutes)")
    parser.add_argument("--kdir", help="kernel tree for --measure")
    parser.add_argument("--scores", action="store_true", help="where the cells rank designs as "
                        "variants/scores.toml does, where not, and why, in place of the table")
    before.add_arguments(parser)
    asking.add_publish(parser)
    parser.add_argument("--format", choices=criteriatext.FORMATS, default="text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")


def run(args: argparse.Namespace) -> int:
    """Print or write the table."""
    if args.scores and (args.publish or args.out or args.format != "text"):
        raise UsageError("--scores prints text, or JSON with --json",
                         fix="leave out --publish, --out and --format")
    names = scores.designs() if args.scores and not args.variants else variant.picked(args.variants)
    designs = sorted(map(variant.load_variant, names), key=catalogue_order)
    done = measure(args, [one.name for one in designs]) if args.measure else _newest(args.run)
    if args.measure and done is None:
        return 0
    table = criteria.table(designs, done)
    if args.scores:
        return _scores(args, table)
    title = f"designs x criteria, {f'run {done.id}' if done else 'no run: source only'}"
    if args.publish and not proc.dry_run():
        _publish(args.publish, table, title, done)
    if args.json:
        text = json.dumps(criteriatext.data(table), indent=1) + "\n"
    else:
        text = criteriatext.in_form(args.format, table, title)
    if args.out and not proc.dry_run():
        args.out.write_text(text)
        print(args.out)
    else:
        print(text, end="")
    return 0


def _scores(args: argparse.Namespace, table: criteriatext.Table) -> int:
    held = scores.hold(table)
    if args.json:
        print(json.dumps([asdict(one) for one in held], indent=1))
    else:
        print("\n".join(line for text in scores.lines(held) for line in textwrap.wrap(
            text, criteriatext.WIDTH, subsequent_indent="    ", break_on_hyphens=False)))
    return 0


def _publish(name: str, table: criteriatext.Table, title: str, done: Run | None) -> None:
    if done is None:
        raise DataError("nothing was measured: the source is here for all to read",
                        fix="extspt matrix --measure --publish NAME")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.{form}" for form in ("html", "csv")]
        for file in files:
            file.write_text(criteriatext.in_form(file.suffix[1:], table, title))
        asking.publish("matrix", name, done, criteriatext.lines(table, title), files)


def _newest(name: str | None) -> Run | None:
    try:
        return choose.find_run(name)
    except DataError:
        if name is not None:
            raise
        return None     # the source alone says something, too


def measure(args: argparse.Namespace, names: list[str]) -> Run | None:
    """Build, gate and count all designs. None on a dry run."""
    wish = argparse.Namespace(**{**vars(args), "force": True})      # a FAIL is a cell as well
    return asking.measured(wish, names, {
        "--boots": "icount,mttcg", "--blocks": "1", "--gate": args.gate,
        "--workloads": ",".join((*facts.COUNTED, facts.CLOCKED))})
