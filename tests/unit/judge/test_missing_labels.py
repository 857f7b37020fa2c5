"""Labels that nobody looked for: every metric against scikit-learn on those that are known, and what was left out."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from layerscope.judge.multilabel import MultiLabel, auroc, average_precision, f1, left_out, micro_f1, thresholds
from layerscope.judge.multilabel_interval import compare_rankings, ranking_scores, scores, weighted
from layerscope.source import DataError

NAMES = ("frequent", "rare", "everywhere", "nowhere", "unasked")


def toy(samples=300, groups=60, seed=0, ties=True, shown=0.7) -> MultiLabel:
    """Two labels that can be judged, one that all known samples have, one that none has, one that nobody looked for."""
    rng = np.random.default_rng(seed)
    true = rng.random((samples, 5)) < [0.5, 0.1, 1, 0, 0.5]
    known = rng.random((samples, 5)) < [shown, shown, shown, shown, 0]
    probs = 1 / (1 + np.exp(-rng.normal(size=true.shape) - 1.2 * (2 * true - 1)))
    probs, ids = np.round(probs, 1) if ties else probs, np.array([f"s{i}" for i in range(samples)])
    return MultiLabel(probs, true & known, rng.permutation(np.arange(samples) % groups), ids, NAMES, known=known)


@pytest.mark.parametrize("ties", [True, False])
def test_values_are_those_of_scikit_learn_on_what_is_known(ties):
    p = toy(ties=ties)
    assert p.known is not None
    areas, precisions = [], []
    for k in (0, 1):
        rows = p.known[:, k]
        areas.append(sk.roc_auc_score(p.targets[rows, k], p.probs[rows, k]))
        precisions.append(sk.average_precision_score(p.targets[rows, k], p.probs[rows, k]))
        assert f1(p, 0.5)[k] == pytest.approx(sk.f1_score(p.targets[rows, k], p.probs[rows, k] >= 0.5))
    assert auroc(p) == pytest.approx([*areas, np.nan, np.nan, np.nan], nan_ok=True)
    assert average_precision(p)[:2] == pytest.approx(precisions)
    guess = (p.probs >= 0.5)[p.known]
    assert micro_f1(p, 0.5) == pytest.approx(sk.f1_score(p.targets[p.known], guess))
    found = ranking_scores(p, resamples=100)
    assert found["macro_auroc"].value == pytest.approx(np.mean(areas))
    assert found["macro_average_precision"].value == pytest.approx(np.mean(precisions))
    assert found["auroc(rare)"].value == pytest.approx(areas[1])


def test_what_is_left_out_is_said_with_the_reason():
    p = toy()
    assert left_out(p) == {
        "everywhere": "every known sample has it",
        "nowhere": "no known sample has it",
        "unasked": "it is known of no sample",
    }
    found = ranking_scores(p, resamples=100)
    assert [*found] == ["macro_auroc", "macro_average_precision", *(f"auroc({name})" for name in NAMES)]
    for name in ("macro_auroc", "macro_average_precision"):
        assert found[name].method == "bootstrap over 60 groups; 3 of 5 labels left out"
        assert found[name].low < found[name].value < found[name].high
    assert found["auroc(unasked)"].method == "undefined: samples with and without the label must be known"
    none = ranking_scores(replace(p, targets=p.targets & False), resamples=100)["macro_auroc"]
    assert np.isnan(none.value)
    assert none.method.endswith("5 of 5 labels left out")


def test_what_was_said_of_labels_that_nobody_looked_for_changes_nothing():
    p = toy()
    assert p.known is not None
    other = replace(p, probs=np.where(p.known, p.probs, 1 - p.probs))
    for ours, theirs in (
        (ranking_scores(p, resamples=100), ranking_scores(other, resamples=100)),
        (scores(p, 0.4, resamples=100), scores(other, 0.4, resamples=100)),
    ):
        for name, s in ours.items():
            assert theirs[name][:5] == pytest.approx(s[:5], nan_ok=True), name
    assert thresholds(other).tolist() == thresholds(p).tolist()


def test_a_mask_that_hides_nothing_is_no_mask():
    p = replace(toy(), known=None)
    full = replace(p, known=np.ones_like(p.targets))
    for ours, theirs in (
        (ranking_scores(p, resamples=200), ranking_scores(full, resamples=200)),
        (scores(p, 0.4, resamples=200), scores(full, 0.4, resamples=200)),
    ):
        for name, s in ours.items():
            assert theirs[name][:5] == pytest.approx(s[:5], nan_ok=True, abs=0), name
    assert thresholds(full).tolist() == thresholds(p).tolist()


def test_weights_of_groups_are_sample_weights_of_scikit_learn():
    p = toy()
    assert p.known is not None
    weights = np.random.default_rng(1).exponential(size=(3, 60))
    found = weighted(p, 0.5, weights)
    for r, row in enumerate(weights):
        w, rows = row[p.owners.of_row], p.known[:, 0]
        expected = sk.average_precision_score(p.targets[rows, 0], p.probs[rows, 0], sample_weight=w[rows])
        assert found["average_precision(frequent)"][r] == pytest.approx(expected)


def test_intervals_of_ranking_hold_the_truth_about_as_often_as_they_say():
    truth = {name: s.value for name, s in ranking_scores(toy(60_000, 20_000, ties=False), resamples=100).items()}
    found = [ranking_scores(toy(180, 60, seed=1 + i, ties=False), resamples=200, seed=i) for i in range(60)]
    for name in ("macro_auroc", "macro_average_precision", "auroc(frequent)", "auroc(rare)"):
        held = np.mean([s[name].low <= truth[name] <= s[name].high for s in found])
        assert held >= 0.9, (name, held)


def test_a_paired_difference_of_rankings_is_narrower_than_two_intervals():
    a = toy(ties=False)
    b = replace(a, probs=(a.probs + np.random.default_rng(3).normal(0, 0.05, a.probs.shape)).clip(0, 1))
    forth, back, alone, beside = compare_rankings(a, b), compare_rankings(b, a), ranking_scores(a), ranking_scores(b)
    for name in ("macro_auroc", "auroc(frequent)"):
        d, other, s, t = forth[name], back[name], alone[name], beside[name]
        assert d.value == pytest.approx(s.value - t.value)
        assert (d.value, d.low, d.high) == pytest.approx((-other.value, -other.high, -other.low))
        assert d.high - d.low < (s.high - s.low) + (t.high - t.low)
    assert forth["macro_auroc"].method == "paired bootstrap over 60 groups; 3 of 5 labels left out"
    with pytest.raises(DataError, match="The two differ in known"):
        compare_rankings(a, replace(a, known=np.ones_like(a.targets)))


def test_a_mask_must_fit_and_hide_nothing_that_is_true():
    p = toy()
    with pytest.raises(DataError, match=r"a label that is not known cannot be true. Got \(300, 5\), and some are"):
        replace(p, known=np.zeros_like(p.targets))
    some = p.rows(np.array([4, 2]))
    assert some.known is not None
    assert some.known.tolist() == toy().known[[4, 2]].tolist()  # pyright: ignore[reportOptionalSubscript]
