# SPDX-License-Identifier: GPL-2.0-only
"""A module once more in another layout: same objects, linked in another order, padding between.

Where functions and data happen to lie moves times by more than many a design does. One layout is
one sample of that; several make it a component of the variance that can be reported. Nothing is
compiled anew but the padding: a layout's folder starts as a copy of the module's, objects and
Kbuild's notes included, and make links what differs.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace

from generator import layout, proc
from generator.modules.build import LOG, STAMP, BuiltModule, build_all, is_built
from generator.modules.render import RenderedModule
from generator.runs.plan import RunPlan

ALIGN = 16
"""Bytes functions are aligned to; padding is a multiple of it."""
MOST_PADDING = 256
"""Paddings are shorter than this times ALIGN: a page."""
_MADE = shutil.ignore_patterns("*.ko", "*.mod", "*.mod.c", "*.mod.o", "*.ko.cmd", ".*.mod.*",
                               "modules.order", "Module.symvers", STAMP, LOG, "layout_pad_*")
_PADDING = """/* SPDX-License-Identifier: GPL-2.0-only */
/* Rendered by extspt-bench: nothing but room, see generator/modules/layouts.py. */
	.text
	.balign	{align}
	.skip	{text}, 0xcc
	.data
	.balign	{align}
	.skip	{data}
	.section .note.GNU-stack, "", %progbits
"""


def needed(run: RunPlan) -> list[tuple[str, int]]:
    """Each (variant, layout) of a plan besides the compiler's own, layout 0."""
    return sorted({(name, boot.build_of(name)) for boot in run.boots for name in boot.order
                   if boot.build_of(name)})


def make(run: RunPlan, modules: Mapping[str, BuiltModule]) -> dict[tuple[str, int], BuiltModule]:
    """Stage and link every layout a plan needs. BuildError when one does not link."""
    wanted = needed(run)
    if not wanted:
        return {}
    with proc.alone(layout.BUILD):
        staged = [stage(modules[name], number) for name, number in wanted]
        proc.note(f"  LAYOUT  {len(staged)} modules in other layouts")
        return dict(zip(wanted, build_all(staged), strict=True))


def stage(built: BuiltModule, number: int) -> RenderedModule:
    """The folder of layout ``number`` of a module, ready for make; complete in itself."""
    module = built.rendered
    kbuild, padding = arranged((module.path / "Kbuild").read_text(), number)
    texts = {"Kbuild": kbuild, **padding}
    digest = hashlib.sha256(module.fingerprint.encode())
    for name, text in sorted(texts.items()):
        digest.update(f"{name}\0{text}\0".encode())
    # No variant's name has a dash.
    folder = module.path.with_name(f"{module.path.name}-layout{number}")
    files = {**module.files,
             **{name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}}
    staged = replace(module, path=folder, files=files, fingerprint=digest.hexdigest(),
                     changed=tuple(texts))
    if not is_built(staged):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(module.path, folder, ignore=_MADE)     # copies times: objects stay valid
        for name, text in texts.items():
            (folder / name).write_text(text)
    return staged


def arranged(kbuild: str, number: int) -> tuple[str, dict[str, str]]:
    """Kbuild with its objects in the order of layout ``number``, and the padding in between.

    The same number gives every module the same order and padding.
    """
    draw = random.Random(f"layout:{number}")
    lines = kbuild.splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if re.match(r"\S+-y \+= build_\S+\.o$", line)]
    objects = [lines[i] for i in places]
    draw.shuffle(objects)
    padding = {}
    for place, (i, line) in enumerate(zip(places, objects, strict=True)):
        name = f"layout_pad_{place}"
        padding[f"{name}.S"] = _PADDING.format(
            align=ALIGN, text=ALIGN * draw.randrange(MOST_PADDING),
            data=ALIGN * draw.randrange(MOST_PADDING))
        lines[i] = f"{line.split(' ', 1)[0]} += {name}.o\n{line}"
    return "".join(lines), padding


def listed(made: Mapping[tuple[str, int], BuiltModule], name: str) -> dict[str, str]:
    """sha256 of each layout of a variant, for the manifest."""
    return {str(number): built.sha256 for (variant, number), built in made.items()
            if variant == name}
