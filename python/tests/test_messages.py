"""Messages of the program in the words of a frame and of Python's arguments."""

import pytest

from lawfit import _messages

COLUMNS = {"L": "val_loss", "N": {"column": "params", "unit": "parameters"}, "g": {"column": "family", "type": "text"}}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            "L is missing: study.csv row 4",
            "L is missing: row 3 of the data frame (the first is row 0), column `val_loss`",
        ),
        (
            "g is empty, so the row belongs to no group: study.csv row 3, study.csv row 6 and 12 more",
            "g is empty, so the row belongs to no group: rows 2, 5 and 12 more of the data frame (the first is row 0), "
            "column `family`",
        ),
        ("N is zero: study.csv row 1, 2", "N is zero: rows 0, 1 of the data frame (the first is row 0)"),
        (
            'mend the file, or write `missing = "drop"` in the source to drop such rows',
            'mend the data frame, or pass `missing="drop"` to drop such rows',
        ),
        (
            '`objective = { least_squares = { on = "raw" } }` fits L itself',
            '`objective={"least_squares": {"on": "raw"}}` fits L itself',
        ),
        ("the law is `L = E + A / N^alpha`", "the law is `L = E + A / N^alpha`"),
    ],
)
def test_a_message_is_told_in_the_words_of_python(told, said):
    assert _messages.in_python(told, COLUMNS) == said


def test_a_long_line_of_values_is_cut():
    assert len(_messages.in_python(f"loss = {{ N = [{'1.0, ' * 4000}] }}", {})) < 400
