# SPDX-License-Identifier: GPL-2.0-only
"""Whether a hooked KVM is upstream's: golden counts, what the hooks cost, an empty backend.

One boot with the hooked modules and one with the same KVM without the hooks, both under icount, so
that a figure is one of the build and not of the day. The result stays with the build.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from generator import layout
from generator.errors import BuildError, ConfigError, GateError, GuestError
from generator.kvm import kvmhooks, kvmhost
from generator.kvm.kvmhost import KvmBuild
from generator.runs import scripted
from generator.trees.kernel import KernelTree

GOLDEN = layout.KVM_HOST / "golden.toml"
RESULT = ".extspt-golden.json"
SCRIPTS = ("populate_seq", "populate_sparse")
Told = dict[tuple[str, str, str], dict[str, int]]
_PARAMETERS = "/sys/module/kvm/parameters"


@dataclass(frozen=True)
class Golden:
    """The counts a tree must show. ``scripts``: workload -> (pages, counts by name).

    ``idle_limit``: instructions for each SPTE that a fault sets.
    """

    scripts: Mapping[str, tuple[int, Mapping[str, int]]]
    idle_limit: int

    def limit(self, name: str) -> int:
        """What idle hooks may cost a fault of ``name``: its leaf, and its page table where most
        faults need one; less than that many instructions."""
        counts = self.scripts[name][1]
        return self.idle_limit * round((counts["link"] + counts["map"]) / counts["map"])


@dataclass(frozen=True)
class KvmCheck:
    """What a hooked KVM showed. Medians are instructions per fault, by workload.

    ``plain``: mirrored, upstream's own cache, empty backend; ``idle``: not mirrored, with the
    hooks; ``unhooked``: the same without them. ``wrong``: what is not as it must be.
    """

    fingerprint: str
    counts: Mapping[str, Mapping[str, int]]
    plain: Mapping[str, int]
    idle: Mapping[str, int]
    unhooked: Mapping[str, int]
    wrong: tuple[str, ...]

    @property
    def hooks_cost(self) -> Mapping[str, int]:
        """Instructions per fault the hooks add while no VM is mirrored."""
        return {name: self.idle[name] - self.unhooked[name] for name in self.idle}


def golden(version: str, path: Path = GOLDEN) -> Golden:
    """The golden counts of a version; ConfigError when it has none or the file is damaged."""
    try:
        data = tomllib.loads(path.read_text())
        entry, idle = (_of(version, data[key]) for key in ("tree", "idle"))
        if entry and idle:
            scripts = {name: (int(entry[name]["pages"]), entry[name]["counts"])
                       for name in SCRIPTS}
            return Golden(scripts, int(idle["limit"]))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"not golden counts: {error!r}", where=path.name) from error
    raise ConfigError(f"no golden counts for Linux {version}", where=path.name,
                      fix="find out what upstream's own cache does there, and add them")


def _of(version: str, entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The entry whose ``trees`` have this version."""
    return next((entry for entry in entries if kvmhooks.is_of(version, entry["trees"])), None)


def check(source: Path, tree: KernelTree, jobs: int) -> KvmCheck:
    """Boot the hooked KVM of ``tree`` and its unhooked twin, and keep what they showed.

    Builds the unhooked one when it is missing. Raises GuestError when a guest is lost; what is
    wrong is in the result, and require() refuses it.
    """
    built = kvmhost.find(tree)
    expected = golden(built.version)
    unhooked = kvmhost.make_unhooked(source, tree, built, jobs)
    hooked = _boot(tree, built, _script(expected, mirrored=True))
    bare = _boot(tree, unhooked, _script(expected, mirrored=False))
    done = _judged(_identity(built), expected, hooked, bare)
    (built.folder / RESULT).write_text(json.dumps(asdict(done), indent=1))
    return done


def load(built: KvmBuild) -> KvmCheck | None:
    """The result for just this build; None when it was not checked."""
    try:
        data: dict[str, Any] = json.loads((built.folder / RESULT).read_text())
        found = KvmCheck(**{**data, "wrong": tuple(data["wrong"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if found.fingerprint == _identity(built) else None


def facts(built: KvmBuild) -> dict[str, Any]:
    """What a manifest says of a hooked KVM, with what its check has shown."""
    found = load(built)
    shown = {} if found is None else {"check": {
        **{name: dict(getattr(found, name)) for name in ("plain", "idle", "unhooked")},
        "counts": {name: dict(counts) for name, counts in found.counts.items()},
        "hooks_cost": dict(found.hooks_cost), "wrong": list(found.wrong)}}
    return {**built.facts(), **shown}


def _identity(built: KvmBuild) -> str:
    """Of all that decides what a check shows: the build, the driver, what is expected."""
    parts = (built.fingerprint.encode(), built.driver.read_bytes(), GOLDEN.read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def require(built: KvmBuild) -> KvmCheck:
    """The result of a build that is as it must be; BuildError or GateError otherwise."""
    found = load(built)
    if found is None:
        raise BuildError("this hooked KVM was not checked against upstream's counts",
                         where=str(layout.shown(built.folder)),
                         fix="extspt kvm build KSRC --kdir <tree> does both")
    if found.wrong:
        raise GateError("this hooked KVM is not upstream's: nothing is timed on it",
                        where=str(layout.shown(built.folder)), evidence="\n".join(found.wrong),
                        fix="the hooks do not fit this tree; kmod/hosts/kvm/golden.toml says what "
                        "is expected")
    return found


def _script(expected: Golden, *, mirrored: bool) -> str:
    """Guest script: a plain run of each workload; with hooks, then a mirrored one with counts."""
    lines = ['for ko in irqbypass kvm kvm-amd; do insmod "$modules/$ko.ko" || failed=1; done',
             "drive keep || failed=1"]
    for name, (pages, _) in expected.scripts.items():
        run = f"drive plain {name} vcpus=1 pages={pages} rounds=1"
        lines += [f"say PLAIN idle {name}", f"{run} >&3 || failed=1"]
        if mirrored:
            lines += [f"echo 1 >{_PARAMETERS}/extspt_mirror || failed=1",
                      f"echo 0 >{_PARAMETERS}/extspt_counts || failed=1",
                      f"say PLAIN mirrored {name}", f"{run} >&3 || failed=1",
                      f"say COUNTS mirrored {name}",
                      f"cat {_PARAMETERS}/extspt_counts >&3 || failed=1",
                      f"echo 0 >{_PARAMETERS}/extspt_mirror || failed=1"]
    return "\n".join(lines)


def _boot(tree: KernelTree, kvm: KvmBuild, script: str) -> Told:
    """(PLAIN|COUNTS, idle|mirrored, workload) -> the JSON line that followed."""
    with tempfile.TemporaryDirectory(prefix="extspt-kvm-") as out:
        told = scripted.counted(tree, script, Path(out), kvm)
    if told.lost or not told.serial or not told.serial[-1].endswith("status=0"):
        raise GuestError("the hooked KVM failed in its guest", where=tree.release,
                         evidence="\n".join((*told.serial, *told.console)[-20:]),
                         fix=told.lost or "see the console below")
    found = {}
    for line, answer in zip(told.serial, told.serial[1:], strict=False):
        words = tuple(line.split())
        if words[0] in ("PLAIN", "COUNTS"):
            found[words[0], words[1], words[2]] = json.loads(answer)
    return found


def _judged(fingerprint: str, expected: Golden, hooked: Told, bare: Told) -> KvmCheck:
    def medians(told: Told, kind: str) -> dict[str, int]:
        return {name: told["PLAIN", kind, name]["p50"] for name in expected.scripts}

    counts = {name: hooked["COUNTS", "mirrored", name] for name in expected.scripts}
    done = KvmCheck(fingerprint, counts, medians(hooked, "mirrored"), medians(hooked, "idle"),
                    medians(bare, "idle"), ())
    wrong = [f"{name}: {key} is {counts[name].get(key)}, upstream's {number}"
             for name, (_, wanted) in expected.scripts.items()
             for key, number in wanted.items() if counts[name].get(key) != number]
    wrong += [f"{name}: the hooks cost {cost} instructions a fault while no VM is mirrored, "
              f"less than {expected.limit(name)} are allowed"
              for name, cost in done.hooks_cost.items() if cost >= expected.limit(name)]
    return replace(done, wrong=tuple(wrong))
