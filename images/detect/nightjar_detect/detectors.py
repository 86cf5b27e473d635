"""The detector interface and what implements it. A backend is imported only when it is opened."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nightjar.errors import UsageError
from nightjar.settings.detect import Backend
from nightjar_detect.decoders.interface import DecoderKind, Floats, Outputs
from nightjar_detect.model import Input, ModelCard, read_artefact
from nightjar_detect.preprocess import Pixels, fill, table


class Detector(Protocol):
    """Runs the model on one picture at a time; used by one thread."""

    def infer(self, pixels: Pixels) -> Outputs:
        """The network's outputs by role, as floats, of pixels [height, width, 3] as the card's input says.

        The arrays are the caller's.
        """


class LiteRTDetector:
    """LiteRT (TensorFlow Lite) with XNNPACK on the CPU. Whole numbers in and out are converted as the file says."""

    def __init__(self, flatbuffer: bytes, threads: int, shape: Input, decoder: DecoderKind) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter: Any = Interpreter(model_content=flatbuffer, num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UsageError(f"expected a LiteRT model that this interpreter runs: {error}") from None
        fed = self._interpreter.get_input_details()[0]
        if (came := [int(n) for n in fed["shape"]]) != (expected := [1, shape.height, shape.width, 3]):
            raise UsageError(f"expected a model with input {expected}, as its card says, got {came}")
        self._input: int = fed["index"]
        self._table = table(shape, fed["dtype"], *fed["quantization"])
        self._outputs = _by_role(decoder, self._interpreter.get_output_details())

    def infer(self, pixels: Pixels) -> Outputs:
        # A view that outlives this line would forbid the next call of the interpreter.
        fill(pixels, self._table, self._interpreter.tensor(self._input)()[0])
        self._interpreter.invoke()
        return {role: self._floats(details) for role, details in self._outputs.items()}

    def _floats(self, details: Mapping[str, Any]) -> Floats:
        values: NDArray[Any] = self._interpreter.get_tensor(details["index"])[0]
        if values.dtype == np.float32:
            return values
        scale, zero = details["quantization"]
        return (values.astype(np.float32) - np.float32(zero)) * np.float32(scale or 1)


class TensorFlowDetector:
    """The SavedModel in TensorFlow: the reference, and the way to a GPU."""

    def __init__(self, directory: Path, threads: int, shape: Input, decoder: DecoderKind) -> None:
        try:
            import tensorflow as tf
        except ImportError as error:
            raise UsageError(
                f"expected TensorFlow for backend {Backend.TENSORFLOW}: {error}; build the image with "
                "requirements-tensorflow.txt"
            ) from None
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        self._model = tf.saved_model.load(str(directory))
        self._run: Any = self._model.signatures["serving_default"]
        if missing := sorted(set(decoder.roles) - set(self._run.structured_outputs)):
            raise UsageError(f"expected a SavedModel whose signature has {', '.join(decoder.roles)}, {missing} is not")
        self._roles = decoder.roles
        self._images = np.empty((1, shape.height, shape.width, 3), np.dtype(shape.dtype))
        self._table = table(shape, self._images.dtype)
        self._tensor: Any = tf.constant

    def infer(self, pixels: Pixels) -> Outputs:
        fill(pixels, self._table, self._images[0])
        raw = self._run(images=self._tensor(self._images))
        return {role: raw[role].numpy()[0] for role in self._roles}


def open_detector(backend: Backend, directory: Path, card: ModelCard, threads: int) -> Detector:
    """The detector of `backend`, its model checked against the card; raises UsageError."""
    artefact = card.artefact(backend)
    model = read_artefact(directory, artefact)
    if backend is Backend.TENSORFLOW:
        return TensorFlowDetector((directory / artefact.path).parent, threads, card.input, card.decoder)
    return LiteRTDetector(model, threads, card.input, card.decoder)


def _by_role(decoder: DecoderKind, outputs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The details of the output of each role; raises UsageError when there is none."""
    if not decoder.outputs:
        return _by_shape(decoder, outputs)
    found: dict[str, dict[str, Any]] = {}
    names = {details["name"]: details for details in outputs}
    for role in decoder.roles:
        wanted = decoder.outputs.get(role)
        if isinstance(wanted, str) and wanted in names:
            found[role] = names[wanted]
        elif isinstance(wanted, int) and 0 <= wanted < len(outputs):
            found[role] = outputs[wanted]
        else:
            came = ", ".join(f"{n}: {name}" for n, name in enumerate(names))
            raise UsageError(f"expected the model to have the output {role}, {wanted!r} by its card, got {came}")
    return found


def _by_shape(decoder: DecoderKind, outputs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Scores and boxes as cards of schema 1 leave them: what ends in 4 are boxes."""
    last = [int(details["shape"][-1]) for details in outputs]
    if set(decoder.roles) != {"scores", "boxes"} or len(outputs) != 2 or last.count(4) != 1:
        raise UsageError(f"expected a card that says which outputs are {', '.join(decoder.roles)}, got none")
    boxes = last.index(4)
    return {"boxes": outputs[boxes], "scores": outputs[1 - boxes]}
