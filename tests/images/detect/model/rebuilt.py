"""`python rebuilt.py MODEL [FOLDER]`: how far networks that are rebuilt are from those that were shipped, as JSON.

MODEL is images/detect/model; runs in the environment that builds detectors, which has TensorFlow and npm. For each
detector its card, the shapes of its outputs, and the largest difference between what two networks give for noise:

    oid     the rebuilt graph, float32, run by TensorFlow, and the shipped file, run by LiteRT, at 300 x 300; and the
            rebuilt one, run by TensorFlow, and as int8, at the detector's own size, on pictures of the calibration set:
            candidates that score at least LEAST in one of the two
    nano    the rebuilt graph and the shipped one, both run by TensorFlow, at 416 x 416; and the rebuilt one, run by
            TensorFlow and converted, at the detector's own size

The int8 network is the one in FOLDER, as it was built, otherwise one that is made with an eighth of the set.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])

import numpy as np
import tensorflow as tf
from graphs import litert
from recipes import nano, oid
from recipes.nano import channels_last

LEAST = 0.25


def session(graph_def: Any) -> Any:
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return tf.compat.v1.Session(graph=graph)


def run_graph(graph_def: Any, fed: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
    with session(graph_def) as opened:
        return run_session(opened, fed, outputs)


def run_session(opened: Any, fed: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
    return list(opened.run([f"{name}:0" for name in outputs], {f"{name}:0": value for name, value in fed.items()}))


def run_file(content: bytes, images: Any) -> list[Any]:
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    return [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]


def apart(first: Sequence[Any], second: Sequence[Any]) -> float:
    for one, other in zip(first, second, strict=True):
        assert one.shape == other.shape, f"expected the shape {one.shape}, got {other.shape}"
    return max(float(np.abs(one - other).max()) for one, other in zip(first, second, strict=True))


def noise(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).uniform(-1, 1, shape).astype(np.float32)


def compare_oid(folder: str | None) -> dict[str, Any]:
    shipped, labels = oid.fetched()
    images = noise(1, 300, 300, 3)
    encodings, logits = run_file(shipped, images)
    rebuilt = run_graph(oid.graph_def(shipped, 300, 300), {oid.FED: images}, [oid.ENCODINGS, oid.SCORES])
    scores = 1 / (1 + np.exp(-np.maximum(logits[:, :, 1:], -oid.LOWEST["ClassPredictor"])))
    encodings = np.maximum(encodings, -oid.LOWEST["BoxEncodingPredictor"])
    return {"shipped": apart([encodings, scores], rebuilt), "card": oid.card(labels)} | compare_int8(shipped, folder)


def compare_int8(shipped: bytes, folder: str | None) -> dict[str, Any]:
    graph = oid.graph_def(shipped, oid.HEIGHT, oid.WIDTH)
    names = [oid.SCORES, oid.ENCODINGS]
    pictures = list(oid.calibration_set())
    if folder:
        network = (Path(folder) / "model.tflite").read_bytes()
    else:
        network = litert(graph, {oid.FED: pictures[0].shape}, names, lambda: iter(pictures[::8]))
    scores, encodings = [], []
    opened = session(graph)
    for picture in pictures[::12]:
        exact = run_session(opened, {oid.FED: picture}, names)
        whole = run_file(network, picture)
        seen = np.maximum(exact[0], whole[0])[0].max(axis=1) >= LEAST
        scores.append(np.abs(exact[0] - whole[0])[0, seen].max(axis=1))
        encodings.append(np.abs(exact[1] - whole[1])[0, seen].max(axis=1))
    differences = np.concatenate(scores)
    return {
        "outputs": {role: value.shape[1:] for role, value in zip(("scores", "encodings"), exact, strict=True)},
        "candidates": len(differences),
        "int8 scores, mean": float(differences.mean()),
        "int8 scores, most": float(differences.max()),
        "int8 encodings, mean": float(np.concatenate(encodings).mean()),
    }


def compare_nano() -> dict[str, Any]:
    shipped, _ = nano.fetched()
    names = (nano.SCORES, nano.DISTANCES)
    side = channels_last.SHIPPED_SIDE
    images = noise(1, side, side, 3)
    layers = run_graph(
        shipped, {"input_1": images.transpose(0, 3, 1, 2)}, [*channels_last.SCORES, *channels_last.DISTANCES]
    )
    whole = [np.concatenate(layers[:3], axis=1), np.concatenate(layers[3:], axis=1)]
    rebuilt = run_graph(channels_last.graph_def(shipped, (side, side), nano.FED, names), {nano.FED: images}, names)
    images = images[:, : nano.HEIGHT, : nano.WIDTH]
    own = channels_last.graph_def(shipped, (nano.HEIGHT, nano.WIDTH), nano.FED, names)
    converted = run_file(litert(own, {nano.FED: images.shape}, names, None, float16_weights=True), images)
    exact = run_graph(own, {nano.FED: images}, names)
    return {
        "shipped": apart(whole, rebuilt),
        "converted": apart(exact, converted),
        "card": nano.card(),
        "outputs": {role: value.shape[1:] for role, value in zip(names, exact, strict=True)},
    }


if __name__ == "__main__":
    print(json.dumps({"oid": compare_oid(sys.argv[2] if len(sys.argv) > 2 else None), "nano": compare_nano()}))
