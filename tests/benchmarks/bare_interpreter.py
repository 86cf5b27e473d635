"""`python bare_interpreter.py MODEL N`: one LiteRT interpreter with one thread and nothing around it.

Prints `ready`, waits for a line, runs the model N times and prints pictures a second.
"""

import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main() -> None:
    interpreter = Interpreter(sys.argv[1], num_threads=1)
    interpreter.allocate_tensors()
    [images] = interpreter.get_input_details()
    interpreter.set_tensor(images["index"], np.random.default_rng(1).random(images["shape"], np.float32) * 2 - 1)
    for _ in range(20):
        interpreter.invoke()
    number = int(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for _ in range(number):
        interpreter.invoke()
    print(number / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
