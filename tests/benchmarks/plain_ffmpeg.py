"""The measure for videos: `plain_ffmpeg.py FILE all|needed RATE`: FFmpeg decodes with one thread; prints seconds, and
those of processor time.

Needed are the frames at each second, and those from the last key frame on upon which they build: in a film without
B-frames, all between. Nothing is scaled, encoded or checked. PyAV only.
"""

import sys
import time

import av


def main() -> None:
    name, frames, rate = sys.argv[1], sys.argv[2], int(sys.argv[3])
    began, spent = time.perf_counter(), time.process_time()
    with av.open(name, "r") as container:
        [film] = container.streams.video
        film.codec_context.thread_count = 1
        group: list[av.Packet[av.VideoStream]] = []
        for packet in container.demux(film):
            if frames == "all":
                film.decode(packet)
                continue
            if packet.is_keyframe or not packet.size:
                _decode(film, group, rate)
                group = []
            group.append(packet)
        _decode(film, group, rate)
    print(time.perf_counter() - began, time.process_time() - spent)


def _decode(film: av.VideoStream, group: "list[av.Packet[av.VideoStream]]", rate: int) -> None:
    shown = [None if p.pts is None else round(float(p.pts * p.time_base) * rate) for p in group]
    last = max((place for place, number in enumerate(shown) if number is None or number % rate == 0), default=-1)
    for packet in group[: last + 1]:
        film.decode(packet)


if __name__ == "__main__":
    main()
