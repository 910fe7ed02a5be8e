# SPDX-License-Identifier: GPL-2.0-only
"""The kvm host: a hooked copy of the user's KVM, built for a kernel, and the program driving it.

The kernel may be a distro's, with its headers alone: only KVM's modules are built, from the full
source of the same version. Nothing is loaded here; a guest loads it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError, RigError
from generator.kvm import kvmhooks
from generator.modules import build
from generator.trees.kernel import KernelTree

MODULES = ("virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko")
"""What a guest under TCG loads, in this order. kvm-intel is built too; TCG has no VMX."""
DRIVER_SOURCES = ("drive.c", "script.c", "vm.c", "tdx.c")
CPU = ",vendor=AuthenticAMD,+svm,+npt"
"""What kvm-amd wants of the guest's CPU model; TCG emulates it."""
STAMP = ".extspt-kvm.json"
GUEST = "guest"
UAPI = "uapi"
_HEADERS = ("include", "arch/x86/include")
_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class KvmBuild:
    """A hooked KVM on disk. ``skipped``: nothing had changed."""

    folder: Path
    version: str
    fingerprint: str
    skipped: bool = True

    @property
    def modules(self) -> list[tuple[str, Path]]:
        """(name, .ko) in load order, without debug information."""
        names = [Path(name).stem for name in MODULES]
        return [(name, self.folder / GUEST / f"{name}.ko") for name in names]

    def facts(self) -> dict[str, str]:
        """What the manifest says of it."""
        driver = hashlib.sha256(self.driver.read_bytes()).hexdigest()
        return {"version": self.version, "fingerprint": self.fingerprint, "driver": driver,
                "cpu": CPU}

    @property
    def driver(self) -> Path:
        """The static program that creates VMs and faults."""
        return self.folder / GUEST / "drive"


def find(tree: KernelTree) -> KvmBuild:
    """The hooked KVM for the kernel of ``tree``; BuildError when it was not built for just this."""
    folder = layout.kvm_tree(tree.release)
    built, stamp = find_in(folder), _stamp(folder) or {}
    if stamp.get("kernel") != _kernel(tree):
        raise BuildError("the hooked KVM here is for another kernel of the same release",
                         where=str(layout.shown(folder)),
                         fix="build it anew: extspt kvm build KSRC --kdir "
                             f"{tree.root or tree.kdir}")
    return built


def find_in(folder: Path) -> KvmBuild:
    """The hooked KVM in a folder; BuildError when there is none, or not a whole one."""
    stamp = _stamp(folder)
    if stamp is None:
        raise BuildError("there is no hooked KVM for this kernel", where=str(layout.shown(folder)),
                         fix="build it first: extspt kvm build KSRC --kdir <tree>")
    return KvmBuild(folder, stamp["version"], stamp["fingerprint"])


def make(source: Path, tree: KernelTree, jobs: int) -> KvmBuild:
    """Copy, hook and build the KVM of ``source`` for the kernel of ``tree``.

    Raises BuildError when the two are of different versions, the kernel has no KVM=m, an anchor
    does not match or the build fails; nothing is built before all anchors match.
    """
    source = source.resolve()
    version = kvmhooks.version(source)
    _refuse_unfit(version, tree)
    folder, wanted = layout.kvm_tree(tree.release), _fingerprint(source, tree, _own_files())
    with proc.alone(folder.parent):
        stamp = _stamp(folder)
        if stamp is not None and stamp["fingerprint"] == wanted:
            _make_driver(folder)
            return KvmBuild(folder, version, wanted)
        kvmhooks.make_copy(source, folder)
        _make_modules(folder, tree, jobs)
        _run_make(("make", "-C", str(source), f"O={folder / UAPI}", "ARCH=x86", "headers"), folder)
        _make_driver(folder)
        _put_stamp(folder, version, wanted, tree)
        return KvmBuild(folder, version, wanted, skipped=False)


def make_unhooked(source: Path, tree: KernelTree, hooked: KvmBuild, jobs: int) -> KvmBuild:
    """The same KVM without our hooks, to compare with, and the same driver; built once per tree."""
    source = source.resolve()
    version = kvmhooks.version(source)
    _refuse_unfit(version, tree)
    folder = layout.kvm_tree(tree.release, hooked=False)
    # Its own files are two lines of Kbuild: the hooks are none of its business.
    wanted = _fingerprint(source, tree, (layout.KVM_HOST / "Kbuild.tree",))
    with proc.alone(folder.parent):
        stamp = _stamp(folder)
        if stamp is None or stamp["fingerprint"] != wanted:
            kvmhooks.make_copy(source, folder, hooked=False)
            _make_modules(folder, tree, jobs, "CONFIG_KVM_INTEL=n")
            _put_stamp(folder, version, wanted, tree)
        bare = KvmBuild(folder, version, wanted)
        shutil.copyfile(hooked.driver, bare.driver)
        return bare


def _make_modules(folder: Path, tree: KernelTree, jobs: int, *words: str) -> None:
    _run_make(tree.command(folder, f"-j{jobs}", *words, "modules"), folder)
    (folder / GUEST).mkdir()
    for name in MODULES:
        _strip(folder / name, folder / GUEST / Path(name).name)


def _refuse_unfit(version: str, tree: KernelTree) -> None:
    """A KVM of another version would load and then corrupt the kernel's memory."""
    release = tree.release
    if release != version and not release.startswith((f"{version}-", f"{version}+")):
        raise BuildError(f"the source is Linux {version}, the kernel is {release}",
                         where=str(tree.kdir), fix="give the source of the very same version")
    if "CONFIG_KVM=m" not in (tree.kdir / ".config").read_text().splitlines():
        raise BuildError("this kernel has no KVM to take the place of: CONFIG_KVM is not m",
                         where=str(tree.kdir / ".config"), fix="choose a kernel with KVM=m")


def _own_files() -> tuple[Path, ...]:
    return (*(layout.KVM_HOST / name for name in ("seam.h", "Kbuild.tree")),
            *layout.KVM_HOST.glob("hooks-*.toml"), *layout.KVM_HOST.glob("tree/*.[ch]"))


def _fingerprint(source: Path, tree: KernelTree, own: tuple[Path, ...]) -> str:
    """Of everything that goes into the copy and its build; ``own``: our files among it."""
    digest = hashlib.sha256()
    for item in (tree.release, tree.config_hash, tree.compiler, tree.kernel_id):
        digest.update(item.encode() + b"\0")
    theirs = [path for name in kvmhooks.FOLDERS for path in (source / name).rglob("*")
              if path.suffix in (".c", ".h", ".S", ".kvm") or path.name == "Makefile"]
    # KVM's headers outside of its folders, such as kvm_types.h, which sizes its caches.
    theirs += [path for name in _HEADERS for path in (source / name).rglob("kvm*.h")]
    # In an order that does not depend on where the project lies.
    for path in (*sorted(theirs), *sorted(own)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _run_make(argv: tuple[str, ...], folder: Path) -> None:
    log = folder / f"{argv[-1]}.log"
    done = proc.run(argv, timeout=_TIMEOUT_S, log=log)
    if not done.ok:
        raise BuildError("the hooked KVM does not build", where=str(layout.shown(log)),
                         evidence=build.first_errors(done.output),
                         fix="mend the hooks, or repeat it by hand")


def _make_driver(folder: Path) -> None:
    """The driver, static, with the UAPI headers of the very tree.

    Another run may be packing it meanwhile: it is there as a whole at any time.
    """
    fresh = folder / GUEST / "drive.new"
    done = proc.run([proc.which("gcc", "gcc"), "-O2", "-Wall", "-Werror", "-static", "-pthread",
                     "-s", "-isystem", folder / UAPI / "usr/include", "-o",
                     fresh, *(layout.KVM_HOST / "driver" / name for name in DRIVER_SOURCES)],
                    timeout=_TIMEOUT_S)
    if not done.ok:
        raise BuildError("the driver program does not build", where="kmod/hosts/kvm/driver",
                         evidence=build.first_errors(done.output), fix="mend the code named below")
    fresh.replace(folder / GUEST / "drive")


def _strip(module: Path, into: Path) -> None:
    """Debug information is nine tenths of kvm.ko, and a guest under TCG would unpack it all."""
    done = proc.run([proc.which("strip", "binutils"), "--strip-debug", "-o", into, module],
                    timeout=_TIMEOUT_S)
    if not done.ok:
        raise RigError("strip failed", where=str(layout.shown(module)), evidence=done.output)


def _kernel(tree: KernelTree) -> str:
    """Tells kernels of one release apart: own ones of several sources have the same name."""
    return hashlib.sha256(f"{tree.config_hash} {tree.kernel_id}".encode()).hexdigest()


def _put_stamp(folder: Path, version: str, fingerprint: str, tree: KernelTree) -> None:
    (folder / STAMP).write_text(json.dumps(
        {"version": version, "fingerprint": fingerprint, "kernel": _kernel(tree)}))


def _stamp(folder: Path) -> Mapping[str, str] | None:
    try:
        stamp: Mapping[str, str] = json.loads((folder / STAMP).read_text())
        return stamp
    except (OSError, ValueError):
        return None
