"""Messages between validate and its decoders over a socket: a JSON head and a payload, both with their lengths.

JSON and never pickle: a decoder that was taken over by a hostile file must not reach through its answer. A job comes
with its file as an open descriptor, so a decoder needs no path and no right to open one.
"""

import json
import os
import socket
import struct
import time
from dataclasses import asdict
from typing import Any, BinaryIO

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import LARGEST_PREVIEW, Decoded, Job, Limits, Refused
from nightjar_validate.formats import Format

_LENGTHS = struct.Struct("!II")
_FILE = b"f"  # the byte that a descriptor travels with
_LONGEST_HEAD = 64 << 10
_LONGEST_PAYLOAD = 64 << 20
_LONGEST_DETAIL = 1000

Answer = Decoded | Refused | None  # None: the job is taken, and later done


class WireError(Exception):
    """The bytes that came are not a message."""


class Closed(Exception):  # noqa: N818 - reads as the outcome it is
    """The other end is gone."""


def send_ready(channel: socket.socket, unsealed: str) -> None:
    """A decoder's first message: it takes jobs. `unsealed` says why it is not sealed, and is empty when it is."""
    _send(channel, {"kind": "ready", "unsealed": unsealed[:_LONGEST_DETAIL]})


def receive_ready(channel: socket.socket, deadline: float) -> str:
    """Why the decoder is not sealed, empty when it is; raises TimeoutError at `deadline`, Closed, or WireError."""
    head, _ = _receive(channel, deadline)
    match head:
        case {"kind": "ready", "unsealed": str(unsealed)}:
            return unsealed
    raise WireError(f"expected a decoder that is ready, got {str(head)[:200]}")


def send_job(channel: socket.socket, job: Job, file: BinaryIO) -> None:
    """Hand `job` to a decoder, with its file, open for reading."""
    socket.send_fds(channel, [_FILE], [file.fileno()])
    _send(channel, asdict(job))


def receive_job(channel: socket.socket) -> tuple[Job, BinaryIO]:
    """The next job and its file, which is the caller's to close; raises Closed when there will be none."""
    _, descriptors, _, _ = socket.recv_fds(channel, len(_FILE), 1)
    if not descriptors:
        raise Closed
    file = os.fdopen(descriptors[0], "rb")
    head, _ = _receive(channel, None)
    return Job(**{**head, "format": Format(head["format"]), "limits": Limits(**head["limits"])}), file


def send_answer(channel: socket.socket, answer: Answer) -> None:
    """One picture or refusal; or None, once when the job is taken and once when it is done."""
    match answer:
        case None:
            _send(channel, {"kind": "end"})
        case Decoded(data, width, height, offset_ms):
            _send(channel, {"kind": "decoded", "width": width, "height": height, "offset_ms": offset_ms}, data)
        case Refused(reason, detail, offset_ms, data, preview):
            said = {"reason": reason, "detail": detail[:_LONGEST_DETAIL], "offset_ms": offset_ms}
            _send(channel, {"kind": "refused", **said, "preview": len(preview)}, preview + data)


def receive_answer(channel: socket.socket, deadline: float) -> Answer:
    """The next answer; raises TimeoutError at `deadline` (monotonic), Closed, or WireError if it is no answer."""
    head, data = _receive(channel, deadline)
    try:
        match head:
            case {"kind": "end"}:
                return None
            case {"kind": "decoded", "width": int(width), "height": int(height), "offset_ms": int(offset_ms)}:
                return Decoded(data, width, height, offset_ms)
            case {
                "kind": "refused",
                "reason": reason,
                "detail": str(detail),
                "offset_ms": int() | None as offset,
                "preview": int(preview),
            } if 0 <= preview <= min(len(data), LARGEST_PREVIEW):
                detail.encode()  # a lone surrogate, which JSON can hold, could not be stored
                return Refused(Reason(reason), detail, offset, data[preview:], data[:preview])
    except ValueError as error:
        raise WireError(str(error)) from error
    raise WireError(f"expected an answer, got {str(head)[:200]}")


def _send(channel: socket.socket, head: object, payload: bytes = b"") -> None:
    text = json.dumps(head).encode()
    channel.sendall(_LENGTHS.pack(len(text), len(payload)) + text)
    if payload:
        channel.sendall(payload)


def _receive(channel: socket.socket, deadline: float | None) -> tuple[dict[str, Any], bytes]:
    head_length, payload_length = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size, deadline))
    if head_length > _LONGEST_HEAD or payload_length > _LONGEST_PAYLOAD:
        raise WireError(f"expected a bounded message, got {head_length} and {payload_length} bytes")
    try:
        head = json.loads(_exactly(channel, head_length, deadline))
    except (ValueError, RecursionError) as error:
        raise WireError(f"expected JSON: {error}") from error
    if not isinstance(head, dict):
        raise WireError(f"expected an object, got {type(head).__name__}")
    return head, _exactly(channel, payload_length, deadline)


def _exactly(channel: socket.socket, length: int, deadline: float | None) -> bytes:
    data = bytearray(length)
    view, got = memoryview(data), 0
    while got < length:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        try:
            count = channel.recv_into(view[got:])
        except ConnectionError as error:
            raise Closed from error
        if count == 0:
            raise Closed
        got += count
    return bytes(data)
