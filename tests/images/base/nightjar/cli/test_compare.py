"""`nightjar compare`, as a program would be called."""

import json
from pathlib import Path

import pytest

from nightjar.cli.compare_page import page
from nightjar.cli.main import main
from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.detectors import PublishedDetector, detector_id
from nightjar.domain.reactions import Review, ReviewVerdict
from nightjar.errors import InputError
from nightjar.queries.comparing import Candidate, compare_stored, sides_of
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.event_keys import event_key
from nightjar.stores.reactions import Reviews
from nightjar.stores.rules import RulesStore
from tests.images.base.nightjar.cli.trials import BOX, IN_FORCE, MAKER, an_event, at, leave, two_days
from tests.scenes import DETECTOR

OTHER = DETECTOR.model_copy(update={"tag": "oid", "model": "fake2", "sha256": "1" * 64})
CANDIDATE = detector_id(OTHER.sha256, OTHER.settings)


def also_look(store: ObjectStore, but: str = "no camera") -> None:
    """The candidate has looked at the same pictures; it is less sure of everything and knows no cars."""
    detections = Detections(store)
    for place in detections.places(MAKER, at("00:00").date(), at("00:00", day=2).date()):
        if place.camera.name == but:
            continue
        for line in detections.read(place):
            less = [
                DetectedObject(label=o.label, probability=o.probability - 0.12, box=o.box)
                for o in line.objects
                if o.label != "car"
            ]
            leave(store, [Detection.of(line.picture, OTHER, less)], f"candidate-{line.picture.taken_at:%d%H%M%S}")
    for ref, labels in ((DETECTOR, ["person", "car", "dog"]), (OTHER, ["person", "dog"])):
        Detectors(store).publish(ref.sha256[:16], PublishedDetector.of(ref, labels), b'{"labels": ["person"]}')


def test_a_candidate_detector(s3_store: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_days(s3_store)
    also_look(s3_store)
    RulesStore(s3_store).put(IN_FORCE.encode())
    event = an_event()
    s3_store.put(event_key(event.camera, event.ref), event.model_dump_json(by_alias=True).encode())
    Reviews(s3_store).put(Review.of(event, ReviewVerdict.CONFIRMED, "command nina", at("18:00")))
    before = sorted(v.version_id for v in s3_store.list_versions(""))
    command = ["compare", "--detector", MAKER, "--candidate", "oid", "--from", "2026-11-20", "--to", "2026-11-21"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 alerts instead of 4: 0 gained, 2 lost" in said
    assert "18 pictures of 2 cameras" in said
    assert "Rules name labels that the candidate cannot see: car" in said
    assert "1 event confirmed: 1 on the deployed side, of which 0 go with the candidate" in said
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert document["totals"]["alerts"] == {"before": 4, "after": 2, "gained": 0, "lost": 2}
    lost = {(each["label"], each["why"]) for each in document["examples"] if each["kind"] == "alerts"}
    assert lost == {("car", "not-seen"), ("person", "below-probability")}
    text = (tmp_path / "out" / "comparison.html").read_text()
    assert "Candidate: oid (fake2)" in text
    assert main([*command, "--json", "--user", "bob"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["by_user"]] == ["bob", "bob", "bob"]
    assert sorted(v.version_id for v in s3_store.list_versions("")) == before


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ([], 64, "expected --candidate with a detector, --rules with a file, or both"),
        (["--candidate", "oidd"], 64, "--candidate: expected the id or the tag of a detector, got 'oidd'"),
        (["--candidate", MAKER], 64, "another detector than the deployed one"),
        (["--rules", "missing.yaml"], 64, "expected a file at 'missing.yaml'"),
        (["--candidate", "oid", "--from", "2026-11-21", "--to", "2026-11-20"], 64, "expected --from before --to"),
        (["--candidate", "oid", "--from", "2999-01-01"], 64, "expected --from in the past"),
        (["--candidate", "oid", "--from", "2026-10-01", "--to", "2026-10-02"], 65, "backfill --candidate TAG"),
        (["--candidate", "oid", "--user", "alise", "--from", "2026-11-20"], 64, "did you mean alice?"),
    ],
)
def test_mistakes(
    s3_store: S3Store, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, expected: str
) -> None:
    two_days(s3_store)
    also_look(s3_store)
    RulesStore(s3_store).put(IN_FORCE.encode())
    assert main(["compare", "--detector", MAKER, *arguments]) == code
    assert expected in capsys.readouterr().err


def test_pictures_that_one_detector_alone_knows_are_left_out() -> None:
    store = MemoryStore()
    two_days(store)
    also_look(store, but="alice-porch")
    rules = parse_rules(IN_FORCE.encode())
    both = Candidate(MAKER, rules), Candidate(CANDIDATE, rules)
    found = compare_stored(store, sides_of(store, *both, at("00:00"), at("00:00", day=2)))
    assert (found.pictures, found.before_only, found.after_only) == (1, 17, 0)
    with pytest.raises(InputError, match="17 only the first knows, 0 only the candidate"):
        compare_stored(store, sides_of(store, *both, at("00:00"), at("00:00", day=2)), "alice")


def test_the_page_is_escaped_and_of_rules_alone_shows_each_picture_once() -> None:
    store = MemoryStore()
    two_days(store)
    new = parse_rules(IN_FORCE.replace("60%", "75%").replace("intruder", "<b>intruder</b>").encode())
    rules = parse_rules(IN_FORCE.encode())
    sides = sides_of(
        store, Candidate(MAKER, rules, "a" * 64), Candidate(MAKER, new, "b" * 64), at("00:00"), at("12:00")
    )
    found = compare_stored(store, sides)
    text = page(store, found).decode()
    assert "<b>intruder" not in text
    assert "rules aaaaaaaaaaaa in force, candidate bbbbbbbbbbbb" in text
    assert "boxes of the candidate" not in text
    assert BOX  # the boxes are those of the stored lines
