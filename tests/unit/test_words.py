"""The sentences say what the numbers say, and admit when they say nothing."""

import pytest

from layerscope.draw.style import percent
from layerscope.numbers import number
from layerscope.report.words import by_case, cases_decided, depth_pays, flattering, interpret, short


def reading(stage, value, low=None, few=0.5, near=0.5):
    probe = {"value": value, "low": value - 0.01 if low is None else low, "high": min(1.0, value + 0.01)}
    others = {"few": few, "neighbours": near, "shuffled": 0.5, "equal": value}
    return {"stage": stage, "probe": probe} | {key: {"value": v, "low": v, "high": v} for key, v in others.items()}


def curve(trained, twin, raw_near=0.5, rival="the untrained twin's block1", ahead=(0.3, 0.2, 0.4)):
    stages = ["pixels", *(f"block{i}" for i in range(1, len(trained) - 1)), "logits"]
    return [
        {
            "trained": [reading(s, v, near=raw_near) for s, v in zip(stages, trained, strict=True)],
            "untrained": [reading(s, v, near=raw_near) for s, v in zip(stages, twin, strict=True)],
            "learned": {
                "stage": "block1",
                "rival": rival,
                "ahead": dict(zip(("value", "low", "high"), ahead, strict=True)),
            },
        }
    ]


def test_a_climb_that_the_twin_does_not_show_was_learned():
    first, second = interpret("cnn", "wild", curve([0.4, 0.7, 0.9, 0.98, 0.98], [0.4, 0.6, 0.55, 0.5, 0.3]))
    assert first.startswith("In the wild, a straight line on raw pixels tells 40 %")
    assert "70 %, 90 % and 98 %: each block leaves the task as easy as it was or easier" in first
    assert second.startswith(
        "The best that needs no learning is the untrained twin's block 1, and block 1 is ahead of it"
    )
    assert "by +30.0 points (95 % interval +20.0 to +40.0, over groups): that much was learned" in second


def test_a_climb_that_the_twin_shows_too_is_no_evidence():
    _, second = interpret(
        "cnn", "clean", curve([0.9, 0.95, 0.99, 0.99], [0.9, 0.95, 0.99, 0.5], ahead=(0.0, -0.01, 0.01))
    )
    assert second.startswith("But the untrained twin's block 1 reads as well without any learning")
    assert "no evidence" in second


def test_a_lead_whose_interval_holds_zero_is_told_with_its_doubt():
    _, second = interpret("mlp", "clean", curve([0.2, 0.8, 0.9], [0.2, 0.3, 0.3], ahead=(0.05, -0.01, 0.1)))
    assert "ahead with every seed, but the groups are too few" in second


def test_a_curve_that_falls_again_says_where_it_was_best():
    first, _ = interpret("mlp", "clean", curve([0.4, 0.9, 0.8, 0.8], [0.4, 0.4, 0.4, 0.4]))
    assert "easiest after block 1, and not easier beyond" in first


def rows(**means):
    return [
        {"method": m.replace("_", " "), "labels": n, "draw": 0, "accuracy": a}
        for m, pairs in means.items()
        for n, a in pairs
    ]


def test_depth_pays_where_it_does_and_not_where_it_does_not():
    found = rows(
        cnn=[(1, 0.5), (10, 0.9)], nearest_neighbour=[(1, 0.6), (10, 0.7)], logistic_regression=[(1, 0.4), (10, 0.6)]
    )
    text = depth_pays(found, "wild")
    assert "depth pays most at 10 labels per class: CNN 90 %, nearest neighbour 70 %" in text
    assert text.endswith("at 1 per class it is behind.")
    losing = rows(cnn=[(1, 0.5)], nearest_neighbour=[(1, 0.6)], logistic_regression=[(1, 0.4)])
    assert "nowhere ahead" in depth_pays(losing, "clean")


def test_flattering_names_who_gains_most():
    twins = {
        "random": {"all": 0.5, "A": 0.9, "B": 0.1, "C": None},  # of C there was no test image
        "blocks": {"all": 0.1, "A": 0.1, "B": 0.1, "C": None},
    }
    accuracy = {"cnn": {"random": 0.99, "honest": 0.985}, "nearest neighbour": {"random": 0.99, "honest": 0.9}}
    first, second = flattering({"twins": twins, "accuracy": accuracy}, "blocks")
    assert "90 % of A; by this split it is 10 %, and 10 % of A" in first
    assert "flatter nearest neighbour most, by +9.00 points" in second
    assert "the CNN by +0.50" in second


@pytest.mark.parametrize(("value", "text"), [(1.0, "100.00 %"), (0.99996, "99.99 %"), (0.9876, "98.76 %")])
def test_a_mistake_is_never_rounded_away(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.0, "100 %"), (0.994, "99 %"), (0.9967, "99.7 %"), (0.9999, "99.99 %")])
def test_short_numbers_keep_what_tells_them_from_all(value, text):
    assert short(value) == text


def score(value, low, high, groups=40, samples=50):
    return {"value": value, "low": low, "high": high, "groups": groups, "samples": samples}


def judged(ahead=(0.0, -0.1, 0.1), hand=(0.2, -0.1, 0.5), threshold=0.43):
    strata = {"all": score(0.5, 0.3, 0.7), "HAND": score(*hand), "WRIST": score(0.8, 0.6, 0.9)}
    scores = {name: {"kappa": kappa, "accuracy": score(0.756, 0.6, 0.9)} for name, kappa in strata.items()}
    lead = dict(zip(("value", "low", "high"), ahead, strict=True))
    same = {"value": 0.0, "low": -0.1, "high": 0.1}
    ways = {
        "mean": {"threshold": threshold, "scores": scores, "ahead": same},
        "max": {"threshold": threshold, "scores": scores, "ahead": lead},
        "learned": {"threshold": threshold, "scores": scores, "ahead": same},
    }
    methods = {"cnn": scores["all"], "majority": {"kappa": score(0.0, -0.1, 0.1)}}
    return {"cases": 100, "ahead_level": 0.975, "ways": ways, "methods": methods}


def test_cases_with_their_threshold_their_rival_and_no_claim_that_is_not_sure():
    assert cases_decided(judged()) == (
        "the mean over a case's images decides 76 % of 100 cases right, "
        "kappa 0.50 (95 % interval 0.30 to 0.70, over 40 groups)"
    )
    assert by_case(judged(), "wild") == (
        "In the wild, the mean over a case's images decides 76 % of 100 cases right, kappa 0.50 (95 % interval 0.30 to "
        "0.70, over 40 groups), at a threshold of 0.43 chosen on validation cases; the best method without a hidden "
        "layer, majority, kappa 0.00. Of the other ways to put images together (max and learned) none differs from the "
        "mean by an interval that excludes 0 (97.5 % intervals, by Bonferroni's correction for 2 comparisons). Of 2 "
        "strata it does best on WRIST, kappa 0.80 (95 % interval 0.60 to 0.90, over 40 groups), and worst on HAND, "
        "0.20 (95 % interval -0.10 to 0.50, over 40 groups); these intervals do not overlap. These two were picked out "
        "of 2 after seeing them, so the gap looks larger than it is."
    )


def test_a_way_whose_interval_excludes_0_is_named_and_an_order_that_may_be_chance_is_called_so():
    text = by_case(judged(ahead=(-0.2, -0.3, -0.1), hand=(0.5, 0.1, 0.7)), "clean")
    assert (
        "max is behind the mean by 0.20 (-0.30 to -0.10): this interval of the difference excludes 0 (97.5 % "
        "intervals, by Bonferroni's correction for 2 comparisons)."
    ) in text
    assert "learned" not in text
    assert "these intervals overlap, so the order may be chance. These two were picked out of 2 after seeing" in text
    assert "max is ahead of the mean by 0.20" in by_case(judged(ahead=(0.2, 0.1, 0.3)), "clean")


def test_an_old_run_is_said_to_have_uncorrected_intervals():
    found = judged()
    del found["ahead_level"]
    assert "(95 % intervals, not corrected for their number)" in by_case(found, "clean")


def test_where_there_is_one_group_no_interval_is_claimed_and_no_stratum_ordered():
    found = judged(ahead=(0.3, None, None), hand=(0.2, None, None))
    found["ways"]["mean"]["scores"]["all"]["kappa"] = score(0.5, None, None, groups=1)
    text = by_case(found, "clean")
    assert "kappa 0.50 (no interval can be had, over 1 groups)" in text
    assert "none differs from the mean" in text
    assert "HAND" not in text and "WRIST" not in text
    _, second = interpret("cnn", "clean", curve([0.4, 0.7, 0.9], [0.4, 0.5, 0.5], ahead=(0.3, None, None)))
    assert (
        "by +30.0 points (no interval can be had, over groups): ahead with every seed, but the groups are too" in second
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), ("inf", "∞"), (float("-inf"), "-∞"), (0.976, "0.98"), (0, "0.00")],
)
def test_what_cannot_be_had_is_a_dash_and_infinity_a_sign(value, text):
    assert number(value) == text


def test_without_a_threshold_or_strata_nothing_is_said_of_them():
    found = judged(threshold=None)
    found["ways"] = {"mean": found["ways"]["mean"]}
    found["ways"]["mean"]["scores"] = {"all": found["ways"]["mean"]["scores"]["all"]}
    assert by_case(found, "clean").endswith(
        "over 40 groups); the best method without a hidden layer, majority, kappa 0.00."
    )


def test_where_nothing_that_looks_alike_was_parted_it_tells_what_belongs_together():
    found = {
        "twins": {"random": {"all": 0.0, "A": 0.0}, "published": {"all": 0.0, "A": 0.0}},
        "together": {"random": 0.93, "published": 0.0},
        "accuracy": {"cnn": {"random": 0.7, "honest": 0.6}},
    }
    first, second = flattering(found, "published")
    assert first == (
        "By a random split 93 % of the test images would have another image of their group among the training images; "
        "by this split it is 0 %."
    )
    assert second.endswith("memory of other images of the same group looks like knowledge.")
