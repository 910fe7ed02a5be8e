# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel tree is and whether modules can be built against it."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError, RigError
from generator.trees import chroot, compiler, treeform
from generator.trees.treeform import Form

HEADERS_PACKAGE = "linux-headers-cloud-amd64"
# What the twin needs of a kernel: without these it does not build, load or account.
NEEDED = ("MODULES", "SMP", "DEBUG_FS", "MEMCG", "X86_64")
# A kernel with one of these is for finding faults: its times say nothing about anything else.
DEBUGGING = ("LOCK_STAT", "PROVE_LOCKING", "LOCKDEP", "KASAN", "KCSAN", "KMSAN", "DEBUG_KMEMLEAK",
             "DEBUG_OBJECTS", "DEBUG_PAGEALLOC_ENABLE_DEFAULT", "SLUB_DEBUG_ON")
# What bears on times and counts: preemption and ticks, locks, page and slab allocators, code
# generation, mitigations, checks. Names differ between releases; recorded, not required.
MATTER = (
    "PREEMPT", "PREEMPT_LAZY", "PREEMPT_VOLUNTARY", "PREEMPT_NONE", "PREEMPT_DYNAMIC", "PREEMPT_RT",
    "HZ", "NO_HZ_FULL", "NR_CPUS", "NUMA", "QUEUED_SPINLOCKS", "PARAVIRT_SPINLOCKS",
    "SLUB_CPU_PARTIAL", "SLAB_FREELIST_RANDOM", "SLAB_FREELIST_HARDENED", "SHUFFLE_PAGE_ALLOCATOR",
    "INIT_ON_ALLOC_DEFAULT_ON", "INIT_ON_FREE_DEFAULT_ON", "TRANSPARENT_HUGEPAGE",
    "CC_OPTIMIZE_FOR_SIZE", "DEBUG_FORCE_FUNCTION_ALIGN_64B", "HAVE_STATIC_CALL", "JUMP_LABEL",
    "STACKPROTECTOR_STRONG", "FUNCTION_TRACER", "MITIGATION_RETPOLINE", "RETPOLINE",
    "MITIGATION_RETHUNK", "RETHUNK", "MITIGATION_PAGE_TABLE_ISOLATION", "PAGE_TABLE_ISOLATION",
    "X86_KERNEL_IBT", "CFI_CLANG", "CFI", "UBSAN", "HARDENED_USERCOPY", "DEBUG_VM", "DEBUG_LIST",
    "PAGE_POISONING")
# What decides which figures a boot of this kernel can give; recorded, not required.
RECORDED = ("MODVERSIONS", "DEBUG_INFO_BTF", "KFENCE", *MATTER, *DEBUGGING)
_SETTING = re.compile(r"^CONFIG_(\w+)=(.*)$", re.MULTILINE)
_RELEASE = re.compile(r'#define UTS_RELEASE "([^"]+)"')


@dataclass(frozen=True)
class KernelTree:
    """A tree that modules can be built against. ``arch``: x86_64 or um.

    ``config``: the options of NEEDED and RECORDED that are set. ``config_hash``: sha256 of the
    whole .config. ``built_with``: compiler that built the kernel; ``compiler``: the one found
    here, "" when there is none. ``kind``: distro-headers, distro-root (another release's, with
    its compiler, in the folder ``root``), prepared or built. ``tools``: a root of another release
    whose compiler is taken, while the tree stays where it is.
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
    other_compiler: bool = False
    tools: Path | None = None

    @property
    def debugging(self) -> tuple[str, ...]:
        """The options of DEBUGGING this kernel has; it must not be timed when there are any."""
        return tuple(name for name in DEBUGGING if self.config.get(name) == "y")

    @property
    def options(self) -> Mapping[str, str]:
        """All of NEEDED and RECORDED, those that are off as "n": what a run's manifest keeps."""
        return {name: self.config.get(name, "n") for name in (*NEEDED, *RECORDED)}

    @property
    def kernel_id(self) -> str:
        """sha256 of the kernel that was built in this very tree, "" for a packaged one.

        When a header is edited and the kernel built again, its release and its configuration stay,
        and what was built for the one of before has another layout of structures.
        """
        if self.kind != Form.BUILT or self.image is None or not self.image.is_file():
            return ""
        about = self.image.stat()
        return _sha256(self.image, about.st_size, about.st_mtime_ns)

    @property
    def make(self) -> tuple[str, ...]:
        """The command that enters this tree's Kbuild, without M= and goals."""
        if self.root is not None:
            inside = f"/{self.kdir.relative_to(self.root)}"
            return ("make", "-C", inside, *self._words())
        return ("make", "-C", str(self.kdir), *self._words())

    def _words(self) -> tuple[str, ...]:
        arch = ("ARCH=um",) if self.arch == "um" else ()
        # Distro headers name their compiler themselves.
        own = self.kind in (Form.DISTRO_HEADERS, Form.DISTRO_ROOT) and not self.other_compiler
        return arch if own else (*arch, *compiler.make_words(self.cc))

    def using(self, name: str, tools: Path | None = None) -> KernelTree:
        """The same tree with another compiler, such as gcc-15, clang or clang-19.

        ``tools``: the root that has it; None for the tree's own root, or this machine.
        """
        root = tools or self.root
        inside = () if root is None else chroot.enter(root)
        return replace(self, cc=name, compiler=compiler.version_line(name, inside),
                       other_compiler=True, tools=tools)

    @property
    def folders(self) -> tuple[Path, ...]:
        """What a build in a tree of this machine reads: sources, headers, Kbuild's programs."""
        headers = self.kdir.parent if self.kind == Form.DISTRO_HEADERS else self.kdir
        found = (headers, (self.kdir / "scripts").resolve().parent, treeform.source_of(self.kdir))
        return tuple(dict.fromkeys(folder for folder in found if folder is not None))

    def command(self, module: Path, *words: str) -> tuple[str, ...]:
        """The whole make command for the module in ``module``; ``words``: options and goals."""
        inside: tuple[str, ...] = ()
        if self.root is not None:
            inside = chroot.enter(self.root, module)
        elif self.tools is not None:
            inside = chroot.enter(self.tools, *self.folders, module)
        return (*inside, *self.make, f"M={module}", *words)

    def need_image(self) -> Path:
        """The bootable image, or RigError: only a boot needs one."""
        if self.image is None:
            built = "build it there: make" + (" ARCH=um" if self.arch == "um" else " bzImage")
            fix = {Form.DISTRO_HEADERS: "run 'make setup'", Form.BUILT: built}.get(
                Form(self.kind), "'extspt tree fetch SUITE' gets it, with its headers")
            raise RigError(f"no bootable image of {self.release}", where=str(self.kdir), fix=fix)
        return self.image

    @classmethod
    def probe(cls, kdir: Path | str | None = None, system: Path = Path("/")) -> KernelTree:
        """Look at ``kdir``, or at the newest distro headers installed under ``system``.

        Raises BuildError (exit 12) that says what the tree lacks and how to mend it.
        """
        tree = (default_headers(system) if kdir is None else Path(kdir)).resolve()
        form = treeform.form_of(tree)
        if form is Form.DISTRO_ROOT:
            return cls._of_root(tree)
        return cls._look(tree, form, system)

    @classmethod
    def _of_root(cls, root: Path) -> KernelTree:
        """The tree whose packages were unpacked into ``root``, with its compiler in there."""
        found = cls._look(treeform.headers_in(root)[-1], Form.DISTRO_ROOT, root)
        return replace(found, root=root, image=unpacked_image(root, found.release),
                       compiler=compiler.version_line(found.cc, chroot.enter(root)))

    @classmethod
    def _look(cls, tree: Path, form: Form, system: Path) -> KernelTree:
        treeform.refuse_unfinished(tree, form)
        text = (tree / ".config").read_text()
        config = dict(_SETTING.findall(text))
        _refuse_config(tree, config)
        release, own_cc = _release(tree), config.get("CC_VERSION_TEXT", "").strip('"')
        cc, built_with = compiler.program_of(own_cc), own_cc
        if form is Form.PREPARED and (distro := _distro_config(tree, release, system)):
            _refuse_lost(tree, release, distro, config)
            built_with = distro["CC_VERSION_TEXT"].strip('"')
        return cls(release, tree, "um" if config.get("UML") == "y" else "x86_64", form,
                   {name: config[name] for name in (*NEEDED, *RECORDED) if name in config},
                   hashlib.sha256(text.encode()).hexdigest(), built_with, cc,
                   compiler.version_line(cc), _image(tree, release, form, config, system))


def no_compiler(tree: KernelTree) -> tuple[str, str]:
    """Of a tree whose compiler does not answer: why, and the mend."""
    root = tree.tools or tree.root
    if root is not None and (root / "usr/bin" / tree.cc).exists():
        return (f"{tree.cc} of {layout.shown(root)} cannot be run in a chroot",
                "be root, or let users have namespaces: sysctl kernel.unprivileged_userns_clone=1, "
                "and kernel.apparmor_restrict_unprivileged_userns=0 where there is one")
    return f"the tree's compiler {tree.cc} is not installed", compiler.mend(tree.cc)


@functools.cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Read once; ``size`` and ``mtime_ns`` tell when it has to be read again."""
    with path.open("rb") as image:      # with debug information it may be a gigabyte
        return hashlib.file_digest(image, "sha256").hexdigest()


def require_compiler(tree: KernelTree) -> None:
    """BuildError without a compiler that can do it; a note when it is another major version."""
    here, there = tree.compiler, tree.built_with
    if not here:
        what, fix = no_compiler(tree)
        raise BuildError(what, where=str(tree.kdir), fix=f"{fix} (built with: {there})")
    if compiler.major(here) == compiler.major(there):
        return
    if lacks := compiler.too_old(settings(tree.kdir), here):
        raise BuildError(f"{tree.cc} ({here}) is too old for this tree: it lacks {lacks}",
                         where=str(tree.kdir), fix=f"use what built it: {there}; 'extspt tree "
                         "fetch SUITE' gets a tree with its compiler")
    proc.note(f"  NOTE    kernel: {there}; here: {here}")


def settings(tree: Path) -> dict[str, str]:
    """Everything that is set in a tree's .config, by name without CONFIG_."""
    return dict(_SETTING.findall((tree / ".config").read_text()))


def distro_trees(system: Path = Path("/")) -> list[Path]:
    """Installed distro header trees, the preferred first: cloud flavour, then newest release."""
    found = {path.resolve() for path in (*(system / "lib/modules").glob("*/build"),
                                         *(system / "usr/src").glob("linux-headers-*"))
             if (path / ".config").is_file()}
    return sorted(found, key=lambda path: _preference(path.name), reverse=True)


def _preference(name: str) -> tuple[bool, list[int]]:
    return "cloud" in name, treeform.order(name)


def default_headers(system: Path = Path("/")) -> Path:
    """The distro headers taken when no tree is named; BuildError without any."""
    trees = distro_trees(system)
    if not trees:
        raise BuildError("no kernel headers are installed",
                         fix=f"run 'make setup', or install {HEADERS_PACKAGE}, or give KDIR=<tree>")
    return trees[0]


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


def _refuse_lost(tree: Path, release: str, distro: Mapping[str, str],
                 config: Mapping[str, str]) -> None:
    """A prepared tree of a distro's release has the distro's options, or BuildError."""
    if gone := treeform.lost(distro, config):
        raise BuildError(f"{len(gone)} options differ from those of the kernel {release}",
                         where=str(tree / ".config"), evidence="\n".join(gone[:12]),
                         fix="its structures may have another layout; is pahole installed? "
                         "'extspt tree prepare KSRC --like HEADERS' does it anew")


def _distro_config(tree: Path, release: str, system: Path) -> dict[str, str]:
    """Configuration of the distro's kernel of this release; empty when none is known."""
    return next((settings(path) for path in same_release(release, system) if path != tree), {})


def same_release(release: str, system: Path = Path("/")) -> Iterator[Path]:
    """Header trees of just this release: the machine's, then the fetched ones."""
    roots = (system, *sorted(layout.TREES.glob("*")))
    places = (root / f"usr/src/linux-headers-{release}" for root in roots)
    return (place for place in places if (place / ".config").is_file())


def _image(tree: Path, release: str, form: Form, config: Mapping[str, str],
           system: Path) -> Path | None:
    """The tree's own image; else, of just this release, what was unpacked or is installed."""
    # vmlinux boots where it has the PVH entry, and need not be unpacked by the guest.
    names = ("linux",) if config.get("UML") == "y" else (
        *(["vmlinux"] if config.get("PVH") == "y" else []), "arch/x86/boot/bzImage")
    if form is Form.BUILT:
        return next((tree / name for name in names if (tree / name).is_file()), None)
    roots = (layout.kernel_image(release), *sorted(layout.TREES.glob("*")), system)
    return next(filter(None, (unpacked_image(root, release) for root in roots)), None)


def unpacked_image(folder: Path, release: str) -> Path | None:
    """Image in an unpacked package or a system; Debian moved it out of boot/ in 7.x."""
    for name in (f"boot/vmlinuz-{release}", f"usr/lib/modules/{release}/vmlinuz",
                 f"lib/modules/{release}/vmlinuz"):
        if (folder / name).is_file():
            return folder / name
    return None
