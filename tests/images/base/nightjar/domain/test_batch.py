"""The batch: ids, lines, and names as fields, in lines of this release and of 0.1."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nightjar.domain.batch import BatchLine, Footage, NameFields, Outcome, ReceivedVersion, batch_id
from nightjar.domain.names import parse_footage_name
from nightjar.domain.reasons import Reason

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = "footage/2026/11/20/12/alice-porch-1795176000.jpg"


def version(key: str, landed: datetime = NOON, **more: Any) -> ReceivedVersion:
    return ReceivedVersion.model_validate({"key": key, "version_id": "1", "size": 1, "received_at": landed, **more})


def test_a_batch_id_depends_on_its_versions_only() -> None:
    first, second = version("incoming/a"), version("incoming/b", NOON + timedelta(hours=1))
    assert batch_id([first, second]) == batch_id([second, first])
    assert batch_id([first, second]).startswith("20261120T120000Z-")
    assert batch_id([first]) != batch_id([second])
    with pytest.raises(ValueError, match="at least one"):
        batch_id([])


def test_only_a_filed_line_has_footage() -> None:
    line = BatchLine(source=version("incoming/a"), outcome=Outcome.QUARANTINED, reason=Reason.BAD_NAME)
    with pytest.raises(ValueError, match="expected a filed line"):
        _ = line.footage


@pytest.mark.parametrize(
    "name", ["alice-porch-1795176000.jpg", "a_1-B-1795176000250.mp4", "a-b-0000000000.webp", "a-b-9999999999999.jpg"]
)
def test_a_name_survives_as_fields(name: str) -> None:
    parsed = parse_footage_name(name)
    fields = NameFields.of(parsed)
    again = NameFields.model_validate_json(fields.model_dump_json())
    assert (again.name, again.camera) == (parsed, parsed.camera)
    assert again == fields


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("incoming/alice-porch-1795176000.JPEG", "alice-porch-1795176000.jpg"),
        (KEY, "alice-porch-1795176000.jpg"),
        ("incoming/sub/alice-porch-1795176000.jpg", None),
        ("incoming/bad name", None),
        ("", None),
    ],
)
def test_lines_of_0_1_have_no_fields_for_the_name(key: str, name: str | None) -> None:
    received = version(key)
    assert (received.name and received.name.canonical) == name
    assert version(key, named=None).name is None, "expected the drop zone to have the last word"


def test_footage_of_0_1_is_named_by_its_key() -> None:
    old = {"key": KEY, "version_id": "v", "size": 1, "sha256": ""}
    footage = Footage.model_validate(old)
    assert footage.name.canonical == "alice-porch-1795176000.jpg"
    assert Footage.model_validate_json(footage.model_dump_json(by_alias=True)) == footage
    with pytest.raises(ValidationError, match="expected <user>-<device>-<unixtime>"):
        Footage.model_validate(old | {"key": "footage/readme.txt"})


@pytest.mark.parametrize("named", [True, False], ids=["with fields", "of 0.1"])
def test_the_footage_of_a_filed_line(named: bool) -> None:
    line = BatchLine(
        source=version("incoming/alice-porch-1795176000.JPEG"),
        outcome=Outcome.FILED,
        footage_key=KEY,
        footage_version="v2",
        sha256="0" * 64,
    )
    stored = json.loads(line.model_dump_json(by_alias=True))
    if not named:
        del stored["source"]["named"]
    footage = BatchLine.model_validate(stored).footage
    assert (footage.key, footage.version_id, footage.size, footage.sha256) == (KEY, "v2", 1, "0" * 64)
    assert footage.name.canonical == "alice-porch-1795176000.jpg"


def test_values_of_a_later_release_are_kept() -> None:
    line = BatchLine.model_validate(
        {"source": version("incoming/a"), "outcome": "deferred", "reason": "too-loud", "weight": 3}
    )
    assert (line.outcome, line.reason) == ("deferred", "too-loud")
    assert json.loads(line.model_dump_json())["weight"] == 3
