"""A network in a LiteRT (TensorFlow Lite) file, rebuilt in TensorFlow with the weights of that file and any input size.

It knows the six operations that an SSD with MobileNet consists of. Weights kept as float16 are widened to float32.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Constant = NDArray[Any]
Change = Callable[[str, Constant], Constant]


class UnknownPartError(Exception):
    """The file has an operation, an activation or an option that this module does not know; the message names it."""


def as_it_is(_name: str, constant: Constant) -> Constant:
    """The constant itself."""
    return constant


def none(_name: str) -> bool:
    """No convolution."""
    return False


def network(
    flatbuffer: bytes, images: Any, changed: Change = as_it_is, rectified: Callable[[str], bool] = none
) -> list[Any]:
    """The outputs of the network in `flatbuffer`, in its order, as TensorFlow computes them from `images`.

    `images` is a tensor, float32 [1, height, width, 3]. Each constant, which is a weight or a shape, is taken as
    `changed` gives it for its name. A convolution for whose weights' name `rectified` is true gets a Relu behind it.
    Raises UnknownPartError.
    """
    import tensorflow as tf
    from tensorflow.lite.python import schema_py_generated

    schema: Any = schema_py_generated
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer))
    part = model.subgraphs[0]
    kinds = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    names = [tensor.name.decode() for tensor in part.tensors]
    values: dict[int, Any] = {
        n: changed(names[n], _stored(tensor, data))
        for n, tensor in enumerate(part.tensors)
        if (data := model.buffers[tensor.buffer].data) is not None
    }
    values[part.inputs[0]] = images
    for operation in part.operators:
        kind = kinds[model.operatorCodes[operation.opcodeIndex].builtinCode]
        if kind not in _OPERATIONS:
            raise UnknownPartError(f"expected one of {', '.join(_OPERATIONS)}, got operation {kind}")
        given = [values[n] for n in operation.inputs]
        value = _OPERATIONS[kind](operation.builtinOptions, *given)
        last = kind == "CONV_2D" and rectified(names[operation.inputs[1]])
        values[operation.outputs[0]] = tf.nn.relu(value) if last else value
    return [values[n] for n in part.outputs]


def _stored(tensor: Any, data: Any) -> Constant:
    """The value of a tensor whose value is in the file."""
    types = {0: np.float32, 1: np.float16, 2: np.int32}  # as LiteRT's schema numbers them
    if tensor.type not in types:
        raise UnknownPartError(f"expected constants of type {sorted(types)}, got {tensor.type}")
    stored = np.dtype(types[tensor.type]).newbyteorder("<")
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), stored).reshape(tensor.shape)


def _widened(_options: Any, constant: Constant) -> Constant:
    return constant.astype(np.float32)


def _convolution(options: Any, images: Any, weights: Constant, bias: Constant) -> Any:
    """LiteRT keeps weights as [out, height, width, in], TensorFlow as [height, width, in, out]."""
    import tensorflow as tf

    strides = (options.strideH, options.strideW)
    result = tf.nn.conv2d(images, np.transpose(weights, (1, 2, 3, 0)), strides, _padding(options))
    return _activated(options, tf.nn.bias_add(result, bias))


def _depthwise(options: Any, images: Any, weights: Constant, bias: Constant) -> Any:
    """LiteRT keeps weights as [1, height, width, channels], TensorFlow as [height, width, channels, 1]."""
    import tensorflow as tf

    strides = (1, options.strideH, options.strideW, 1)
    result = tf.nn.depthwise_conv2d(images, np.transpose(weights, (1, 2, 3, 0)), strides, _padding(options))
    return _activated(options, tf.nn.bias_add(result, bias))


def _sum(options: Any, left: Any, right: Any) -> Any:
    return _activated(options, left + right)


def _joined(options: Any, *parts: Any) -> Any:
    import tensorflow as tf

    return tf.concat(parts, options.axis)


def _reshaped(_options: Any, value: Any, shape: Constant) -> Any:
    """Where a shape counts anchors, as many as its own input size has, they are counted anew."""
    import tensorflow as tf

    sizes = [int(each) for each in shape]
    if -1 not in sizes:
        sizes[sizes.index(max(sizes))] = -1
    return tf.reshape(value, sizes)


def _padding(options: Any) -> str:
    paddings = {0: "SAME", 1: "VALID"}  # as LiteRT's schema numbers them
    return paddings[options.padding]


def _activated(options: Any, value: Any) -> Any:
    import tensorflow as tf

    functions = {0: tf.identity, 1: tf.nn.relu, 3: tf.nn.relu6}  # as LiteRT's schema numbers them
    if options.fusedActivationFunction not in functions:
        raise UnknownPartError(f"expected activation {sorted(functions)}, got {options.fusedActivationFunction}")
    return functions[options.fusedActivationFunction](value)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "DEQUANTIZE": _widened,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "ADD": _sum,
    "CONCATENATION": _joined,
    "RESHAPE": _reshaped,
}
