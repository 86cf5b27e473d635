import json

import pytest

from nightjar.domain.release import image_tag, parse_images
from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar.errors import UsageError

GOOD = {"registry": "registry.example.com/nightjar", **dict.fromkeys(STAGE_IMAGES, "1.0.0"), "detect_candidate": None}


def test_a_good_variable_gives_the_image_of_every_stage() -> None:
    images = parse_images(json.dumps(GOOD | {"detect": "sha-0a1b2c"}))
    assert images.reference("detect") == "registry.example.com/nightjar/detect:sha-0a1b2c"
    references = {stage.name: images.reference(stage.name) for stage in STAGES.values()}
    assert {image_tag(reference) for reference in references.values()} == {"1.0.0", "sha-0a1b2c"}
    assert references["record"] == references["report"] == "registry.example.com/nightjar/report:1.0.0"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "JSON"),
        ("[]", "dictionary"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "validate"}), "validate: missing key$"),
        (json.dumps(GOOD | {"detect": "latest"}), "detect: expected .* never reused, got 'latest'"),
        (json.dumps(GOOD | {"detect": "a b"}), "detect: .*'a b'"),
        (json.dumps(GOOD | {"detect": "{{ x }}"}), "detect: .*expected an image tag"),
        (json.dumps(GOOD | {"detect": ""}), "detect: "),
        (json.dumps(GOOD | {"detect": 1}), "detect: .*string"),
        (json.dumps(GOOD | {"detct": "1"}), "detct: unknown key$"),
        (json.dumps(GOOD | {"registry": "https://x"}), "registry: "),
    ],
)
def test_a_wrong_variable_is_refused_naming_what_is_wrong(value: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_images(value)


@pytest.mark.parametrize("reference", ["", "detect", "detect:1", "r/detect", "r:80/detect", "r/detect:"])
def test_a_reference_without_a_tag_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match="expected an image reference"):
        image_tag(reference)


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(UsageError, match="expected an image, one of"):
        parse_images(json.dumps(GOOD)).tag("registry")
    with pytest.raises(UsageError, match="expected a stage, one of"):
        parse_images(json.dumps(GOOD)).reference("registry")
