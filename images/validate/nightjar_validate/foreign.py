"""Words for files that are not decoded, by how they begin: an owner then knows which setting of a camera to change."""

_BEGINNINGS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF or a raw picture"),
    (b"MM\0*", "a TIFF or a raw picture"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"ID3", "sound (MP3)"),
    (b"OggS", "Ogg (sound or video)"),
    (b"FLV", "a Flash video"),
    (b"\0\0\x01\xba", "an MPEG program stream"),
    (b"\0\0\x01\xb3", "a bare MPEG video stream"),
    (b"\0\0\0\x01", "a bare H.264 or H.265 stream"),
    (b"\x30\x26\xb2\x75", "Windows Media"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 picture"),
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
)
_BRANDS = ((b"avi", "an AVIF picture"), (b"he", "a HEIC picture"), (b"m", "a HEIF picture"))
_SHOWN = 8  # bytes
_TS = b"\x47"  # every 188 bytes of an MPEG transport stream


def described(head: bytes) -> str:
    """The likely kind of a file that begins with `head`, with its first bytes."""
    return f"{_kind(head)} (begins with {head[:_SHOWN].hex(' ')})"


def _kind(head: bytes) -> str:
    if not any(head):
        return "zeros"
    if head[4:8] == b"ftyp":
        return next((words for brand, words in _BRANDS if head[8:12].startswith(brand)), "an MP4 of another kind")
    if head[:4] == b"RIFF":
        return "sound (WAV)" if head[8:12] == b"WAVE" else "a RIFF file of another kind"
    if begun := next((words for beginning, words in _BEGINNINGS if head.startswith(beginning)), ""):
        return begun
    if head.startswith(_TS):
        return "an MPEG transport stream"
    if head.isascii() and head.decode("ascii").isprintable():
        return "text"
    return "a file of an unknown kind"
