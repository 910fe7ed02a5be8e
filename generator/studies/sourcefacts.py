# SPDX-License-Identifier: GPL-2.0-only
"""What the source of a design says of it: the ops it needs, the lines it brings, who has a vCPU.

Read from the headers a design is made of, with comments taken out, and from its Kconfig values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from generator import layout
from generator.modules.kconfig import PREFIX
from generator.modules.variant import Variant

SPLIT_AXIS = "split_source"
INDIRECT = "indirect"
"""The choice of vendor_call in which every op is a function pointer."""
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_HOOK = re.compile(r"^static (?:__always_)?inline [^;{]*?(?P<name>\w+)\([^;{]*\)\s*"
                   r"\{(?P<body>.*?)^\}", re.MULTILINE | re.DOTALL)
_INCLUDE = re.compile(r'^#include "(?P<file>(?:tdx|axes)/[\w/]+\.h)"', re.MULTILINE)
_ENABLED = re.compile(r"IS_ENABLED\(CONFIG_(\w+)\)")
_SPOT = re.compile(r"\bpamt_spot\((\w+)\)")
_OP = re.compile(r"^EXTSPT_OP\((\w+)\)", re.MULTILINE)
#: Hook points that a host has to have -> what is called there.
POINTS: Mapping[str, tuple[str, ...]] = {
    "phys_prepare": ("phys_prepare", "phys_cleanup"), "prepare_pfn": ("prepare_pfn", "pfn_done"),
    "gmem_bound": ("gmem_bound", "gmem_unbound")}
SPLIT_POINTS = ("split", "leaf_map")
"""Hook points that 2 MiB mappings need."""
UNDER_LOCK = {"pamt_install_link": "link", "pamt_install_map": "map"}
"""Hooks in the vendor ops of a fault, mmu_lock held for read -> the op."""


class Source:
    """The chosen headers of a design, by axis, without comments."""

    def __init__(self, variant: Variant, root: Path = layout.ROOT) -> None:
        self.variant, self._kmod = variant, root / "kmod"
        self.headers = {axis: self._text(f"axes/{axis}/{choice}.h")
                        for axis, choice in variant.choices.items()}

    def _text(self, name: str) -> str:
        return _COMMENT.sub("", (self._kmod / name).read_text())

    def _hooks(self, axis: str) -> dict[str, str]:
        return {hook["name"]: hook["body"] for hook in _HOOK.finditer(self.headers.get(axis, ""))}

    def _holds(self, text: str) -> bool:
        """Whether a hook that returns a bool says yes in this design."""
        if found := _ENABLED.search(text):
            return bool({**self.variant.values, **self.variant.derived}.get(found[1]))
        return "true" in text

    def ops(self) -> list[str]:
        """Calls from KVM into TDX in a fault that upstream does not have: topup, and more."""
        found = []
        if self._holds(self._hooks("pamt_source").get("pamt_source_wants_topup", "")):
            found.append("topup")
        if "OWNER_TDX" in self.headers.get("sept_source", ""):
            # KVM's page tables lie in a list of TDX's, where KVM has to ask for them.
            found += ["S-EPT page alloc", "S-EPT list free"]
        return found + self._needed(splits=False)

    def split_ops(self) -> list[str]:
        """The same for 2 MiB mappings and their splits, which only some series have."""
        own = "tdx/split_list.h" in self.headers.get("split_source", "")
        return ["split topup"] * own + self._needed(splits=True)

    def _needed(self, *, splits: bool) -> list[str]:
        return [op for point in self.variant.needs if (point in SPLIT_POINTS) == splits
                for op in POINTS.get(point, (point,))]

    def pointers(self) -> list[str]:
        """Calls through a function pointer."""
        found = []
        if self.variant.derived.get(f"{PREFIX}PAMT_WITH_SEPT"):
            found += ["page_get", "page_free"]      # of KVM's memory cache, RFC v5
        if self.variant.choices.get("vendor_call") == INDIRECT:
            found += _OP.findall(self._text("tdx/op_list.h"))
        return found

    def emergency_pair(self) -> str:
        """GFP flags of the pair behind an S-EPT page that an empty cache was replaced by.

        "" where such a page gets its pair as any other does, out of pamt_source.
        """
        if not self.variant.derived.get(f"{PREFIX}PAMT_WITH_SEPT"):
            return ""
        body = next(hook["body"] for hook in _HOOK.finditer(self._text("tdx/pamt_ref.h"))
                    if hook["name"] == "pamt_backed_page_get")
        return str(_SPOT.findall(body)[0])

    def vcpu_ops(self) -> list[str]:
        """Vendor ops under mmu_lock in which pages are taken off what belongs to the vCPU."""
        if self.variant.choices.get("pamt_source", "none") == "none":
            return []
        hooks = self._hooks("pamt_install")
        return [op for hook, op in UNDER_LOCK.items()
                if re.search(r"\bfrom\b", hooks.get(hook, ""))]

    def lines(self) -> int:
        """Lines of C of its choices but that of splits, with what only some choices share."""
        return self._lines(axis for axis in self.variant.choices if axis != SPLIT_AXIS)

    def split_lines(self) -> int:
        """The lines that splits add: series have them or not, which is no merit of theirs."""
        if self.variant.choices.get(SPLIT_AXIS, "none") == "none":
            return 0
        return self._lines(self.variant.choices) - self.lines()

    def _lines(self, axes: Iterable[str]) -> int:
        everyone = set(self._closure("strategy.h"))
        own = [name for axis in axes
               for name in self._closure(f"axes/{axis}/{self.variant.choices[axis]}.h")]
        return sum(bool(line.strip()) for name in dict.fromkeys(own) if name not in everyone
                   for line in self._text(name).splitlines())

    def _closure(self, first: str) -> Iterator[str]:
        """A header, and those of axes/ and tdx/ that it includes."""
        seen, todo = {first}, [first]
        while todo:
            here = todo.pop()
            yield here
            for found in _INCLUDE.finditer(self._text(here)):
                if found["file"] not in seen:
                    seen.add(found["file"])
                    todo.append(found["file"])
