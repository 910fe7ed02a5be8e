# SPDX-License-Identifier: GPL-2.0-only
"""Fragments to a kernel's .config, merged by the kernel's own script, and what came of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError, ConfigError, unknown

FRAGMENTS = Path(__file__).resolve().parent / "fragments"
ARCHES = ("x86", "um")
#: UML's per-CPU operations without system calls; copied into the build folder.
UM_HEADER = "um-percpu.h"
#: Flavor -> the fragments it adds. Those with kvm are for the kvm host.
FLAVORS: Mapping[str, tuple[str, ...]] = {
    "bench": (), "debug": ("debug",), "kcsan": ("kcsan",),
    "kvm": ("kvm",), "kvm-debug": ("debug", "kvm", "kvm-debug"), "kvm-kcsan": ("kcsan", "kvm")}
#: No output of the outer make's options, and nothing of the machine in the image.
ENVIRONMENT = {"MAKEFLAGS": "", "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
               "KBUILD_BUILD_USER": "extspt", "KBUILD_BUILD_HOST": "bench",
               "KBUILD_BUILD_VERSION": "1"}
LOG = "configure.log"
#: In a build folder, all that was asked for: the folder is one of extspt kernel build.
ASKED = "extspt.config"
_TIMEOUT_S = 300.0
_SETTING = re.compile(r"^(?:CONFIG_(?P<on>\w+)=(?P<value>.*)|# CONFIG_(?P<off>\w+) is not set)$",
                      re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    """What kernel to make. ``arch``: x86 (for QEMU) or um. ``flavor``: one of FLAVORS."""

    arch: str
    flavor: str

    @classmethod
    def of(cls, arch: str, flavor: str) -> Recipe:
        """A recipe by names; UsageError lists the known ones."""
        if arch not in ARCHES:
            raise unknown("architecture", arch, ARCHES)
        if flavor not in FLAVORS:
            raise unknown("flavor", flavor, FLAVORS)
        if arch == "um" and "kvm" in flavor:
            raise ConfigError("User Mode Linux has no KVM", fix="take --arch x86")
        return cls(arch, flavor)

    @property
    def required(self) -> tuple[Path, ...]:
        """Fragments every line of which has to survive."""
        names = ["bench", self.arch, *FLAVORS[self.flavor]]
        return tuple(FRAGMENTS / f"{name}.config" for name in names)

    @property
    def optional(self) -> Path:
        """The fragment whose lines a tree may not know."""
        return FRAGMENTS / "optional.config"

    @property
    def header(self) -> Path | None:
        """What every file of the kernel includes first; None for most kernels."""
        return FRAGMENTS / UM_HEADER if self.arch == "um" else None

    @property
    def name(self) -> str:
        """In the release's name, so that modules of different kernels are kept apart."""
        return f"{self.flavor}-{self.arch}"

    def text(self) -> str:
        """All that is asked for, as one text."""
        local = f'CONFIG_LOCALVERSION="-extspt-{self.name}"\n'
        return "".join(p.read_text() for p in (self.optional, *self.required)) + local


def settings(text: str) -> dict[str, str]:
    """Symbol -> value of a .config or a fragment; "n" where it is not set."""
    return {found["on"] or found["off"]: found["value"] or "n"
            for found in _SETTING.finditer(text)}


def lost(asked: Mapping[str, str], got: Mapping[str, str]) -> list[str]:
    """Lines asked for that a configuration does not have, each with what it has instead."""
    return [f"CONFIG_{name}={value} (is {got[name]})" if name in got
            else f"CONFIG_{name}={value} (not there: unknown to this tree, or a dependency is off)"
            for name, value in asked.items() if got.get(name, "n") != value]


def configure(source: Path, folder: Path, recipe: Recipe, make: Sequence[str]) -> dict[str, str]:
    """Write ``folder``/.config for ``recipe`` with the tools of ``source``; all its settings.

    ``make``: the command with ARCH= and O=. Raises BuildError when a tool of the tree fails,
    ConfigError with the list of what did not survive.
    """
    _step([*make, "allnoconfig"], source, folder)
    asked = folder / ASKED
    asked.write_text(recipe.text())
    # -m: merge only; -O: where the result goes; its scratch files go to the working folder.
    _step([str(source / "scripts/kconfig/merge_config.sh"), "-m", "-O", str(folder),
           str(folder / ".config"), str(asked)], source, folder)
    _step([*make, "olddefconfig"], source, folder)
    got = settings((folder / ".config").read_text())
    wanted = settings("".join(path.read_text() for path in recipe.required))
    if dropped := lost(wanted, got):
        raise ConfigError(f"{len(dropped)} of {len(wanted)} options asked for did not survive",
                          where=str(source), evidence="\n".join(dropped),
                          fix="this tree cannot have them as generator/trees/fragments/ asks for "
                              f"them; extspt doctor {layout.shown(folder)} --why CONFIG_X says "
                              "what each needs")
    return got


def _step(argv: Sequence[str], source: Path, folder: Path) -> None:
    outcome = proc.run(argv, timeout=_TIMEOUT_S, cwd=folder, env=ENVIRONMENT, log=folder / LOG)
    if not outcome.ok:
        raise failure(outcome.output, source)


#: What a failed make says -> (what it means, the mend).
_CAUSES = (
    (r"source tree is not clean", "the source tree holds a build of its own",
     "build from a clean copy: git worktree add ../clean, or make mrproper there"),
    (r"(?i:compiler|linker|assembler) is too old", "this tree wants newer build tools",
     "install a newer gcc and binutils, or take an older tree"),
    (r"No space left on device", "the disk is full", "free some space and repeat; it goes on "
     "where it stopped"),
    (r"gelf\.h|libelf", "the header of libelf is missing", "apt-get install libelf-dev"),
    (r"(?:flex|bison): (?:command )?not found", "flex or bison is missing",
     "apt-get install flex bison"),
    (r"Read-only file system", "cannot write there", "the cache is below build/: mend that"),
)


def failure(output: str, source: Path, log: str = "") -> BuildError:
    """The error for a failed make: its cause where it is a known one, and its own last words."""
    from generator.modules.build import first_errors

    for pattern, what, fix in _CAUSES:
        if found := re.search(pattern, output):
            start = output.rfind("\n", 0, found.start()) + 1
            shown = "\n".join(output[start:].splitlines()[:4])
            return BuildError(what, where=str(source), fix=fix, evidence=shown)
    return BuildError("the kernel does not build", where=log or str(source),
                      fix="its first errors are below", evidence=first_errors(output))
