"""A whole detector in a kilobyte: it sees patches of red, green and blue, each in a quarter of the picture.

Its network is made here by hand: the mean colour of each quarter is its scores, its boxes are constants.
"""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SIDE = 16
QUARTERS_YXYX = ((0.0, 0.0, 0.5, 0.5), (0.0, 0.5, 0.5, 1.0), (0.5, 0.0, 1.0, 0.5), (0.5, 0.5, 1.0, 1.0))


def tiny_model() -> bytes:
    """The LiteRT file: input [1, 16, 16, 3] float32; outputs `scores` [1, 4, 3] and `boxes` [1, 4, 4]."""
    model = schema.ModelT()
    model.version, model.description = 3, b"patches of colour"
    model.buffers = [_buffer(b""), _buffer(np.array(QUARTERS_YXYX, np.float32).tobytes())]
    model.buffers.append(_buffer(np.array([1, 4, 3], np.int32).tobytes()))
    model.operatorCodes = [_code(schema.BuiltinOperator.AVERAGE_POOL_2D), _code(schema.BuiltinOperator.RESHAPE)]
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor("pixels", [1, SIDE, SIDE, 3]),
        _tensor("means", [1, 2, 2, 3]),
        _tensor("scores", [1, 4, 3]),
        _tensor("boxes", [1, 4, 4], buffer=1),
        _tensor("shape", [3], buffer=2, kind=schema.TensorType.INT32),
    ]
    pool = schema.Pool2DOptionsT()
    pool.padding, pool.strideH, pool.strideW, pool.filterHeight, pool.filterWidth = (
        schema.Padding.VALID,
        *[SIDE // 2] * 4,
    )
    graph.operators = [
        _operator(0, [0], [1], schema.BuiltinOptions.Pool2DOptions, pool),
        _operator(1, [1, 4], [2], schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()),
    ]
    graph.inputs, graph.outputs = [0], [2, 3]
    model.subgraphs = [graph]
    builder: Any = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(data: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8) if data else None
    return buffer


def _code(builtin: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    return code


def _tensor(name: str, shape: list[int], buffer: int = 0, kind: int = schema.TensorType.FLOAT32) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer, tensor.type = name.encode(), shape, buffer, kind
    return tensor


def _operator(code: int, inputs: list[int], outputs: list[int], options_type: int, options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    operator.builtinOptionsType, operator.builtinOptions = options_type, options
    return operator
