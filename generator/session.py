# SPDX-License-Identifier: GPL-2.0-only
"""Carrying out a plan: guest images, boots, records, and a run that survives what goes wrong."""

from __future__ import annotations

import datetime
import errno
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator import (
    costs,
    facts,
    kvmhost,
    layout,
    plan,
    proc,
    records,
    render,
    runners,
    store,
    watch,
)
from generator.build import BuiltModule
from generator.costs import CostTable
from generator.errors import DataError, ExtsptError, RigError
from generator.kernel import KernelTree
from generator.kvmhost import KvmBuild
from generator.plan import BootPlan, RunPlan
from generator.progress import CaseProgress
from generator.records import SerialLog
from generator.runners import Guest, Load, LostGuest, Runner, RunOutput
from generator.store import Run, RunDir

FULL_BYTES = 1 << 20
"""Below this much free space a guest that lost its last lines lost them to a full disk."""


@dataclass(frozen=True)
class Session:
    """A plan with what it takes to run it: modules by variant name, cost tables by boot."""

    plan: RunPlan
    runner: Runner
    modules: Mapping[str, BuiltModule]
    tables: Mapping[str, CostTable]

    @property
    def image(self) -> Path:
        """The kernel to boot."""
        return self.runner.image(self._tree)

    def load(self, boot: BootPlan) -> Load:
        """What a boot is given to do."""
        return Load(boot, [(name, self.modules[name].ko) for name in boot.order],
                    self.tables[boot.name].lines(), self._kvm)

    def guest(self, out: Path) -> Guest:
        """The guest of a boot whose files are in ``out``."""
        return Guest(self.image, out / "initramfs.cpio.gz", self.plan.vcpus,
                     svm=self.plan.host == render.KVM)

    def facts(self) -> dict[str, Any]:
        """What the manifest says of what the modules run on, besides the kernel."""
        kvm = {"kvm": self._kvm.facts()} if self._kvm else {}
        return {**self.runner.facts(), **kvm}

    @property
    def _kvm(self) -> KvmBuild | None:
        return kvmhost.find(self._tree.release) if self.plan.host == render.KVM else None

    @property
    def _tree(self) -> KernelTree:
        return next(iter(self.modules.values())).rendered.tree


def run_plan(run: RunPlan, modules: Sequence[BuiltModule], tables: Mapping[str, CostTable],
             command: Sequence[str] = (), root: Path = layout.RUNS,
             marks: Sequence[str] = ()) -> Run:
    """Run a plan in a new run directory and load the result.

    ``tables``: boot -> cost table; ``marks``: why its figures are worth
    less. Raises RigError when the runner cannot work, GuestError when a
    guest is lost, DataError when it talks nonsense; the run directory can then be resumed.
    """
    session = _session(run, modules, tables)
    directory = store.create(_manifest(session, command) | {"marks": list(marks)}, root)
    return _carry_out(session, directory)


def resume(run_id: str | Path, modules: Sequence[BuiltModule]) -> Run:
    """Run the boots a run lacks, with the plan and cost tables of its manifest."""
    directory = store.open_run(run_id)
    manifest = directory.manifest
    run = plan_of(directory)
    session = _session(run, modules,
                       {boot: costs.from_json(data) for boot, data in manifest["costs"].items()})
    if directory.missing():
        _refuse_changes(session, directory)
    return _carry_out(session, directory)


def plan_of(directory: RunDir) -> RunPlan:
    """The plan a run's manifest carries."""
    try:
        return plan.from_json(directory.manifest["plan"])
    except (KeyError, TypeError) as error:
        raise DataError(f"the plan is damaged: {error!r}",
                        where=str(directory.path / store.MANIFEST)) from error


def show_commands(run: RunPlan, modules: Sequence[BuiltModule]) -> None:
    """Print the command line of each boot (dry run)."""
    runner = runners.find(run.runner)
    for boot in run.boots:
        out = Path("results/runs/<id>/boots") / boot.name
        tree = modules[0].rendered.tree
        guest = Guest(tree.image or Path("<image>"), out / "initramfs.cpio.gz", run.vcpus)
        print(shlex.join(runner.command(boot.name, guest, out)))


def _session(run: RunPlan, modules: Sequence[BuiltModule],
             tables: Mapping[str, CostTable]) -> Session:
    session = Session(run, runners.usable(run.runner),
                      {built.rendered.variant.name: built for built in modules}, tables)
    _ = session.image  # without one nothing is begun
    return session


def _manifest(session: Session, command: Sequence[str]) -> dict[str, Any]:
    run, suite, now = session.plan, facts.suite(), datetime.datetime.now(datetime.UTC)
    tree = next(iter(session.modules.values())).rendered.tree
    return {
        "abi": store.ABI, "id": store.new_id(run.seed, suite, now), "state": store.RUNNING,
        "created": now.isoformat(timespec="seconds"), "suite": suite,
        "kernel": {"release": tree.release, "config_hash": tree.config_hash,
                   "image_sha256": facts.sha256(session.image), "kdir_kind": tree.kind,
                   "config": dict(tree.config), "built_with": tree.built_with},
        "compiler": tree.compiler, **session.facts(), "host": facts.host(),
        "seed": run.seed, "baseline": run.baseline,
        "order": {boot.name: list(boot.order) for boot in run.boots},
        "variants": {name: _variant(session.modules[name]) for name in run.variants},
        "workloads": {name: dict(params) for name, params in run.workloads.items()},
        "costs": {boot: table.as_json() for boot, table in session.tables.items()},
        "boots": {boot.name: {"tier": boot.tier, "unit": boot.unit, "state": store.PENDING,
                              "attempts": []} for boot in run.boots},
        "tool_versions": facts.tool_versions(), "command": list(command),
        "plan": run.as_json(),
    }


def _variant(built: BuiltModule) -> dict[str, Any]:
    design = built.rendered.variant
    return {"title": design.title, "design": design.design, "origin": design.origin,
            "choices": dict(design.choices), "values": dict(design.values),
            "aprime_of": design.aprime_of, "fingerprint": built.rendered.fingerprint,
            "ko_sha256": built.sha256}


def _refuse_changes(session: Session, directory: RunDir) -> None:
    """A run holds figures of one kernel and one set of modules: refuse to mix."""
    manifest = directory.manifest
    # By what they are made of: a module built once more is the same module.
    now = {name: built.rendered.fingerprint for name, built in session.modules.items()}
    then = {name: entry["fingerprint"] for name, entry in manifest["variants"].items()}
    changed = sorted(name for name in then if now.get(name) != then[name])
    if facts.sha256(session.image) != manifest["kernel"]["image_sha256"]:
        changed.append("the kernel image")
    changed += [f"the runner's {name}" for name, fact in session.facts().items()
                if manifest.get(name) != fact]
    if changed:
        raise DataError(f"changed since the run began: {', '.join(changed)}",
                        where=f"run {directory.id}",
                        fix="go back to what it was made with, or start a new run")


def _carry_out(session: Session, directory: RunDir) -> Run:
    """Boot what is missing. However it ends, the manifest says how far it came."""
    again = f"extspt run --resume {directory.id}"
    proc.note(f"  PLAN    {directory.id} (seed {session.plan.seed})")
    try:
        for boot in session.plan.boots:
            if boot.name in directory.missing():
                _boot(session, directory, boot)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"finish the run with: {again}") from interrupt
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(directory) from error
        raise
    except ExtsptError as error:
        error.fix = f"{error.fix}\n  finish the run with: {again}".lstrip()
        raise
    finally:
        _settle(directory)
    return store.load_run(directory.path)


def _settle(directory: RunDir) -> None:
    try:
        directory.close()
    except OSError as error:
        # On a full disk the manifest stays as it was after the last boot: still resumable.
        proc.note(f"  NOTE    the manifest was not updated: {error.strerror}")


def _disk_full(directory: RunDir) -> RigError:
    return RigError("the disk is full", where=str(directory.path),
                    fix=f"free some space, then: extspt run --resume {directory.id}")


def _boot(session: Session, directory: RunDir, boot: BootPlan) -> None:
    """One boot: its image, its guest, its records; the manifest is saved before and after."""
    out, entry = directory.boot(boot.name), directory.manifest["boots"][boot.name]
    guest = session.guest(out)
    session.runner.prepare(guest, session.load(boot))
    entry.update(state=store.PENDING, load_before=facts.load())
    directory.save()
    try:
        with CaseProgress(boot) as progress:
            output = session.runner.boot(boot.name, guest, out, progress)
        _record(entry, output)
        log = _read(session, boot, output)
    except LostGuest as lost:
        _record(entry, lost.output)
        entry["state"] = store.FAILED
        _blame_disk(directory, lost)
        planned = [(case.variant, case.workload) for case in boot.cases]
        text = lost.output.serial.read_text(errors="replace") if lost.output.serial.exists() else ""
        if doing := watch.under_way(text, planned):
            lost.where = f"{lost.where}, {doing}"
        raise
    except DataError as error:
        entry["state"] = store.FAILED
        _blame_disk(directory, error)
        raise
    aprime = {name: built.rendered.variant.aprime_of for name, built in session.modules.items()}
    cases = [records.stored(case, boot.name, aprime[case.variant]) for case in log.cases]
    entry["infos"] = dict(log.infos)  # what each module said of itself and of its clock
    directory.keep_records(boot.name, cases)
    guest.initramfs.unlink(missing_ok=True)  # plan and modules give the same one again
    for line in (*output.warnings, *filter(None, map(records.case_failure, cases))):
        proc.note(f"  WARN    {boot.name} {line}")


def _record(entry: dict[str, Any], output: RunOutput) -> None:
    """What the manifest says of a boot, whether it went well or not."""
    entry.update(attempts=[*entry["attempts"], *(asdict(a) for a in output.attempts)],
                 load_after=facts.load(), pinned=output.pinned,
                 oversubscribed=output.oversubscribed, warnings=list(output.warnings))
    if output.oversubscribed:
        proc.note("  WARN    more vCPUs than host cores: lock figures show the host's scheduler")


def _read(session: Session, boot: BootPlan, output: RunOutput) -> SerialLog:
    text = output.serial.read_text(errors="replace")
    log = records.parse(text, str(output.serial))
    records.check_against(log, boot, str(output.serial))
    for name, info in log.infos.items():
        planned = session.modules[name].rendered.variant.choices
        if info is not None and info.get("choices", planned) != planned:
            raise DataError(f"the module {name} says it is made of {info['choices']}",
                            where=str(output.serial), fix="build it again and start a new run")
    return log


def _blame_disk(directory: RunDir, cause: ExtsptError) -> None:
    """QEMU drops what it cannot write: a full disk looks like a lost guest."""
    space = os.statvfs(directory.path)
    if space.f_bavail * space.f_frsize < FULL_BYTES:
        raise RigError("the disk is full", where=str(directory.path),
                       fix="free some space") from cause
