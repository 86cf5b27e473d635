"""Decoding and the resize."""

import io

import numpy as np
import pytest
from PIL import Image

from nightjar_detect.preprocess import UndecodableError, model_pixels, normalise
from tests.images.detect.shards import jpeg


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (300, 300), (640, 480), (401, 399), (1280, 720), (1280, 20)])
def test_every_size_becomes_the_model_s(size: tuple[int, int]) -> None:
    pixels = model_pixels(jpeg(Image.new("RGB", size, (200, 100, 50))))
    assert pixels.shape == (300, 300, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(480, 480), (600, 600), (1280, 1280), (1280, 720), (1280, 200)])
def test_the_resize_is_antialiased(width: int, height: int) -> None:
    """Stripes too fine for the model become an even grey; without antialiasing they become other stripes."""
    stripes = np.zeros((height, width, 3), np.uint8)
    stripes[:, ::2] = 255
    pixels = model_pixels(jpeg(Image.fromarray(stripes), 100)).astype(float)
    amplitude = 127.5 if width < 600 else 20
    assert pixels.mean() == pytest.approx(127.5, abs=3)
    assert np.abs(pixels - 127.5).max() < amplitude


def test_what_is_left_stays_left_and_up_stays_up() -> None:
    picture = Image.new("RGB", (640, 480))
    picture.paste((255, 255, 255), (0, 0, 320, 240))
    pixels = model_pixels(jpeg(picture))
    assert pixels[:140, :140].min() > 200
    assert pixels[160:].max() < 55
    assert pixels[:, 160:].max() < 55


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a picture", id="text"),
        pytest.param(png(), id="not JPEG"),
        pytest.param(jpeg(Image.effect_noise((640, 480), 50).convert("RGB"))[:9000], id="cut short"),
        pytest.param(jpeg(Image.new("L", (640, 480))), id="grey"),
        pytest.param(jpeg(Image.new("CMYK", (640, 480))), id="CMYK"),
    ],
)
def test_what_is_not_an_rgb_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableError, match="expected an RGB JPEG"):
        model_pixels(data)


def test_normalise() -> None:
    out = np.empty(3, np.float32)
    normalise(np.array([0, 51, 255], np.uint8), out)
    assert out.tolist() == pytest.approx([-1, -0.6, 1])
