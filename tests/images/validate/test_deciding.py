"""By what validations are known: code and settings of the validator, and how the rules treat the camera."""

import hashlib

import pytest
from PIL import Image

from nightjar.domain.names import Camera
from nightjar.runtime.rules import parse_rules
from nightjar.settings.validate import ValidateSettings
from nightjar_validate import deciding
from nightjar_validate.deciding import camera_settings, limits_of, validator_id
from nightjar_validate.decoded import Decoded
from nightjar_validate.standard import fitted, standardise
from tests.bucket import RULES

BASE = ValidateSettings()


@pytest.mark.parametrize(
    "same", [{}, {"decoders": 3}, {"still_seconds": 9}, {"video_seconds": 9}, {"decoder_mebibytes": 512}]
)
def test_settings_of_pace_and_safety_keep_the_validator(same: dict[str, int]) -> None:
    assert validator_id(ValidateSettings.model_validate(same)) == validator_id(BASE)


@pytest.mark.parametrize(
    "other",
    [
        {"long_side": 640},
        {"max_still_bytes": 9},
        {"max_video_bytes": 9},
        {"grey_tolerance": 9},
        {"frames_per_second": 2.0},
        {"max_frames": 9},
    ],
)
def test_settings_that_decide_a_result_make_another_validator(other: dict[str, float]) -> None:
    assert validator_id(ValidateSettings.model_validate(other)) != validator_id(BASE)


def test_a_new_version_is_another_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    before = validator_id(BASE)
    monkeypatch.setattr(deciding, "VALIDATOR_VERSION", deciding.VALIDATOR_VERSION + 1)
    assert validator_id(BASE) != before


def test_the_rules_tell_cameras_apart() -> None:
    rules = parse_rules(RULES)
    cameras = [rules.device(Camera("alice", device)) for device in ("porch", "yard", "attic")]
    assert [camera_settings(camera) for camera in cameras] == ["colour-expected", "grey-allowed", "unknown-camera"]


def test_results_are_those_of_this_version() -> None:
    """If this fails, code or a library makes other pictures than before: raise VALIDATOR_VERSION, then pin them."""
    picture = Image.linear_gradient("L").resize((1600, 1200))
    colour = Image.merge("RGB", (picture, picture.rotate(180), picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    limits = limits_of(BASE)
    made = standardise(colour, fitted(colour.size, limits.long_side), limits, allow_grey=False, orientation=6)
    assert isinstance(made, Decoded)
    assert (made.width, made.height) == (960, 1280)
    pinned = {3: "7d1f4d1fe432be90667f2310da20dc04232d5306c0e7b339d6714254254290ff"}
    assert hashlib.sha256(made.data).hexdigest() == pinned[deciding.VALIDATOR_VERSION]
