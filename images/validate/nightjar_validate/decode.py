"""The decode function that production runs: stills and videos by their format."""

from nightjar_validate.decoded import Job, Output


def decode(job: Job) -> Output:
    """All pictures in the file of `job`, and what is refused of it. FFmpeg is only loaded for the first video."""
    if job.format.is_video:
        from nightjar_validate.videos import decode_video

        yield from decode_video(job)
    else:
        from nightjar_validate.stills import decode_still

        yield from decode_still(job)
