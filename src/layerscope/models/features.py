"""What a network has to beat on features that are given, such as fingerprints and descriptors of molecules.

Each is a function (features of training samples, training samples, features that are asked about) -> answers: of
classes and labels a probability each, of numbers one column in their unit. Of labels some of which are missing, each is
learned from the samples of which it is known.
"""

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import from_numpy

from layerscope.dataset import Dataset
from layerscope.models.answers import as_numbers
from layerscope.predictions import Numbers, Predictions

Features = Float[np.ndarray, "s d"]
PENALTIES = np.logspace(-2, 6, 17)


def forest(
    x: Features, train: Dataset, q: Float[np.ndarray, "q d"], trees: int = 300, seed: int = 0, jobs: int = 1
) -> Float[np.ndarray, "q k"]:
    """A random forest; hard to beat on fingerprints where samples are few.

    Args:
        jobs: how many processors it may use; -1: all.

    Reference: Breiman 2001, doi:10.1023/A:1010933404324.
    """
    if train.kind == "number":
        return forest_numbers(x, train, q, trees, seed, jobs)[0][:, None]
    return _probabilities(RandomForestClassifier(trees, random_state=seed, n_jobs=jobs), x, train, q)


def forest_numbers(
    x: Features, train: Dataset, q: Float[np.ndarray, "q d"], trees: int = 300, seed: int = 0, jobs: int = 1
) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " q"]]:
    """The mean of the trees, and how far they differ (standard deviation): where they do, the forest is unsure."""
    made = RandomForestRegressor(trees, max_features=1 / 3, random_state=seed, n_jobs=jobs)
    made.fit(x, train.targets.double().numpy())
    said = np.stack([tree.predict(q) for tree in made.estimators_])
    return said.mean(axis=0), said.std(axis=0)


def line(x: Features, train: Dataset, q: Float[np.ndarray, "q d"]) -> Float[np.ndarray, "q k"]:
    """A straight line on standardised features: ridge with the penalty of least leave-one-out error, or logistic."""
    if train.kind == "number":
        made = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
        return made.fit(x, train.targets.double().numpy()).predict(q).reshape(-1, 1)
    return _probabilities(make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)), x, train, q)


ON_FEATURES = {"random forest": forest, "linear model": line}


def as_said(answers: Float[np.ndarray, "q k"], test: Dataset) -> Predictions | Numbers:
    """Answers beside what is true of the samples; those of several labels are for `see.label_curve.as_labels`."""
    if test.several:
        raise ValueError(f"{test.name}: a sample may have several labels. Take see.label_curve.as_labels.")
    if test.kind == "number":
        return as_numbers(from_numpy(answers[:, 0]), test)
    return Predictions(answers, test.targets.numpy(), test.groups, test.ids, test.classes)


def _probabilities(model, x: Features, train: Dataset, q: Float[np.ndarray, "q d"]) -> Float[np.ndarray, "q k"]:
    """Of each class, or of each label by itself; where there is nothing to tell apart, its frequency (of none 0.5)."""
    y = train.targets.numpy()
    if not train.several:
        found = np.zeros((len(q), len(train.classes)))
        if len(there := np.unique(y)) > 1:
            found[:, there] = model.fit(x, y).predict_proba(q)
        else:
            found[:, there] = 1
        return found
    known = np.ones_like(y) if train.known is None else train.known.numpy()
    found = np.full((len(q), y.shape[1]), 0.5)
    for k, rows in enumerate(known.T):
        if 0 < (share := y[rows, k].mean() if rows.any() else 0.5) < 1 and rows.any():
            found[:, k] = model.fit(x[rows], y[rows, k]).predict_proba(q)[:, 1]
        else:
            found[:, k] = share
    return found
