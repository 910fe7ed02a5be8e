# SPDX-License-Identifier: GPL-2.0-only
"""asv's pages without a network: the scripts they fetch are copied from Debian's packages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from generator import layout
from generator.errors import RigError

SHARE = Path("/usr/share/javascript")
#: What the stock page fetches, by a part of its address -> Debian package, file below SHARE.
FETCHED = {
    "/jquery-": ("libjs-jquery", "jquery/jquery.min.js"),
    "jquery.flot.min.js": ("libjs-jquery-flot", "jquery-flot/jquery.flot.min.js"),
    "jquery.flot.time": ("libjs-jquery-flot", "jquery-flot/jquery.flot.time.min.js"),
    "jquery.flot.selection": ("libjs-jquery-flot", "jquery-flot/jquery.flot.selection.min.js"),
    "jquery.flot.categories": ("libjs-jquery-flot", "jquery-flot/jquery.flot.categories.min.js"),
    "stupidtable": ("libjs-jquery-stupidtable", "jquery-stupidtable/stupidtable.min.js"),
    "bootstrap.min.js": ("libjs-bootstrap", "bootstrap/js/bootstrap.min.js"),
    "bootstrap.min.css": ("libjs-bootstrap", "bootstrap/css/bootstrap.min.css"),
}
OURS = "asv_offline.js"
#: The page's bar ordering, in the place of which OURS is loaded.
REPLACED = "orderBars"
#: OURS has what the page wants of these.
INCLUDED = ("md5",)
#: Today's Flot names its axes itself; the page's own plugin would do it once more.
_TWICE = re.compile(r"<script[^>]*src=\"jquery\.flot\.axislabels\.js\"[^>]*></script>")
_TAG = re.compile(r"<(?:script|link)\b[^>]*?(?:src|href)=\"(https?:[^\"]+)\"[^>]*>")


def missing(share: Path = SHARE) -> list[str]:
    """Debian packages the pages are completed from and that are not installed."""
    return sorted({package for package, file in FETCHED.values() if not (share / file).is_file()})


def make_offline(html: Path, share: Path = SHARE) -> None:
    """Rewrite index.html so that it fetches nothing from elsewhere.

    Leaves it as it is when a package is missing: with a network it works. Raises RigError when the
    page fetches something unknown here.
    """
    if missing(share):
        return
    index, vendor = html / "index.html", html / "vendor"
    vendor.mkdir(exist_ok=True)
    page = index.read_text()
    for tag, address in list(fetched(page)):
        page = page.replace(tag, local(tag, address, vendor, share))
    index.write_text(_TWICE.sub("", page))


def fetched(page: str) -> Iterator[tuple[str, str]]:
    """Every tag of a page that fetches from elsewhere, and the address."""
    for found in _TAG.finditer(page):
        yield found.group(0), found.group(1)


def local(tag: str, address: str, vendor: Path, share: Path) -> str:
    """The tag that takes the place of ``tag``; its file is put into ``vendor``."""
    if REPLACED in address:
        shutil.copyfile(layout.TEMPLATES / OURS, vendor / OURS)
        return f'<script src="vendor/{OURS}">'
    if any(part in address for part in INCLUDED):
        return "<script>"
    for part, (_, file) in FETCHED.items():
        if part in address:
            target = vendor / Path(file).name
            shutil.copyfile(share / file, target)
            if tag.startswith("<link"):
                return f'<link rel="stylesheet" href="vendor/{target.name}">'
            return f'<script src="vendor/{target.name}" onerror="js_load_failure()">'
    raise RigError(f"asv's page fetches {address}, which is not known here",
                   fix="another asv version? pyproject.toml pins one")
