"""Quarantine: the object, why it was refused, and doing it twice."""

from datetime import UTC, date, datetime

import pytest

from nightjar.domain.quarantine import QuarantineEntry, expected_and_found
from nightjar.domain.reasons import Reason
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectMissingError, ObjectStore
from nightjar.stores.provenance import is_copy_of, source_metadata
from nightjar.stores.quarantine import Quarantine, entry_prefix, parse_folder

RECEIVED = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
NAME = "incoming/ünsafe {{ name }}"


def entry(version: str, **more: object) -> QuarantineEntry:
    values: dict[str, object] = {
        "reason": Reason.BAD_NAME,
        "meaning": Reason.BAD_NAME.meaning,
        "expected": "a name",
        "found": "none",
        "source_key": NAME,
        "source_version": version,
        "detail": "",
        "received_at": RECEIVED,
        "taken_at": None,
        "sha256": "0" * 64,
        "size": 3,
        "stage": "collect",
        "image": "i:1",
    }
    return QuarantineEntry.model_validate({**values, **more})


@pytest.mark.parametrize("data", [None, b"abc"], ids=["copied in the store", "given"])
def test_written_twice_is_written_once(data: bytes | None) -> None:
    store = MemoryStore()
    source = store.put(NAME, b"abc")
    one = entry(source.version_id)
    refs = Quarantine(store).put(one, data)
    assert [ref.key for ref in refs] == [f"{entry_prefix(one)}object", f"{entry_prefix(one)}reason.json"]
    assert Quarantine(store).put(one, data) == refs
    store.delete(NAME, source.version_id)
    assert Quarantine(store).put(one, data) == refs, "expected a copy that is there to need no source"
    assert Quarantine(store).find(entry_prefix(one)) == refs
    assert store.get(refs[0].key)[0] == b"abc"
    assert is_copy_of(store.get(refs[0].key)[1], NAME, source.version_id)


def test_a_later_run_that_says_the_same_changes_nothing() -> None:
    store = MemoryStore()
    first, later = (entry("v1", run=f"nightjar_history/2026112{day}") for day in (0, 1))
    refs = Quarantine(store).put(first, b"abc")
    assert Quarantine(store).put(later, b"abc") == refs
    [(_, kept)] = Quarantine(store).of_day(RECEIVED.date())
    assert kept.run == "nightjar_history/20261120", "expected the run that refused it first"
    assert Quarantine(store).put(entry("v1", run=later.run, found="another word"), b"abc") != refs
    [(_, kept)] = Quarantine(store).of_day(RECEIVED.date())
    assert (kept.run, kept.found) == (later.run, "another word")


def test_an_entry_of_a_release_without_runs() -> None:
    fields = entry("v1").model_dump(mode="json", by_alias=True)
    del fields["run"]
    assert QuarantineEntry.model_validate(fields).run == ""


def test_a_source_that_is_gone() -> None:
    store = MemoryStore()
    with pytest.raises(ObjectMissingError):
        Quarantine(store).put(entry("v1"))
    assert Quarantine(store).find(entry_prefix(entry("v1"))) == ()


def test_half_an_entry_is_none() -> None:
    store = MemoryStore()
    object_, _ = Quarantine(store).put(entry("v1"), b"abc")
    store.delete(f"{entry_prefix(entry('v1'))}reason.json")
    assert Quarantine(store).find(entry_prefix(entry("v1"))) == ()
    assert Quarantine(store).put(entry("v1"), b"abc")[0] == object_


@pytest.mark.parametrize(
    ("more", "day"),
    [({}, "2026/11/20"), ({"taken_at": datetime(2026, 11, 19, tzinfo=UTC)}, "2026/11/19")],
    ids=["by the day received", "by the day taken"],
)
def test_where_it_is(more: dict[str, object], day: str) -> None:
    prefix = entry_prefix(entry("v1", **more))
    assert prefix.startswith(f"quarantine/bad-name/{day}/")
    assert prefix.isascii()
    others = {entry_prefix(entry("v2", **more)), entry_prefix(entry("v1", detail="frame at 1000 ms", **more))}
    assert len({prefix, *others}) == 3


def test_metadata_is_short_and_ascii_whatever_the_name() -> None:
    metadata = source_metadata("incoming/" + "ü" * 1000, "v1", "0" * 64)
    assert all(text.isascii() and len(text) <= 64 for text in metadata.values())


@pytest.mark.parametrize(
    ("sentence", "halves"),
    [
        ("expected a, got b", ("a", "b")),
        ("expected a, got b, got c", ("a, got b", "c")),
        ("something else", ("", "something else")),
        ("what came, got lost", ("", "what came, got lost")),
        ("", ("", "")),
    ],
)
def test_expected_and_found(sentence: str, halves: tuple[str, str]) -> None:
    assert expected_and_found(sentence) == halves


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest) -> ObjectStore:
    """Refusals of two reasons, three days and two users, two of them without a name that tells whose they are."""
    store: ObjectStore = MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")
    for reason, source, day in (
        (Reason.GREY, "footage/2026/11/20/12/alice-porch-1795176000.jpg", 20),
        (Reason.GREY, "footage/2026/11/20/12/alice-yard-1795176000.jpg", 20),
        (Reason.EMPTY, "incoming/bob-porch-1795176000.jpg", 20),
        (Reason.EMPTY, "incoming/bob-porch-1795089600.jpg", 19),
        (Reason.BAD_NAME, NAME, None),
    ):
        taken_at = None if day is None else datetime(2026, 11, day, 12, tzinfo=UTC)
        Quarantine(store).put(entry("v1", reason=reason, source_key=source, taken_at=taken_at), b"abc")
    return store


@pytest.mark.parametrize(
    ("day", "sources"),
    [
        (18, []),
        (19, ["bob-porch-1795089600.jpg"]),
        (
            20,
            [
                "alice-porch-1795176000.jpg",
                "alice-yard-1795176000.jpg",
                "bob-porch-1795176000.jpg",
                NAME.partition("/")[2],
            ],
        ),
    ],
)
def test_a_day(bucket: ObjectStore, day: int, sources: list[str]) -> None:
    refusals = list(Quarantine(bucket).of_day(date(2026, 11, day)))
    assert sorted(each.source_key.rpartition("/")[2] for _, each in refusals) == sorted(sources)
    assert [folder for folder, _ in refusals] == [entry_prefix(each) for _, each in refusals]


def test_a_reason_that_is_none_is_named(bucket: ObjectStore) -> None:
    bucket.put("quarantine/grey/2026/11/20/0/reason.json", b"{}")
    with pytest.raises(InputError, match=r"2026/11/20/0/reason\.json"):
        list(Quarantine(bucket).of_day(date(2026, 11, 20)))


@pytest.mark.parametrize(
    ("user", "device", "erased"),
    [("alice", None, 2), ("alice", "porch", 1), ("bob", None, 2), ("carol", None, 0)],
)
def test_erasure(bucket: ObjectStore, user: str, device: str | None, erased: int) -> None:
    before = len(list(bucket.list_versions("quarantine/")))
    for folder, _ in list(Quarantine(bucket).of_day(date(2026, 11, 20))):
        bucket.delete(f"{folder}object")
        bucket.delete(f"{folder}reason.json")
    deleted = len(list(bucket.list_versions("quarantine/"))) - before
    assert deleted == 2 * 4
    markers = {("alice", None): 4, ("alice", "porch"): 2, ("bob", None): 2}.get((user, device), 0)
    assert Quarantine(bucket).erase(user, device) == 2 * erased + markers
    assert len(list(bucket.list_versions("quarantine/"))) == before + deleted - 2 * erased - markers
    assert Quarantine(bucket).erase(user, device) == 0


def test_a_preview_is_written_once_kept_and_lifted_with_the_others() -> None:
    store = MemoryStore()
    folder = entry_prefix(entry("v1"))
    refs = Quarantine(store).put(entry("v1"), b"abc", preview=b"small")
    assert [ref.key.removeprefix(folder) for ref in refs] == ["object", "preview.jpg", "reason.json"]
    assert Quarantine(store).put(entry("v1", run="later"), b"abc", preview=b"small") == refs
    assert Quarantine(store).find(folder) == refs
    assert len(Quarantine(store).put(entry("v1", run="later"), b"abc")) == 2, "expected one without to change nothing"
    assert Quarantine(store).find(folder) == refs
    preview = Quarantine(store).preview_of(folder)
    assert preview is not None and preview[0] == b"small"
    store.delete(f"{folder}preview.jpg")
    assert Quarantine(store).find(folder) == (refs[0], refs[2]), "expected a lost preview to harm nothing"
    assert Quarantine(store).preview_of(folder) is None
    Quarantine(store).put(entry("v1"), b"abc", preview=b"small")
    Quarantine(store).lift(folder)
    assert (Quarantine(store).at(folder), list(store.list_objects("quarantine/"))) == (None, [])
    named = entry("v1", source_key="footage/2026/11/20/12/alice-porch-1795176000.jpg")
    Quarantine(store).put(named, b"abc", preview=b"small")
    assert Quarantine(store).erase("alice") == 3
    assert not [each for each in store.list_versions("quarantine/") if each.key.startswith(entry_prefix(named))]


def test_an_earlier_entry_gets_the_preview_of_a_later_run() -> None:
    store = MemoryStore()
    Quarantine(store).put(entry("v1"), b"abc")
    Quarantine(store).put(entry("v1"), b"abc", preview=b"small")
    refusal = Quarantine(store).at(entry_prefix(entry("v1")))
    assert refusal is not None and refusal.preview_sha256
    assert len(Quarantine(store).find(entry_prefix(entry("v1")))) == 3


HASH = "0123456789abcdef" * 2
FOLDER = f"quarantine/too-small/2026/11/20/{HASH}/"


@pytest.mark.parametrize("text", [FOLDER, FOLDER.rstrip("/"), FOLDER.removeprefix("quarantine/").rstrip("/")])
def test_a_folder_that_is_named_from_outside(text: str) -> None:
    assert parse_folder(text) == FOLDER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quarantine/",
        f"{FOLDER}object",
        f"{FOLDER}/",
        f"quarantine/{FOLDER}",
        f"footage/too-small/2026/11/20/{HASH}/",
        f"too-small/2026/11/31/{HASH}",
        f"too-small/2026/1/20/{HASH}",
        f"too-small/2026/11/20/{HASH.upper()}",
        f"too-small/2026/11/20/{HASH}\n",
        f"too-small/\u0662\u0660\u0662\u0666/11/20/{HASH}",
        f"../2026/11/20/{HASH}",
        f"Grey/2026/11/20/{HASH}",
        f"too-small/2026/11/20/{HASH[:-1]}",
        "x" * 10_000,
        "\0",
    ],
)
def test_any_other_text_names_no_folder(text: str) -> None:
    with pytest.raises(ValueError, match="expected a folder of quarantine"):
        parse_folder(text)
