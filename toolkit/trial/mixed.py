"""Linear mixed models by restricted maximum likelihood (statsmodels), with components that may turn out to be nothing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

_NOTHING = 1e-4  # of the residual variance: a component under it is none, and leaves the model
_OPTIMISERS = ["bfgs", "lbfgs", "powell"]  # in turn, until one converges


class NotFittedError(Exception):
    """A model cannot be fitted; the text says why."""


@dataclass(frozen=True, eq=False)
class MixedFit:
    """Fixed effects and random components of a linear model.

    ``names`` (p,), ``estimates`` (p,) and ``covariance`` (p, p) of the fixed effects. ``sds``: standard deviations of
    the random components by name, "residual" last. ``dropped``: components whose variance was estimated as 0, or which
    the data could not tell from the others. ``log_likelihood`` is the restricted one; None where there is no random
    effect. ``residual_df``: observations less fixed effects.
    """

    names: tuple[str, ...]
    estimates: Float
    covariance: Float
    sds: Mapping[str, float]
    observations: int
    groups: int
    dropped: tuple[str, ...] = ()
    log_likelihood: float | None = None

    @property
    def residual_df(self) -> int:
        """Observations less fixed effects."""
        return self.observations - len(self.names)

    def linear(self, weights: Mapping[str, float]) -> tuple[float, float]:
        """A weighted sum of fixed effects, and its standard error."""
        row = np.array([weights.get(name, 0.0) for name in self.names])
        return float(row @ self.estimates), float(np.sqrt(row @ self.covariance @ row))


def fit_mixed(
    values: Float,
    effects: Mapping[str, Float],
    group: tuple[str, Sequence[str]],
    components: Mapping[str, Sequence[str]] | None = None,
) -> MixedFit:
    """Fit ``values`` (n,) = ``effects`` (p columns of n) + a random intercept of each group + independent ``components``
    within groups + residual, by REML.

    ``group``: what a group is called ("subject") and the group of each value (n,). ``components``: by name the level of
    each value (n,): values of one group and one level share a random effect. Components of no variance are dropped, the
    smallest first, and the model is fitted again, which leaves its likelihood as it was. Raises NotFittedError.
    """
    design = np.column_stack([np.asarray(column, float) for column in effects.values()])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NotFittedError("its fixed effects cannot be told apart with these data")
    kept, dropped = dict(components or {}), []
    while True:
        fit = _fitted(values, design, group[1], kept)
        sds = fit.sds
        nothing = [name for name in kept if not sds[name] ** 2 > _NOTHING * sds["residual"] ** 2]
        if fit.converged and not nothing:
            break
        if not kept:
            raise NotFittedError("it did not converge")
        out = min(kept, key=sds.__getitem__)
        dropped.append(out)
        del kept[out]
    if not (np.isfinite(fit.estimates).all() and np.isfinite(fit.covariance).all()):
        raise NotFittedError("it has no finite standard errors")
    named = {group[0]: fit.intercept, **{name: sds[name] for name in kept}, "residual": sds["residual"]}
    return MixedFit(
        tuple(effects), fit.estimates, fit.covariance, named, len(values), len(set(group[1])),
        dropped=tuple(dropped), log_likelihood=fit.log_likelihood,
    )  # fmt: skip


def fit_plain(values: Float, effects: Mapping[str, Float], groups: int) -> MixedFit:
    """Fit ``values`` (n,) = ``effects`` + residual by least squares, where each group has a single value."""
    from statsmodels.regression.linear_model import OLS

    design = np.column_stack([np.asarray(column, float) for column in effects.values()])
    if np.linalg.matrix_rank(design) < design.shape[1] or len(values) <= design.shape[1]:
        raise NotFittedError("its fixed effects cannot be told apart with these data")
    found = OLS(values, design).fit()
    return MixedFit(
        tuple(effects), found.params, found.cov_params(), {"residual": float(np.sqrt(found.scale))},
        len(values), groups,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Fitted:
    estimates: Float
    covariance: Float
    intercept: float  # SD of the groups
    sds: Mapping[str, float]
    converged: bool
    log_likelihood: float


def _fitted(
    values: Float, design: Float, groups: Sequence[str], components: Mapping[str, Sequence[str]]
) -> _Fitted:
    from statsmodels.regression.mixed_linear_model import MixedLM

    with warnings.catch_warnings():  # what they say of convergence and of variances of 0 is handled here
        warnings.simplefilter("ignore")
        model = MixedLM(
            values,
            design,
            np.asarray(groups),
            np.ones((len(values), 1)),
            exog_vc=_components(groups, components) if components else None,
        )
        try:
            found = model.fit(reml=True, method=_OPTIMISERS)
            covariance = _covariance(model, found.params_object, design.shape[1])
        except (np.linalg.LinAlgError, ValueError) as error:
            raise NotFittedError(f"its equations cannot be solved ({error})") from None
    sds = dict(zip(components, np.sqrt(np.maximum(found.vcomp, 0.0)).tolist(), strict=True))
    return _Fitted(
        np.asarray(found.fe_params), covariance, float(np.sqrt(max(float(found.cov_re[0, 0]), 0.0))),
        {**sds, "residual": float(np.sqrt(found.scale))}, bool(found.converged), float(found.llf),
    )  # fmt: skip


def _covariance(model: Any, parameters: Any, effects: int) -> Float:
    """The covariance (p, p) of the fixed effects by generalised least squares, scale (sum X' V^-1 X)^-1, as lme4, nlme and
    SAS take it. ``cov_params`` of statsmodels inverts the whole observed information in its place, which near variances
    of 0 is not even positive."""
    information, _ = model.hessian(parameters)
    return np.linalg.inv(-np.asarray(information)[:effects, :effects])


def _components(groups: Sequence[str], components: Mapping[str, Sequence[str]]) -> Any:
    """The components as statsmodels takes them: of each group, sorted, one column per level."""
    from statsmodels.regression.mixed_linear_model import VCSpec

    places: dict[str, list[int]] = {}
    for place, name in enumerate(groups):
        places.setdefault(name, []).append(place)
    titles, matrices = [], []
    for levels in components.values():
        of_groups = [[levels[place] for place in places[name]] for name in sorted(places)]
        found = [sorted(set(here)) for here in of_groups]
        titles.append(found)
        matrices.append([
            np.array([[float(level == one) for one in some] for level in here])
            for here, some in zip(of_groups, found, strict=True)
        ])  # fmt: skip
    return VCSpec(list(components), titles, matrices)
