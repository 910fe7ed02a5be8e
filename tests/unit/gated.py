# SPDX-License-Identifier: GPL-2.0-only
"""Gate results, points and what a guest says, made up for the tests of the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from generator.gate.protocol import Point
from generator.gate.result import CORRECTNESS, CRITERION, Boot, Finding, GateResult, Splat

GOOD = GateResult("kvm_owned", "twin", True, (Finding("parked", CRITERION, "parks 40", 40, "C5"),),
                  {"enomem": (216, 216), "busy": (10, 10), "lost": (6, 6)}, (),
                  (Boot("sweep", "7.2", 9, 4.2, "done"),), ("sweep",), "k1")
BAD = replace(GOOD, variant="leaky", passed=False, key="k2", splats=(
    Splat("BUG: KASAN: x", "leaky convert/race plain", "text\nof it"),),
    findings=(Finding("leak", CORRECTNESS, "pamt page never freed; #1", 3, "C16",
                      ("at convert/enomem allocs 7",)),))

CUSTODY = {"class": "sept", "path": "fault", "pool": "tdx_prealloc", "alloc": "topup",
           "alloc_owner": "tdx", "charged": True, "gfp": "GFP_KERNEL_ACCOUNT", "free": "rcu",
           "free_owner": "kvm", "handed_over": False, "n": 8}


def record(**more: Any) -> dict[str, Any]:
    """A record as the module's file verdict has it."""
    return {"abi": 1, "status": 0, "errors": [], "violations": [], "memory": {"run": []},
            "inject": {"allocs": 9, "fired": 0}, "custody": {"flows": [], "errors": []}, **more}


def done(**more: Any) -> Point:
    """A point that went well."""
    return replace(Point("v", "convert/enomem", "allocs", 3, done=True, fired=1), **more)


LINES = """EXTSPT BOOT p 7.2
EXTSPT INSMOD v
EXTSPT POINT v convert/enomem plain 0
EXTSPT DONE 0 rc=0 destroy=0 status=0 fired=0 kernel=100,900 at=-
EXTSPT RECORD
{"abi":1,"errors":[]}
EXTSPT SWEEP v convert/enomem allocs 3
EXTSPT POINT v convert/enomem allocs 1
EXTSPT DONE 1 rc=-12 destroy=0 status=-12 fired=1 kernel=0,0 at=td_create, init
EXTSPT POINT v convert/enomem allocs 2
""".splitlines()
END = ["EXTSPT DONE 2 rc=0 destroy=0 status=0 fired=1 kernel=0,0 at=x",
       "EXTSPT MEMCG v convert/enomem 100,200", "EXTSPT LOCKS v 1", "EXTSPT RMMOD v",
       "EXTSPT END cases=0 status=0"]
