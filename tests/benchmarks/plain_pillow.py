"""The measure for validate: Pillow decodes, resizes and encodes the pictures given as files, in one process.

Prints pictures a second, from the first to the last picture. Standard library and Pillow only.
"""

import io
import sys
import time
from pathlib import Path

from PIL import Image

LONG_SIDE = 1280
QUALITY = 85


def standard(data: bytes) -> bytes:
    """The plain way, nothing checked."""
    with Image.open(io.BytesIO(data)) as image:
        scale = LONG_SIDE / max(image.size)
        small = image.resize((round(image.width * scale), round(image.height * scale)))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=QUALITY)
        return file.getvalue()


if __name__ == "__main__":
    rounds, *names = sys.argv[1:]
    pictures = [Path(name).read_bytes() for name in names]
    standard(pictures[0])
    began = time.perf_counter()
    for _ in range(int(rounds)):
        for picture in pictures:
            standard(picture)
    print(int(rounds) * len(pictures) / (time.perf_counter() - began))
