"""SSD MobileNet v2 trained on Open Images, int8, 300 x 400: the quickest detector here, with labels of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anchors
import calibration
import numpy as np
from graphs import litert
from model_card import Built
from npm import Package
from recipes.oid import flatbuffer

PACKAGE = Package(
    "@mediapipe/objectron",
    "0.4.1675468480",
    "sha512-IoWuW0ojc9GaSW6UoDCIXgwjLSqTEcR5w8NYuGH+R5+q+nKzS7KOIGfY/eyx4DttReumb398W6+PpW0DQ2Rs/w==",
)
_PACKED = "package/objectron_solution_packed_assets.data"
_LABELS_END = 184  # labels come first, one a line, that of the background before all; the rest is the network
CLASSES = 24

HEIGHT, WIDTH = 300, 400
FED, SCORES, ENCODINGS = "images", "scores", "encodings"
MEAN, SCALE = 127.5, 127.5

_CLASSES, _ENCODINGS = "ClassPredictor", "BoxEncodingPredictor"
# How far below 0 a predictor's values are cut: scores at 0.005, sizes at a seventh of the anchor's.
LOWEST = {_CLASSES: 5.3, _ENCODINGS: 10.0}


def build() -> Built:
    """The file that the CPU backend runs; there is no SavedModel."""
    shipped, labels = fetched()
    shape = [1, HEIGHT, WIDTH, 3]
    network = litert(graph_def(shipped, HEIGHT, WIDTH), {FED: shape}, [SCORES, ENCODINGS], calibration_set)
    licence = (Path(__file__).parents[2] / "apache-2.0.txt").read_bytes()
    return Built({"litert": ("model.tflite", network)}, card(labels), licence)


def fetched() -> tuple[bytes, list[str]]:
    """The LiteRT file as it was shipped, and the labels of its classes, in lower case, without the background."""
    packed = PACKAGE.files()[_PACKED]
    lines = packed[:_LABELS_END].decode().splitlines()
    return packed[_LABELS_END:], [line.lower() for line in lines[1:]]


def graph_def(shipped: bytes, height: int, width: int) -> Any:
    """The network for pictures of this size: from FED to scores [1, N, 23] in 0..1 and encodings [1, N, 4].

    As int8, all values that are joined share 256 steps. Where nothing is, the network gives large negative ones, which
    would make the steps of what is of use several times as coarse: these are cut at the LOWEST.
    """
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, (1, height, width, 3), FED)
        encodings, logits = flatbuffer.network(shipped, images, _raised, lambda name: _predictor(name) in LOWEST)
        tf.subtract(encodings, LOWEST[_ENCODINGS], ENCODINGS)
        tf.sigmoid(logits - LOWEST[_CLASSES], SCORES)
    return graph.as_graph_def()


def _raised(name: str, constant: flatbuffer.Constant) -> flatbuffer.Constant:
    """The constant, raised if it is a predictor's bias, so that a Relu behind it cuts; without the background."""
    if name.endswith("/Reshape_1/shape"):
        return np.where(constant == CLASSES, CLASSES - 1, constant)
    predictor = _predictor(name)
    if predictor == _CLASSES:
        constant = np.compress(np.arange(len(constant)) % CLASSES != 0, constant, axis=0)
    if predictor in LOWEST and constant.ndim == 1:
        return constant.astype(np.float32) + np.float32(LOWEST[predictor])
    return constant


def _predictor(name: str) -> str:
    """The kind of predictor that a constant belongs to; empty where it is another layer's."""
    parts = name.split(";")[0].split("/")
    return parts[1] if parts[0].startswith("BoxPredictor_") and len(parts) > 2 else ""


def calibration_set() -> Iterator[Any]:
    """The calibration set as this network is fed it: float32 [1, HEIGHT, WIDTH, 3]."""
    for picture in calibration.pictures(HEIGHT, WIDTH):
        yield ((picture.astype(np.float32) - MEAN) / SCALE).astype(np.float32)[None]


def card(labels: list[str]) -> dict[str, Any]:
    """The model card, without the files."""
    return {
        "name": "ssd_mobilenet_v2_open_images_v4",
        "licence": "Apache-2.0",
        "source": {
            **PACKAGE.source,
            "path": f"{_PACKED}, from byte {_LABELS_END}",
            "origin": "TensorFlow Object Detection API, SSD with MobileNet v2, 300 x 300, trained on Open Images v4: "
            "what MediaPipe's Objectron finds objects with; its weights are rebuilt at this input size",
        },
        "input": {
            "height": HEIGHT,
            "width": WIDTH,
            "layout": "NHWC",
            "dtype": "float32",
            "colour": "RGB",
            "mean": MEAN,
            "scale": SCALE,
        },
        "decoder": {
            "kind": "ssd-anchors",
            "outputs": {"scores": SCORES, "encodings": ENCODINGS},
            "variances": [10, 10, 5, 5],
            "layers": anchors.layers(HEIGHT, WIDTH),
        },
        # `large` as near's, for the same reason.
        "suppression": {
            "iou": 0.55,
            "most_candidates": 400,
            "per_class": True,
            "large": {"side": 0.5, "iou": 0.3},
        },
        "labels": {str(channel): label for channel, label in enumerate(labels)},
        "thresholds": {"*": 0.4, "person": 0.3},
        "quantisation": "int8 weights and activations by the converter's default optimisation, float32 in and out; "
        f"calibrated by {calibration.in_words()}",
        "trained_on": "Open Images v4, photographs from the web, of which it knows 23 classes; not on surveillance "
        "footage, nor on infrared",
        "scores": {
            "measured on labelled CCTV": "AP50 of people 0.82 on TUD-Campus, where the detector reference has 0.79; "
            "0.86 and 0.88 on PETS09-S2L1 and TUD-Stadtmitte (0.70 and 0.81)",
            "measured on tests/labelled": "bikes.mp4: person 0.89, bicycle 0.80, car 0.91 (reference: 0.98, 0.90, "
            "0.61); stills: person 0.96, cat and bicycles that fill the frame 1.00",
            "best threshold": "F1 of people is highest at 0.31 to 0.46, of cars at 0.40, of bicycles at 0.38",
            "int8 against float32": "scores of candidates above 0.25 differ by 0.05 in the mean and 0.16 at most",
            "cost": "0.52 of the reference's time on a processor with AVX-512 VNNI",
        },
        "limits": [
            "23 labels, of which few matter to a guard: person, bicycle, car, vehicle, cat, dog, cattle. There is no "
            "truck, bus, motorcycle, horse, bird or backpack, and no man, woman or child: every human is a person. "
            "Rules that name other labels never match.",
            "A car is often a vehicle as well, a van or a truck a vehicle alone: a rule about cars names both.",
            "Scores run low. With a threshold made for another detector, such as 0.6, it sees hardly anybody; "
            "people who are plain to see may have 0.31.",
            "It names shoes (footwear) wherever there are people: no rule should be about them.",
            "Infrared and night pictures are unlike what it was trained on; expect misses and odd labels.",
            "It tells that a person is there, never who. It was not tested for equal performance across groups of "
            "people.",
        ],
    }
