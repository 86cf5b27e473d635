"""A short round of chaos: everything that lands has its end, nobody hears of an event twice without being told so."""

from pathlib import Path

import pytest

from nightjar_local.chaos import harness
from nightjar_local.chaos.rounds import as_account

pytestmark = pytest.mark.timeout(1200)  # a fresh clone builds the images and the model first

SEED = 7
SECONDS = 60


def test_a_short_round_holds(tmp_path: Path) -> None:
    result = harness.run(tmp_path / "chaos", SEED, SECONDS)
    print(as_account(result))
    assert result.problems == []
    assert result.remains is not None
    assert len(result.remains.uploads) > 30
    assert result.remains.messages
    assert sum(each.restarts for each in result.restarts) > 0
    done = {kind.split(" ")[0] for kind in result.done}
    assert {"S3", "mail"} <= done
    assert {"killed", "frozen"} <= {kind.rsplit(" ", 1)[-1] for kind in result.done}
