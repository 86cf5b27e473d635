"""`python rebuilt.py MODEL`: how far networks that are rebuilt are from those that were shipped, as JSON.

MODEL is images/detect/model; runs in the environment that builds detectors, which has TensorFlow and npm. For each
detector, the largest difference between what the two networks give for pictures of noise:

    nano    the rebuilt graph and the shipped one, both run by TensorFlow, at 416 x 416; and the rebuilt one, run by
            TensorFlow and converted, at the detector's own size
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

sys.path.insert(0, sys.argv[1])

import numpy as np
import tensorflow as tf
from graphs import litert
from recipes import nano
from recipes.nano import channels_last


def run_graph(graph_def: Any, fed: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            values = session.run([f"{name}:0" for name in outputs], {f"{name}:0": value for name, value in fed.items()})
    return list(values)


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
    return {"shipped": apart(whole, rebuilt), "converted": apart(run_graph(own, {nano.FED: images}, names), converted)}


if __name__ == "__main__":
    print(json.dumps({"nano": compare_nano()}))
