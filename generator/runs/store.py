# SPDX-License-Identifier: GPL-2.0-only
"""Run directories: results/runs/<id>/ with manifest.json and one folder per boot.

The manifest is written first and replaced atomically after each boot, so that whatever happens
leaves a run that loads and can be resumed. A run writes nowhere but in its own folder.
"""

from __future__ import annotations

import datetime
import gc
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator import layout
from generator.errors import DataError, unknown
from generator.runs import records

if TYPE_CHECKING:       # verbs that load runs need no numerics
    import pandas as pd

ABI = 1
MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
RUNNING, PARTIAL, COMPLETE = "running", "partial", "complete"
PENDING, FAILED, DONE = "pending", "failed", "done"
ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_+.-]{0,127}")
_REQUIRED: Mapping[str, type] = {
    "abi": int, "id": str, "state": str, "seed": int, "baseline": str, "variants": dict,
    "workloads": dict, "boots": dict, "costs": dict, "plan": dict,
}


@dataclass(frozen=True)
class Run:
    """A run as stored. ``records``: one mapping per case, of the blocks that are done."""

    path: Path
    manifest: dict[str, Any]
    records: tuple[dict[str, Any], ...]

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    @property
    def complete(self) -> bool:
        """Whether every boot of the plan is done."""
        return bool(self.manifest["state"] == COMPLETE)

    def frame(self) -> pd.DataFrame:
        """A row per figure, the median over the blocks; columns as in table.ABOUT."""
        from generator.evidence import frames

        return frames.summarize(self)

    def blocks(self) -> pd.DataFrame:
        """A row per figure and block; columns as in table.ABOUT."""
        from generator.evidence import frames

        return frames.blocks(self)

    def verdicts(self) -> pd.DataFrame:
        """A row per comparison with the baseline; columns: the fields of verdict.Verdict."""
        from generator.evidence import frames, verdict

        return frames.of_verdicts(verdict.of_run(self))


class RunDir:
    """The folder of a run in the making; save() replaces its manifest atomically."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = path, manifest

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    def boot(self, name: str) -> Path:
        """Folder of one boot."""
        return self.path / "boots" / name

    def block(self, name: str, block: int, blocks: int) -> Path:
        """Folder of one block of a boot; the boot's own where it has but one."""
        return self.boot(name) / f"block-{block:03d}" if blocks > 1 else self.boot(name)

    def missing(self) -> list[str]:
        """Boots that are not done yet, in the plan's order."""
        return [n for n, boot in self.manifest["boots"].items() if boot["state"] != DONE]

    def save(self) -> None:
        """Write the manifest so that a reader sees the old one or the new one, never half."""
        text = json.dumps(self.manifest, indent=2) + "\n"
        write_atomically(self.path / MANIFEST, text.encode())

    def close(self) -> None:
        """Settle the run's state."""
        self.manifest["state"] = PARTIAL if self.missing() else COMPLETE
        self.save()

    def keep_records(self, boot: str, cases: list[dict[str, Any]], block: int = 0, *,
                     whole: bool = True) -> None:
        """Add a block's cases to the boot's records.jsonl, a line each, and note how far it is.

        ``whole``: the block is done with them; else its variants so far need not run again.
        """
        lines = (json.dumps(case, separators=(",", ":")) for case in cases)
        entry, path = self.manifest["boots"][boot], self.boot(boot) / RECORDS
        # What the manifest does not know of was written when this was interrupted.
        before = path.read_bytes()[:entry["bytes"]] if entry.get("cases") else b""
        blob = before + "".join(f"{line}\n" for line in lines).encode()
        write_atomically(path, blob)
        entry.update(records=path.relative_to(self.path).as_posix(), bytes=len(blob),
                     sha256=hashlib.sha256(blob).hexdigest(),
                     cases=entry.get("cases", 0) + len(cases))
        part = entry.pop("part", {"variants": []})
        if whole:
            entry["done"] = [*entry.get("done", ()), block]
            if len(entry["done"]) == entry.get("blocks", 1):
                entry["state"] = DONE
        else:
            had = [*part["variants"], *(case["variant"] for case in cases)]
            entry["part"] = {"block": block, "variants": list(dict.fromkeys(had))}
        self.save()


def write_atomically(path: Path, blob: bytes) -> None:
    """Replace a file whole, on disk before it takes the name; nothing is left on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def new_id(seed: int, suite: Mapping[str, Any], now: datetime.datetime) -> str:
    """Run id: UTC time, the seed's low 32 bits, the suite's commit."""
    commit = (suite["commit"] or "nogit")[:8] + ("+dirty" if suite["dirty"] else "")
    return f"{now:%Y%m%dT%H%M%SZ}-{seed & 0xffffffff:08x}-{commit}"


def create(manifest: dict[str, Any], root: Path = layout.RUNS) -> RunDir:
    """Make the folder of a new run and write its first manifest.

    ``manifest["id"]`` gets a suffix when the name is taken.
    """
    root.mkdir(parents=True, exist_ok=True)
    wanted, number = manifest["id"], 1
    while True:
        path = root / manifest["id"]
        try:
            path.mkdir()
            break
        except FileExistsError:
            number += 1
            manifest["id"] = f"{wanted}-{number}"
    run = RunDir(path, manifest)
    try:
        run.save()
    except BaseException:
        shutil.rmtree(path)  # made just now, and empty: without a manifest it is no run
        raise
    return run


def run_ids(root: Path = layout.RUNS) -> list[str]:
    """Ids of all runs, oldest first."""
    return sorted(path.parent.name for path in root.glob(f"*/{MANIFEST}"))


def locate(run: str | Path, root: Path = layout.RUNS) -> Path:
    """Folder of a run given by id or by path; UsageError lists the ids."""
    for path in (root / run, Path(run), layout.ROOT / run):
        if (path / MANIFEST).is_file():
            return path
    raise unknown("run", str(run), run_ids(root) or ["none yet: 'extspt run' makes one"])


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a run folder, checked. Raises DataError with file and line."""
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {error.msg}", where=f"{file}:{error.lineno}",
                        fix="the run is lost; others are not touched") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=str(file)) from error
    if not isinstance(manifest, dict) or manifest.get("abi") != ABI:
        raise DataError(f"not a manifest of ABI {ABI}", where=f"{file}:1")
    for name, kind in _REQUIRED.items():
        if not isinstance(manifest.get(name), kind):
            raise DataError(f"'{name}' is missing or not {kind.__name__}", where=f"{file}:1")
    if not ID.fullmatch(manifest["id"]):    # folders are named by it, and replaced
        raise DataError(f"not an id of a run: {manifest['id']!r}", where=f"{file}:1")
    return manifest


def open_run(run: str | Path, root: Path = layout.RUNS) -> RunDir:
    """A run to go on with."""
    path = locate(run, root)
    return RunDir(path, read_manifest(path))


def load_run(run: str | Path, root: Path = layout.RUNS) -> Run:
    """A run by id or path, with the records of the blocks that are done.

    Raises DataError, naming file and line, when anything is missing, truncated or changed.
    """
    path = locate(run, root)
    manifest = read_manifest(path)
    with uncollected():
        found = [record for name, boot in manifest["boots"].items()
                 if _recorded(path, name, boot) for record in _records(path, name, boot)]
    return Run(path, manifest, tuple(found))


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: it would look through a million new lists, again and again."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _recorded(path: Path, name: str, boot: Any) -> bool:
    if not isinstance(boot, dict) or boot.get("state") not in (PENDING, FAILED, DONE):
        raise DataError(f"boot '{name}' has no state", where=f"{path / MANIFEST}:1")
    there = bool(boot["state"] == DONE or boot.get("cases"))
    for key, kind in (("tier", str), ("cases", int), ("sha256", str))[:3 if there else 1]:
        if not isinstance(boot.get(key), kind):
            raise DataError(f"boot '{name}' has no {key}", where=f"{path / MANIFEST}:1")
    return there


def _records(path: Path, name: str, boot: Mapping[str, Any]) -> list[dict[str, Any]]:
    file = path / f"boots/{name}/{RECORDS}"
    known = None if boot["state"] == DONE else boot.get("bytes")
    found, sha256 = records.read_stored(file, boot["cases"], known)
    if sha256 != boot["sha256"]:
        raise DataError("the records were changed after the run (sha256 differs)", where=str(file),
                        fix="restore the file, or measure again")
    for line, record in enumerate(found, start=1):
        if record["boot"] != name:
            raise DataError(f"a record of boot '{record['boot']}'", where=f"{file}:{line}")
    return found
