"""Memory for the try after an end out of memory."""

import math

_MEBIBYTES = {"Mi": 1, "Gi": 1024}


def grown(memory: str, factor: float, most: str) -> str:
    """`memory` times `factor`, as Kubernetes writes it (`1536Mi`): at most `most`, and never less than it was."""
    bounded = min(math.ceil(_mebibytes(memory) * factor), _mebibytes(most))
    return f"{bounded}Mi" if bounded > _mebibytes(memory) else memory


def _mebibytes(memory: str) -> int:
    return int(memory[:-2]) * _MEBIBYTES[memory[-2:]]
