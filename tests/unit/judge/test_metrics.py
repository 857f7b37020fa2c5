"""Each metric against scikit-learn on rows that are really repeated; known answers; what must not matter."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_toys import decided, of, repeated, toy
from sklearn import metrics as sk

from layerscope.judge import METRICS, sensitivity_at
from layerscope.judge.statistics import BINS, bin_of


def one_class(p, number):
    return p.targets == number, p.probs[:, number]


def sk_macro(function, p):
    return np.mean([function(*one_class(p, c)) for c in np.unique(p.targets)])


def sk_sensitivity(true, score, specificity=0.95):
    false_rate, found, _ = sk.roc_curve(true, score, drop_intermediate=False)
    return found[false_rate <= 1 - specificity + 1e-12].max()


def plain_ece(p):
    error, confidence = 0.0, p.probs.max(1)
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - (p.guess == p.targets)[inside].mean())
    return error


ORACLES = {
    "accuracy": lambda p: sk.accuracy_score(p.targets, p.guess),
    "balanced_accuracy": lambda p: sk.balanced_accuracy_score(p.targets, p.guess),
    "macro_f1": lambda p: sk.f1_score(p.targets, p.guess, labels=np.unique(p.targets), average="macro"),
    "kappa": lambda p: sk.cohen_kappa_score(p.targets, p.guess),
    "quadratic_kappa": lambda p: sk.cohen_kappa_score(
        p.targets, p.guess, labels=range(len(p.classes)), weights="quadratic"
    ),
    "auroc": lambda p: sk_macro(sk.roc_auc_score, p),
    "average_precision": lambda p: sk_macro(sk.average_precision_score, p),
    "sensitivity": lambda p: sk_macro(sk_sensitivity, p),
    "brier": lambda p: sum(sk.brier_score_loss(*one_class(p, c)) for c in range(len(p.classes))),
    "nll": lambda p: sk.log_loss(p.targets, p.probs, labels=range(len(p.classes))),
    "ece": plain_ece,
}


def test_every_metric_has_an_oracle():
    assert list(ORACLES) == list(METRICS)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("ties", [True, False])
def test_value_is_that_of_scikit_learn(name, classes, ties):
    p = toy(150, classes, ties=ties, seed=classes)
    assert METRICS[name](p) == pytest.approx(ORACLES[name](p), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("ties", [True, False])
def test_weights_of_groups_are_repeated_rows(name, ties):
    p = toy(150, 3, groups=25, ties=ties)
    weights = np.random.default_rng(1).integers(0, 4, (12, 25))
    expected = [ORACLES[name](repeated(p, counts)) for counts in weights]
    np.testing.assert_allclose(METRICS[name].weighted(p, weights), expected, atol=1e-12)


@pytest.mark.parametrize("name", ["auroc", "average_precision", "brier", "accuracy", "balanced_accuracy"])
def test_weights_need_not_be_whole_numbers(name):
    p = toy(150, 2, groups=25)
    weights = np.random.default_rng(2).exponential(size=(1, 25))
    w = weights[0][p.owners.of_row]
    expected = {
        "auroc": lambda: sk.roc_auc_score(p.targets, p.probs[:, 1], sample_weight=w),
        "average_precision": lambda: np.mean(
            [sk.average_precision_score(*one_class(p, c), sample_weight=w) for c in (0, 1)]
        ),
        "brier": lambda: 2 * sk.brier_score_loss(p.targets, p.probs[:, 1], sample_weight=w),
        "accuracy": lambda: sk.accuracy_score(p.targets, p.guess, sample_weight=w),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(p.targets, p.guess, sample_weight=w),
    }[name]()
    assert METRICS[name].weighted(p, weights)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("name", METRICS)
def test_a_class_without_samples_is_left_out_of_the_mean(name):
    p = toy(150, 4)
    p = p.rows(p.targets != 2)
    assert METRICS[name](p) == pytest.approx(ORACLES[name](p), abs=1e-12)
    if METRICS[name].by_class and name != "macro_f1":
        assert np.isnan(METRICS[name].of(2)(p))


@pytest.mark.parametrize("name", METRICS)
def test_a_mean_over_classes_is_the_mean_of_its_classes(name):
    p = toy(150, 3)
    if METRICS[name].by_class:
        assert METRICS[name](p) == pytest.approx(np.mean([METRICS[name].of(c)(p) for c in range(3)]))
    else:
        with pytest.raises(ValueError, match="is not a mean over classes"):
            METRICS[name].of(0)


def test_one_class_against_the_rest():
    p = toy(150, 3)
    assert METRICS["auroc"].of(1)(p) == pytest.approx(sk.roc_auc_score(p.targets == 1, p.probs[:, 1]))
    assert METRICS["balanced_accuracy"].of(1)(p) == pytest.approx(sk.recall_score(p.targets, p.guess, average=None)[1])
    assert METRICS["macro_f1"].of(1)(p) == pytest.approx(sk.f1_score(p.targets, p.guess, average=None)[1])


@pytest.mark.parametrize("specificity", [0.0, 0.5, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("samples", [20, 41, 300])
def test_sensitivity_at_any_specificity(specificity, samples):
    p = toy(samples, 2, groups=samples)
    expected = sk_macro(lambda t, s: sk_sensitivity(t, s, specificity), p)
    assert sensitivity_at(specificity)(p) == pytest.approx(expected, abs=1e-12)


def test_sensitivity_at_a_specificity_that_is_none():
    with pytest.raises(ValueError, match=r"must lie in 0..1. Got 95"):
        sensitivity_at(95)


def test_known_answers_of_a_perfect_network():
    p = decided([0, 1, 0, 1], [0, 1, 0, 1])
    best = {name: metric(p) for name, metric in METRICS.items()}
    assert best.pop("nll") == pytest.approx(0, abs=1e-15)
    assert all(value == (1 if METRICS[name].higher_is_better else 0) for name, value in best.items())


def test_known_answers_of_a_network_that_is_always_wrong_and_sure():
    p = decided([1, 0, 1, 0], [0, 1, 0, 1])
    worst = {name: metric(p) for name, metric in METRICS.items()}
    zero = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "sensitivity")
    assert [worst[name] for name in zero] == [0] * 5
    assert (worst["kappa"], worst["brier"], worst["ece"]) == (-1, 2, 1)
    assert worst["nll"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_a_constant_says_nothing():
    p = of(np.full((10, 2), 0.5), [0, 1] * 5)
    assert METRICS["auroc"](p) == 0.5
    assert METRICS["kappa"](p) == 0
    assert METRICS["average_precision"](p) == 0.5
    assert METRICS["sensitivity"](p) == 0


def test_what_one_class_alone_cannot_tell_is_nan():
    p = decided([0, 0, 1], [0, 0, 0])
    assert [np.isnan(METRICS[name](p)) for name in ("auroc", "sensitivity")] == [True, True]
    assert METRICS["accuracy"](p) == pytest.approx(2 / 3)
    assert np.isnan(METRICS["kappa"](decided([0, 0], [0, 0])))  # as in scikit-learn: chance leaves no room


def test_decisions_have_no_metric_of_probabilities():
    p = of(np.eye(2)[[0, 1, 1]], [0, 1, 0], probs_known=False)
    missing = {name for name, metric in METRICS.items() if np.isnan(metric(p))}
    assert missing == {name for name, metric in METRICS.items() if metric.needs == "probabilities"}
    assert len(missing) == 6


def test_no_samples_give_nan():
    p = toy(10).rows(np.arange(0))
    assert all(np.isnan(metric(p)) for metric in METRICS.values())


def test_bins_of_confidence_are_closed_above():
    edges = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
    assert bin_of(edges, 4).tolist() == [0, 0, 0, 1, 2, 3]
    assert bin_of(np.array([1.0]), BINS).tolist() == [BINS - 1]


def test_single_precision_is_enough():
    p = toy(150, 3, ties=False)
    single = of(p.probs.astype(np.float32), p.targets)
    for name, metric in METRICS.items():
        assert metric(single) == pytest.approx(metric(p), abs=1e-5), name


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 60), st.booleans())
def test_what_must_not_matter_and_what_must_hold(seed, classes, samples, ties):
    p = toy(samples, classes, groups=min(samples, 9), ties=ties, seed=seed)
    order = np.random.default_rng(seed).permutation(samples)
    twice = np.ones((1, p.owners.groups))
    twice[0, 0] = 2
    doubled = repeated(p, twice[0].astype(int))
    for name, metric in METRICS.items():
        value = metric(p)
        np.testing.assert_allclose(metric(p.rows(order)), value, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(metric.weighted(p, twice)[0], metric(doubled), atol=1e-12, err_msg=name)
        np.testing.assert_allclose(metric.weighted(p, 5 * twice)[0], metric(doubled), atol=1e-12, err_msg=name)
        low, high = metric.range
        assert np.isnan(value) or low - 1e-12 <= value <= high + 1e-12, name


def test_judging_needs_no_torch():
    code = "import sys, layerscope.judge; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
