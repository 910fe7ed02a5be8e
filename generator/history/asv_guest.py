# SPDX-License-Identifier: GPL-2.0-only
"""asv plugin: an environment without a machine path in its name, thresholds, offline pages.

asv loads it by name from asv.conf.json, so that plain ``asv run`` and ``asv publish`` have both.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from asv import environment
from asv.publishing import OutputPublisher

from generator.history import alarms, asv_pages


class GuestEnvironment(environment.ExistingEnvironment):
    """This interpreter. Its path stays out of the results, where it would be an axis."""

    tool_name = "guest"

    def __init__(self, conf: Any, _executable: str, requirements: Any, env_vars: Any) -> None:
        super().__init__(conf, sys.executable, requirements, env_vars)
        self._python = ""

    @property
    def name(self) -> str:
        """Part of the result file's name: <commit>-guest.json."""
        return "guest"

    @classmethod
    def matches(cls, python: str) -> bool:
        """Only when asked for by name."""
        return False


class Thresholds(OutputPublisher):
    """Runs before asv looks for regressions: times get their measured floor, counts keep zero."""

    name = "thresholds"
    button_label = None
    description = None
    order = -1

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Set the share by which a time has to rise."""
        for name, floor in alarms.floors(Path(conf.results_dir)).items():
            conf.regressions_thresholds[f"{re.escape(name)}.*"] = floor


class OfflinePages(OutputPublisher):
    """Runs at the end of ``asv publish``."""

    name = "offline"
    button_label = None
    description = None
    order = 99

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Replace what the page would fetch from elsewhere."""
        asv_pages.make_offline(Path(conf.html_dir))
