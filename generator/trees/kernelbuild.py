# SPDX-License-Identifier: GPL-2.0-only
"""Own small kernels from a full source tree, cached below build/kernels-own/.

An entry is a build folder (O=) and is used only when its stamp is there, which is written last.
An interrupted build keeps its objects and goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator import layout, proc
from generator.errors import BuildError, ConfigError, RigError
from generator.trees import compiler, kernelconfig
from generator.trees.kernelconfig import ENVIRONMENT, Recipe

STAMP = layout.OWN_STAMP
LOG = "build.log"
#: A debug kernel's folder takes half of this.
NEEDED_BYTES = 1 << 30
#: With less than this left, what failed has failed for that.
FULL_BYTES = 1 << 20
#: Program -> Debian package. The kernel's own build asks for these.
TOOLS = {"make": "make", "gcc": "gcc", "ld": "binutils", "flex": "flex", "bison": "bison",
         "bc": "bc", "perl": "perl"}
GOALS = {"x86": ("vmlinux", "modules"), "um": ("linux", "modules")}
IMAGES = {"x86": "vmlinux", "um": "linux"}
_VERSION = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) =[ \t]*(.*)$", re.MULTILINE)
_NEW_FILES = ("ls-files", "-z", "--others", "--exclude-standard")
#: kbuild's lines for one finished file each.
_FILE = re.compile(r"^  (?:CC|AS|LD|AR|HOSTCC|HOSTLD|LDS|GEN|CHECK)\s")


@dataclass(frozen=True)
class OwnKernel:
    """A built kernel. ``kdir``: its O= folder. ``notes``: what the tree could not give.

    ``seconds``: wall time of the build; ``skipped``: nothing had changed.
    """

    kdir: Path
    version: str
    arch: str
    flavor: str
    notes: tuple[str, ...]
    seconds: float
    skipped: bool = False

    @property
    def image(self) -> Path:
        """What the runner boots."""
        return self.kdir / IMAGES[self.arch]


def version(source: Path) -> str:
    """Version in the Makefile of a kernel source, such as 7.2.13; BuildError when it is none."""
    with contextlib.suppress(OSError):
        head = (source / "Makefile").read_text()[:1000]
        parts = dict(_VERSION.findall(head))
        if {"VERSION", "PATCHLEVEL"} <= parts.keys() and (source / "Kconfig").is_file():
            number = ".".join(filter(None, map(parts.get, ("VERSION", "PATCHLEVEL", "SUBLEVEL"))))
            return f"{number}{parts.get('EXTRAVERSION', '').strip()}"
    raise BuildError("not a kernel source tree", where=str(source),
                     fix="KSRC= takes the top folder of a full source, not of headers: "
                         "extspt kernel fetch sid gets one")


def folder_of(source: Path, recipe: Recipe) -> Path:
    """The cache entry of a source and a recipe, built or not."""
    asked = json.dumps(kernelconfig.settings(recipe.text()), sort_keys=True)
    header = [recipe.header.read_text()] if recipe.header else []
    text = "\0".join((str(source.resolve()), asked, compiler.version_line("gcc"), *header))
    key = hashlib.sha256(text.encode()).hexdigest()[:8]
    return layout.OWN_KERNELS / f"{version(source)}-{recipe.name}-{key}"


def cached(source: Path, recipe: Recipe) -> OwnKernel | None:
    """The finished kernel of just this source and recipe; None when it has to be built."""
    found = read_stamp(folder_of(source, recipe))
    if found is None or not found[1] or found[1] != identity(source):
        return None
    return found[0]


def read_stamp(folder: Path) -> tuple[OwnKernel, str] | None:
    """A finished entry and the state of the source it was built from; None for anything else."""
    try:
        stamp: dict[str, Any] = json.loads((folder / STAMP).read_text())
        own = OwnKernel(folder, stamp["version"], stamp["arch"], stamp["flavor"],
                        tuple(stamp["notes"]), stamp["seconds"], skipped=True)
        whole = own.image.is_file() and (folder / "Module.symvers").is_file()
        # kbuild writes the path of a build folder into it: one that was moved has to be made anew,
        # while a link to it is as good
        moved = stamp["folder"] != str(folder.resolve())
        return (own, str(stamp["identity"])) if whole and not moved else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def finished() -> list[OwnKernel]:
    """All finished kernels, by name."""
    found = map(read_stamp, sorted(layout.OWN_KERNELS.glob("*")))
    return [entry[0] for entry in found if entry is not None]


def identity(source: Path) -> str:
    """What tells one state of a source from the next; "" when only make can tell.

    A source fetched by extspt does not change; of a git tree it is the commit and the changes,
    and of files that git does not know the size and the time, which is what make goes by.
    """
    if source.resolve().parent == layout.SOURCES.resolve():
        return f"fetched {source.name}"
    if not (source / ".git").exists():
        return ""
    parts = [proc.query([proc.which("git", "git"), "-C", source, *words], timeout=120.0)
             for words in (("rev-parse", "HEAD"), ("diff", "HEAD"), _NEW_FILES)]
    if not all(part.ok for part in parts):
        return ""
    said = [part.output for part in parts]
    for name in filter(None, said[-1].split("\0")):
        with contextlib.suppress(OSError):
            about = (source / name).lstat()
            said.append(f"{about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def build(source: Path, recipe: Recipe, on_line: Callable[[str], None] = lambda line: None,
          ) -> OwnKernel:
    """Build the kernel, or find that it is built. ``on_line`` gets each line of the build.

    Raises BuildError for a source that cannot be built, ConfigError for options it drops, RigError
    for a missing tool or a full disk. Ctrl-C leaves no entry that looks finished.
    """
    require_arch(source, recipe.arch)
    if (known := cached(source, recipe)) is not None:
        return known
    folder = folder_of(source, recipe)
    argv = command(source.resolve(), folder, recipe)
    if proc.dry_run():
        proc.run([*argv, "allnoconfig"], timeout=1)
        proc.run([*argv, *GOALS[recipe.arch]], timeout=1)
        return OwnKernel(folder, version(source), recipe.arch, recipe.flavor, (), 0.0)
    require_tools()
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder)
    with full_disk_told(folder, "it goes on where it stopped"), _locked(folder):
        return _build(source.resolve(), folder, recipe, argv, on_line)


@contextlib.contextmanager
def full_disk_told(folder: Path, then: str) -> Iterator[None]:
    """RigError for what fails on a full disk, whatever it looks like; ``then``: on a repeat.

    kconfig does not mind one: it leaves an empty .config, and every option is lost.
    """
    try:
        yield
    except (OSError, BuildError, ConfigError) as error:
        if getattr(error, "errno", 0) not in (errno.ENOSPC, errno.EDQUOT) and (
                shutil.disk_usage(folder).free >= FULL_BYTES):
            raise
        raise RigError("the disk is full", where=str(layout.shown(folder)),
                       fix=f"free some space and repeat; {then}") from error


def _build(source: Path, folder: Path, recipe: Recipe, argv: list[str],
           on_line: Callable[[str], None]) -> OwnKernel:
    start, state = time.monotonic(), identity(source)
    (folder / STAMP).unlink(missing_ok=True)
    if recipe.header and not _is_copy(folder / recipe.header.name, recipe.header):
        shutil.copy(recipe.header, folder)      # or else not: make goes by its time
    got = kernelconfig.configure(source, folder, recipe, argv)
    _make([*argv, *GOALS[recipe.arch]], source, folder, on_line)
    own = OwnKernel(folder, version(source), recipe.arch, recipe.flavor, _notes(recipe, got),
                    round(time.monotonic() - start, 1))
    if not own.image.is_file() or not (folder / "Module.symvers").is_file():
        raise BuildError("make ended well, but left no kernel", where=str(folder / LOG),
                         fix=f"remove {layout.shown(folder)} and repeat")
    fresh = folder / f"{STAMP}.new"
    facts = {name: value for name, value in asdict(own).items() if name not in ("kdir", "skipped")}
    fresh.write_text(json.dumps(facts | {"identity": state, "folder": str(folder.resolve())},
                                indent=1))
    fresh.replace(folder / STAMP)
    return own


def _is_copy(copy: Path, original: Path) -> bool:
    """Whether it is there, and whole: a full disk may have cut it short."""
    return copy.is_file() and copy.read_bytes() == original.read_bytes()


def _notes(recipe: Recipe, got: dict[str, str]) -> tuple[str, ...]:
    if recipe.arch == "um" and got.get("SMP") != "y":
        return ("one CPU: UML runs on several since 6.19, so this kernel shows no contention",)
    return ()


def command(source: Path, folder: Path, recipe: Recipe) -> list[str]:
    """The make command without goals. Always O=, as the source may be read-only."""
    cc = ["CC=ccache gcc", "HOSTCC=ccache gcc"] if shutil.which("ccache") else []
    flags = [f"KCFLAGS=-include {folder / recipe.header.name}"] if recipe.header else []
    return ["make", "-C", str(source), f"ARCH={recipe.arch}", f"O={folder}",
            f"-j{os.cpu_count() or 1}", *cc, *flags]


def _make(argv: list[str], source: Path, folder: Path, on_line: Callable[[str], None]) -> None:
    log, lines = folder / LOG, []
    with log.open("w") as file, proc.spawned(argv, env=ENVIRONMENT) as child:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line)
            file.write(line)
            on_line(line)
        code = child.wait()
    if code != 0:
        raise kernelconfig.failure("".join(lines), source, str(layout.shown(log)))


def is_file_line(line: str) -> bool:
    """Tell whether a line of the build stands for one more finished file."""
    return _FILE.match(line) is not None


def require_arch(source: Path, arch: str) -> None:
    """BuildError for a folder that is no source, or a source without this architecture."""
    version(source)
    if not (source / "arch" / arch).is_dir() or not (source / "scripts/kconfig").is_dir():
        raise BuildError(f"this source has no arch/{arch}", where=str(source),
                         fix="a full source tree is needed, not a distro's headers")


def require_tools() -> None:
    """RigError that names the packages of all missing build tools at once."""
    missing = {package for program, package in TOOLS.items() if proc.find(program) is None}
    header = proc.query(["gcc", "-fsyntax-only", "-include", "gelf.h", "-x", "c", "/dev/null"],
                        ) if proc.find("gcc") else None
    if header is not None and not header.ok:
        missing.add("libelf-dev")
    if missing:
        names = " ".join(sorted(missing))
        raise RigError(f"missing for a kernel build: {names}", fix=f"apt-get install {names}")


def require_space(folder: Path) -> None:
    """RigError when the disk cannot take a kernel build."""
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise RigError(f"a kernel build needs 1 GiB, the disk has {free >> 20} MiB left",
                       where=str(layout.shown(folder.parent)), fix="free some space")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One build at a time in a folder; the lock goes with the process."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RigError("another build of this kernel is under way",
                           where=str(layout.shown(folder)), fix="wait for it") from error
        yield
