# SPDX-License-Identifier: GPL-2.0-only
"""Kernel trees of distro releases the machine does not run, with that release's own compiler.

apt fetches the headers, what they need to build, and the image, with a state of its own and the
machine's own mirror and keys. All of it is unpacked into one folder and nothing is installed.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import RigError, UsageError, unknown
from generator.trees import image

# What Kbuild runs besides the compiler, which the headers name themselves.
# perl: the kernel-doc of W=1, up to 6.12, wants more than perl-base; that of 6.18 is in Python, and
# asked of modules, too. binutils: gcc-14 asks for a plain "as", which the gcc-14-for-host of
# backports' headers does not bring.
BASE_PACKAGES = ("make", "binutils", "coreutils", "dash", "mawk", "sed", "grep", "findutils",
                 "diffutils", "bash", "perl", "python3", "dpkg", "kmod", "gzip")
FLAVORS = {"cloud": "cloud-amd64", "standard": "amd64", "rt": "rt-amd64"}
#: Where a kernel is looked for when no suite is named: from the oldest, so that it stays the same.
SUITES = ("bookworm", "trixie", "trixie-backports", "forky", "sid", "experimental")
STAMP = ".extspt-tree.json"
_SECURITY = "-security"
SUITE = re.compile(r"[a-z][a-z0-9.-]*")
_USR_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_TIMEOUT_S = 1800.0
# The machine's own apt hooks clean and refresh its own state: not ours to run.
_CONF = """#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State "{0}/state";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
Dir::Etc::SourceList "{0}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Sandbox::User "root";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Install-Recommends "false";
APT::Default-Release "{1}";
Acquire::Languages "none";
"""


@dataclass(frozen=True)
class Archive:
    """apt for one suite, with lists, cache and status in ``folder``."""

    folder: Path

    @classmethod
    def open(cls, folder: Path, suite: str) -> Archive:
        """Write apt's configuration and fetch the lists; RigError when the mirror lacks them."""
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "apt.conf").write_text(_CONF.format(folder, suite))
        (folder / "sources.list").write_text(
            "".join(f"deb {mirror(name)} {name} main\n" for name in parts(suite)))
        archive = cls(folder)
        archive._update(suite)
        return archive

    def with_sources(self) -> None:
        """Fetch the lists of the suite's source packages, too."""
        lists = self.folder / "sources.list"
        binary = lists.read_text()
        lists.write_text(binary + re.sub("^deb ", "deb-src ", binary, flags=re.MULTILINE))
        self._update("source packages")

    def _update(self, what: str) -> None:
        self.apt("-o", "APT::Update::Error-Mode=any", "update",
                 fault=f"no package lists of {what}",
                 fix="does the machine's mirror carry this suite? See extspt tree fetch --help")

    def apt(self, *words: str, fault: str, fix: str) -> str:
        """Run apt-get; its output, or RigError ``fault``."""
        outcome = proc.query(["apt-get", "-q", "-y", "-c", self.folder / "apt.conf", *words],
                             timeout=_TIMEOUT_S, cwd=self.folder)
        if not outcome.ok:
            full = "No space left" in outcome.output or "enough free space" in outcome.output
            raise RigError("the disk is full" if full else fault, where=layout.TREES.name,
                           fix="make room, then repeat it" if full else fix,
                           evidence="\n".join(outcome.output.splitlines()[-8:]))
        return outcome.output

    def closure(self, packages: Sequence[str]) -> list[Path]:
        """Files of packages and of everything they depend on."""
        self.apt("install", "--download-only", *packages,
                 fault=f"cannot fetch {', '.join(packages)}",
                 fix="is the flavor or compiler in this suite? See the lines below")
        return sorted((self.folder / "cache/archives").glob("*.deb"))

    def fetch(self, package: str) -> Path:
        """The file of one package, without what it depends on."""
        self.apt("download", package, fault=f"cannot fetch {package}",
                 fix="is the package archive reachable?")
        return next(self.folder.glob(f"{package}_*.deb"))

    def fetch_source(self, package: str, version: str) -> Path:
        """The tarball of a source package as upstream made it, without the distro's patches."""
        self.apt("source", "--tar-only", f"{package}={version}",
                 fault=f"cannot fetch the source of {package} {version}",
                 fix="is the package archive reachable?")
        return next(self.folder.glob(f"{package}_*.orig.tar.*[!c]"))


@dataclass(frozen=True)
class Fetched:
    """A fetched tree. ``packages``: what was asked for by name. ``skipped``: it was here."""

    path: Path
    suite: str
    flavor: str
    release: str
    packages: tuple[str, ...]
    skipped: bool = False


def fetch(suite: str, flavor: str = "cloud", compilers: Sequence[str] = ()) -> Fetched:
    """Fetch headers, compiler and image of a Debian suite into build/trees/<suite>-<flavor>/.

    ``compilers``: packages besides the one that built the kernel, such as gcc-15 or clang-19.
    A folder that is there is complete: it is renamed into place last. Raises UsageError for a
    name that cannot be, RigError when something cannot be fetched or unpacked.
    """
    if flavor not in FLAVORS:
        raise unknown("flavor", flavor, FLAVORS)
    if not SUITE.fullmatch(suite):
        raise UsageError(f"'{suite}' cannot be the name of a suite",
                         fix="one the mirror has, such as trixie, forky or trixie-backports")
    final = layout.TREES / f"{suite}-{flavor}"
    wanted = (f"linux-headers-{FLAVORS[flavor]}", *BASE_PACKAGES, *with_linkers(compilers))
    known = read_stamp(final)
    if known is not None:
        if set(wanted) <= set(known.packages):
            return known
        wanted = tuple(dict.fromkeys((*known.packages, *wanted)))   # what it has stays
    with image.scratch(layout.TREES) as fresh:
        release = _fill(fresh, suite, wanted)
        stamp = {"suite": suite, "flavor": flavor, "release": release, "packages": wanted}
        (fresh / "root" / STAMP).write_text(json.dumps(stamp, indent=1))
        shutil.rmtree(final, ignore_errors=True)
        (fresh / "root").rename(final)
    return Fetched(final, suite, flavor, release, wanted)


def offered(suite: str, flavor: str = "cloud") -> str:
    """Release of the headers a suite offers, "" when it has none; RigError without its lists."""
    package = f"linux-headers-{FLAVORS[flavor]}"
    with image.scratch(layout.TREES) as fresh:
        archive = Archive.open(fresh, suite)
        said = proc.query(["apt-cache", "-c", archive.folder / "apt.conf", "show",
                           "--no-all-versions", package]).output
        found = re.search(rf"linux-headers-(\d\S*{FLAVORS[flavor]})\b", said)
        return found[1] if found else ""


def read_stamp(folder: Path) -> Fetched | None:
    """What ``folder`` was fetched as; None when it is no fetched tree."""
    try:
        stamp: Mapping[str, str] = json.loads((folder / STAMP).read_text())
        return Fetched(folder, stamp["suite"], stamp["flavor"], stamp["release"],
                       tuple(stamp["packages"]), skipped=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fetched_trees() -> list[Fetched]:
    """All fetched trees, by name."""
    found = map(read_stamp, sorted(layout.TREES.glob("*")))
    return [tree for tree in found if tree is not None]


def parts(suite: str) -> tuple[str, ...]:
    """The suites that make up ``suite``: backports and security lie on top of their release."""
    base = suite.removesuffix("-backports").removesuffix(_SECURITY)
    return (suite,) if base == suite else (base, suite)


def with_linkers(compilers: Sequence[str]) -> tuple[str, ...]:
    """clang-19 needs lld-19 and llvm-19 beside it: LLVM=1 takes all tools from there."""
    found = [(name, name.replace("clang", "lld"), name.replace("clang", "llvm"))
             if name.startswith("clang") else (name,) for name in compilers]
    return tuple(package for packages in found for package in packages)


def mirror(suite: str) -> str:
    """Address of the machine's own Debian mirror for a suite, from apt's own configuration."""
    wanted = "Debian-Security" if suite.endswith(_SECURITY) else "Debian"
    outcome = proc.query([proc.which("apt-get", "apt"), "indextargets", "--format",
                          "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"])
    for line in outcome.output.splitlines():
        origin, _, rest = line.partition("|")
        label, _, address = rest.partition("|")
        if (origin, label) == ("Debian", wanted):
            return address
    raise RigError(f"apt knows no {wanted} mirror", evidence=outcome.output[-500:],
                   fix="this works on Debian with package lists: apt-get update")


def _fill(fresh: Path, suite: str, packages: Sequence[str]) -> str:
    """Fetch and unpack everything into fresh/root; the kernel's release."""
    root = fresh / "root"
    proc.note(f"  LISTS   {suite}")
    archive = Archive.open(fresh, suite)
    proc.note(f"  FETCH   {' '.join(packages)}")
    files = archive.closure(packages)
    size = sum(file.stat().st_size for file in files) / 1e6
    proc.note(f"  UNPACK  {len(files)} packages, {size:.0f} MB")
    _make_links(root)
    for file in files:
        image.unpack(file, root)
        file.unlink()
    release = headers_release(root)
    proc.note(f"  IMAGE   {release}")
    image.fill(root, release, archive.fetch)
    return release


def _make_links(root: Path) -> None:
    """What the packages' scripts would do, which do not run here."""
    for name in ("usr/bin", "proc", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    for name in _USR_MERGED:
        (root / "usr" / name).mkdir(exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    (root / "usr/bin/awk").symlink_to("mawk")
    (root / "usr/bin/sh").symlink_to("dash")


def headers_release(root: Path) -> str:
    """Release of the one headers package in an unpacked root; RigError without one."""
    found = sorted((root / "usr/src").glob("linux-headers-*/.config"))
    if not found:
        raise RigError("the packages hold no kernel headers", where=str(root),
                       fix="is the flavor in this suite?")
    return found[-1].parent.name.removeprefix("linux-headers-")
