# SPDX-License-Identifier: GPL-2.0-only
"""How a verb with a question of its own (ablate, matrix, sweep) gets the run that answers it."""

from __future__ import annotations

import argparse
import shlex
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from generator import cli, layout
from generator.errors import DataError, ExtsptError
from generator.runs import store
from generator.runs.store import Run
from generator.verbs import run as measuring

AGAIN = "then the same command with --run and that id"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """On which kernel it is measured, or which run has it already."""
    parser.add_argument("--kdir", help="kernel tree, as for extspt run")
    parser.add_argument("--run", metavar="RUN", help="take the figures from this run; what it "
                        "lacks, as it was interrupted, is measured first")
    parser.add_argument("--force", action="store_true",
                        help="measure designs that the gate refuses, too")
    add_publish(parser)


def add_publish(parser: argparse.ArgumentParser) -> None:
    """Where an answer is kept in git."""
    parser.add_argument("--publish", metavar="NAME", help="keep text, data and figure below "
                        "results/published/, too")


def measured(args: argparse.Namespace, designs: Sequence[str],
             words: Mapping[str, str]) -> Run | None:
    """The run args.run names, or a new one: all designs built, gated and run. None on a dry run.

    ``words``: options of extspt run. An interrupted run is finished, with its own plan.
    Raises UsageError for a --publish that is no name: before the minutes, not after them.
    """
    if args.publish:
        _folder_of(args.publish)
    if args.run:
        found = store.load_run(args.run)
        if found.complete:
            return found
        asked = ["--resume", found.id]
    else:
        asked = ["--variants", ",".join(designs)]
        asked += [word for pair in words.items() for word in pair]
    asked += ["--kdir", args.kdir] if args.kdir else []
    asked += ["--force"] if args.force else []
    asked += ["--verbose"] * args.verbose
    try:
        return measuring.measure(cli.verb_parser("run").parse_args(asked))
    except KeyboardInterrupt as interrupt:
        if interrupt.args:
            raise KeyboardInterrupt(f"{interrupt}\n  {AGAIN}") from interrupt
        raise
    except ExtsptError as error:
        if "--resume" in error.fix:
            error.fix += f"\n  {AGAIN}"
        raise


def publish(kind: str, name: str, run: Run, lines: Sequence[str],
            files: Sequence[Path] = ()) -> list[Path]:
    """Keep an answer in results/published/<kind>/<name>.*: text with its origin, data, figure.

    Raises UsageError for a name that is none, DataError for a run that is not complete.
    """
    if not run.complete:
        raise DataError(f"run {run.id} is not complete", fix=f"extspt run --resume {run.id}")
    folder, stem = _folder_of(kind), _folder_of(name).name
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / f"{stem}.txt"
    text.write_text("\n".join([*lines, "", *origin(run)]) + "\n")
    out = [text]
    for file in files:
        if file.suffix in (".json", ".png", ".svg", ".csv", ".html") and "dark" not in file.name:
            out.append(Path(shutil.copyfile(file, folder / f"{stem}{file.suffix}")))
    return out


def _folder_of(name: str) -> Path:
    from generator.report import published  # it draws: most commands are quicker without

    return published.folder_of(name)


def origin(run: Run) -> list[str]:
    """What an answer rests on, and the command that gives it again; 72 columns."""
    m = run.manifest
    suite, kernel = m["suite"], m["kernel"]
    changed = " and changes that are in no commit" if suite["dirty"] else ""
    boots = ", ".join(f"boot {name}: tier {boot['tier']}" + (
        f", {boot['blocks']} blocks" if boot.get("blocks", 1) > 1 else "")
        for name, boot in m["boots"].items())
    what = [f"run {run.id}: extspt-bench {str(suite['commit'])[:12]}{changed}",
            f"kernel {kernel['release']} (configuration {str(kernel['config_hash'])[:12]}), "
            f"{m['compiler']}",
            f"host twin, {boots}, seed {m['seed']}; no TDX hardware, SEAMCALLs are modelled"]
    said = shlex.join(_command(m.get("command") or ()))
    return [*(line for text in what for line in textwrap.wrap(text, 72, subsequent_indent="  ")),
            f"extspt {said}"]


def _command(words: Sequence[str]) -> list[str]:
    """The words of a command without places of this machine."""
    return [word.replace(f"{layout.ROOT}/", "") for word in words]
