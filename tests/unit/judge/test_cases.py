"""From images to cases: known answers, ties, errors; thresholds from validation; scores for each stratum."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_toys import decided, of, toy
from scipy.special import expit, logit

from layerscope.judge import (
    AGGREGATIONS,
    METRICS,
    READING,
    Pooling,
    by_case,
    by_stratum,
    choose_threshold,
    decide_at,
    fit_pooling,
    of_case,
    scores,
)
from layerscope.source import DataError


def images(second, targets, groups=None, **fields):
    second = np.asarray(second, dtype=float)
    return of(np.stack([1 - second, second], axis=1), targets, groups, **fields)


def studies(count=400, shift=2.0, one_view=False, seed=0):
    """Studies of 1 to 5 images; an abnormal one shows it in every image, or only in one."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 6, count)
    cases = np.repeat(np.arange(count), size)
    truth = rng.integers(0, 2, count)
    first = np.diff(cases, prepend=-1) > 0
    shown = truth[cases] * (first if one_view else 1)
    p = images(expit(rng.normal(size=len(cases)) + shift * (2 * shown - 1)), truth[cases], cases // 2)
    order = rng.permutation(len(cases))
    return p.rows(order), np.array([f"study{i:04}" for i in cases])[order]


P = images([0.2, 0.7, 0.6, 0.1, 0.9], [1, 1, 0, 0, 0], [7, 7, 8, 8, 9])
CASES = np.array(["b", "b", "a", "a", "c"])


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", [0.35, 0.45, 0.9]), ("max", [0.6, 0.7, 0.9]), ("noisy-or", [0.64, 0.76, 0.9])],
)
def test_known_answers(how, expected):
    found = by_case(P, CASES, how)
    np.testing.assert_allclose(found.probs[:, 1], expected)
    assert found.ids.tolist() == ["a", "b", "c"]
    assert found.targets.tolist() == [0, 1, 0]
    assert found.groups.tolist() == [8, 7, 9]


def test_the_mean_takes_any_number_of_classes_and_the_others_say_so():
    p = of([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], [2, 2], [0, 0])
    np.testing.assert_allclose(by_case(p, np.array(["a", "a"])).probs, [[0.3, 0.3, 0.4]])
    for how in ("max", "noisy-or"):
        with pytest.raises(ValueError, match="needs two classes. Got 3; the mean takes any number"):
            by_case(p, np.array(["a", "a"]), how)


def test_a_tie_of_probabilities_is_not_called_abnormal_and_votes_are_refused():
    p = images([0.3, 0.7], [0, 0], [0, 0])
    assert by_case(p, np.array(["a", "a"])).guess.tolist() == [0]
    votes = replace(decided([0, 1], [0, 0], [0, 0]), probs_known=False)
    with pytest.raises(ValueError, match="only decisions were given, and votes can tie"):
        by_case(votes, np.array(["a", "a"]))


LEARNED = fit_pooling(*studies(30, seed=3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([*AGGREGATIONS, "learned"]))
def test_the_order_of_rows_does_not_matter(seed, how):
    p, cases = studies(30, seed=3)
    pooling = LEARNED if how == "learned" else how
    order = np.random.default_rng(seed).permutation(len(p))
    straight, turned = by_case(p, cases, pooling), by_case(p.rows(order), cases[order], pooling)
    for column in ("probs", "targets", "groups", "ids"):
        np.testing.assert_array_equal(getattr(straight, column), getattr(turned, column))


def test_nor_does_it_for_what_is_learned():
    p, cases = studies(30, seed=3)
    order = np.random.default_rng(0).permutation(len(p))
    assert fit_pooling(p.rows(order), cases[order]) == LEARNED


@pytest.mark.parametrize("how", AGGREGATIONS)
def test_cases_of_one_image_are_the_images(how):
    p = toy(60, 2, 12)
    found = by_case(p, p.ids, how)
    order = np.argsort(p.ids)
    np.testing.assert_allclose(found.probs, p.probs[order], atol=1e-15)
    assert {k: s.value for k, s in scores(found, READING, resamples=100).items()} == pytest.approx(
        {k: s.value for k, s in scores(p, READING, resamples=100).items()}
    )


def test_without_known_groups_each_case_is_its_own():
    p = replace(P, groups=np.arange(5), groups_known=False)
    found = by_case(p, CASES)
    assert found.groups.tolist() == [0, 1, 2]
    assert not found.groups_known


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"targets": np.array([1, 0, 0, 0, 0])}, "a case needs one true class. 1 of 3 have more, such as 'b': '1' and"),
        ({"groups": np.array([7, 7, 8, 5, 9])}, "a case needs one group. 1 of 3 have more, such as 'a': '8' and '5'"),
    ],
)
def test_a_case_of_two_classes_or_groups_is_refused(wrong, text):
    with pytest.raises(DataError, match=text):
        by_case(replace(P, **wrong), CASES)


def test_a_study_number_without_its_body_part_mixes_studies_and_is_found_out():
    """Class and patient agree, so only the body part tells: the bug of 2021."""
    p = images([0.2, 0.9], [1, 1], [4, 4])
    numbers, part = np.array(["patient4/study1"] * 2), np.array(["WRIST", "ELBOW"])
    assert len(by_case(p, numbers)) == 1
    with pytest.raises(DataError, match=r"a case needs one body part.*'patient4/study1': 'WRIST' and 'ELBOW'"):
        of_case(part, numbers, "body part")
    whole = np.char.add(np.char.add(part, "/"), numbers)
    assert of_case(part, whole, "body part").tolist() == ["ELBOW", "WRIST"]


def test_what_cannot_be_aggregated():
    with pytest.raises(ValueError, match="no aggregation is called 'vote'. There are: mean, max, noisy-or"):
        by_case(P, CASES, "vote")
    with pytest.raises(DataError, match="needed the case of each row. Got 4 for 5 rows"):
        by_case(P, CASES[:4])


def test_what_is_learned_is_near_the_mean_where_all_views_show_it_and_near_the_maximum_where_one_does():
    everywhere, one = (fit_pooling(*studies(800, one_view=one_view)) for one_view in (False, True))
    assert everywhere.sharpness < one.sharpness
    for pooling in (everywhere, one):
        assert pooling.slope > 0


@pytest.mark.parametrize("one_view", [False, True])
def test_what_is_learned_on_validation_cases_is_about_as_good_on_others_as_the_best_fixed_one(one_view):
    val, test = studies(800, 1.0, one_view, seed=1), studies(800, 1.0, one_view, seed=2)
    fixed = {how: METRICS["nll"](by_case(*test, how)) for how in AGGREGATIONS}
    assert METRICS["nll"](by_case(*test, fit_pooling(*val))) < min(fixed.values())


def test_pooling_by_hand():
    probs, starts = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]), np.array([0, 2])
    a, b = logit(0.8), logit(0.4)
    for sharpness, soft in (
        (0.0, (a + b) / 2),
        (2.0, np.log((np.exp(2 * a) + np.exp(2 * b)) / 2) / 2),
        (np.inf, a),
    ):
        found = Pooling(sharpness, 2.0, -1.0)(probs, starts)[:, 1]
        np.testing.assert_allclose(found, expit(2 * np.array([soft, 0.0]) - 1))


def test_separable_and_hopeless_cases_give_finite_poolings():
    targets = np.arange(20) % 2
    right = fit_pooling(images(0.1 + 0.8 * targets, targets), np.arange(20).astype(str))
    assert 0 < right.slope < 10
    wrong = fit_pooling(images(0.9 - 0.8 * targets, targets), np.arange(20).astype(str))
    assert wrong.slope == 0
    with pytest.raises(ValueError, match=r"learned from cases of two classes. Got \[3, 0\] cases by class"):
        fit_pooling(images([0.1, 0.2, 0.3], [0, 0, 0]), np.array(["a", "b", "c"]))


def test_the_threshold_of_youden_and_of_kappa():
    # one in five is abnormal: kappa fears false alarms more than Youden's index does
    second = np.concatenate([np.linspace(0.01, 0.6, 60), [0.71] * 20, [0.65] * 10, [0.9] * 10])
    p = images(second, np.repeat([0, 1], [80, 20]))
    youden, kappa = choose_threshold(p), choose_threshold(p, METRICS["kappa"])
    assert youden < 0.65 < kappa
    for metric, threshold in ((METRICS["balanced_accuracy"], youden), (METRICS["kappa"], kappa)):
        best = metric(decide_at(p, threshold))
        assert best >= max(metric(decide_at(p, t)) for t in np.linspace(0.005, 0.995, 100)) - 1e-12


def test_at_its_threshold_a_probability_is_not_yet_a_yes_and_the_ranking_stays():
    p = images([0.1, 0.3, 0.3000001, 0.9], [0, 1, 0, 1])
    moved = decide_at(p, 0.3)
    assert moved.guess.tolist() == [0, 0, 1, 1]
    assert METRICS["auroc"](moved) == METRICS["auroc"](p)
    assert moved.probs[1, 1] == 0.5


@pytest.mark.parametrize("how", [*AGGREGATIONS, LEARNED])
def test_rows_that_sum_to_a_little_more_than_1_are_cases_and_are_decided(how):
    p = of([[0.0, 1.0000001], [0.7, 0.3002]], [1, 0])
    found = by_case(p, np.array(["a", "b"]), how)
    assert found.guess.tolist() == [1, 0]
    assert decide_at(p, 0.5).guess.tolist() == [1, 0]
    assert 0.3002 / 1.0002 < choose_threshold(p) < 1


def test_a_threshold_is_of_the_share_of_the_row_so_that_what_is_chosen_is_what_is_decided():
    p = of([[0.5995, 0.4], [0.6, 0.4001], [0.6005, 0.4004]], [1, 0, 0])
    assert METRICS["accuracy"](decide_at(p, choose_threshold(p))) == 1


def test_certain_probabilities_have_a_threshold_between_them():
    p = images([0, 0, 1, 1], [0, 1, 0, 1])
    assert choose_threshold(p) == 0.5
    assert 0 < choose_threshold(images([1, 1], [0, 1])) < 1


def test_thresholds_that_cannot_be():
    with pytest.raises(ValueError, match=r"chosen on samples of two classes. Got \[2, 0\] by class"):
        choose_threshold(images([0.1, 0.2], [0, 0]))
    with pytest.raises(ValueError, match="chosen by a metric of decisions. Got 'AUROC'"):
        choose_threshold(P, METRICS["auroc"])
    with pytest.raises(ValueError, match="a threshold between 0 and 1. Got 2 and 1."):
        decide_at(P, 1.0)


def test_strata_are_scored_apart_and_together():
    p, _ = studies(60)
    part = np.array(["WRIST", "HAND"])[np.arange(len(p)) % 2]
    found = by_stratum(p, part, resamples=200)
    assert list(found) == ["all", "HAND", "WRIST"]
    assert found["all"] == scores(p, READING, resamples=200)
    assert found["HAND"] == scores(p.rows(part == "HAND"), READING, resamples=200)
    assert found["HAND"]["kappa"].samples + found["WRIST"]["kappa"].samples == len(p)
    recall = p.guess[p.targets == 1].mean()
    assert found["all"]["sensitivity"].value == pytest.approx(recall)
    assert found["all"]["specificity"].value == pytest.approx(1 - p.guess[p.targets == 0].mean())


def test_strata_that_cannot_be():
    with pytest.raises(DataError, match="a stratum cannot be called 'all'"):
        by_stratum(P, np.array(["all", "b", "b", "b", "b"]))
    with pytest.raises(DataError, match="needed the stratum of each row. Got 1 for 5 rows"):
        by_stratum(P, np.array(["a"]))
