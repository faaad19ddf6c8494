"""Laws as estimators of scikit-learn."""

import pytest

pytest.importorskip("sklearn", minversion="1.6")

import numpy as np
from conftest import TRUTH
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from lawfit.sklearn import LawRegressor


def test_the_estimator_passes_the_checks_of_scikit_learn(program):
    results = check_estimator(LawRegressor(), on_fail=None) if takes_on_fail() else check_estimator(LawRegressor())
    if results is not None:
        assert [r["check_name"] for r in results if r["status"] in ("failed", "xfail")] == []
        assert sum(r["status"] == "passed" for r in results) > 40


def takes_on_fail():
    import inspect

    return "on_fail" in inspect.signature(check_estimator).parameters


def table(runs):
    return np.column_stack([runs["params"], runs["tokens"]]), np.array(runs["val_loss"])


def test_features_are_the_variables_of_a_law_in_their_order(program, runs):
    X, y = table(runs)
    by_catalogue = LawRegressor("hoffmann").fit(X, y)
    assert by_catalogue.variables_ == ["N", "D"]
    assert by_catalogue.fit_["alpha"].value == pytest.approx(TRUTH["alpha"], abs=0.05)
    by_formula = LawRegressor("L = E + A / N^a + B / D^b", features=["N", "D"]).fit(X, y)
    assert by_formula.score(X, y) == pytest.approx(by_catalogue.score(X, y), abs=1e-3)
    assert by_formula.score(X, y) > 0.99


def test_named_columns_are_variables_in_any_order(program, runs):
    pandas = pytest.importorskip("pandas")
    X, y = table(runs)
    frame = pandas.DataFrame(X, columns=["N", "D"])
    swapped = LawRegressor("hoffmann").fit(frame[["D", "N"]], y)
    assert swapped.variables_ == ["D", "N"]
    assert np.array_equal(swapped.predict(frame[["D", "N"]]), LawRegressor("hoffmann").fit(X, y).predict(X))


def test_a_law_is_cross_validated(program, runs):
    X, y = table(runs)
    assert cross_val_score(LawRegressor("hoffmann"), X, y, cv=3).shape == (3,)


def test_features_that_do_not_fit_the_law_are_told(program, runs):
    X, y = table(runs)
    with pytest.raises(ValueError, match="X has 1 features, and the law has N, D"):
        LawRegressor("hoffmann").fit(X[:, :1], y)
    with pytest.raises(ValueError, match="features="):
        LawRegressor("L = E + A / N^a").fit(X, y)
