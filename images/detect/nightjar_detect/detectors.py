"""The detector interface and what implements it. A backend is imported only when it is opened."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nightjar.errors import UsageError
from nightjar.settings.detect import Backend
from nightjar_detect.model import ModelCard, read_artefact
from nightjar_detect.postprocess import Floats
from nightjar_detect.preprocess import SIZE, Pixels, normalise


class Detector(Protocol):
    """Runs the model on one picture at a time; used by one thread."""

    def infer(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Raw scores [1917, 90] in 0..1 and boxes [1917, 4] as y_min, x_min, y_max, x_max, of [300, 300, 3] pixels.

        The arrays are the caller's.
        """


class LiteRTDetector:
    """LiteRT (TensorFlow Lite) with XNNPACK on the CPU."""

    def __init__(self, flatbuffer: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter: Any = Interpreter(model_content=flatbuffer, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        outputs = {tuple(each["shape"][2:]): each["index"] for each in self._interpreter.get_output_details()}
        self._scores, self._boxes = outputs[(90,)], outputs[(1, 4)]

    def infer(self, pixels: Pixels) -> tuple[Floats, Floats]:
        # A view that outlives this line would forbid the next call of the interpreter.
        normalise(pixels, self._interpreter.tensor(self._input)()[0])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._scores)[0], self._interpreter.get_tensor(self._boxes)[0, :, 0]


class TensorFlowDetector:
    """The SavedModel in TensorFlow: the reference, and the way to a GPU."""

    def __init__(self, directory: Path, threads: int) -> None:
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
        self._images = np.empty((1, SIZE, SIZE, 3), np.float32)
        self._tensor: Any = tf.constant

    def infer(self, pixels: Pixels) -> tuple[Floats, Floats]:
        normalise(pixels, self._images[0])
        raw = self._run(images=self._tensor(self._images))
        return raw["scores"].numpy()[0], raw["boxes"].numpy()[0, :, 0]


def open_detector(backend: Backend, directory: Path, card: ModelCard, threads: int) -> Detector:
    """The detector of `backend`, its model checked against the card; raises UsageError."""
    artefact = card.artefact(backend)
    model = read_artefact(directory, artefact)
    if backend is Backend.TENSORFLOW:
        return TensorFlowDetector((directory / artefact.path).parent, threads)
    return LiteRTDetector(model, threads)
