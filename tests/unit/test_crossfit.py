"""Features from another model: the published mistake is made on purpose, and cross-fitting does not make it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict

from layerscope.checkpoint import build
from layerscope.dataset import Dataset, split
from layerscope.inputs import Images
from layerscope.judge import binomial
from layerscope.models.crossfit import cross_fit, folds
from layerscope.models.features import as_said, forest, forest_numbers, line
from layerscope.predictions import Numbers, Predictions
from layerscope.see.activations import activations, untrained
from layerscope.train import Recipe, fit, predict

CONFIG = {"pixels": 16, "classes": 2, "hidden": (64,)}


def noise(samples=240, seed=0) -> Dataset:
    """Nothing to be learned: classes are drawn at random, two samples to a group."""
    draw = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 255, (samples, 1, 4, 4), generator=draw).to(torch.uint8)
    classes = torch.randint(2, (samples,), generator=draw)
    return Dataset.of(Images(pixels), classes, groups=np.arange(samples) // 2, name="noise")


def pairs(samples=900, seed=0) -> Dataset:
    """Of how many of eight pairs of pixels both are alike: a straight line on pixels cannot tell."""
    draw = torch.Generator().manual_seed(seed)
    bits = torch.randint(2, (samples, 16), generator=draw)
    y = (bits[:, :8] == bits[:, 8:]).sum(dim=1).float()
    pixels = (bits * 200).to(torch.uint8).view(samples, 1, 4, 4)
    return Dataset.of(Images(pixels), y, groups=np.arange(samples) // 3, quantity="pairs")


def embedding(part: Dataset):
    net = build("mlp", CONFIG, seed=0)
    fit(net, part, None, Recipe(epochs=60, batch_size=32, lr=2e-2, weight_decay=0, label_smoothing=0))
    return lambda data: activations(net, data)["block1"].numpy()


def start(data: Dataset) -> np.ndarray:
    return activations(build("mlp", CONFIG, seed=0), data)["block1"].numpy()


def second_model(z: np.ndarray, data: Dataset) -> float:
    """Accuracy of a line on the features, cross-validated by group: what somebody would report."""
    y = data.targets.numpy()
    said = cross_val_predict(LogisticRegression(max_iter=2000), z, y, groups=data.groups, cv=GroupKFold(5))
    return float((said == y).mean())


def test_with_random_answers_the_naive_way_is_far_too_good_and_cross_fitting_is_at_chance():
    data = noise()
    naive = second_model(embedding(data)(data), data)
    honest = [second_model(cross_fit(embedding, data, reference=of).train, data) for of in (None, start)]
    low, high = binomial(120, 240)
    assert naive > 0.85, "the second model, though cross-validated, believes what the network knew by heart"
    assert all(low <= accuracy <= high for accuracy in honest), honest


def test_predictions_of_a_row_never_depend_on_its_own_answer():
    """Whatever the answers of one group are turned into, what is said of that group stays as it is."""
    data = noise(60)
    turned = data.targets.clone()
    turned[data.groups == 7] = 1 - turned[data.groups == 7]
    other = Dataset.of(data.inputs, turned, groups=data.groups)

    def learn(part):
        net = build("mlp", CONFIG, seed=0)
        fit(net, part, None, Recipe(epochs=3, batch_size=16))
        return lambda asked: activations(net, asked)["block1"].numpy()

    rows = data.groups == 7
    for reference in (None, start):
        ours, theirs = (cross_fit(learn, d, count=3, reference=reference).train for d in (data, other))
        assert np.array_equal(ours[rows], theirs[rows])
        assert not np.array_equal(ours[~rows], theirs[~rows])


def test_an_embedding_needs_common_axes_and_predictions_do_not():
    """Networks of the folds start differently: a line on their features can use them only once they are turned."""
    parts = split(pairs(1500), {"train": 0.7, "test": 0.3}, seed=0)
    starts = iter(range(100))
    config = {**CONFIG, "classes": 1}

    def learn(part):
        net = build("mlp", config, seed=next(starts))
        fit(net, part, None, Recipe(epochs=25, batch_size=32, lr=2e-2))
        return lambda data: activations(net, data)["block1"].numpy()

    def twin(data):
        return activations(build("mlp", config, seed=99), data)["block1"].numpy()

    y, wanted = parts["train"].targets.numpy(), parts["test"].targets.numpy()
    r2 = []
    for reference in (None, twin):
        found = cross_fit(learn, parts["train"], parts["test"], count=3, reference=reference)
        said = RidgeCV(np.logspace(-2, 4, 13)).fit(found.train, y).predict(found.others[0])
        r2.append(1 - ((said - wanted) ** 2).mean() / wanted.var())
    assert r2[1] > r2[0] + 0.05, r2


def test_what_models_say_of_other_data_is_their_mean():
    data, other = noise(60), noise(20, seed=1)
    other = Dataset.of(other.inputs, other.targets, groups=1000 + other.groups)
    said = []

    def learn(part):
        net = build("mlp", CONFIG, seed=0)
        fit(net, part, None, Recipe(epochs=2, batch_size=16))
        said.append(predict(net, other).probs)
        return lambda asked: predict(net, asked).probs

    found = cross_fit(learn, data, other, count=4)
    assert found.others[0] == pytest.approx(np.mean(said, axis=0))
    assert found.train.shape == (60, 2)
    assert sorted(np.unique(found.fold)) == [0, 1, 2, 3]


@given(
    sizes=st.lists(st.integers(1, 30), min_size=6, max_size=40), seed=st.integers(0, 99), count=st.integers(2, 6)
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_folds_divide_no_group_and_are_about_equal(sizes, seed, count):
    groups = np.repeat(np.arange(len(sizes)) * 7, sizes)
    fold = folds(groups, count, seed)
    assert len({*zip(groups.tolist(), fold.tolist(), strict=True)}) == len(sizes)
    filled = np.bincount(fold, minlength=count)
    assert filled.min() > 0
    assert np.ptp(filled) <= max(sizes)


def test_what_cannot_be_cross_fitted_says_so():
    data = noise(20)
    with pytest.raises(ValueError, match="needed 2 folds or more, and a group for each. Got 5 folds and 1 groups"):
        folds(np.zeros(20), 5, 0)
    with pytest.raises(ValueError, match="10 group.s. of noise stand in the training part too, first 0"):
        cross_fit(embedding, data, data)
    with pytest.raises(ValueError, match=r"needed a row for each of 4 samples. Got shape \(1, 3\)"):
        cross_fit(lambda part: lambda asked: np.zeros((1, 3)), data)
    with pytest.raises(ValueError, match="and not all finite"):
        cross_fit(lambda part: lambda asked: np.full(len(asked), np.nan), data)
    with pytest.raises(ValueError, match="the reference needs as many columns as the embedding.* Got 1 for 3"):
        cross_fit(lambda part: lambda d: np.ones((len(d), 3)), data, reference=lambda d: np.ones(len(d)))


def counts(samples=300, seed=0, kind="number"):
    """Of ten features two matter, one of them not in a straight line."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, 10))
    y = 50 + 3 * x[:, 0] + 4 * np.abs(x[:, 1]) + 0.2 * rng.normal(size=samples)
    images = Images(torch.zeros(samples, 1, 2, 2, dtype=torch.uint8))
    groups = np.arange(samples) // 2 + 10_000 * seed
    if kind == "number":
        return x, Dataset.of(images, y, groups=groups, quantity="height", unit="m")
    if kind == "class":
        return x, Dataset.of(images, (y > 53).astype(int), groups=groups, classes=("low", "high", "none"))
    true, known = np.stack([y > 53, x[:, 0] > 0, y > 0], axis=1), rng.random((samples, 3)) < 0.6
    return x, Dataset.of(images, true & known, known=known, groups=groups)


def test_a_forest_and_a_line_answer_each_kind_of_question():
    for kind, count in (("number", 1), ("class", 3), ("labels", 3)):
        (x, train), (q, test) = counts(kind=kind), counts(seed=1, kind=kind)
        for model in (forest, line):
            answers = model(x, train, q)
            assert answers.shape == (300, count)
            if kind == "number":
                p = as_said(answers, test)
                assert isinstance(p, Numbers)
                assert (p.quantity, p.unit) == ("height", "m")
                assert (p.errors**2).mean() < {forest: 0.25, line: 0.6}[model] * p.targets.var()
            elif kind == "class":
                p = as_said(answers, test)
                assert isinstance(p, Predictions)
                assert (p.guess == p.targets).mean() > 0.72
                assert p.probs[:, 2].max() == 0
            else:
                assert train.known is not None
                assert answers[:, 2] == pytest.approx(1.0), "all known samples have it"
                assert ((answers[:, 1] > 0.5) == (q[:, 0] > 0)).mean() > 0.85
                with pytest.raises(ValueError, match="Take see.label_curve.as_labels"):
                    as_said(answers, test)


def test_labels_are_learned_from_known_samples_alone():
    (x, train), (q, _) = counts(kind="labels"), counts(seed=1, kind="labels")
    assert train.known is not None
    wild = x.copy()
    hidden = ~train.known[:, 1].numpy()
    wild[hidden] = 100.0
    assert np.array_equal(line(x, train, q)[:, 1], line(wild, train, q)[:, 1])
    none = Dataset.of(train.inputs, np.zeros((300, 2), bool), known=np.zeros((300, 2), bool), groups=train.groups)
    assert np.array_equal(line(x, none, q), np.full((300, 2), 0.5))


def test_a_forest_is_unsure_where_its_trees_differ():
    (x, train), (q, test) = counts(), counts(seed=1)
    said, spread = forest_numbers(x, train, q, trees=100)
    assert said == pytest.approx(forest(x, train, q, trees=100)[:, 0])
    wrong = np.abs(said - test.targets.numpy())
    unsure = spread > np.median(spread)
    assert wrong[unsure].mean() > 1.3 * wrong[~unsure].mean()


def test_untrained_features_serve_as_common_axes():
    data = noise(40)
    net = build("mlp", CONFIG, seed=0)
    twin = untrained(net, data, seed=1)
    found = cross_fit(lambda part: lambda d: d.inputs.pixels.flatten(1).double().numpy(), data, count=2,
                      reference=lambda d: activations(twin, d)["block1"].numpy())  # fmt: skip
    z = data.inputs.pixels.flatten(1).double().numpy()
    for k in (0, 1):
        rows = found.fold == k
        ours, theirs = (np.linalg.norm(m[rows][:, None] - m[rows][None], axis=2) for m in (found.train, z))
        assert ours == pytest.approx(theirs), "turned, not stretched"
