# SPDX-License-Identifier: GPL-2.0-only
"""Where a run comes from, and how to run it again; read from the manifest only."""

from __future__ import annotations

import math
import shlex
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generator.errors import DataError
from generator.report.view import COUNT, TDX, View, plural
from generator.runs import plan

MISSING = "not recorded"
HASH = 12
"""As many digits of a hash are shown where it only identifies."""
TREES = ("--kdir", "--ksrc")
PLACES = ('"$KDIR"', '"$KSRC"')
OUTPUT = ("--out", "--format")
"""Options that say where and how to print, and nothing of the run."""
NEEDED = (("the suite's commit", ("suite", "commit")), ("the kernel's release",
          ("kernel", "release")), ("the kernel's configuration", ("kernel", "config_hash")),
          ("the compiler", ("compiler",)), ("the seed", ("seed",)))
"""Without these a figure has no place on a list."""


def lacking(manifest: Mapping[str, Any]) -> list[str]:
    """What a run does not know of its own origin."""
    def there(path: Sequence[str]) -> bool:
        value: Any = manifest
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value not in (None, "")
    return [what for what, path in NEEDED if not there(path)]


def require(views: Sequence[View]) -> None:
    """Refuse an attachment whose origin is not known. Raises DataError."""
    for view in views:
        if gone := lacking(view.manifest):
            raise DataError(f"no attachment without {', '.join(gone)}", where=f"run {view.id}",
                            fix="measure in a git checkout; 'extspt report' without --lkml shows "
                                "the figures here")


def incomplete(views: Sequence[View]) -> tuple[str, ...]:
    """A sentence that stops a report of unknown origin from being quoted, if it is one."""
    gone = list(dict.fromkeys(what for view in views for what in lacking(view.manifest)))
    return (f"NOT FOR A LIST: {', '.join(gone)} not recorded.",) if gone else ()


def facts(view: View) -> tuple[tuple[str, str], ...]:
    """Name and value of everything that identifies the run; absent fields say so."""
    m = view.manifest
    suite, kernel = m.get("suite") or {}, m.get("kernel") or {}
    found = (("run", f"{m['id']}, {m.get('state', MISSING)}, created {m.get('created', MISSING)}"),
             ("suite commit", f"{suite.get('commit') or MISSING}"
              + (" + uncommitted changes" if suite.get("dirty") else "")),
             ("kernel", f"{kernel.get('release', MISSING)} ({kernel.get('kdir_kind', MISSING)}), "
                        f"image {short(kernel.get('image_sha256'))}, config "
                        f"{short(kernel.get('config_hash'))}"),
             *options(kernel.get("config") or {}),
             ("compiler", str(m.get("compiler") or MISSING)),
             ("cmdline", str(m.get("cmdline") or MISSING)), ("guest", guest(m)),
             ("host", machine(m.get("host") or {})),
             ("TDX module", f"version {MISSING}" if view.has(TDX) else "none took part"),
             ("seed", str(m.get("seed", MISSING))))
    tools = ", ".join(f"{k} {v}" for k, v in (m.get("tool_versions") or {}).items())
    return (*found, *boots(view), *costs(m), *designs(view), ("tools", tools or MISSING))


def options(config: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The kernel options that matter: those that are set, and those that are not."""
    on = [name if value == "y" else f"{name}={value}" for name, value in config.items()
          if value != "n"]
    yield "options", " ".join(on) or MISSING
    if off := [name for name, value in config.items() if value == "n"]:
        yield "not set", " ".join(off)


def short(digest: Any) -> str:
    """The first digits of a hash."""
    return f"sha256 {str(digest)[:HASH]}" if digest else MISSING


def machine(host: Mapping[str, Any]) -> str:
    """CPU and what of its settings bears on time."""
    said = [str(host.get("model", MISSING)), f"{host.get('cpus', '?')} CPUs",
            f"kernel {host.get('kernel', MISSING)}"]
    said += [f"{name} {host[name]}" for name in ("microcode", "smt", "governor") if host.get(name)]
    if held := host.get("mitigations"):
        said.append("mitigations " + "; ".join(
            f"{k}: {str(v).removeprefix('Mitigation: ').split(';')[0]}" for k, v in held.items()))
    return ", ".join([*said, f"load {listed(host.get('load'))}"])


def guest(manifest: Mapping[str, Any]) -> str:
    """What ran the kernel. A boot under KVM has the host's CPU; kvm-amd needs SVM besides."""
    qemu = manifest.get("qemu") or {}
    if not qemu:
        return f"{(manifest.get('plan') or {}).get('runner') or 'no QEMU'}, the host's CPU"
    svm = " with SVM" if (manifest.get("plan") or {}).get("host") == "kvm" else ""
    native = ", in boot kvm the host's" if "kvm" in (manifest.get("boots") or {}) else ""
    return f"QEMU {qemu.get('version', MISSING)}, CPU {manifest.get('cpu_model', MISSING)}" \
           f"{svm}{native}"


def listed(values: Any) -> str:
    """Values separated by blanks; one alone as it is."""
    if values is None or isinstance(values, (str, int, float)):
        return MISSING if values is None else str(values)
    return " ".join(map(str, values)) or MISSING


def boots(view: View) -> Iterator[tuple[str, str]]:
    """State, attempts, pinning and load of the boots of each tier."""
    for name, boot in view.manifest["boots"].items():
        outcomes = Counter(str(a.get("outcome")) for a in boot.get("attempts") or ())
        tries = ", ".join(f"{n} {what}" for what, n in outcomes.items()) or "no attempt"
        spent = sum(float(a.get("wall_s") or 0) for a in boot.get("attempts") or ())
        yield (f"boot {name}", f"tier {boot['tier']}, {boot.get('state')} ({tries}, {spent:.0f} s "
                               f"in all), {'pinned' if boot.get('pinned') else 'not pinned'}, load "
                               f"{listed(boot.get('load_before'))} before, "
                               f"{listed(boot.get('load_after'))} after")


def design(view: View, tier: str) -> str:
    """How often a tier was measured: blocks, replicate, builds."""
    laid = view.manifest.get("blocks") or {}
    done = plural(max(view.blocks(tier), 1), "block")
    if tier == COUNT or not laid:
        return f"{done}, {plural(len(view.boots(tier)), 'boot')}."
    mode = " (quick: a look, not evidence)" if laid.get("mode") == "quick" else ""
    return (f"{done}{mode}, replicate: {laid.get('replicate', MISSING)}, "
            f"{plural(layouts(view), 'build')} of each module{turns(laid)}.{spread(view)}")


def turns(laid: Mapping[str, Any]) -> str:
    """That the designs of a block did not run one after the other, if so."""
    rounds = laid.get("rounds")
    return f", its batches taken in {rounds} rounds, each in an order of its own" if rounds else ""


def layouts(view: View) -> int:
    """In how many layouts each module was linked; A' was in as many others."""
    others = (view.manifest["variants"].get(view.baseline) or {}).get("layouts") or ()
    return 1 + len(others)


def spread(view: View) -> str:
    """Where the spread of the times comes from: the median component over designs and figures."""
    said = []
    for what, name in (("builds", "builds"), ("blocks", "blocks"), ("residual", "within a block")):
        known = [v for c in view.components if not math.isnan(v := getattr(c, what))]
        if known:
            said.append(f"{100 * statistics.median(known):.1f} % between {name}"
                        if what != "residual" else f"{100 * statistics.median(known):.1f} % {name}")
    worth = [c.batches_worth for c in view.components if c.batches_worth]
    if worth:
        said.append(f"{statistics.median(worth):.0f} batches in a block are worth their time")
    return f" Standard deviation: {', '.join(said)} (medians over designs)." if said else ""


def order(view: View) -> str:
    """How the order was drawn; the orders themselves are in the manifest."""
    drawn = view.manifest.get("order") or {}
    shown = next(iter(drawn.values()), None)
    if shown and isinstance(shown[0], list):
        shown = shown[0]
    first = f"; the first: {', '.join(map(str, shown))}" if shown and len(shown) <= 8 else ""
    return f"Fisher-Yates from seed {view.manifest.get('seed', MISSING)}{first}"


def costs(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Cost table of each boot."""
    for name, table in (manifest.get("costs") or {}).items():
        yield f"costs {name}", f"{table.get('id')} ({short(table.get('sha256'))})"


def workloads(view: View) -> Iterator[tuple[str, str]]:
    """What each workload does, in the words of the module that ran it, and its size."""
    infos = [info for boot in view.manifest["boots"].values()
             for info in (boot.get("infos") or {}).values()]
    known = {name: str(about.get("help") or "") for info in infos[:1]
             for name, about in (info.get("workloads") or {}).items()}
    for name, size in (view.manifest.get("workloads") or {}).items():
        said = ", ".join(f"{key} {value}" for key, value in size.items() if key != "seed")
        yield name, "; ".join(filter(None, (known.get(plan.plain(name)), said)))


def designs(view: View) -> Iterator[tuple[str, str]]:
    """Title, catalogue tag, origin and module hash of each design."""
    for name in view.designs:
        info = view.manifest["variants"].get(name) or {}
        yield name, (f"{info.get('design') or '-'}: {info.get('title') or '-'}; origin "
                     f"{info.get('origin') or MISSING}; module {short(info.get('ko_sha256'))}")


def rerun(view: View) -> str:
    """The command that repeats the run, seed included; what only this machine has is $KDIR."""
    m = view.manifest
    command = [part for part in neutral(list(map(str, m.get("command") or ("run",))))
               if part != "extspt"]
    if not any(part == "--seed" or part.startswith("--seed=") for part in command):
        command += ["--seed", str(m.get("seed"))]
    return " ".join(part if part in PLACES else shlex.quote(part)
                    for part in ("extspt", *command))


def neutral(command: Sequence[str]) -> Iterator[str]:
    """The words of a command without its output's place and with no path of this machine."""
    words = iter(command)
    for word in words:
        name, joined, value = word.partition("=")
        if name in OUTPUT:
            if not joined:
                next(words, None)
            continue
        place = f"${name[2:].upper()}" if name in TREES else ""
        if place and not joined:
            value = next(words, "")
            yield name
            yield f'"{place}"' if value.startswith("/") else value
        elif place and value.startswith("/"):
            yield from (name, f'"{place}"')
        else:
            yield f"{name}={bare(value)}" if joined else bare(word)


def bare(value: str) -> str:
    """A value without the place on this machine that it names."""
    return value.rstrip("/").rpartition("/")[2] if value.startswith("/") else value
