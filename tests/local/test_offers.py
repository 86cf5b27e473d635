"""`make images`: what is built, which tags are offered, and how to set them."""

import json
from dataclasses import dataclass, field

import pytest

from nightjar.domain.release import Images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local.offers import LocalStore, as_text, offer
from nightjar_local.processes import LocalError


@dataclass
class Store:
    """Images by tag, those with the content of the sources; newest first."""

    same: dict[str, list[str]] = field(default_factory=dict)
    registry: str = "localhost/nightjar"
    built: list[str] = field(default_factory=list)

    def tags_of(self, image: str) -> list[str]:
        return self.same.get(image, [])

    def build(self, image: str, tag: str | None) -> str:
        self.built.append(f"{image}:{tag}")
        return tag or "sha-1"

    def keep(self, image: str, tag: str) -> None:
        assert tag in self.same[image]


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
    assert [each.partition(":")[0] for each in store.built] == list(made.built) == built
    assert made.value == {**deployed().model_dump(by_alias=True), **expected}


def test_everything_for_a_release() -> None:
    store = Store(ALL_SAME)
    assert offer(store, "2.0.0", deployed(), everything=True).value["collect"] == "2.0.0"
    assert store.built == [f"{image}:2.0.0" for image in STAGE_IMAGES]


def test_a_candidate_detector_stays() -> None:
    assert offer(Store(ALL_SAME), None, deployed(detect_candidate="c1")).value["detect_candidate"] == "c1"


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
    assert f"airflow variables set nightjar_images '{json.dumps(made.value)}'" in said
    assert "nothing to deploy" in as_text(offer(Store(ALL_SAME), None, deployed()))


def test_in_the_local_store_the_content_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def tags_of(image: str) -> list[str]:
        seen.append(image)
        return ["1.0.0"]

    monkeypatch.setattr("nightjar_local.images.tags_of", tags_of)
    assert offer(LocalStore(), "1.1.0", None).built == ()
    assert tuple(seen) == STAGE_IMAGES
