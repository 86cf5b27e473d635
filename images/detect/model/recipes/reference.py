"""The reference: the weights as they were shipped, float32, 300 x 300, as a SavedModel and for LiteRT."""

from typing import Any

from graphs import litert
from model_card import Built
from ssdlite import NETWORK_INPUT, fetched, network_input, shared_card

SIZE = 300
SHIPPED_INPUT = "image_tensor"  # uint8 [N, H, W, 3]: the graph as it was shipped, with its own resize in a while loop
SCORES = "Postprocessor/Slice"  # float32 [N, 1917, 90], channel k is COCO id k + 1
BOXES = "Postprocessor/ExpandDims_1"  # float32 [N, 1917, 1, 4], ymin xmin ymax xmax in 0..1

# name of the signature -> (tensor that is fed, its type, its shape)
SIGNATURES = {
    "serving_default": (NETWORK_INPUT, "float32", (None, SIZE, SIZE, 3)),
    "image_tensor": (SHIPPED_INPUT, "uint8", (None, None, None, 3)),
}


def build() -> Built:
    """The SavedModel, which is the reference, and what the CPU backend runs."""
    graph, licence = fetched()
    artefacts = {
        "litert": ("model.tflite", litert(graph, {NETWORK_INPUT: [1, SIZE, SIZE, 3]}, [SCORES, BOXES], None)),
        "saved_model": ("saved_model/saved_model.pb", saved_model(graph)),
    }
    card = shared_card()
    card |= {
        "name": "ssdlite_mobilenet_v2_coco",
        "input": network_input(SIZE, SIZE),
        "decoder": {"kind": "ssd-decoded", "outputs": {"scores": SCORES, "boxes": BOXES}},
        "suppression": {"iou": 0.5, "most_candidates": 400, "per_class": True},
        "quantisation": "none: float32",
        "scores": {
            "published": "COCO mAP 22 (IoU 0.50 to 0.95), by the TensorFlow 1 Detection Model Zoo for this architecture"
            " and training; not measured again here",
            "seen": "highest probability on sample pictures: cat 0.93, cup 0.96, motorcycle 0.98 on stock photographs; "
            "person 0.94 and car 0.84 on street video. A few pictures, not a benchmark",
        },
        "limits": [
            "Small and distant objects: at 300 x 300 a person below about a tenth of the picture's height is seldom "
            "found, and scores low when found. A fixed threshold of 0.95 would find nearly nobody.",
            *card["limits"],
        ],
    }
    return Built(artefacts, card, licence)


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
