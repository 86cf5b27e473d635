"""`python bare_interpreter.py MODEL N`: one LiteRT interpreter with one thread and nothing around it.

Prints `ready`, waits for a line, gives the model N pictures that lie in memory as it wants them (float32, normalised),
one after the other, takes its output, and prints pictures a second, and milliseconds of processor time for each.
"""

import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

PICTURES = 16


def main() -> None:
    interpreter = Interpreter(sys.argv[1], num_threads=1)
    interpreter.allocate_tensors()
    [images] = interpreter.get_input_details()
    outputs = [each["index"] for each in interpreter.get_output_details()]
    pictures = np.random.default_rng(1).random((PICTURES, *images["shape"]), np.float32) * 2 - 1
    pictures = pictures.astype(images["dtype"])

    def infer(number: int) -> None:
        interpreter.set_tensor(images["index"], pictures[number % PICTURES])
        interpreter.invoke()
        for output in outputs:
            interpreter.get_tensor(output)

    for number in range(20):
        infer(number)
    asked = int(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    started, spent = time.perf_counter(), time.process_time()
    for number in range(asked):
        infer(number)
    milliseconds = (time.process_time() - spent) / asked * 1000
    print(asked / (time.perf_counter() - started), milliseconds)


if __name__ == "__main__":
    main()
