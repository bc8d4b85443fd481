import pytest

from filters.calibration import Band, bands
from filters.embedding import Config, open_index
from schemas.row import Row, new_row, to_frame

TEXTS = [
    "Write a poem about the sea.",
    "Please write a poem about the sea",
    "Compose a poem about the ocean.",
    "Explain how a bill becomes a law in Canada.",
    "Describe how bills become laws in Canada.",
    "What is the sum of 24 and 31?",
    "What is the sum of 24 and 37?",
    "",
    "Bake bread.",
]
ROWS = [new_row(text, stage="s", source=str(place)) for place, text in enumerate(TEXTS)]


def found(rows: list[Row] = ROWS, lowest: float = 0.8, width: float = 0.02, pairs: int = 5) -> list[Band]:
    return bands(to_frame(rows), Config(), lowest=lowest, width=width, pairs=pairs)


def test_bands_run_from_the_lowest_to_one_without_a_gap() -> None:
    told = found(lowest=0.5, width=0.1)
    assert [band.low for band in told] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert [band.high for band in told] == [0.6, 0.7, 0.8, 0.9, 1.0]


def test_each_row_is_paired_with_the_nearest_before_it() -> None:
    pairs = {pair.id: pair for band in found(lowest=0.5, width=0.1, pairs=9) for pair in band.pairs}
    sea = pairs[ROWS[1].id]
    assert (sea.neighbour, sea.text, sea.neighbour_text) == (ROWS[0].id, TEXTS[1], TEXTS[0])
    assert pairs[ROWS[4].id].neighbour == ROWS[3].id
    assert ROWS[0].id not in pairs  # nothing before it
    assert ROWS[6].id not in pairs  # another sum


def test_counts_say_what_a_threshold_would_drop() -> None:
    told = found(lowest=0.5, width=0.1)
    for place, band in enumerate(told):
        assert band.rows_from == sum(each.rows for each in told[place:])
        index, frame = open_index(Config(threshold=band.low)), to_frame(ROWS)
        dropped = sum(not verdict.keep for verdict in index.decide(frame, index.sign(frame)))
        assert dropped <= band.rows_from <= dropped + 1


def test_the_same_seed_shows_the_same_pairs() -> None:
    many = [new_row(f"Write a poem about {noun}.", stage="s") for noun in ("sea", "ocean", "moon", "sun", "rain")]
    assert found(many, lowest=0.3, width=0.7, pairs=2) == found(many, lowest=0.3, width=0.7, pairs=2)
    assert [len(band.pairs) for band in found(many, lowest=0.3, width=0.7, pairs=2)] == [2]


def test_no_rows_make_empty_bands() -> None:
    assert {band.rows for band in found([])} == {0}


@pytest.mark.parametrize(("lowest", "width"), [(1.0, 0.02), (0.8, 0.0), (-2.0, 0.02)])
def test_bands_that_cannot_be_are_refused(lowest: float, width: float) -> None:
    with pytest.raises(ValueError, match="give a lowest cosine below 1"):
        found(lowest=lowest, width=width)
