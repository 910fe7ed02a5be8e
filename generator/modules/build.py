# SPDX-License-Identifier: GPL-2.0-only
"""Staged folders to modules with the tree's own Kbuild; W=1 and -Werror always, it is our code."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError, ExtsptError, RigError
from generator.modules import shared
from generator.modules.jobserver import JobServer
from generator.modules.render import RenderedModule
from generator.trees.kernel import KernelTree, require_compiler

#: For a kernel that reports faults: the reports then have file and line.
_TRACEABLE = " -g1"
LOG = "build.log"
STAMP = ".extspt-build"
# A module takes seconds; this only ends a hung compiler.
_TIMEOUT_S = 600.0
_FAULT = re.compile(r"(: ([Ff]atal )?error: |^ERROR: |: undefined reference|^ld: |^make.*\*\*\* )")
# Less than a module needs: make deletes what it could not finish, so some room is always left.
_NO_ROOM = 1 << 20


@dataclass(frozen=True)
class BuiltModule:
    """A module on disk. ``sha256``: of the .ko. ``skipped``: nothing had changed."""

    rendered: RenderedModule
    ko: Path
    sha256: str
    skipped: bool


def build_all(modules: Sequence[RenderedModule],
              done: Callable[[BuiltModule], None] = lambda built: None) -> list[BuiltModule]:
    """Build several staged variants side by side, one per CPU; ``done`` is told of each.

    Raises BuildError of the first that fails, after those already running have ended.
    """
    if not modules:
        return []
    require_compiler(modules[0].tree)
    cpus = os.cpu_count() or 1
    workers = 1 if proc.dry_run() else min(cpus, len(modules))
    if not proc.dry_run():
        shared.seed([m for m in modules if not is_built(m)], options, cpus)
    left = len(modules)

    def one(module: RenderedModule) -> BuiltModule:
        nonlocal left
        try:
            built = build(module, server)
            done(built)
            return built
        finally:
            left -= 1
            if left < workers:
                server.give()       # this worker has nothing more to start

    with JobServer(cpus - workers) as server, ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(one, module) for module in modules]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def options(tree: KernelTree, folder: Path) -> tuple[str, ...]:
    """What is asked of every build in ``folder``: its path is in no module, wherever that is.

    It goes on the command line as modpost's own file, <module>.mod.c, sees no flag of ours.
    """
    return ("W=1", f"KCFLAGS=-Werror{_TRACEABLE if tree.debugging else ''} "
                   f"-ffile-prefix-map={folder}=.")


def is_built(module: RenderedModule) -> bool:
    """Whether build() would find its work done."""
    return _stamped(module, _ko(module)) is not None


def _ko(module: RenderedModule) -> Path:
    return module.path / f"{module.variant.module}.ko"


def build(module: RenderedModule, server: JobServer | None = None) -> BuiltModule:
    """Build one staged folder, or find that its fingerprint was built already.

    ``server``: shares the CPUs with other builds.
    Raises BuildError with the compiler's first errors; the whole log is build.log there.
    """
    ko = _ko(module)
    if (known := _stamped(module, ko)) is not None:
        return BuiltModule(module, ko, known, skipped=True)
    stamp = module.path / STAMP
    if not proc.dry_run():
        stamp.unlink(missing_ok=True)
    # -O: lines of parallel jobs stay together, so that an error keeps its context
    argv = command(module, "-O", *options(module.tree, module.path))
    log = module.path / LOG
    outcome = proc.run(argv, timeout=_TIMEOUT_S, log=log,
                       env=server.environment if server else None,
                       pass_fds=server.files if server else ())
    if proc.dry_run():
        return BuiltModule(module, ko, "", skipped=False)
    if not outcome.ok:
        raise _failure(module, outcome.output, log)
    _refuse_wrong_release(module.tree, ko)
    sha256 = _sha256(ko)
    stamp.write_text(json.dumps({"fingerprint": module.fingerprint, "sha256": sha256,
                                 "kernel": module.tree.kernel_id}))
    return BuiltModule(module, ko, sha256, skipped=False)


def _failure(module: RenderedModule, output: str, log: Path) -> ExtsptError:
    """What a failed make means: a full disk is our rig's fault and not the module's."""
    where, evidence = str(layout.shown(log)), first_errors(output)
    free = shutil.disk_usage(module.path).free
    if os.strerror(errno.ENOSPC) in output or free < _NO_ROOM:
        return RigError("the disk is full", where=where, evidence=evidence,
                        fix="nothing that was finished before is touched; make room and repeat")
    return BuildError(f"{module.variant.module} does not build", where=where, evidence=evidence,
                      fix=f"mend it, or repeat it by hand: {shlex.join(command(module))}")


def command(module: RenderedModule, *extra: str) -> tuple[str, ...]:
    """The make command for a staged folder."""
    return module.tree.command(module.path, *extra, "modules")


def first_errors(output: str, limit: int = 12) -> str:
    """The compiler's first errors, each with its two lines of context; else the log's end."""
    lines = output.splitlines()
    faults = [n for n, line in enumerate(lines) if _FAULT.search(line)]
    if not faults:
        return "\n".join(lines[-limit:])
    wanted = sorted({k for n in faults for k in range(n, min(n + 3, len(lines)))})
    return "\n".join(lines[k] for k in wanted[:limit])


def _stamped(module: RenderedModule, ko: Path) -> str | None:
    """sha256 of the module when it was built from this very fingerprint, for this kernel, and is
    intact."""
    try:
        stamp = json.loads((module.path / STAMP).read_text())
        same = (stamp["fingerprint"] == module.fingerprint and stamp["sha256"] == _sha256(ko)
                and stamp.get("kernel", "") == module.tree.kernel_id)
        return str(stamp["sha256"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None     # no stamp, half a stamp or no module: build


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_wrong_release(tree: KernelTree, ko: Path) -> None:
    modinfo = proc.which("modinfo", "kmod")
    vermagic = proc.query([modinfo, "-F", "vermagic", ko]).output.strip()
    if vermagic.split(" ", 1)[0] != tree.release:
        raise BuildError(f"the module is for '{vermagic}', the tree is {tree.release}",
                         where=str(ko), fix="the tree's release changed: run modules_prepare there")
