"""Which frames show what the camera saw. Decoders make up what is missing, and later frames build on that."""

# They hold a frame back until all that it builds on is there. All others begin with whatever comes.
_CAREFUL_DECODERS = {"h264", "hevc"}
# The words of FFmpeg's decoders about a frame that they show nevertheless, and do not always mark.
_DAMAGE = (
    "error while decoding MB",
    "overlaps with next",
    "Missing reference picture",
    "Could not find ref with POC",
    "Error constructing the frame RPS",
    "outside the valid range",
    "mismatching checksum",
)
_GAP = "Frame num gap"  # frames are missing that the next ones build on; at the beginning of a clip that is no news
DAMAGED = "damaged frames"  # or frames that build on them


def tells_of_damage(message: str, *, begun: bool) -> bool:
    """Whether this message of a decoder means that the frame is damaged. Most errors that they log mean nothing.

    `begun`: whether there was a good frame yet.
    """
    return any(words in message for words in _DAMAGE) or (begun and _GAP in message)


class Trust:
    """Frames are trusted from a whole key frame on, until one is damaged.

    Packets are numbered as they are decoded, and frames come out in the order of their time, `shown` (any unit).
    """

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self.first: int | None = None  # the packet of the first frame that is trusted
        self.lost = 0  # frames after that which are not
        self.damage = ""  # the first, in words
        self.breaks = 0  # how often something was damaged
        self._damaged = None if codec in _CAREFUL_DECODERS else (-1, -1)  # the first and last since a key frame
        self._key_shown: int | None = None  # of the key frame that was decoded last

    def read(self, shown: int | None, *, key: bool) -> None:
        """The next packet is about to be decoded."""
        if key:
            self._key_shown = shown

    def break_at(self, number: int, shown: int | None, damage: str, *, key: bool) -> None:
        """Packet `number` is damaged: nothing that is decoded after it is trusted before the next key frame.

        It is no damage, though, that a frame cannot be decoded which needs a `key` frame before the first one, whether
        it is decoded before that one or only shown before it. Nothing that is shown after a key frame needs the latter.
        """
        if not key and shown is not None and self._key_shown is not None and shown < self._key_shown:
            return
        self.breaks += 1
        first, last = self._damaged or (number, number)
        self._damaged = min(first, number), max(last, number)
        if self.first is not None or key:
            self.damage = damage if self.damage in {"", DAMAGED} else self.damage

    def trusts(self, number: int, shown: int | None, *, key: bool, marked: bool) -> bool:
        """Whether the frame of packet `number` is what the camera saw; `marked`: its decoder says that it is not."""
        if marked:
            self.break_at(number, shown, DAMAGED, key=key)
        elif self._damaged and key and number > self._damaged[1]:
            self._damaged = None
        if marked or (self._damaged and number >= self._damaged[0]):
            self.lose()
            return False
        self.first = number if self.first is None else self.first
        return True

    def lose(self, damage: str = "") -> None:
        """A frame is left out; `damage` says why if that is not known yet."""
        self.lost += self.first is not None
        self.damage = self.damage or damage
