"""References to images in the local store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kubernetes.images import image_store


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("registry.example.com/nightjar/detect:1.0.0", True),
        ("localhost:5000/detect:1.0.0", True),
        ("registry.example.com/nightjar/detect:2.0.0", False),
        ("registry.example.com/nightjar/other:1.0.0", False),
        ("detect:1.0.0", False),
        ("registry.example.com/nightjar/detect", False),
        ("registry.example.com/nightjar/../detect:1.0.0", False),
        ("", False),
    ],
)
def test_image_store(tmp_path: Path, reference: str, found: bool) -> None:
    programs = tmp_path / "detect" / "1.0.0" / "venv" / "bin"
    programs.mkdir(parents=True)
    image = image_store(tmp_path)(reference)
    assert (image is not None) is found
    if image:
        assert image.bin == programs
        assert image.entrypoint == ("python", "-m", "nightjar_detect")
