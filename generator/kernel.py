# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel tree is and whether modules can be built against it."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from generator import chroot, layout, proc
from generator.errors import BuildError, RigError

HEADERS_PACKAGE = "linux-headers-cloud-amd64"
# What the twin needs of a kernel: without these it does not build, load or account.
NEEDED = ("MODULES", "SMP", "DEBUG_FS", "MEMCG", "X86_64")
# A kernel with one of these is for finding faults: its times say nothing about anything else.
DEBUGGING = ("LOCK_STAT", "PROVE_LOCKING", "LOCKDEP", "KASAN", "KCSAN", "KMSAN", "DEBUG_KMEMLEAK",
             "DEBUG_OBJECTS", "DEBUG_PAGEALLOC_ENABLE_DEFAULT", "SLUB_DEBUG_ON")
# What decides which figures a boot of this kernel can give; recorded, not required.
RECORDED = ("MODVERSIONS", "PREEMPT_DYNAMIC", "HZ", "DEBUG_INFO_BTF", "KFENCE", *DEBUGGING)
_SETTING = re.compile(r"^CONFIG_(\w+)=(.*)$", re.MULTILINE)
_RELEASE = re.compile(r'#define UTS_RELEASE "([^"]+)"')
_CLANG = re.compile(r"\bclang version (\d+)")
_VERSION = re.compile(r"(\d+)\.\d+(?:\.\d+)?")


@dataclass(frozen=True)
class KernelTree:
    """A tree that modules can be built against. ``arch``: x86_64 or um.

    ``config``: the options of NEEDED and RECORDED that are set. ``config_hash``: sha256 of the
    whole .config. ``built_with``: compiler that built the kernel; ``compiler``: the one found
    here, "" when there is none. ``kind``: distro-headers, distro-root (another release's, with
    its compiler, in the folder ``root``), prepared or built.
    """

    release: str
    kdir: Path
    arch: str
    kind: str
    config: Mapping[str, str]
    config_hash: str
    built_with: str
    cc: str
    compiler: str
    image: Path | None
    root: Path | None = None

    @property
    def debugging(self) -> tuple[str, ...]:
        """The options of DEBUGGING this kernel has; it must not be timed when there are any."""
        return tuple(name for name in DEBUGGING if self.config.get(name) == "y")

    @property
    def make(self) -> tuple[str, ...]:
        """The command that enters this tree's Kbuild, without M= and goals."""
        if self.root is not None:
            return ("make", "-C", f"/{self.kdir.relative_to(self.root)}")
        base: tuple[str, ...] = ("make", "-C", str(self.kdir))
        if self.arch == "um":
            base = (*base, "ARCH=um")
        if self.kind == "distro-headers" or self.cc == "gcc":
            return base     # distro headers name their compiler themselves
        return (*base, "LLVM=1") if self.cc == "clang" else (*base, f"CC={self.cc}")

    def command(self, module: Path, *words: str) -> tuple[str, ...]:
        """The whole make command for the module in ``module``; ``words``: options and goals."""
        inside = () if self.root is None else chroot.enter(self.root, module)
        return (*inside, *self.make, f"M={module}", *words)

    def need_image(self) -> Path:
        """The bootable image, or RigError: only a boot needs one."""
        if self.image is None:
            fix = ("run 'make setup'" if self.kind == "distro-headers"
                   else "build it there: make" + (" ARCH=um" if self.arch == "um" else " bzImage"))
            raise RigError(f"no bootable image of {self.release}", where=str(self.kdir), fix=fix)
        return self.image

    @classmethod
    def probe(cls, kdir: Path | str | None = None, system: Path = Path("/")) -> KernelTree:
        """Look at ``kdir``, or at the newest distro headers installed under ``system``.

        Raises BuildError (exit 12) that says what the tree lacks and how to mend it.
        """
        if kdir is not None and (root := unpacked_root(Path(kdir))) is not None:
            return cls._of_root(root)
        return cls._look(_default(system) if kdir is None else _existing(Path(kdir)), system)

    @classmethod
    def _of_root(cls, root: Path) -> KernelTree:
        """The tree whose packages were unpacked into ``root``, with its compiler in there."""
        # Its links in lib/modules may be absolute and lead out of it.
        headers = sorted(path.parent for path in (root / "usr/src").glob("*/.config"))
        found = cls._look(headers[-1], root)
        return replace(found, kind="distro-root", root=root, compiler=compiler_version(
            found.cc, chroot.enter(root)), image=unpacked_image(root, found.release))

    @classmethod
    def _look(cls, tree: Path, system: Path) -> KernelTree:
        _refuse_unprepared(tree)
        text = (tree / ".config").read_text()
        config = dict(_SETTING.findall(text))
        _refuse_config(tree, config)
        built_with = config.get("CC_VERSION_TEXT", "").strip('"')
        release, cc = _release(tree), _program(built_with)
        kind, arch = _kind(tree), "um" if config.get("UML") == "y" else "x86_64"
        return cls(release, tree, arch, kind,
                   {name: config[name] for name in (*NEEDED, *RECORDED) if name in config},
                   hashlib.sha256(text.encode()).hexdigest(), built_with, cc,
                   compiler_version(cc), _image(tree, release, kind, config, system))


def unpacked_root(folder: Path) -> Path | None:
    """``folder`` when another release's packages were unpacked into it, headers among them."""
    headers = any((folder / "usr/src").glob("*/.config")) and not (folder / "Makefile").exists()
    return folder.resolve() if headers and folder.resolve() != Path("/") else None


def compiler_version(program: str, inside: tuple[str, ...] = ()) -> str:
    """First line of the compiler's --version, or "" when it is not there; ``inside`` a root."""
    if not inside and shutil.which(program) is None:
        return ""
    outcome = proc.query([*inside, program, "--version"])
    return outcome.output.partition("\n")[0].strip() if outcome.ok else ""


def require_compiler(tree: KernelTree) -> None:
    """BuildError without the tree's compiler; a note when it is another major version."""
    if not tree.compiler:
        raise BuildError(f"the tree's compiler {tree.cc} is not installed", where=str(tree.kdir),
                         fix=f"apt-get install {tree.cc} (built with: {tree.built_with})")
    if _major(tree.compiler) != _major(tree.built_with):
        proc.note(f"  NOTE    kernel: {tree.built_with}; here: {tree.compiler}")


def distro_trees(system: Path = Path("/")) -> list[Path]:
    """Installed distro header trees, the preferred first: cloud flavour, then newest release."""
    found = {path.resolve() for path in (*(system / "lib/modules").glob("*/build"),
                                         *(system / "usr/src").glob("linux-headers-*"))
             if (path / ".config").is_file()}
    return sorted(found, key=lambda path: _preference(path.name), reverse=True)


def _preference(name: str) -> tuple[bool, list[int]]:
    return "cloud" in name, [int(number) for number in re.findall(r"\d+", name)]


def _default(system: Path) -> Path:
    trees = distro_trees(system)
    if not trees:
        raise BuildError("no kernel headers are installed",
                         fix=f"run 'make setup', or install {HEADERS_PACKAGE}, or give KDIR=<tree>")
    return trees[0]


def _existing(kdir: Path) -> Path:
    if not kdir.is_dir():
        raise BuildError("no such folder", where=str(kdir),
                         fix="KDIR= takes the headers or the build folder of a kernel")
    if not (kdir / "Makefile").is_file() or not (
            (kdir / "scripts").is_dir() or (kdir / "source").is_dir()):
        raise BuildError("not a kernel tree: it has no Makefile and scripts/", where=str(kdir),
                         fix="KDIR= takes the headers or the build folder of a kernel")
    return kdir.resolve()


def _refuse_unprepared(tree: Path) -> None:
    if tree.parent == layout.OWN_KERNELS and not (tree / layout.OWN_STAMP).is_file():
        raise BuildError("this kernel's build was interrupted", where=str(layout.shown(tree)),
                         fix="repeat extspt kernel build: it goes on where it stopped")
    missing = [name for name in (".config", "include/generated/autoconf.h",
                                 "include/generated/utsrelease.h", "scripts/mod/modpost")
               if not (tree / name).exists()]
    if missing:
        raise BuildError(f"the tree is not prepared: {missing[0]} is missing", where=str(tree),
                         fix=f"configure it, then: make -C {tree} modules_prepare")
    if not (tree / "Module.symvers").is_file():
        raise BuildError("the tree has no Module.symvers, so no symbol could be resolved",
                         where=str(tree),
                         fix="build it (make), or copy Module.symvers of the same kernel there")


def _refuse_config(tree: Path, config: Mapping[str, str]) -> None:
    # User Mode Linux has one CPU before 6.19: it shows no contention, but runs.
    needed = [name for name in NEEDED if name != "SMP" or config.get("UML") != "y"]
    lacking = [f"CONFIG_{name}" for name in needed if config.get(name) != "y"]
    if lacking:
        raise BuildError(f"this kernel lacks {', '.join(lacking)}", where=str(tree / ".config"),
                         fix="enable them and build the kernel again, or choose another KDIR")


def _release(tree: Path) -> str:
    # Debian's include/config/kernel.release holds the upstream version: not the vermagic.
    found = _RELEASE.search((tree / "include/generated/utsrelease.h").read_text())
    if found is None:
        raise BuildError("include/generated/utsrelease.h names no release", where=str(tree),
                         fix=f"make -C {tree} modules_prepare")
    return found[1]


def _kind(tree: Path) -> str:
    # The sources decide first: Debian's headers from 6.12 on hold a vmlinux, for BTF only.
    if not (tree / "source").exists() and not (tree / "MAINTAINERS").is_file():
        return "distro-headers"
    built = (tree / "vmlinux").is_file() or (tree / "arch/x86/boot/bzImage").exists()
    return "built" if built else "prepared"


def _program(version_text: str) -> str:
    """Compiler program of a CC_VERSION_TEXT ("gcc-12 (Debian ...) 12.2.0" -> "gcc-12")."""
    if _CLANG.search(version_text):
        return "clang"
    return version_text.split(" ", 1)[0] or "gcc"


def _major(version: str) -> str:
    found = _VERSION.search(re.sub(r"\(.*?\)", "", version))
    return found[1] if found else version


def _image(tree: Path, release: str, kind: str, config: Mapping[str, str],
           system: Path) -> Path | None:
    if kind != "distro-headers":
        # vmlinux boots where it has the PVH entry, and need not be unpacked by the guest.
        names = ("linux",) if config.get("UML") == "y" else (
            *(["vmlinux"] if config.get("PVH") == "y" else []), "arch/x86/boot/bzImage")
        return next((tree / name for name in names if (tree / name).is_file()), None)
    return unpacked_image(layout.kernel_image(release), release) or unpacked_image(system, release)


def unpacked_image(folder: Path, release: str) -> Path | None:
    """Image in an unpacked package or a system; Debian moved it out of boot/ in 7.x."""
    for name in (f"boot/vmlinuz-{release}", f"usr/lib/modules/{release}/vmlinuz",
                 f"lib/modules/{release}/vmlinuz"):
        if (folder / name).is_file():
            return folder / name
    return None
