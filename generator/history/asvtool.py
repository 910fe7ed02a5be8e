# SPDX-License-Identifier: GPL-2.0-only
"""A run into asv's history, and the history into pages."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator import layout, proc
from generator.errors import DataError
from generator.gate.before import FAILING
from generator.history import asv_pages
from generator.report import claims
from generator.report.view import TDX
from generator.runs import store

NOT_A_NAME = re.compile(r"[^0-9A-Za-z]+")
CONFIG = layout.ROOT / "asv.conf.json"
#: asv looks for the machine's description in the home folder; this one is ours.
HOME = layout.BUILD / "asv-home"
TIMEOUT = 300.0
BROKEN = 2
"""asv's exit code when a benchmark failed; the others are saved."""


def record_and_publish(run: store.Run) -> list[Path]:
    """Record the run where that is allowed, publish the history; returns the start page.

    Says in one line why it does not record. Empty when there is no git repository or no history.
    """
    if not (layout.ROOT / ".git").exists():
        proc.note("asv: no git repository here, so no history and no pages")
        return []
    reason = refusal(run)
    if reason:
        proc.note(f"asv: not recorded: {reason}")
    else:
        record(run)
    return publish()


def refusal(run: store.Run) -> str:
    """Why a run must not enter the history under its commit's name, or ""."""
    suite: Mapping[str, Any] = run.manifest.get("suite") or {}
    if not suite.get("commit"):
        return "the run knows no commit of the suite"
    # Of designs that were forced no figure is recorded; other marks are about all of them.
    if marks := [mark for mark in run.manifest.get("marks") or () if not mark.startswith(FAILING)]:
        return f"the run is marked, and asv could not say so: {marks[0]}"
    if suite.get("dirty"):
        return "the run was made with uncommitted changes"
    known = proc.query(["git", "-C", layout.ROOT, "merge-base", "--is-ancestor",
                        str(suite["commit"]), "HEAD"])
    return "" if known.ok else f"the run's commit {suite['commit'][:12]} is not part of HEAD"


def record(run: store.Run) -> None:
    """Enter the run's figures under the commit of the suite that made them.

    Raises DataError with asv's output when it cannot.
    """
    done = asv(["run", "--machine", describe_machine(run.manifest), "--bench",
                chosen(run.manifest), "--record-samples", "--set-commit-hash",
                str(run.manifest["suite"]["commit"])], {"EXTSPT_RUN": str(run.path.resolve())})
    if not done.ok:
        some = " for some benchmarks" if done.returncode == BROKEN else ""
        raise DataError(f"asv could not record the run{some}", where=run.id, evidence=done.output,
                        fix=f"{layout.shown(layout.BUILD / 'asv.log')} has its output")


def publish() -> list[Path]:
    """Make the pages of everything recorded; the start page, or nothing without a history."""
    if not (layout.ASV_RESULTS / "benchmarks.json").is_file():
        proc.note("asv: nothing recorded yet, so no pages")
        return []
    HOME.mkdir(parents=True, exist_ok=True)
    done = asv(["publish", "--no-pull"], {})
    if not done.ok:
        raise DataError("asv could not publish", where=str(layout.shown(layout.ASV_RESULTS)),
                        evidence=done.output)
    absent = asv_pages.missing()
    if absent:
        proc.note("asv: without a network the pages stay empty; run 'make setup', or install "
                  + " ".join(absent))
    return [layout.HTML / "index.html"]


def asv(words: list[str], environment: Mapping[str, str]) -> proc.Done:
    """Run asv with this interpreter, in the project's folder."""
    settings = {"HOME": str(HOME), **environment}
    config = Path(os.environ.get("GIT_CONFIG_GLOBAL", Path.home() / ".gitconfig"))
    if config.is_file():
        settings["GIT_CONFIG_GLOBAL"] = str(config)  # what the user lets git read stays in force
    return proc.run([sys.executable, "-m", "asv", "--config", CONFIG, *words], timeout=TIMEOUT,
                    cwd=layout.ROOT, env=settings, log=layout.BUILD / "asv.log")


#: Benchmarks that have figures of a tier; those of other tiers are not recorded as "n/a".
OF_TIER: Mapping[str, tuple[str, ...]] = {
    "count": ("Latency", "LatencyOps", "Memory", "MemoryPerFault"),
    "model": ("Latency", "Contention"),
    "native": ("Native", "NativeOps", "NativeContention"),
    TDX: ("Native", "NativeOps", "NativeContention")}


def chosen(manifest: Mapping[str, Any]) -> str:
    """asv's --bench for the tiers of a run."""
    classes = {name for boot in manifest["boots"].values() for name in OF_TIER[boot["tier"]]}
    return rf"suite\.({'|'.join(sorted(classes))})\."


def machine_of(manifest: Mapping[str, Any]) -> str:
    """asv's name of what ran a run: host and runner, or the TDX machine. Never two kinds in one."""
    tiers = {boot["tier"] for boot in manifest["boots"].values()}
    if TDX in tiers:
        model = (manifest.get("host") or {}).get("model") or "unknown"
        return f"tdx-{NOT_A_NAME.sub('-', str(model)).strip('-').lower()}"
    plan = manifest.get("plan") or {}
    host = plan.get("host") or next((boot.get("host") for boot in plan.get("boots") or ()), None)
    runner = str(plan.get("runner") or "qemu")
    if runner == "qemu":
        runner = "qemu-kvm" if "native" in tiers else "qemu-tcg"
    return f"{host or 'twin'}-{runner}"


def describe_machine(manifest: Mapping[str, Any]) -> str:
    """Write the machine's description: what the figures depend on, nothing of this host.

    Every field is an axis of asv's plots. A field left out is detected, so all are given.
    Returns its name.
    """
    name = machine_of(manifest)
    host, tier = name.partition("-")[0], TDX if name.startswith("tdx") else ""
    ran = "TDX hardware" if name.startswith("tdx") else "host cores" if "tcg" not in name \
        else f"QEMU TCG {manifest.get('cpu_model', 'unknown')}"
    entry = {"machine": name, "os": f"Linux {manifest['kernel']['release']} (guest)",
             "arch": "x86_64", "cpu": f"{claims.kind(host, tier)}; {ran}",
             "num_cpu": "1 (icount), 2 (mttcg)" if "tcg" in name else "2", "ram": "fixed"}
    if not proc.dry_run():
        HOME.mkdir(parents=True, exist_ok=True)
        (HOME / ".asv-machine.json").write_text(json.dumps({name: entry, "version": 1}))
    return name
