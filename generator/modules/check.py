# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own style gates over kmod/ and what is rendered: checkpatch, sparse, W=1."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import ExtsptError, GateError, RigError
from generator.modules.build import BuiltModule, command, options
from generator.trees import image
from generator.trees.kernel import KernelTree

CHECKPATCH = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")
# The module's file names and sizes are its own business; MAINTAINERS is the kernel's.
_IGNORED = ("FILE_PATH_CHANGES",)
_FOUND = re.compile(r"^\S+:\d+: (?:WARNING|ERROR|CHECK):", re.MULTILINE)
_SPARSE = re.compile(r"^(?P<file>\S+?):\d+:\d+: (?:warning|error): .*")
_TIMEOUT_S = 300.0
_UPSTREAM = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class Finding:
    """One complaint of one tool; ``variant``: the only one it is known of, or ""."""

    tool: str
    text: str
    variant: str = ""


def checkpatch(files: Sequence[Path]) -> list[Finding]:
    """What checkpatch --strict says about ``files``; RigError when it cannot run."""
    script = layout.TOOLS / "scripts" / CHECKPATCH[0]
    if not script.is_file():
        raise RigError("checkpatch.pl is not there", where=str(script), fix="run 'make setup'")
    # It leaves a cache file in its current folder.
    outcome = proc.query([proc.which("perl", "perl"), script, "--no-tree", "--strict", "--terse",
                          "--no-summary", "--color=never", "--ignore", ",".join(_IGNORED),
                          "--file", *files], timeout=_TIMEOUT_S, cwd=layout.TOOLS)
    found = [Finding("checkpatch", line.removeprefix(f"{layout.ROOT}/"))
             for line in outcome.output.splitlines() if _FOUND.match(line)]
    if not outcome.ok and not found:
        raise RigError("checkpatch failed", where=str(script), evidence=outcome.output)
    return found


def sparse(built: BuiltModule) -> list[Finding]:
    """Warnings of sparse about a built variant's own files (not about kernel headers)."""
    proc.which("sparse", "sparse")
    module = built.rendered
    alike = options(module.tree, module.path)   # with other flags all would be compiled anew
    outcome = proc.query([*command(module, f"-j{os.cpu_count() or 1}", *alike), "C=2"],
                         timeout=_TIMEOUT_S)
    own = f"{module.path}/"
    found = [Finding("sparse", line.removeprefix(own), module.variant.name)
             for line in outcome.output.splitlines()
             if (hit := _SPARSE.match(line)) and hit["file"].startswith(own)]
    if not outcome.ok and not found:
        raise RigError("sparse failed", where=built.ko.name, evidence=outcome.output[-2000:])
    return found


def c_files(folders: Iterable[Path]) -> list[Path]:
    """C sources and headers below ``folders``, without what Kbuild generated."""
    return sorted(path for folder in folders for path in folder.rglob("*.[ch]")
                  if not path.name.endswith(".mod.c"))


def own_c(built: BuiltModule) -> list[Path]:
    """The C files that were rendered for a variant, not copied from kmod/."""
    names = (name for name in built.rendered.files if not name.startswith("kmod/"))
    return [built.rendered.path / name for name in names if name.endswith((".c", ".h"))]


def refuse(findings: Sequence[Finding]) -> None:
    """GateError that lists every finding once, with the variants it was seen in."""
    seen: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        seen.setdefault((finding.tool, finding.text), []).append(finding.variant)
    if seen:
        lines = [f"{tool}: {text}" + (f" ({', '.join(where)})" if any(where) else "")
                 for (tool, text), where in seen.items()]
        raise GateError(f"{len(lines)} style findings", fix="all of them count, as on the list",
                        evidence="\n".join(lines))


def fetch_checkpatch(release: str) -> Path:
    """Take checkpatch.pl out of the distro's kernel source package; no other package has it."""
    scripts = layout.TOOLS / "scripts"
    if all((scripts / name).is_file() for name in CHECKPATCH):
        return scripts / CHECKPATCH[0]
    found = _UPSTREAM.match(release)
    package = f"linux-source-{found[0] if found else release}"
    proc.note(f"  TOOLS   checkpatch.pl of {package} (10 s)")
    with image.scratch(layout.TOOLS) as fresh:
        deb = image.download(package, image.package_version(f"linux-headers-{release}"), fresh)
        _unpack(["dpkg-deb", "-x", deb, fresh])
        _unpack(["tar", "-xJf", fresh / f"usr/src/{package}.tar.xz", "-C", fresh,
                 "--strip-components=1", *(f"{package}/scripts/{name}" for name in CHECKPATCH)])
        scripts.mkdir(parents=True, exist_ok=True)
        for name in CHECKPATCH:
            (fresh / "scripts" / name).replace(scripts / name)
    return scripts / CHECKPATCH[0]


def _unpack(argv: Sequence[str | Path]) -> None:
    outcome = proc.query(argv, timeout=_TIMEOUT_S)
    if not outcome.ok:
        raise RigError("the kernel source package cannot be unpacked", fix="is the disk full?",
                       evidence=outcome.output)


def main() -> int:
    """Fetch the style tools for the default tree (part of the set-up)."""
    try:
        fetch_checkpatch(KernelTree.probe().release)
        return 0
    except ExtsptError as error:
        print(f"extspt: {error.stage}: {error}\n{error.evidence}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
