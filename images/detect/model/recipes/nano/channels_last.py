"""NanoDet's graph, rebuilt with channels last and for any input size.

The graph that is shipped came from PyTorch by way of ONNX: it keeps channels first, turns its values round before and
after each convolution (83 transpositions), and has its input size written into the shapes of what it resizes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

SHIPPED_SIDE = 416  # the sizes written into the graph are for pictures of 416 x 416

# The graph's outputs, by layer from the finest to the coarsest: [1, cells, 80] and [1, cells, 44].
SCORES = ("Identity", "Identity_1", "Identity_2")
DISTANCES = ("Identity_3", "Identity_4", "Identity_5")


class UnknownPartError(Exception):
    """The graph has an operation that this module does not know; the message names it."""


def graph_def(shipped: Any, size: tuple[int, int], fed: str, outputs: tuple[str, str]) -> Any:
    """The network as a GraphDef that is fed float32 [1, height, width, 3] at `fed`, `size` being (height, width).

    Its outputs, named as `outputs` says, are scores and distances of all layers, one after another. Raises
    UnknownPartError.
    """
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, (1, *size, 3), fed)
        values = _values(shipped, images)
        for name, layers in zip(outputs, (SCORES, DISTANCES), strict=True):
            tf.concat([values[f"{layer}:0"] for layer in layers], axis=1, name=name)
    return graph.as_graph_def()


def _values(shipped: Any, images: Any) -> dict[str, Any]:
    """The value of each output (`node:number`) of the graph: constants as the arrays that they are, else tensors."""
    values: dict[str, Any] = {}
    for node in shipped.node:  # a graph model's nodes come after those that they need
        if node.op not in _OPERATIONS:
            raise UnknownPartError(f"expected one of {', '.join(_OPERATIONS)}, got operation {node.op}")
        given = [images] if node.op in _OF_SIZE else []
        given += [values[name if ":" in name else f"{name}:0"] for name in node.input]
        made = _OPERATIONS[node.op](node.attr, *given)
        values.update((f"{node.name}:{k}", value) for k, value in enumerate(made if isinstance(made, list) else [made]))
    return values


def _constant(attributes: Any) -> Any:
    import tensorflow as tf

    return tf.make_ndarray(attributes["value"].tensor)


def _no_value(_attributes: Any, *_given: Any) -> None:
    """Of the nodes that compute the shape of a `Reshape`: nobody asks for it."""


def _cells(_attributes: Any, value: Any, _shape: Any) -> Any:
    """From rows and columns to cells."""
    import tensorflow as tf

    return tf.reshape(value, (1, -1, value.shape[-1]))


def _resized(_attributes: Any, images: Any, value: Any, shipped_size: Any) -> Any:
    import tensorflow as tf

    size = [int(side) * own // SHIPPED_SIDE for side, own in zip(shipped_size, images.shape[1:3], strict=True)]
    return tf.image.resize(value, size)


def _same(_attributes: Any, value: Any, *_order: Any) -> Any:
    """An operation that turned a value round leaves it as it is: all are channels last already."""
    return value


def _padded(_attributes: Any, value: Any, paddings: Any, filler: Any = 0) -> Any:
    import tensorflow as tf

    return tf.pad(value, np.array(_last(paddings)), constant_values=float(filler))


def _convolution(attributes: Any, images: Any, weights: Any) -> Any:
    import tensorflow as tf

    return tf.nn.conv2d(images, weights, list(attributes["strides"].list.i), attributes["padding"].s.decode())


def _sum(_attributes: Any, left: Any, right: Any) -> Any:
    """A constant here is the bias of a convolution, one number a channel."""
    return left + (right.reshape(-1) if isinstance(right, np.ndarray) else right)


def _leaky(attributes: Any, value: Any) -> Any:
    import tensorflow as tf

    return tf.nn.leaky_relu(value, attributes["alpha"].f)


def _joined(_attributes: Any, *given: Any) -> Any:
    import tensorflow as tf

    return tf.concat(given[:-1], _last(range(4)).index(int(given[-1])))


def _most(attributes: Any, value: Any) -> Any:
    import tensorflow as tf

    sides, strides = (list(attributes[key].list.i) for key in ("ksize", "strides"))
    return tf.nn.max_pool2d(value, sides, strides, attributes["padding"].s.decode())


def _parts(_attributes: Any, value: Any, sizes: Any, axis: Any) -> list[Any]:
    import tensorflow as tf

    return list(tf.split(value, [int(size) for size in sizes], _last(range(4)).index(int(axis))))


def _sigmoid(_attributes: Any, value: Any) -> Any:
    import tensorflow as tf

    return tf.sigmoid(value)


def _last(axes: Any) -> list[Any]:
    """From (picture, channel, row, column) to (picture, row, column, channel)."""
    picture, channel, row, column = axes
    return [picture, row, column, channel]


# Operations that need to know the pictures' size, or the pictures.
_OF_SIZE = ("Placeholder", "ResizeBilinear")

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "Placeholder": _same,
    "Const": _constant,
    "SparseToDense": _no_value,
    "AddV2": _no_value,
    "Reshape": _cells,
    "ResizeBilinear": _resized,
    "Transpose": _same,
    "Identity": _same,
    "Pad": _padded,
    "PadV2": _padded,
    "Conv2D": _convolution,
    "Add": _sum,
    "LeakyRelu": _leaky,
    "ConcatV2": _joined,
    "MaxPool": _most,
    "SplitV": _parts,
    "Sigmoid": _sigmoid,
}
