# SPDX-License-Identifier: GPL-2.0-only
"""The host side of extspt-bench: fragments to modules, modules to records, records to reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generator.runs.store import Run, load_run

__all__ = ["Run", "load_run"]


def __getattr__(name: str) -> Any:
    # Late, so that importing the package costs nothing.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from generator.runs import store
    return getattr(store, name)
