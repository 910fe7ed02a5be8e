# SPDX-License-Identifier: GPL-2.0-only
"""The hook list of kmod/hosts/kvm/ applied to a copy of a tree's KVM.

A hook is an anchor, words that must occur exactly once in a file of the tree, and our own lines
beside it or in its place. A tree whose words have changed is refused, never guessed at; the
tree itself is only read.
"""

from __future__ import annotations

import difflib
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from generator import layout
from generator.errors import BuildError, ConfigError
from generator.trees import kernelbuild, treeform

FOLDERS = ("arch/x86/kvm", "virt/kvm", "virt/lib")
"""What is copied: KVM, and irqbypass, which kvm.ko needs and a bare guest lacks."""
ADDED = "arch/x86/kvm/extspt"
DIFF = "hooks.diff"
WAYS = ("replace", "before", "after")


@dataclass(frozen=True)
class Hook:
    """One change. ``way``: whether ``text`` replaces the anchor or stands before or after it.

    ``build``: only for the build outside of the tree, so also in a copy without the hooks.
    ``trees``: the versions that it is for; all of its list when there are none.
    """

    file: str
    anchor: str
    way: str
    text: str
    build: bool = False
    trees: tuple[str, ...] = ()

    def apply(self, before: str, tree: str) -> str:
        """The file's text with the hook in it; BuildError unless the anchor matches once."""
        found = before.count(self.anchor)
        if found != 1:
            raise BuildError(f"the anchor matches {found} times, not once", where=self.file,
                             evidence=self.anchor, fix=f"Linux {tree} has changed there: "
                             "give its shape a hook list of its own in kmod/hosts/kvm")
        new = {"replace": self.text, "before": self.text + self.anchor,
               "after": self.anchor + self.text}[self.way]
        return before.replace(self.anchor, new)


@dataclass(frozen=True)
class HookList:
    """The hooks of one tree shape. ``trees``: the versions it was written for, as "7.2".

    ``points``: what a strategy can be called for besides the fault path, as the axes name it.
    """

    path: Path
    trees: tuple[str, ...]
    hooks: tuple[Hook, ...]
    points: tuple[str, ...] = ()

    @property
    def unhooked(self) -> HookList:
        """What it takes to build KVM outside of its tree as it is, to compare with."""
        return replace(self, hooks=tuple(hook for hook in self.hooks if hook.build))


def load(path: Path) -> HookList:
    """A hook list; ConfigError for anything that is not one."""
    try:
        data = tomllib.loads(path.read_text())
        hooks = tuple(_hook(entry, path) for entry in data["hook"])
        return HookList(path, tuple(str(tree) for tree in data["trees"]), hooks,
                        tuple(str(point) for point in data.get("points", ())))
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"not a hook list: {error!r}", where=path.name,
                          fix="it needs trees = [...] and [[hook]] entries") from error


def _hook(entry: Mapping[str, Any], path: Path) -> Hook:
    ways = [way for way in WAYS if way in entry]
    unknown = sorted(entry.keys() - {"file", "anchor", "why", "build", "trees", *WAYS})
    if len(ways) != 1 or unknown or not entry["anchor"]:
        raise ConfigError(f"a hook in {entry['file']} needs an anchor and one of "
                          f"{', '.join(WAYS)}, and nothing else but why, build and trees",
                          where=path.name,
                          fix=f"not known: {', '.join(unknown)}" if unknown else "")
    return Hook(entry["file"], entry["anchor"], ways[0], entry[ways[0]], entry.get("build", False),
                tuple(entry.get("trees", ())))


def lists(folder: Path = layout.KVM_HOST) -> tuple[HookList, ...]:
    """All hook lists, the one for the newest trees last."""
    return tuple(load(path) for path in sorted(folder.glob("hooks-*.toml"),
                                               key=lambda path: treeform.order(path.name)))


def version(tree: Path) -> str:
    """Version of a source tree ("7.2.13"); BuildError when it is none or has no KVM in it."""
    if not (tree / FOLDERS[0] / "mmu" / "tdp_mmu.c").is_file():
        raise BuildError("no kernel source with arch/x86/kvm", where=str(tree),
                         fix="give the full source of the kernel: headers do not hold KVM")
    return kernelbuild.version(tree)


def is_of(release: str, trees: Sequence[str]) -> bool:
    """Whether a version, such as 7.2.13 or 7.2-rc4, is one of ``trees``, such as 7.2."""
    return any(release == tree or release.startswith((f"{tree}.", f"{tree}-")) for tree in trees)


def choose(release: str, known: Sequence[HookList] | None = None) -> HookList:
    """The hook list for a version; BuildError names the versions that have one."""
    known = lists() if known is None else known
    for one in known:
        if is_of(release, one.trees):
            return one
    raise BuildError(f"no hook list for Linux {release}", where="kmod/hosts/kvm",
                     fix=f"there are lists for {', '.join(t for one in known for t in one.trees)}")


def patched(tree: Path, hooks: HookList) -> dict[str, tuple[str, str]]:
    """File -> (its text, its text with all hooks). Raises BuildError at the first miss."""
    release = version(tree)
    files: dict[str, tuple[str, str]] = {}
    for hook in hooks.hooks:
        if hook.trees and not is_of(release, hook.trees):
            continue
        if hook.file not in files:
            files[hook.file] = (_read(tree, hook.file, release),) * 2
        before, now = files[hook.file]
        files[hook.file] = (before, hook.apply(now, release))
    return files


def _read(tree: Path, name: str, release: str) -> str:
    try:
        return (tree / name).read_text()
    except OSError as error:
        raise BuildError(f"no such file in Linux {release}", where=name,
                         fix="give its shape a hook list of its own") from error


def additions(folder: Path = layout.KVM_HOST, *, hooked: bool = True) -> dict[str, str]:
    """Our own files in the copy: path -> text; without the hooks only what builds it."""
    sources = (folder / "seam.h", *sorted((folder / "tree").glob("*.[ch]"))) if hooked else ()
    own = {f"{ADDED}/{path.name}": path.read_text() for path in sources}
    return own | {"Kbuild": (folder / "Kbuild.tree").read_text()}


def diff(files: Mapping[str, tuple[str, str]], added: Mapping[str, str]) -> str:
    """Everything that differs from the tree, as a unified diff that patch -p1 takes."""
    changes = [(f"a/{name}", f"b/{name}", *texts) for name, texts in sorted(files.items())]
    changes += [("/dev/null", f"b/{name}", "", text) for name, text in sorted(added.items())]
    return "".join(line for old, new, before, after in changes
                   for line in difflib.unified_diff(before.splitlines(True),
                                                    after.splitlines(True), old, new))


def make_copy(tree: Path, into: Path, *, hooked: bool = True) -> str:
    """Copy the tree's KVM into a new folder, with hooks.diff; the tree's version.

    Nothing is written unless every anchor matches. Not ``hooked``: as it is, to compare with.
    """
    release = version(tree)
    hooks = choose(release) if hooked else choose(release).unhooked
    files, added = patched(tree, hooks), additions(hooked=hooked)
    shutil.rmtree(into, ignore_errors=True)
    for name in FOLDERS:
        shutil.copytree(tree / name, into / name,
                        ignore=shutil.ignore_patterns("*.o", "*.ko", "*.cmd", "*.mod*"))
    for name, text in (added | {name: after for name, (_, after) in files.items()}).items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_text(text)
    (into / DIFF).write_text(diff(files, added))
    return release
