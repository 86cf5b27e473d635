"""`make images`: what is built, which tags are offered, and how to set them."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from nightjar.domain.release import Images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local.offers import LocalStore, Offer, as_text, offer
from nightjar_local.processes import LocalError


@dataclass
class Store:
    """Images by tag, those with the content of the sources; newest first. `detect near` is detect with near."""

    same: dict[str, list[str]] = field(default_factory=dict)
    registry: str = "localhost/nightjar"
    built: list[str] = field(default_factory=list)
    holds: dict[str, str] = field(default_factory=dict)

    def detector_of(self, tag: str) -> str | None:
        return self.holds.get(tag)

    def tags_of(self, image: str, detector: str | None) -> list[str]:
        return self.same.get(f"{image} {detector}" if detector else image, [])

    def build(self, image: str, tag: str | None, detector: str | None) -> str:
        self.built.append(f"{image}:{tag}")
        return tag or ("sha-1" if detector is None else f"sha-1-{detector}")

    def keep(self, image: str, tag: str) -> None:
        assert any(tag in tags for unit, tags in self.same.items() if unit.split()[0] == image)


def offered(made: Offer) -> dict[str, Any]:
    """The value, where no detector was asked for."""
    [(asked, value)] = made.values.items()
    assert asked is None
    return value


def deployed(**tags: str) -> Images:
    return Images.model_validate({"registry": "localhost/nightjar", **dict.fromkeys(STAGE_IMAGES, "1.0.0"), **tags})


ALL_SAME = {image: ["1.0.0"] for image in STAGE_IMAGES}


@pytest.mark.parametrize(
    ("same", "tag", "now", "built", "expected"),
    [
        # Nothing is there yet.
        ({}, None, None, list(STAGE_IMAGES), dict.fromkeys(STAGE_IMAGES, "sha-1")),
        ({}, "2.0.0", None, list(STAGE_IMAGES), dict.fromkeys(STAGE_IMAGES, "2.0.0")),
        # One stage changed.
        ({**ALL_SAME, "detect": []}, "1.1.0", deployed(), ["detect"], {"detect": "1.1.0"}),
        ({**ALL_SAME, "detect": []}, None, deployed(), ["detect"], {"detect": "sha-1"}),
        ({**ALL_SAME, "detect": []}, "1.1.0", None, ["detect"], {"detect": "1.1.0"}),
        # Run again: built under this tag before, not deployed yet.
        ({**ALL_SAME, "detect": ["sha-9", "1.1.0"]}, "1.1.0", deployed(), [], {"detect": "1.1.0"}),
        # The same content under several tags: the deployed one, else the newest.
        ({**ALL_SAME, "detect": ["sha-9", "0.9.0"]}, None, deployed(detect="0.9.0"), [], {"detect": "0.9.0"}),
        ({**ALL_SAME, "detect": ["sha-9", "0.9.0"]}, None, None, [], {"detect": "sha-9"}),
        # Nothing changed.
        (ALL_SAME, "1.1.0", deployed(), [], {}),
        (ALL_SAME, None, None, [], {}),
    ],
)
def test_only_what_changed_is_built_and_offered(
    same: dict[str, list[str]], tag: str | None, now: Images | None, built: list[str], expected: dict[str, str]
) -> None:
    store = Store(same)
    made = offer(store, tag, now)
    assert sorted(each.partition(":")[0] for each in store.built) == sorted(made.built) == sorted(built)
    assert offered(made) == {**deployed().model_dump(by_alias=True), **expected}


def test_everything_for_a_release() -> None:
    store = Store(ALL_SAME)
    assert offered(offer(store, "2.0.0", deployed(), everything=True))["collect"] == "2.0.0"
    assert store.built == [f"{image}:2.0.0" for image in STAGE_IMAGES]


def test_a_candidate_detector_stays() -> None:
    assert offered(offer(Store(ALL_SAME), None, deployed(detect_candidate="c1")))["detect_candidate"] == "c1"


OTHERS_SAME = {image: ["1.0.0"] for image in STAGE_IMAGES if image != "detect"}


@pytest.mark.parametrize(
    ("same", "tag", "now", "built", "expected"),
    [
        # Nothing of detect is there; a given tag does not serve twice.
        ({}, None, None, ["detect:None", "detect:None"], {"near": "sha-1-near", "oid": "sha-1-oid"}),
        ({}, "1.1.0", None, ["detect:1.1.0-near", "detect:1.1.0-oid"], {"near": "1.1.0-near", "oid": "1.1.0-oid"}),
        # One of them is there, or deployed; the tag of the other does not count for it.
        ({"detect near": ["n1"]}, None, None, ["detect:None"], {"near": "n1", "oid": "sha-1-oid"}),
        ({"detect near": ["n2", "n1"], "detect oid": ["o1"]}, "1.1.0", "n1", [], {"near": "n1", "oid": "o1"}),
        ({"detect near": ["n1"], "detect oid": ["o1"]}, None, "o1", [], {"near": "n1", "oid": "o1"}),
    ],
)
def test_a_value_is_offered_for_each_detector_that_was_asked_for(
    same: dict[str, list[str]], tag: str | None, now: str | None, built: list[str], expected: dict[str, str]
) -> None:
    store = Store({**OTHERS_SAME, **same})
    made = offer(store, tag, deployed(detect=now) if now else None, detectors=["near", "oid"])
    assert store.built == built
    assert {detector: value["detect"] for detector, value in made.values.items()} == expected
    assert {value["collect"] for value in made.values.values()} == {"1.0.0"}


@pytest.mark.parametrize(("current", "expected"), [(["o1"], "o1"), ([], "sha-1-oid")])
def test_the_deployed_detector_stays_where_no_detector_is_asked_for(current: list[str], expected: str) -> None:
    store = Store({**ALL_SAME, "detect oid": current}, holds={"o1": "oid"})
    assert offered(offer(store, None, deployed(detect="o1")))["detect"] == expected


@pytest.mark.parametrize("tag", ["../../cache", "latest", "a b", ""])
def test_a_tag_that_is_none_is_refused_before_anything_is_built(tag: str) -> None:
    store = Store()
    with pytest.raises(LocalError, match="TAG: expected a"):
        offer(store, tag, None)
    assert store.built == []


def test_it_says_what_to_set_and_how() -> None:
    made = offer(Store({**ALL_SAME, "detect": []}), "1.1.0", deployed())
    said = as_text(made)
    assert said.splitlines()[0] == "Built: detect"
    assert "collect:1.0.0" in said.splitlines()[1] and "detect" not in said.splitlines()[1]
    assert "Against what is deployed: detect 1.0.0 becomes 1.1.0" in said
    assert f"airflow variables set nightjar_images '{json.dumps(offered(made))}'" in said
    assert "nothing to deploy" in as_text(offer(Store(ALL_SAME), None, deployed()))


def test_it_says_how_to_set_each_detector() -> None:
    store = Store({**OTHERS_SAME, "detect near": ["n1"]}, holds={"n1": "near"})
    made = offer(store, None, deployed(detect="n1"), detectors=["near", "oid"])
    lines = as_text(made).splitlines()
    assert lines[0] == "Built: detect with the detector oid"
    near, oid = lines.index("Detector near:"), lines.index("Detector oid:")
    assert "nothing to deploy" in lines[near + 1]
    assert lines[oid + 1] == "Against what is deployed: detect n1 becomes sha-1-oid"
    assert lines[-1].strip() == f"airflow variables set nightjar_images '{json.dumps(made.values['oid'])}'"


def test_in_the_local_store_the_content_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def tags_of(image: str, detector: str | None) -> list[str]:
        seen.append(image)
        return ["1.0.0"]

    monkeypatch.setattr("nightjar_local.images.tags_of", tags_of)
    assert offer(LocalStore(), "1.1.0", None).built == ()
    assert tuple(seen) == STAGE_IMAGES
