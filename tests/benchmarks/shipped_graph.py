"""`python -m tests.benchmarks.shipped_graph MODEL VALIDATED N THREADS`: the TensorFlow graph as shipped.

Fetches, decodes and feeds N pictures of a validated shard at `image_tensor`, one at a time, with so many threads (0: as
TensorFlow does by itself, on all cores), and finds objects in what comes out; prints pictures a second.
"""

import io
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from nightjar.domain.detections import Picture
from nightjar.domain.layout import PICTURES
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar_detect.deciding import finder
from nightjar_detect.model import read_card


def main() -> None:
    folder, prefix, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    threads = int(sys.argv[4])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    find = finder(read_card(folder)[0], 0.1)
    model = tf.saved_model.load(str(folder / "saved_model"))
    graph = model.signatures["image_tensor"]
    store = S3Store(StoreSettings())
    pictures = read_lines(store, f"{prefix}{PICTURES}", Picture)[0][:number]

    def look(picture: Picture) -> None:
        with Image.open(io.BytesIO(store.get(picture.standard_key)[0])) as decoded:
            raw = graph(images=tf.constant(np.asarray(decoded)[None]))
        find({role: tensor.numpy()[0] for role, tensor in raw.items()})

    for picture in pictures[:10]:
        look(picture)
    started = time.perf_counter()
    for picture in pictures:
        look(picture)
    print(len(pictures) / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
