# SPDX-License-Identifier: GPL-2.0-only
"""asv's pages and the reports at one local address.

    /            what there is
    /asv/        the history, build/html/
    /reports/    results/reports/

Nothing is listed or read outside these two folders, and nothing is reachable from elsewhere.
"""

from __future__ import annotations

import http.server
import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2

from generator import layout, proc
from generator.errors import RigError
from generator.report import bundle

ADDRESS = "127.0.0.1"
KINDS = {".txt": "text/plain; charset=utf-8", ".md": "text/plain; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".json": "application/json",
         ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml", ".xml": "text/xml"}


@dataclass(frozen=True)
class Entry:
    """A report as the index lists it."""

    name: str
    files: tuple[str, ...]
    kind: str
    created: str
    designs: str


def entries(reports: Path) -> list[Entry]:
    """The reports, the newest first."""
    folders = [path.parent for path in reports.glob(f"*/{bundle.HTML}")]
    return sorted(map(entry, folders), key=lambda one: one.created, reverse=True)


def entry(folder: Path) -> Entry:
    """A report's line: what it says of itself."""
    files = tuple(name for name in (bundle.HTML, bundle.TEXT, bundle.CSV)
                  if (folder / name).is_file())
    try:
        about = json.loads((folder / bundle.ABOUT).read_text())
    except (OSError, ValueError):
        about = {}
    return Entry(folder.name, files, str(about.get("banner", "")), str(about.get("created", "")),
                 str(about.get("designs", "")))


def index(html: Path, reports: Path) -> bytes:
    """The start page; everything escaped."""
    loader = jinja2.FileSystemLoader(layout.TEMPLATES)
    env = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined,
                             trim_blocks=True, lstrip_blocks=True)
    return env.get_template("index.html.j2").render(
        history=(html / "index.html").is_file(), reports=entries(reports),
        quote=urllib.parse.quote).encode()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the start page and the files of two folders, and lists nothing."""

    server_version, sys_version = "extspt", ""

    def __init__(self, *args: Any, roots: dict[str, Path], **kind: Any) -> None:
        self.roots = roots
        super().__init__(*args, **kind)

    def do_GET(self) -> None:
        if not self._local():
            self.send_error(HTTPStatus.FORBIDDEN)
        elif urllib.parse.urlsplit(self.path).path == "/":
            self._send(index(self.roots["asv"], self.roots["reports"]), KINDS[".html"])
        elif self.path == "/favicon.ico":   # a page without one of its own asks for it
            self._send(b"", "image/x-icon")
        else:
            self._file()

    do_HEAD = do_GET

    def _local(self) -> bool:
        """Only requests for this very address: a page elsewhere cannot reach in by another name."""
        name = self.headers.get("Host", "").rsplit(":", 1)[0]
        return name in (ADDRESS, "localhost")

    def _file(self) -> None:
        path = self.place(urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind = KINDS.get(path.suffix) or self.guess_type(str(path))
        self._send(path.read_bytes(), kind)

    def place(self, asked: str) -> Path | None:
        """The file of an address, None when it is not one of ours."""
        words = asked.strip("/").split("/")
        root = self.roots.get(words[0])
        if root is None or "\0" in asked:
            return None
        path = root.joinpath(*words[1:]).resolve()
        path = path / "index.html" if path.is_dir() else path
        return path if path.is_relative_to(root.resolve()) and path.is_file() else None

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))),
                            ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-cache")):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the pages fetch hundreds of files."""


def server(port: int, html: Path = layout.HTML,
           reports: Path = layout.REPORTS) -> http.server.ThreadingHTTPServer:
    """The server, not yet running; port 0 takes a free one. Raises RigError for a taken port."""
    handler: Callable[..., Handler] = partial(Handler, roots={"asv": html, "reports": reports})
    try:
        return http.server.ThreadingHTTPServer((ADDRESS, port), handler)
    except (OSError, OverflowError) as error:
        raise RigError(f"port {port}: {getattr(error, 'strerror', None) or error}", where=ADDRESS,
                       fix="take another with --port, or 0 for any") from error


def serve(port: int) -> None:
    """Serve until Ctrl-C; prints the address first."""
    with server(port) as running:
        print(f"http://{ADDRESS}:{running.server_address[1]}/", flush=True)
        proc.note("Ctrl-C ends it")
        running.serve_forever()
