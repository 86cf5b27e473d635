"""The figures of the README: what is written between the marks, and what stays."""

from datetime import date

import pytest

from tests.benchmarks.figures import BEGIN, END, figure, machine, written
from tests.benchmarks.rows import Asked, Row

PAGE = f"""before

{BEGIN}
old

| what | figure |
|---|---|
| one thing | 1 s |
| another | 2 s, 0.50 of it |
{END}

after
"""


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (Row("a", 8.0, "s"), "8.00 s"),
        (Row("a", 12.34, "s"), "12.3 s"),
        (Row("a", 12345.6, "pictures/s"), "12,346 pictures/s"),
        (Row("a", 50, "pictures/s", 40, "plain Pillow"), "50.0 pictures/s, 1.25 of plain Pillow"),
        (Row("a", 5000, "pictures/s", 50, "new ones"), "5,000 pictures/s, 100 times new ones"),
        (Row("a", 100, "MiB", 500, "limit", 1.0, Asked.AT_MOST), "100 MiB"),
        (Row("a", 2, "ms", 4, "1,000:", 1.2, Asked.AT_MOST), "2.00 ms, 0.50 of 1,000 (less is better)"),
    ],
)
def test_a_figure_in_words(row: Row, text: str) -> None:
    assert figure(row) == text


def test_figures_are_written_and_others_stay() -> None:
    rows = [
        Row("no figure", 1, "s"),
        Row("x", 3, "s", figure="one thing"),
        Row("y", 4, "s", figure="a new thing"),
    ]
    page = written(PAGE, rows, date(2026, 11, 27), "2 cores")
    assert page.startswith("before\n") and page.endswith("\nafter\n")
    assert "`make bench` on 2026-11-27: 2 cores." in page
    assert page.count("|---|---|") == 1
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert lines == [
        "| what | figure |",
        "| one thing | 3.00 s |",
        "| another | 2 s, 0.50 of it |",
        "| a new thing | 4.00 s |",
    ]
    assert written(page, rows, date(2026, 11, 27), "2 cores") == page


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a page with"):
        written("nothing", [], date(2026, 11, 27), "2 cores")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "2 cores of an unknown processor without VNNI, 24 GiB, SeaweedFS on the same"),
        (
            ["model name\t: EPYC", "flags\t\t: fpu avx512_vnni", "model name\t: EPYC"],
            "2 cores of EPYC with VNNI, 24 GiB, SeaweedFS on the same",
        ),
    ],
)
def test_the_machine_in_words(lines: list[str], said: str) -> None:
    assert machine(lines, 2, 24 << 30) == said
