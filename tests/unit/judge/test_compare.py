"""Differences on the same samples: paired, aligned, and honest where two hardly differ."""

from dataclasses import replace

import numpy as np
import pytest
from judge_toys import decided, of, toy

from layerscope.judge import METRICS, binomial, compare, score
from layerscope.source import DataError

ACCURACY = METRICS["accuracy"]


def two(samples=300, groups=60):
    """The same targets and groups, two networks of which the second is better."""
    a, b = toy(samples, 3, groups, sharp=1, ties=False), toy(samples, 3, groups, sharp=1, ties=False)
    probs = a.probs**3 * np.where(np.eye(3, dtype=bool)[a.targets], 2, 1)
    return a, replace(b, probs=probs / probs.sum(1, keepdims=True))


@pytest.mark.parametrize("name", METRICS)
def test_the_value_is_the_difference(name):
    a, b = two()
    d = compare(a, b, METRICS[name], resamples=200)
    assert d.value == METRICS[name](a) - METRICS[name](b)
    assert d.low <= d.value <= d.high
    assert (d.samples, d.groups, d.method) == (300, 60, "paired bootstrap over 60 groups")


@pytest.mark.parametrize("name", ["accuracy", "auroc", "brier"])
def test_turned_round_it_changes_its_sign(name):
    a, b = two()
    d, back = compare(a, b, METRICS[name], resamples=4000), compare(b, a, METRICS[name], resamples=4000)
    assert back.value == -d.value
    assert (-back.high, -back.low) == pytest.approx((d.low, d.high), abs=0.01)


def test_pairs_are_narrower_than_two_intervals():
    a, b = two()
    d, alone = compare(a, b, ACCURACY), (score(ACCURACY, a), score(ACCURACY, b))
    assert d.high - d.low < 0.8 * sum(s.high - s.low for s in alone)
    assert d.high < 0


def test_the_order_of_rows_and_classes_does_not_matter():
    a, b = two()
    order = np.random.default_rng(0).permutation(len(b))
    turned = replace(b.rows(order), probs=b.probs[order][:, [2, 0, 1]], classes=("c2", "c0", "c1"))
    turned = replace(turned, targets=(b.targets[order] + 1) % 3)
    for name in ("accuracy", "auroc", "macro_f1"):
        d, straight = (compare(a, other, METRICS[name], resamples=200) for other in (turned, b))
        assert d[:3] == pytest.approx(straight[:3])
        assert d[3:] == straight[3:]


def test_two_that_agree_differ_by_no_more_than_the_bound_of_clopper_and_pearson():
    targets = np.arange(40) % 2
    p = decided(targets, targets, np.arange(40) // 2)
    d = compare(p, p, ACCURACY)
    width = 1 - binomial(20, 20)[0]
    assert (d.value, d.low, d.high) == (0, pytest.approx(-width), pytest.approx(width))
    assert d.method == "conservative: no spread between 20 groups"


def test_one_disagreement_is_no_proof():
    targets = np.arange(40) % 2
    guess = np.where(np.arange(40) == 7, 1 - targets, targets)
    d = compare(decided(targets, targets), decided(guess, targets), ACCURACY)
    assert d.value == pytest.approx(1 / 40)
    assert d.low < 0 < d.high


def test_known_groups_are_taken_for_both():
    a, b = two()
    alone = replace(b, groups=np.arange(len(b)), groups_known=False)
    assert compare(a, alone, ACCURACY) == compare(a, b, ACCURACY)
    d = compare(alone, a, ACCURACY)
    assert (d.groups, d.method) == (60, "paired bootstrap over 60 groups")


def test_where_there_is_no_interval_the_reason_is_given():
    a, b = two()
    hard = of(np.eye(3)[b.guess], b.targets, b.groups, probs_known=False)
    d = compare(a, hard, METRICS["auroc"])
    assert np.isnan(d[:3]).all()
    assert d.method == "needs probabilities; only decisions were given"
    assert compare(a, hard, ACCURACY).value == ACCURACY(a) - ACCURACY(b)


def test_what_cannot_be_compared():
    a, b = two()
    twice = replace(b, ids=np.where(b.ids == "s5", "s4", b.ids))
    cases = {
        r"needed the same classes in both. Got \('c0', .*\) and \('x', ": replace(b, classes=("x", "c1", "c2")),
        "The second has 299 ids for 300 rows": twice,
        "10 ids are only in the first, 0 only in the second, such as 's290'": b.rows(np.arange(290)),
        "needed the same targets in both. 1 differ, such as of 's3'": replace(
            b, targets=np.where(b.ids == "s3", (b.targets + 1) % 3, b.targets)
        ),
        "needed the same groups in both. Got 60 and 30, which meet in 60": replace(b, groups=(b.groups + 30) // 14),
    }
    for text, other in cases.items():
        with pytest.raises(DataError, match=text):
            compare(a, other, ACCURACY)


def test_settings_that_make_no_sense():
    with pytest.raises(ValueError, match="needed 0 < level < 1 and 100 or more resamples"):
        compare(*two(), ACCURACY, level=95)
