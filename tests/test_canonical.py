"""Digests: pinned, because stored ones must mean the same for ever."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from knowledge.canonical import NotCanonical, canonical, digest, digest_of_bytes, instant


def test_canonical_json_is_that_of_the_rfc() -> None:
    """The sample of RFC 8785, section 3.2.2."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert (
        canonical(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_a_digest_is_the_sha_256_of_the_canonical_text() -> None:
    """`printf '{"a":1,"b":2}' | sha256sum`"""
    pinned = "sha256:43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"
    assert digest({"b": 2, "a": 1}) == pinned
    assert digest({"a": 1.0, "b": 2}) == pinned
    assert digest_of_bytes(b'{"a":1,"b":2}') == pinned


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, date(2026, 1, 31), {1, 2}, b"bytes", {1: "one"}, "half \ud800"]
)
def test_what_json_cannot_hold_is_refused_in_a_sentence(value: object) -> None:
    with pytest.raises(NotCanonical, match=r"^This cannot be stored: .*\. Write it as text instead\.$"):
        canonical({"value": value})


def test_a_moment_has_one_text() -> None:
    moment = datetime(2026, 1, 31, 9, tzinfo=UTC)
    assert instant(moment) == "2026-01-31T09:00:00.000000Z"
    assert instant(moment.astimezone(timezone(timedelta(hours=5, minutes=30)))) == instant(moment)
    assert instant(datetime(1, 1, 1, tzinfo=UTC)) == "1-01-01T00:00:00.000000Z", "as it stands in digests of old"
    with pytest.raises(ValueError, match="has no zone"):
        instant(datetime(2026, 1, 31, 9))  # noqa: DTZ001
