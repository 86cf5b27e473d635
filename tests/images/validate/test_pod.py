"""How many decoders a pod keeps."""

from pathlib import Path

import pytest

from nightjar.settings.validate import ValidateSettings
from nightjar_validate import pod
from nightjar_validate.pod import decoder_count, pod_limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [(None, None), ("", None), ("max\n", None), ("max 100000\n", None), ("150000 100000", [150_000, 100_000])],
)
def test_pod_limit(text: str | None, limit: list[int] | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert pod_limit("cpu.max", tmp_path) == limit


GIB = 1 << 30


@pytest.mark.parametrize(
    ("cpu", "memory", "decoders", "count"),
    [
        (None, None, 0, 64),
        ([200_000, 100_000], None, 0, 2),
        ([50_000, 100_000], None, 0, 1),
        (None, [2 * GIB], 0, 1),
        (None, [4 * GIB], 0, 3),
        (None, [GIB // 2], 0, 1),
        ([800_000, 100_000], [4 * GIB], 0, 3),
        ([100_000, 100_000], [2 * GIB], 5, 5),
    ],
)
def test_decoders_fit_the_pod(
    cpu: list[int] | None, memory: list[int] | None, decoders: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod, "pod_limit", {"cpu.max": cpu, "memory.max": memory}.__getitem__)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(64))
    assert decoder_count(ValidateSettings(decoders=decoders)) == count
