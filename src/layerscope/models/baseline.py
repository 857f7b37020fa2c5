"""What a deep network has to beat: four ways to classify without learning any feature.

Each is a function (train, test) -> Predictions. A claim for a network is made beside these.
"""

import warnings

import numpy as np
import torch
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, one_hot

from layerscope.dataset import Dataset
from layerscope.models.answers import as_numbers
from layerscope.predictions import Numbers, Predictions


def small(dataset: Dataset, size: int) -> Float[Tensor, "s d"]:
    """Images averaged down to size × size and flattened, 0 to 1."""
    chunks = dataset.inputs.pixels.split(4096)
    return torch.cat([adaptive_avg_pool2d(chunk.float() / 255, size).flatten(1) for chunk in chunks])


def majority(train: Dataset, test: Dataset) -> Predictions:
    """The class frequencies of the training set, whatever the image."""
    share = torch.bincount(train.targets, minlength=len(train.classes)).double() / len(train)
    return _predictions(share.expand(len(test), -1), test)


def class_mean(train: Dataset, test: Dataset) -> Predictions:
    """Nearest class mean on 16×16 thumbnails: normal densities with one common variance."""
    x, q = small(train, 16), small(test, 16)
    member = one_hot(train.targets, len(train.classes)).float()
    means = (member.T @ x) / member.sum(dim=0).clamp(min=1)[:, None]
    variance = float((x - means[train.targets]).square().mean())
    return _predictions((-torch.cdist(q, means).square() / (2 * variance)).double().softmax(dim=1), test)


def nearest_neighbour(train: Dataset, test: Dataset) -> Predictions:
    """1-nearest neighbour on 16×16 thumbnails; certain where the nearest of another class is far away."""
    x, q = small(train, 16), small(test, 16)
    by_class = [x[train.targets == k] for k in range(len(train.classes))]
    nearest = torch.cat([_nearest(chunk, by_class) for chunk in q.split(1024)])
    sample = torch.linspace(0, len(x) - 1, min(500, len(x))).long()
    other = torch.cdist(x[sample], x).topk(min(2, len(x)), largest=False).values[:, -1]  # the nearest but itself
    scale = float(other.square().median().clamp(min=1e-6))
    return _predictions((-nearest.square() / scale).double().softmax(dim=1), test)


def logistic_regression(train: Dataset, test: Dataset) -> Predictions:
    """Multinomial logistic regression on 16×16 pixels: one layer, no feature."""
    x, q = (small(part, 16).sub_(0.5).numpy() for part in (train, test))
    with warnings.catch_warnings():  # 100 steps of L-BFGS are the definition of this baseline
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=1.0, max_iter=100).fit(x, train.targets.numpy())
    probs = np.zeros((len(test), len(train.classes)))
    probs[:, fitted.classes_] = fitted.predict_proba(q)
    return _predictions(torch.from_numpy(probs), test)


def mean_number(train: Dataset, test: Dataset) -> Numbers:
    """The mean of the training targets, whatever the sample."""
    return as_numbers(train.targets.double().mean().expand(len(test)), test)


BASELINES = {
    "majority": majority,
    "class mean": class_mean,
    "nearest neighbour": nearest_neighbour,
    "logistic regression": logistic_regression,
}


def _nearest(q: Float[Tensor, "b d"], by_class: list[Tensor]) -> Float[Tensor, "b k"]:
    """Distance to the nearest training sample of each class."""
    far = torch.full((len(q),), torch.inf)
    return torch.stack([torch.cdist(q, x).amin(dim=1) if len(x) else far for x in by_class], dim=1)


def _predictions(probs: Float[Tensor, "s k"], test: Dataset) -> Predictions:
    return Predictions(probs.double().numpy().copy(), test.targets.numpy(), test.groups, test.ids, test.classes)
