"""Tables for a terminal."""

from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> Iterator[str]:
    """The rows with columns of one width, two spaces apart; those whose index is in `right` are aligned to the right.

    Numbers get commas between thousands.
    """
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))]
    for row in cells:
        padded = (
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()
