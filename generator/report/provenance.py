# SPDX-License-Identifier: GPL-2.0-only
"""Where a run comes from, and how to run it again; read from the manifest only."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from generator.report.view import View

MISSING = "not recorded"


def facts(view: View) -> tuple[tuple[str, str], ...]:
    """Name and value of everything that identifies the run; absent fields say so."""
    m = view.manifest
    suite, kernel, host = m.get("suite") or {}, m.get("kernel") or {}, m.get("host") or {}
    qemu = m.get("qemu") or {}
    return (("run", f"{m['id']}, {m.get('state', MISSING)}, created {m.get('created', MISSING)}"),
            ("suite commit", f"{suite.get('commit') or MISSING}"
             + (" + uncommitted changes" if suite.get("dirty") else "")),
            ("kernel", f"{kernel.get('release', MISSING)} ({kernel.get('kdir_kind', MISSING)}), "
                       f"image sha256 {str(kernel.get('image_sha256') or MISSING)[:16]}"),
            ("config hash", str(kernel.get("config_hash") or MISSING)),
            ("compiler", str(m.get("compiler") or MISSING)),
            ("QEMU", f"{qemu.get('version', MISSING)}, guest CPU {guest_cpu(m)}"),
            ("host", f"{host.get('model', MISSING)}, {host.get('cpus', '?')} CPUs, kernel "
                     f"{host.get('kernel', MISSING)}, load {listed(host.get('load'))}"),
            ("seed", str(m.get("seed", MISSING))),
            *boots(m), *costs(m), *designs(view),
            ("tools", ", ".join(f"{k} {v}" for k, v in (m.get("tool_versions") or {}).items())))


def guest_cpu(manifest: Mapping[str, Any]) -> str:
    """The emulated CPU; a boot under KVM has the host's, kvm-amd needs SVM besides."""
    svm = " with SVM" if (manifest.get("plan") or {}).get("host") == "kvm" else ""
    native = ", in boot kvm the host's" if "kvm" in (manifest.get("boots") or {}) else ""
    return f"{manifest.get('cpu_model', MISSING)}{svm}{native}"


def listed(values: Any) -> str:
    """Numbers separated by blanks; one alone as it is."""
    if isinstance(values, (list, tuple)):
        return " ".join(str(v) for v in values) or MISSING
    return MISSING if values is None else str(values)


def boots(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tier, state, attempts, load and load order of each boot."""
    for name, boot in manifest["boots"].items():
        tries = ", ".join(f"{a.get('outcome')} after {a.get('wall_s')} s"
                          for a in boot.get("attempts") or ()) or "no attempt"
        yield (f"boot {name}", f"tier {boot['tier']}, unit {boot['unit']}, {boot.get('state')} "
                               f"({tries}), pinned {'yes' if boot.get('pinned') else 'no'}, "
                               f"load before {listed(boot.get('load_before'))}, after "
                               f"{listed(boot.get('load_after'))}")
        yield f"order {name}", ", ".join((manifest.get("order") or {}).get(name) or [MISSING])


def costs(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Cost table of each boot."""
    for name, table in (manifest.get("costs") or {}).items():
        yield f"costs {name}", f"{table.get('id')} (sha256 {str(table.get('sha256'))[:16]})"


def designs(view: View) -> Iterator[tuple[str, str]]:
    """Title, catalogue tag, origin and module hash of each design."""
    for name in view.designs:
        info = view.manifest["variants"][name]
        yield name, (f"{info.get('design') or '-'}: {info.get('title') or '-'}; origin "
                     f"{info.get('origin') or MISSING}; module sha256 "
                     f"{str(info.get('ko_sha256') or MISSING)[:16]}")


def rerun(view: View) -> str:
    """The command that repeats the run, seed included."""
    m = view.manifest
    command = [str(part) for part in m.get("command") or ("run",)]
    if command[0] != "extspt":
        command.insert(0, "extspt")
    if not any(part == "--seed" or part.startswith("--seed=") for part in command):
        command += ["--seed", str(m.get("seed"))]
    return shlex.join(command)
