# SPDX-License-Identifier: GPL-2.0-only
"""Where designs were posted: message-ids carry their own date, which the stated date has to be.

git send-email begins an id with the time, mutt with its base64. A date is that of the sender's
clock or of UTC: a day apart at most. Ids of mail programs that tell no time are left out.
"""

from __future__ import annotations

import base64
import re
import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from generator import layout
from generator.modules import variant

NO_POSTING = {"none": "nobody's proposal", "upstream": "Linux 7.2.13 and 7.3.4"}
ORIGINS = {one.name: one.origin for one in variant.all_variants() if one.name not in NO_POSTING} | {
    tag: row["origin"] for tag, row in tomllib.loads(
        (layout.ROOT / "variants/not-modelled.toml").read_text()).items()}
DAY = timedelta(days=1)
_ID = re.compile(r"(?P<how>in the thread of |in reply to |NAK |)(?P<id>[\w.+/-]+@[\w.-]+)")
_SENT = re.compile(r"(\d{14})\.\d+-\d+-")
_MUTT = re.compile(r"[\w/+-]{16}$")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
NAK = "aWrdpZCCDDAffZRM@google.com"


def sent(message: str) -> datetime | None:
    """When a message was sent, by its id; None where the id does not say."""
    local = message.partition("@")[0]
    if match := _SENT.match(local):
        return datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    if _MUTT.match(local):
        seconds = int.from_bytes(base64.b64decode(local, altchars=b"-_")[:4], "big")
        return datetime.fromtimestamp(seconds, UTC)
    return None


def test_what_an_id_says() -> None:
    assert sent(NAK) == datetime(2026, 1, 17, 0, 53, 57, tzinfo=UTC)     # 16:53 of the 16th, PST
    assert sent("20250502130828.4071412-1-kirill.shutemov@linux.intel.com") == datetime(
        2025, 5, 2, 13, 8, 28, tzinfo=UTC)
    assert sent("b9487eba19c134c1801a536945e8ae57ea93032f.camel@intel.com") is None


@pytest.mark.parametrize("name", ORIGINS)
def test_dates_are_those_of_the_messages(name: str) -> None:
    origin = ORIGINS[name]
    dates = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in _DATE.findall(origin)]
    ids = [(match["how"].strip(), match["id"]) for match in _ID.finditer(origin)]
    assert dates or "2025-" in origin, "no date"
    assert ids or "commits" in origin, "neither a message nor commits"
    for how, message in ids:
        if not (then := sent(message)) or not dates:
            continue
        if how == "NAK":
            assert message == NAK
        elif how:       # an answer comes after what it answers
            assert dates[0] >= then - 2 * DAY, (message, then)
        else:
            assert abs(dates[0] - then) < 2 * DAY, (message, then)


def test_each_message_is_named_by_one_design_as_its_own() -> None:
    own: dict[str, list[str]] = {}
    for name, origin in ORIGINS.items():
        for match in _ID.finditer(origin):
            if not match["how"] and name not in ("A0", "A5"):
                own.setdefault(match["id"], []).append(name)
    assert {message: names for message, names in own.items() if len(names) > 1} == {}
