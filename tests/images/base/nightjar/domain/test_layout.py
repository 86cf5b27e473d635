import pytest

from nightjar.domain.layout import last_segment


@pytest.mark.parametrize(
    ("prefix", "segment"), [("runs/d/r/shards/x/", "x"), ("runs/d/r", "r"), ("x/", "x"), ("x", "x"), ("", "")]
)
def test_last_segment(prefix: str, segment: str) -> None:
    assert last_segment(prefix) == segment
