# SPDX-License-Identifier: GPL-2.0-only
"""A variant and a tree to a self-contained folder that plain ``make -C $KDIR M=$PWD`` builds.

Same inputs give the same bytes: no time, no host path, nothing but the variant, the sources
and the kernel's release, configuration and compiler.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from generator import layout, proc
from generator.errors import BuildError, RenderError
from generator.modules.variant import CONTRACT, Variant
from generator.trees.kernel import KernelTree

TWIN, KVM = HOSTS = ("twin", "kvm")
"""Who runs a strategy: our twin of KVM's path, or the real kvm.ko with our hooks."""
SYMVERS = "kvm.symvers"
RENDERED = ("variant.h", "module.c", "Kbuild")
# Names that a C file keeps to itself: static functions and objects, macros, types.
_FILE_SCOPE = re.compile(rb"^static\b[^;={(]*?\b(?:DEFINE_\w+\()?(\w+)\s*[\[=;()]"
                         rb"|^#define\s+(\w+)|^(?:struct|enum|union)\s+(\w+)\s*\{",
                         re.MULTILINE)


@dataclass(frozen=True)
class RenderedModule:
    """A staged folder. ``files``: relative path -> sha256. ``changed``: those written just now."""

    variant: Variant
    tree: KernelTree
    path: Path
    files: Mapping[str, str]
    fingerprint: str
    changed: tuple[str, ...]
    host: str = TWIN


@functools.cache
def environment(templates: Path = layout.TEMPLATES) -> jinja2.Environment:
    """The jinja2 set-up of every template here; delimiters that C and shell never use."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), undefined=jinja2.StrictUndefined,
        block_start_string="@%", block_end_string="%@", variable_start_string="@{",
        variable_end_string="}@", comment_start_string="@#", comment_end_string="#@",
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        autoescape=jinja2.select_autoescape(("html.j2",), default=False))
    env.filters["c_string"] = c_string
    return env


def c_string(text: str) -> str:
    """A C string literal; bytes outside ASCII as octal escapes, which cannot run on."""
    plain = "".join(chr(b) if 0x20 <= b < 0x7f and b not in b'"\\' else f"\\{b:03o}"
                    for b in text.encode())
    return f'"{plain}"'


def fill(template: str, **values: object) -> str:
    """Render one template of generator/templates; RenderError for a name it does not know."""
    try:
        return environment().get_template(f"{template}.j2").render(**values)
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        raise RenderError(str(error), fix="the template and its caller disagree",
                          where=f"{template}.j2" + (f":{line}" if line else "")) from error


def render(variant: Variant, tree: KernelTree, root: Path = layout.ROOT,
           host: str = TWIN) -> RenderedModule:
    """Stage ``variant`` for ``tree`` under build/<release>/; only differing files are rewritten.

    Raises RenderError when a template fails or a source the variant needs is missing.
    """
    files, fingerprint = contents(variant, tree, root, host)
    folder = layout.staged(tree.release, variant.slug, root, host)
    changed = _differing(folder, files)
    if not proc.dry_run():
        _stage(folder, files, changed)
    elif changed:
        print(f"# render {variant.name} into {layout.shown(folder)}")
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return RenderedModule(variant, tree, folder, hashes, fingerprint, changed, host)


def contents(variant: Variant, tree: KernelTree, root: Path = layout.ROOT,
             host: str = TWIN) -> tuple[dict[str, bytes], str]:
    """Bytes of every staged file by relative path, and the fingerprint of all inputs."""
    files = {name: path.read_bytes() for name, path in sources(variant, root, host).items()}
    units = group(files)
    # Backwards: what takes longest to compile, kmod/tdx with the axes, comes first.
    values = {"variant": variant, "units": sorted(units, reverse=True), "defines": defines(variant),
              "host": host, "symvers": SYMVERS if host == KVM else ""}
    if host == KVM:
        files[SYMVERS] = _kvm_symbols(layout.kvm_tree(tree.release, root))
    # module.c carries the fingerprint, so it takes part in it without one.
    texts = {name: fill(name, **values, fingerprint="") for name in RENDERED}
    texts |= {f"{unit}.c": fill("unit.c", members=members) for unit, members in units.items()}
    files |= {name: text.encode() for name, text in texts.items()}
    fingerprint = _fingerprint(files, tree)
    files["module.c"] = fill("module.c", **values, fingerprint=fingerprint).encode()
    return files, fingerprint


def _kvm_symbols(copy: Path) -> bytes:
    """What the hooked kvm.ko exports to strategies, for modpost."""
    try:
        lines = (copy / "Module.symvers").read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise BuildError("there is no hooked KVM for this kernel", where=str(layout.shown(copy)),
                         fix="build it first: extspt kvm build KSRC --kdir <tree>") from error
    return b"".join(line for line in lines if b"\textspt_" in line)


def sources(variant: Variant, root: Path = layout.ROOT, host: str = TWIN) -> dict[str, Path]:
    """The C files of kmod/ this variant is made of, by relative path, sorted."""
    kmod = root / "kmod"
    found = sorted(path for path in kmod.rglob("*.[ch]") if path.is_file())
    chosen = {path.relative_to(root).as_posix(): path for path in found
              if _wanted(path.relative_to(kmod).parts, variant, host)}
    if not any(name.endswith(".c") for name in chosen):
        raise RenderError("there is no C source to build", where="kmod")
    return chosen


def _wanted(parts: tuple[str, ...], variant: Variant, host: str) -> bool:
    """Leave out other hosts, other choices of an axis, and the model's user-space harness."""
    if parts[0] == "axes":
        axis, header = parts[1], parts[-1]
        return header in (CONTRACT, f"{variant.choices.get(axis)}.h")
    if parts[0] == "hosts":
        # What lies deeper is for KVM's own folder, or a program.
        return parts[1] == host and len(parts) == 3
    return parts[:2] != ("seam", "host")


def group(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Compile units: unit name -> the C files it includes, one unit per folder.

    Nine tenths of a small file's compile time are the kernel's headers, hence few units. A file
    whose file-scope names clash with those of a unit goes into the folder's next one.
    """
    units: dict[str, list[str]] = {}
    taken: dict[str, set[bytes]] = {}
    for name in sorted(name for name in files if name.endswith(".c")):
        stem = "_".join(("build", *Path(name).parent.parts[1:]))
        own = {found[found.lastindex or 0] for found in _FILE_SCOPE.finditer(files[name])}
        own.discard(b"pr_fmt")      # the unit has the project's own, in front of all
        unit, number = stem, 1
        while taken.get(unit, set()) & own:
            number += 1
            unit = f"{stem}_{number}"
        units.setdefault(unit, []).append(name)
        taken.setdefault(unit, set()).update(own)
    return units


def defines(variant: Variant) -> dict[str, int]:
    """CONFIG_ macros of variant.h: chosen and derived symbols as 1, tunables with their value."""
    chosen = {f"EXTSPT_{axis}_{choice}".upper(): 1 for axis, choice in variant.choices.items()}
    tuned = {name: int(value) for name, value in variant.values.items() if value is not False}
    derived = {name: 1 for name, value in variant.derived.items() if value}
    return dict(sorted((chosen | tuned | derived).items()))


def _fingerprint(files: Mapping[str, bytes], tree: KernelTree) -> str:
    digest = hashlib.sha256()
    for item in (tree.release, tree.config_hash, tree.compiler):
        digest.update(item.encode() + b"\0")
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _differing(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    return tuple(name for name, data in files.items() if _differs(folder / name, data))


def _stage(folder: Path, files: Mapping[str, bytes], changed: Sequence[str]) -> None:
    """Write what differs and delete sources that vanished, so that make rebuilds only that.

    Kbuild comes last: a folder whose staging was interrupted has none and cannot be built.
    """
    for stale in sorted(_staged(folder) - files.keys()):
        (folder / stale).unlink()
    if not changed:
        return
    (folder / "Kbuild").unlink(missing_ok=True)
    for name in (*(name for name in changed if name != "Kbuild"), "Kbuild"):
        _replace(folder / name, files[name])


def _staged(folder: Path) -> set[str]:
    """Sources in a staged folder; *.mod.c are Kbuild's own."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.[ch]")
            if not path.name.endswith(".mod.c")}


def _differs(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() != data
    except FileNotFoundError:
        return True


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError as error:
        error.filename = error.filename or path     # a failed write names no file by itself
        fresh.unlink(missing_ok=True)
        raise
