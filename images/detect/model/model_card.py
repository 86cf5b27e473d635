"""The model card: everything there is to say about the model, as JSON for programs and as Markdown for people."""

import hashlib
from collections.abc import Mapping
from typing import Any

NAME = "ssdlite_mobilenet_v2_coco"
LICENCE = "Apache-2.0"


def card(
    source: Mapping[str, str], artefacts: Mapping[str, tuple[str, bytes]], labels: Mapping[str, str]
) -> dict[str, Any]:
    """The model card. `artefacts` maps a backend to its file's path and bytes, `labels` a COCO id to a name."""
    return {
        "name": NAME,
        "licence": LICENCE,
        "source": {
            **source,
            "origin": "TensorFlow Object Detection API, SSDLite with MobileNet v2, 300 x 300; the graph that "
            "@tensorflow-models/coco-ssd loads as lite_mobilenet_v2",
        },
        "artefacts": {
            backend: {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for backend, (path, data) in artefacts.items()
        },
        "labels": dict(labels),
        "input": "RGB, resized (not cropped) to 300 x 300 with antialiasing, float32 [N, 300, 300, 3], "
        "value / 127.5 - 1",
        "output": "scores [N, 1917, 90], channel k is COCO id k + 1, sigmoid, each class by itself; "
        "boxes [N, 1917, 1, 4] as ymin, xmin, ymax, xmax in 0..1; before non-maximum suppression",
        "trained_on": "COCO 2017 train, 118,000 photographs from the web with 80 classes of everyday objects; "
        "not on surveillance footage, nor on infrared",
        "scores": {
            "published": "COCO mAP 22 (IoU 0.50 to 0.95), by the TensorFlow 1 Detection Model Zoo for this architecture"
            " and training; not measured again here",
            "seen": "highest probability on sample pictures: cat 0.93, cup 0.96, motorcycle 0.98 on stock photographs; "
            "person 0.94 and car 0.84 on street video. A few pictures, not a benchmark",
        },
        "limits": [
            "Small and distant objects: at 300 x 300 a person below about a tenth of the picture's height is seldom "
            "found, and scores low when found. A fixed threshold of 0.95 would find nearly nobody.",
            "Probabilities are sigmoid scores and not calibrated: thresholds belong to model and rule.",
            "Infrared and night pictures are unlike what it was trained on; expect misses and odd labels.",
            "80 classes only: what is not among them (a raccoon, a parcel, a face) it cannot name, and may call "
            "something that looks similar.",
            "It tells that a person is there, never who. It was not tested for equal performance across groups of "
            "people.",
        ],
    }


def markdown(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    artefacts = "\n".join(
        f"| {backend} | `{each['path']}` | {each['bytes']:,} | `{each['sha256']}` |"
        for backend, each in card["artefacts"].items()
    )
    limits = "\n".join(f"* {limit}" for limit in card["limits"])
    labels = ", ".join(f"{name} ({number})" for number, name in card["labels"].items())
    return f"""# Model card: {card["name"]}

Licence: {card["licence"]}.
Source: `{card["source"]["package"]}` (`{card["source"]["integrity"]}`),
{card["source"]["origin"]}.

| backend | file | bytes | SHA-256 |
|---|---|---|---|
{artefacts}

**Input.** {card["input"]}.

**Output.** {card["output"]}.

**Trained on.** {card["trained_on"]}.

**How it scores.** Published: {card["scores"]["published"]}. Seen: {card["scores"]["seen"]}.

**Limits.**
{limits}

**Labels (COCO id).** {labels}.
"""
