# SPDX-License-Identifier: GPL-2.0-only
"""A run as kcidb's JSON: a test per figure, with the number field (value, unit, prefix).

Written to fit kcidb-io's schema 5.x; nothing is sent anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from generator.gate.result import FORCED, NOT_RUN, PASS
from generator.modules.render import TWIN
from generator.report import claims

ORIGIN = "extspt_bench"
VERSION = {"major": 5, "minor": 3}
EXPORTED = ("op.", "lock.all.", "parked.design.", "per_fault.", "mem.tables.")
#: Units that take a prefix of 1024; pages are counted, not scaled.
BINARY = ("bytes", "KiB")


def export(runs: Iterable[tuple[Mapping[str, Any], pd.DataFrame]]) -> dict[str, Any]:
    """kcidb's document of the runs: one checkout and build each, a test per figure."""
    document: dict[str, Any] = {"version": VERSION, "checkouts": [], "builds": [], "tests": []}
    for manifest, frame in runs:
        name = f"{ORIGIN}:{manifest['id']}"
        document["checkouts"].append(checkout(manifest, name))
        document["builds"].append(build(manifest, name))
        document["tests"] += tests(manifest, frame, name)
    return document


def checkout(manifest: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The suite's commit; the kernel is a release, not a commit of ours."""
    suite = manifest.get("suite") or {}
    known = {"git_commit_hash": suite["commit"]} if suite.get("commit") else {}
    return {"id": name, "origin": ORIGIN, "start_time": manifest.get("created"), **known,
            "valid": not suite.get("dirty")} | {"comment": "commit of extspt-bench"}


def build(manifest: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The kernel the modules were built for."""
    kernel = manifest.get("kernel") or {}
    return {"id": name, "checkout_id": name, "origin": ORIGIN, "architecture": "x86_64",
            "compiler": str(manifest.get("compiler", "")), "status": "PASS",
            "config_name": str(kernel.get("config_hash", "")),
            "comment": str(kernel.get("release", "")),
            "misc": {"marks": list(manifest.get("marks") or ())}}


def tests(manifest: Mapping[str, Any], frame: pd.DataFrame, name: str) -> Iterator[dict[str, Any]]:
    """What the gate said of each design; a passed test per figure, with a word where it was forced;
    a failed one without a number per case that failed."""
    said = {design: verdict for design, verdict in (manifest.get("gate") or {}).items()
            if verdict != NOT_RUN}
    host = str((manifest.get("plan") or {}).get("host") or TWIN)
    for design, verdict in said.items():
        yield {"id": f"{name}:gate:{design}", "build_id": name, "origin": ORIGIN,
               "environment": {"comment": f"host {host}"}, "path": path(host, design, "gate"),
               "status": PASS if verdict == PASS else "FAIL", "misc": {"gate": verdict}}
    failed = frame[(frame["metric"] == "case.failed") & (frame["value"] > 0)]
    wanted = frame[frame["metric"].str.startswith(EXPORTED)]
    for number, row in enumerate(pd.concat([failed, wanted]).to_dict("records")):
        place = [row["host"], row["tier"], row["variant"], row["workload"]]
        test = {"id": f"{name}:{number}", "build_id": name, "origin": ORIGIN,
                "environment": {"comment": f"host {row['host']}, tier {row['tier']}: "
                                           f"{claims.kind(str(row['host']), str(row['tier']))}"}}
        if row["metric"] == "case.failed":
            yield {**test, "path": path(*place), "status": "FAIL"}
        elif math.isfinite(row["value"]):
            yield {**test, "path": path(*place, row["metric"], row["stat"]), "status": "PASS",
                   "number": {"value": row["value"], "unit": str(row["unit"]),
                              "prefix": "binary" if row["unit"] in BINARY else "metric"},
                   "misc": {"n": int(row["n"]), "vcpus": int(row["vcpus"])} | (
                       {"gate": FORCED} if said.get(row["variant"]) == FORCED else {})}


def path(*words: str) -> str:
    """A dotted test path: every other character than letters, digits, _ and - becomes _."""
    def safe(word: str) -> str:
        return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in str(word))
    return ".".join([ORIGIN, *(safe(part) for word in words for part in str(word).split("."))])
