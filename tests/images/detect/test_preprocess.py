"""Decoding and the resize."""

import io

import numpy as np
import pytest
from PIL import Image

from nightjar_detect.model import Input
from nightjar_detect.preprocess import UndecodableError, fill, model_pixels, table
from tests.images.detect.shards import jpeg

SQUARE = Input(height=300, width=300, mean=127.5, scale=127.5)
WIDE = Input(height=332, width=444, mean=127.5, scale=127.5)


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (300, 300), (640, 480), (401, 399), (1280, 720), (1280, 20)])
@pytest.mark.parametrize("shape", [SQUARE, WIDE])
def test_every_size_becomes_the_model_s(size: tuple[int, int], shape: Input) -> None:
    pixels = model_pixels(jpeg(Image.new("RGB", size, (200, 100, 50))), shape)
    assert pixels.shape == (shape.height, shape.width, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() <= 2


def test_colours_come_in_the_order_of_the_card() -> None:
    shape = Input(height=300, width=300, colour="BGR")
    pixels = model_pixels(jpeg(Image.new("RGB", (640, 480), (200, 100, 50))), shape)
    assert np.abs(pixels.astype(int) - (50, 100, 200)).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(480, 480), (600, 600), (1280, 1280), (1280, 720), (1280, 200)])
def test_the_resize_is_antialiased(width: int, height: int) -> None:
    """Stripes too fine for the model become an even grey; without antialiasing they become other stripes."""
    stripes = np.zeros((height, width, 3), np.uint8)
    stripes[:, ::2] = 255
    pixels = model_pixels(jpeg(Image.fromarray(stripes), 100), SQUARE).astype(float)
    amplitude = 127.5 if width < 600 else 20
    assert pixels.mean() == pytest.approx(127.5, abs=3)
    assert np.abs(pixels - 127.5).max() < amplitude


def test_what_is_left_stays_left_and_up_stays_up() -> None:
    picture = Image.new("RGB", (640, 480))
    picture.paste((255, 255, 255), (0, 0, 320, 240))
    pixels = model_pixels(jpeg(picture), SQUARE)
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
        model_pixels(data, SQUARE)


def fed(shape: Input, dtype: type, quantum: float = 0.0, zero: int = 0) -> list[list[float]]:
    """The numbers that a network of `dtype` gets for two pixels."""
    pixels = np.array([[[0, 51, 255], [255, 0, 51]]], np.uint8)
    out: np.ndarray = np.empty(pixels.shape, dtype)
    fill(pixels, table(shape, dtype, quantum, zero), out)
    return [list(map(float, pixel)) for pixel in out[0].tolist()]


EACH_COLOUR = Input(height=300, width=300, mean=(0, 51, 255), scale=(1, 2, 4))


@pytest.mark.parametrize(
    ("shape", "dtype", "quantisation", "expected"),
    [
        pytest.param(SQUARE, np.float32, (0.0, 0), [[-1, -0.6, 1], [1, -1, -0.6]], id="floats"),
        pytest.param(EACH_COLOUR, np.float32, (0.0, 0), [[0, 0, 0], [255, -25.5, -51]], id="each colour by itself"),
        pytest.param(SQUARE, np.int8, (1 / 128, 0), [[-128, -77, 127], [127, -128, -77]], id="int8, held to its range"),
        pytest.param(SQUARE, np.uint8, (1 / 64, 128), [[64, 90, 192], [192, 64, 90]], id="uint8, normalised"),
        pytest.param(
            Input(height=300, width=300, dtype="uint8"),
            np.uint8,
            (1 / 128, 5),
            [[0, 51, 255], [255, 0, 51]],
            id="values as they are",
        ),
    ],
)
def test_numbers_that_a_network_gets(
    shape: Input, dtype: type, quantisation: tuple[float, int], expected: list[list[float]]
) -> None:
    assert fed(shape, dtype, *quantisation) == [pytest.approx(pixel) for pixel in expected]
