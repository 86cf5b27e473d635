"""Which settings of validate make a result another one."""

from nightjar.settings.validate import ValidateSettings
from nightjar_validate.deciding import settings_fingerprint


def test_fingerprint() -> None:
    base = ValidateSettings()
    same = [ValidateSettings(decoders=3), ValidateSettings(still_seconds=9), ValidateSettings(decoder_mebibytes=512)]
    other = [ValidateSettings(long_side=640), ValidateSettings(max_still_bytes=9), ValidateSettings(grey_tolerance=9)]
    assert {settings_fingerprint(s, False) for s in same} == {settings_fingerprint(base, False)}
    assert (
        len(
            {
                settings_fingerprint(base, False),
                settings_fingerprint(base, True),
                *(settings_fingerprint(s, False) for s in other),
            }
        )
        == 5
    )
