# SPDX-License-Identifier: GPL-2.0-only
"""Carrying out a plan: guest images, boots, records, and a run that survives what goes wrong."""

from __future__ import annotations

import datetime
import errno
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator import layout, proc, runners
from generator.errors import DataError, ExtsptError, RigError
from generator.gate.before import Gated
from generator.kvm import kvmcheck, kvmhost, twinkept
from generator.kvm.kvmhost import KvmBuild
from generator.modules import layouts, render
from generator.modules.build import BuiltModule
from generator.runners import Guest, Load, Runner
from generator.runs import boots, costs, facts, plan, sources_kept, store
from generator.runs.costs import CostTable
from generator.runs.plan import BootPlan, RunPlan
from generator.runs.store import Run, RunDir
from generator.trees import kernel, treeform
from generator.trees.kernel import KernelTree


@dataclass(frozen=True)
class Session:
    """A plan with what it takes to run it: modules by variant name, cost tables by boot.

    ``layouts``: the same modules in other layouts, by (variant, layout).
    """

    plan: RunPlan
    runner: Runner
    modules: Mapping[str, BuiltModule]
    tables: Mapping[str, CostTable]
    layouts: Mapping[tuple[str, int], BuiltModule] = field(default_factory=dict)

    @property
    def image(self) -> Path:
        """The kernel to boot."""
        return self.runner.image(self._tree)

    def load(self, boot: BootPlan) -> Load:
        """What a boot is given to do."""
        files = [(name, self.layouts.get((name, boot.build_of(name)), self.modules[name]).ko)
                 for name in boot.order]
        return Load(boot, files, self.tables[boot.name].lines(), self._kvm)

    def again(self, run: str) -> str:
        """The command that finishes the run; of any kernel but the default it names the tree."""
        tree = self._tree
        usual = tree.kind == treeform.Form.DISTRO_HEADERS and tree.kdir == kernel.default_headers()
        place = "" if usual else f" --kdir {shlex.quote(str(layout.shown(tree.root or tree.kdir)))}"
        return f"extspt run --resume {run}{place}"

    def guest(self, out: Path) -> Guest:
        """The guest of a boot whose files are in ``out``."""
        return Guest(self.image, out / "initramfs.cpio.gz", self.plan.vcpus,
                     svm=self.plan.host == render.KVM)

    def facts(self) -> dict[str, Any]:
        """What the manifest says of what the modules run on, besides the kernel."""
        if (built := self._kvm) is None:
            return self.runner.facts()
        held = twinkept.load(built, list(self.modules.values()))
        return {**self.runner.facts(), "kvm": {**kvmcheck.facts(built), "conform": held}}

    @property
    def _kvm(self) -> KvmBuild | None:
        return kvmhost.find(self._tree) if self.plan.host == render.KVM else None

    @property
    def _tree(self) -> KernelTree:
        return next(iter(self.modules.values())).rendered.tree


def run_plan(run: RunPlan, modules: Sequence[BuiltModule], tables: Mapping[str, CostTable],
             command: Sequence[str] = (), root: Path = layout.RUNS,
             marks: Sequence[str] = (), gate: Gated | None = None) -> Run:
    """Run a plan in a new run directory and load the result.

    ``tables``: boot -> cost table; ``marks``: why its figures are worth
    less; ``gate``: what was found of the designs before. Raises RigError when the runner cannot
    work, GuestError when a guest is lost, DataError when it talks nonsense; the run directory can
    then be resumed.
    """
    session = _session(run, modules, tables)
    directory = store.create(_manifest(session, command) | {"marks": list(marks)}, root)
    sources_kept.keep(directory.path, modules)
    if gate is not None:
        gate.keep(directory)
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
    """Print the command line of each boot (dry run); its blocks all have the same."""
    runner = runners.find(run.runner)
    for boot in (boot for boot in run.boots if not boot.block):
        out = Path("results/runs/<id>/boots") / boot.name
        tree = modules[0].rendered.tree
        guest = Guest(tree.image or Path("<image>"), out / "initramfs.cpio.gz", run.vcpus)
        print(shlex.join(runner.command(boot.name, guest, out)))


def _session(run: RunPlan, modules: Sequence[BuiltModule],
             tables: Mapping[str, CostTable]) -> Session:
    by_name = {built.rendered.variant.name: built for built in modules}
    session = Session(run, runners.usable(run.runner), by_name, tables,
                      layouts.make(run, by_name))
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
                   "config": dict(tree.options), "built_with": tree.built_with},
        "compiler": tree.compiler, **session.facts(), "host": facts.host(),
        "seed": run.seed, "baseline": run.baseline,
        "order": {boot.name: list(boot.order) for boot in run.boots if not boot.block},
        "blocks": blocks_of(session),
        "variants": {name: _variant(session.modules[name])
                     | {"layouts": layouts.listed(session.layouts, name)}
                     for name in run.variants},
        "workloads": {name: dict(params) for name, params in run.workloads.items()},
        "costs": {boot: table.as_json() for boot, table in session.tables.items()},
        "boots": {boot.name: boots.entry(boot, run.blocks(boot.name)) for boot in run.boots},
        "tool_versions": facts.tool_versions(), "command": list(command),
        "plan": run.as_json(),
    }


def blocks_of(session: Session) -> dict[str, Any]:
    """How the comparison was laid out: of the boot with the most blocks."""
    run = session.plan
    name = max((boot.name for boot in run.boots), key=run.blocks)
    chosen = [boot for boot in run.boots if boot.name == name]
    return {"n": len(chosen), "boot": name, "replicate": session.runner.replicate,
            "mode": "full" if len(chosen) >= plan.MIN_BLOCKS else "quick",
            "order": [list(boot.order) for boot in chosen],
            "builds": len({layout for boot in chosen for layout in boot.builds}) or 1,
            "rounds": max(len(boot.rounds) for boot in chosen), "seed": run.seed}


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
    again = session.again(directory.id)
    proc.note(f"  PLAN    {directory.id} (seed {session.plan.seed})")
    try:
        for boot in boots.left(session.plan, directory):
            boots.run(session, directory, boot)
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
