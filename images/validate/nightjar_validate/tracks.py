"""Which track of a container is the film: previews, covers and smaller copies may lie beside it, and before it."""

from collections.abc import Sequence

import av
import av.container
import av.error
from av.stream import Disposition

_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def candidates(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The tracks that may be the film, the largest first; those that FFmpeg can decode, if it can decode any."""
    streams = [each for each in container.streams.video if not each.disposition & _NO_FILM]
    decodable = [each for each in streams if isinstance(each.codec_context, av.VideoCodecContext)]
    return sorted(decodable, key=_pixels, reverse=True) or streams


def film(container: av.container.InputContainer, tracks: Sequence[av.VideoStream]) -> int:
    """The index of the first of `tracks` that has more than one frame; of the very first if none has.

    Reads on in `container`, as far as it takes.
    """
    frames = {each.index: 0 for each in tracks}
    try:
        for packet in container.demux(tracks):
            frames[packet.stream.index] += bool(packet.size)
            if frames[tracks[0].index] > 1:
                break
    except av.error.FFmpegError:  # what is damaged is told when the film is decoded
        pass
    return next((index for index, count in frames.items() if count > 1), tracks[0].index)


def _pixels(stream: av.VideoStream) -> int:
    return stream.codec_context.width * stream.codec_context.height
