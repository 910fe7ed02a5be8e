# SPDX-License-Identifier: GPL-2.0-only
"""What the twin was held to the real kvm.ko for, kept with the hooked KVM until a module changes.

A run with --host kvm takes it into its manifest, so that its report can show the twin beside the
real thing, and what of a fault is the rig's own (twincheck.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from generator.kvm.kvmhost import KvmBuild
from generator.kvm.twincheck import Compared
from generator.modules.build import BuiltModule
from generator.modules.render import KVM, TWIN

RESULT = ".extspt-conform.json"
Entry = Mapping[str, Any]


def keep(built: KvmBuild, modules: Mapping[str, Sequence[BuiltModule]],
         done: Sequence[Compared]) -> None:
    """Add what twincheck.compare() found of ``modules`` to what is known of this KVM."""
    known = _read(built)
    for twin, kvm in zip(modules[TWIN], modules[KVM], strict=True):
        name = kvm.rendered.variant.name
        known[name] = {"twin": twin.rendered.fingerprint, "kvm": _key(built, kvm),
                       "scripts": [_row(one) for one in done if one.variant == name]}
    fresh = built.folder / f"{RESULT}.new"
    fresh.write_text(json.dumps(known))
    fresh.replace(built.folder / RESULT)


def load(built: KvmBuild, modules: Sequence[BuiltModule],
         twins: Sequence[BuiltModule] = ()) -> dict[str, list[Entry]]:
    """Design -> a row per script, for those of ``modules`` that are just what was compared.

    ``twins``: the same designs of the other host, to be just those, too.
    """
    known = _read(built)
    beside = {one.rendered.variant.name: one.rendered.fingerprint for one in twins}
    return {name: known[name]["scripts"] for one in modules
            if (name := one.rendered.variant.name) in known
            and known[name]["kvm"] == _key(built, one)
            and beside.get(name, known[name]["twin"]) == known[name]["twin"]}


def _key(built: KvmBuild, module: BuiltModule) -> str:
    return hashlib.sha256(f"{built.fingerprint} {module.rendered.fingerprint}".encode()).hexdigest()


def _row(one: Compared) -> dict[str, Any]:
    """Without the steps themselves; whether they are equal is in ``wrong``."""
    sides = {host: {key: value for key, value in asdict(seen).items() if key != "steps"}
             for host, seen in ((TWIN, one.twin), (KVM, one.kvm))}
    return {"script": one.script, "wrong": one.wrong, **sides}


def _read(built: KvmBuild) -> dict[str, Any]:
    try:
        known = json.loads((built.folder / RESULT).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
