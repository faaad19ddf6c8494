"""Laws as scikit-learn estimators; scikit-learn 1.6 or newer must be installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _catalogue, _spec
from ._fit import Fit, fit, law_of
from ._spec import Setting


class LawRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A law as a regressor.

    Attributes:
        fit_: The `lawfit.Fit`, with intervals where `interval` is given, best splits, figures, and the spec.
        variables_: The variables of the law, in the order of the features.
    """

    def __init__(
        self,
        law: str | None = None,
        *,
        features: Sequence[str] | None = None,
        objective: str | Setting | None = None,
        parameters: Setting | None = None,
        interval: float | None = None,
        seed: int = 0,
        cache: str | Path | None = None,
    ) -> None:
        """Stores the settings.

        Args:
            law: A law of the catalogue or a formula. By default the one law that takes any number of features of
                any sign: features are logarithms of sizes there, x0 = exp(feature 0), because sizes are above zero,
                and the law is `y = b + w0 * ln(x0) + w1 * ln(x1) + ...`.
            features: The variables that the features of X are, in their order; by default the names of X's columns
                where these are names of the formula, else the variables of the catalogue's formula in their order.
            objective: As for `lawfit.fit`; by default that of specs, and squared residuals for the default law.
            parameters: As for `lawfit.fit`.
            interval: As for `lawfit.fit`; none by default, since `predict` gives values alone.
            seed: Seed of all random numbers.
            cache: The cache directory.
        """
        self.law = law
        self.features = features
        self.objective = objective
        self.parameters = parameters
        self.interval = interval
        self.seed = seed
        self.cache = cache

    def fit(self, X: Any, y: Any) -> LawRegressor:
        """Fits the law to the rows of X and y.

        Args:
            X: Features, rows by columns.
            y: The response of each row.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        formula, objective = self._formula(X.shape[1]), self.objective
        if self.law is None and objective is None:
            objective = {"least_squares": {"on": "raw"}}
        response = formula.partition("=")[0].strip()
        self.variables_ = self._variables(formula, response)
        columns = self._columns(X)
        self.fit_: Fit = fit(
            {**columns, response: y},
            formula if self.law is None else self.law,
            objective=objective,
            parameters=self.parameters,
            interval=self.interval,
            seed=self.seed,
            cache=self.cache,
            columns={name: name for name in (*self.variables_, response)},
        )
        return self

    def predict(self, X: Any) -> Any:
        """The response at the rows of X; NaN where it is not identified."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        values = self.fit_.predict(self._columns(X))["loss"]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    def _columns(self, X: Any) -> dict[str, Any]:
        sizes = np.exp(X) if self.law is None else X
        return {name: sizes[:, at] for at, name in enumerate(self.variables_)}

    def _formula(self, features: int) -> str:
        if self.law is None:
            return "y = b" + "".join(f" + w{at} * ln(x{at})" for at in range(features))
        law = law_of(self.law)
        return str(law.get("formula") or _catalogue.formula(law["use"]))

    def _variables(self, formula: str, response: str) -> list[str]:
        """The law's variables in the order of the features."""
        count: int = self.n_features_in_
        if self.law is None:
            return [f"x{at}" for at in range(count)]
        named = [str(name) for name in getattr(self, "feature_names_in_", ())]
        names = [name for name in _spec.names_in(formula) if name != response]
        law = law_of(self.law)
        if self.features is not None:
            variables = list(self.features)
        elif named and set(named) <= set(names):
            variables = named
        elif "use" in law:
            own = _catalogue.entry(law["use"])["variables"]
            variables = [name for name in names if name in own]
        else:
            raise ValueError(f"say which names of `{formula}` the features of X are: features=[...]")
        if len(variables) != count:
            raise ValueError(f"X has {count} features, and the law has {', '.join(variables)}")
        return variables
