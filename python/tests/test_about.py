"""Which answers of a query a warning is about."""

import pytest

from lawfit._about import About

VALUES = [{"N": 1e9, "D": 2e10, "loss": 2.5}, {"N": 7e10, "D": 2e10, "loss": 2.0}, {"N": 7e10, "D": 1e30, "loss": None}]
OUTSIDE = "Where the law does not hold: "


@pytest.mark.parametrize(
    ("warning", "places"),
    [
        (OUTSIDE + "N = 7.000e10 is outside 7e7 to 1.6e10, the published range of the law.", [1, 2]),
        (OUTSIDE + "D = 2.000e10 is outside 5e10 to 5e11, the published range of the law.", [0, 1]),
        (OUTSIDE + "tokens are seen 9.0 times, and the law holds for up to 4 times.", [0, 1, 2]),
        ("At N = 1e9, D = 2e10; N = 7e10, D = 1e30: the best N = 7e10 is elsewhere.", [0, 2]),
        ("The answer at N = 7e10, D = 2e10 lies on these limits: N <= 7e10.", [1]),
        ("The fit did not converge, so this answer cannot be relied on.", [0, 1, 2]),
        ("The rows of the fit cannot separate the effects of the variables.", [2]),
        (OUTSIDE + "loss = 9.000e0 is outside 1 to 2.", [2]),
    ],
)
def test_a_warning_is_about_the_answers_whose_values_it_names(warning, places):
    verdicts = ["inside", "far", "not_identified"]
    assert list(About(VALUES, [None] * 3, verdicts).places(warning)) == places


def test_a_warning_about_an_output_is_about_the_answers_with_this_output():
    about = About([{"C": 1e20, "parabola_N": 1e9}, {"C": 1e20}], [None] * 2, ["inside"] * 2)
    assert list(about.places("`parabola_N` is the result of Approach 2.")) == [0]


def test_a_warning_about_a_group_is_about_its_answers():
    about = About([{"N": 7e10}, {"N": 1e9}, {"N": 7e10}, {"N": 1e9}], ["a", "a", "b", "b"], ["far"] * 4)
    assert list(about.places(f"b: {OUTSIDE}N = 7.000e10 is outside 7e7 to 1.6e10.")) == [2]
    assert list(about.places("b: The fit did not converge.")) == [2, 3]
