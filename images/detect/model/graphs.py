"""TensorFlow graphs: from TF.js to a GraphDef, and from there to LiteRT."""

import base64
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from npm import BuildError


def graph_def(model: dict[str, Any], weights: bytes) -> Any:
    """The TensorFlow GraphDef of a TF.js graph model, with its weights as constants."""
    import numpy as np
    import tensorflow as tf
    from google.protobuf import json_format

    topology = {key: model["modelTopology"][key] for key in ("node", "library") if key in model["modelTopology"]}
    graph = json_format.ParseDict(_bytes_as_base64(topology), tf.compat.v1.GraphDef())
    nodes = {node.name: node for node in graph.node}
    offset = 0
    for entry in (entry for group in model["weightsManifest"] for entry in group["weights"]):
        stored = np.dtype(entry.get("quantization", entry)["dtype"]).newbyteorder("<")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(weights, stored, count, offset).reshape(entry["shape"])
        # A browser knows neither float16 nor int64: the node says what the values were.
        attributes = nodes[entry["name"]].attr
        wanted = tf.as_dtype(attributes["dtype"].type).as_numpy_dtype
        attributes["value"].tensor.CopyFrom(tf.make_tensor_proto(values.astype(wanted)))
        offset += values.nbytes
    if offset != len(weights):
        raise BuildError(f"expected {offset} bytes of weights, got {len(weights)}")
    return graph


def _bytes_as_base64(value: Any, key: str = "") -> Any:
    """TF.js writes protobuf bytes as lists of integers, or as base64; protobuf's JSON knows only the latter."""
    if isinstance(value, dict):
        # In an attribute's `list`, `s` is repeated: an empty one stays a list.
        return {
            name: [_text(each) for each in inner] if (key, name) == ("list", "s") else _bytes_as_base64(inner, name)
            for name, inner in value.items()
        }
    if key in {"s", "tensorContent"}:
        return _text(value)
    return [_bytes_as_base64(each) for each in value] if isinstance(value, list) else value


def _text(value: list[int] | str) -> str:
    return base64.b64encode(bytes(value)).decode() if isinstance(value, list) else value


def litert(
    graph: Any,
    fed: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
    calibration: Callable[[], Iterator[Any]] | None,
    float16_weights: bool = False,
) -> bytes:
    """The part of the graph between the tensors that are `fed` (name: shape) and `outputs` as a LiteRT flatbuffer.

    With `calibration`, which gives an input of the network at each step, its weights and activations become int8, while
    input and outputs stay floats. With `float16_weights` the file keeps its weights in half the bytes; it is computed
    with float32 all the same.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        frozen = Path(folder) / "frozen.pb"
        frozen.write_bytes(graph.SerializeToString(deterministic=True))
        converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
            str(frozen), list(fed), list(outputs), {name: list(shape) for name, shape in fed.items()}
        )
        if calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([each] for each in calibration())
        if float16_weights:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())
