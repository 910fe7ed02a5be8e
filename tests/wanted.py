# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that tests want and a fresh clone has not: taken from build/, or made there, once.

EXTSPT_TEST_KERNELS names the kinds that may be made, as that takes a network and minutes: 'make
test' sets it, pytest alone makes nothing. What is here is taken in any case. What the machine's
mirror does not have is a reason to skip; what does not build is a failure.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from generator import layout, proc
from generator.errors import BuildError, RigError
from generator.gate import kernels
from generator.gate.result import DEBUG
from generator.kvm import kvmhooks
from generator.modules.render import KVM
from generator.trees import chroot, distro, sources
from generator.trees.kernelconfig import Recipe
from generator.verbs import kernel, kvm

ALLOWED = "EXTSPT_TEST_KERNELS"
SUITE = "sid"
#: Kind -> what it is, and about how many minutes it takes on two idle cores.
KINDS = {"source": ("a full kernel source that the hooks of real KVM are for", 0.5),
         "kvm": ("a source with headers of its very version", 1),
         "uml": ("a UML kernel with SMP", 3),
         "debug": ("a debug kernel", 5),
         "kvm-debug": ("a debug kernel with a hooked KVM", 7)}
Found = TypeVar("Found")


def source() -> Path:
    """The newest full source below build/sources that has hooks for its KVM; else sid's newest."""
    if (found := hooked_sources()):
        return found[-1]
    _need("source")
    fetched = _fetch("source", lambda: sources.fetch(SUITE).path)
    try:
        kvmhooks.choose(kvmhooks.version(fetched))
    except BuildError as error:
        pytest.skip(f"{SUITE} has moved on: {error.what}")
    return fetched


def source_and_headers() -> tuple[Path, distro.Fetched]:
    """A source with hooks, and a fetched tree of the very same version."""
    if (found := _pair()) is not None:
        return found
    _need("kvm")
    if subprocess.run([*chroot.enter(Path("/")), "true"], check=False,
                      capture_output=True).returncode:
        pytest.skip("this machine grants no mount namespace, which sid's compiler would run in")
    here = source()
    tree = _fetch("kvm", lambda: distro.fetch(SUITE))
    if (found := _pair()) is None:
        pytest.skip(f"{SUITE} has the headers of {tree.release}, and its source is {here.name}")
    return found


def uml() -> Path:
    """Build folder of the newest own UML kernel that has SMP."""
    own = kernels.own_uml()
    if own is None:
        _need("uml")
        own = kernel.make(source(), Recipe.of("um", "bench"))
    if own.notes:
        pytest.skip(f"Linux {own.version}: {own.notes[0]}")
    return own.kdir


def debug() -> Path:
    """Build folder of the newest own debug kernel for QEMU."""
    found = kernels.for_debug("twin").get(DEBUG)
    if found is not None:
        return found.tree.kdir
    _need("debug")
    return kernel.make(source(), Recipe.of("x86", "debug")).kdir


def kvm_debug() -> kernels.Ground:
    """The newest own debug kernel that a hooked KVM is built for."""
    if (found := kernels.for_debug(KVM).get(DEBUG)) is None:
        _need("kvm-debug")
        tree = source()
        kvm.make(tree, str(kernel.make(tree, Recipe.of("x86", "kvm-debug")).kdir))
        found = kernels.for_debug(KVM)[DEBUG]
    return found


@contextlib.contextmanager
def told(config: pytest.Config) -> Iterator[None]:
    """What is fetched and built is told while it happens: pytest would keep it to itself."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        yield


def _need(kind: str) -> None:
    """Skip unless this kind may be made."""
    allowed = os.environ.get(ALLOWED, "").replace(",", " ").split()
    if kind not in allowed and not (kind == "source" and allowed):
        what, minutes = KINDS[kind]
        pytest.skip(f"{what} is not here; make test TEST_KERNELS={kind} makes it "
                    f"(about {minutes:g} min, once)")
    proc.note("")


def _fetch(kind: str, get: Callable[[], Found]) -> Found:
    try:
        return get()
    except RigError as error:
        pytest.skip(f"{KINDS[kind][0]} cannot be fetched: {error.what}")


def hooked_sources() -> list[Path]:
    """Sources that a list of hooks is for, the newest last."""
    found = []
    for path in layout.SOURCES.glob("[0-9]*"):
        with contextlib.suppress(BuildError):
            kvmhooks.choose(kvmhooks.version(path))
            found.append(path)
    return sorted(found, key=lambda path: [int(n) for n in path.name.split(".") if n.isdigit()])


def _pair() -> tuple[Path, distro.Fetched] | None:
    return next(((path, tree) for path in reversed(hooked_sources())
                 for tree in distro.fetched_trees()
                 if tree.release.startswith((f"{path.name}+", f"{path.name}-"))), None)
