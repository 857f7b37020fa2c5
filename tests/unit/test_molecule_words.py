"""What a report of molecules says of made numbers."""

import pytest

from layerscope.report.moleculewords import (
    ahead,
    best_rival,
    cliff_words,
    curve_words,
    domain_words,
    headline,
    interval_words,
    parted,
    split_words,
    stacking_words,
)


def _s(value, low=None, high=None):
    low, high = (value - 0.1, value + 0.1) if low is None else (low, high)
    return {"value": value, "low": low, "high": high, "samples": 50, "groups": 50}


RUN = {"answers": "class", "unit": "", "parts": {"test": {"samples": 1200, "groups": 300}}}


def _classes(own, forest, low, high):
    scores = {
        "graph network": {"auroc": _s(own), "balanced_accuracy": _s(0.7)},
        "fingerprints, random forest": {"auroc": _s(forest)},
        "guessing": {"auroc": _s(0.5)},
    }
    return {"scores": scores, "differences": {"fingerprints, random forest": {"auroc": _s(own - forest, low, high)}}}


def test_a_tie_with_the_forest_is_said():
    said = headline(RUN, _classes(0.85, 0.84, -0.03, 0.05))
    assert "On 1,200 test molecules in 300 groups" in said
    assert "has an AUROC of 0.850 (95 % interval 0.750 to 0.950), and a balanced accuracy of 0.700" in said
    assert "fingerprints, random forest, has 0.840" in said
    assert "+0.010, 95 % interval -0.030 to +0.050, which may be chance" in said


def test_of_errors_less_is_better():
    scores = {"graph network": {"rmse": _s(1.0)}, "line": {"rmse": _s(0.7)}, "guessing": {"rmse": _s(2.0)}}
    judged = {"scores": scores, "differences": {"line": {"rmse": _s(0.3, 0.1, 0.5)}}}
    assert best_rival(judged, "number") == "line"
    said = headline(RUN | {"answers": "number", "unit": "kcal/mol"}, judged)
    assert "a root mean squared error of 1.00 kcal/mol" in said
    assert "worse by more than chance explains" in said
    assert "better by more" in ahead(_s(-0.3, -0.5, -0.1), "rmse", ".2f")
    assert "better by more" in ahead(_s(0.3, 0.1, 0.5), "auroc", ".3f")
    none = {"value": 0.1, "low": None, "high": None}
    assert ahead(none, "auroc", ".3f") == "+0.100, no interval can be had"


@pytest.mark.parametrize(
    ("twin", "best", "said"),
    [
        (0.6, 0.9, "25 % of what the trained ones add to the atoms comes without any learning"),
        (0.45, 0.9, "no more than the atoms alone"),
        (0.45, 0.5, "trained ones bring no more than the atoms alone"),
    ],
)
def test_how_far_random_messages_go(twin, best, said):
    def readings(value):
        return [{"stage": "embedding", "probe": _s(0.5)}, {"stage": "block1", "probe": _s(value)}]

    for low, verdict in ((0.05, "have learned"), (-0.05, "no evidence")):
        gained = {"stage": "block1", "rival": "a straight line on the embeddings", "ahead": _s(0.1, low, 0.2)}
        found = {"trained": readings(best), "untrained": readings(twin), "learned": gained}
        for kind in ("number", "labels", "class"):
            words = curve_words(found, kind)
            assert said in words
            assert verdict in words
    assert "most frequent class: 80.00 %" in curve_words(found, "class", 0.8)


def test_what_a_split_flatters_is_said_in_the_right_direction():
    def found(by_random, by_groups, **network):
        ways = {
            way: {"forest": [_s(value)], "network": []} for way, value in (("random", by_random), ("groups", by_groups))
        }
        for way, value in network.items():
            ways[way]["network"] = [_s(value)]
        return {"molecules": 100, "ways": ways}

    assert "a random split flatters it by 0.050" in split_words(found(0.9, 0.85), "class")
    assert "does not flatter it: -0.050" in split_words(found(0.85, 0.9), "class")
    said = split_words(found(1.0, 1.5, random=0.8, groups=1.2), "number", "log mol/L")
    assert "has a root mean squared error in log mol/L of 1.00 by single molecules at random" in said
    assert "flatters it by 0.50" in said
    assert "The graph network: 0.80 by single molecules, 1.20 by groups." in said


def _bin(low, high, molecules, value, gain):
    own = {"value": gain, "low": gain - 0.1, "high": gain + 0.1}
    return {"from": low, "to": high, "molecules": molecules, "score": _s(value), "gain": own}


def test_where_answers_are_not_to_be_trusted_is_said():
    rows = [_bin(0.0, 0.3, 40, 0.6, 0.05), _bin(0.3, 0.6, 60, 0.8, 0.5), _bin(0.6, 1.0, 30, 0.9, 0.05)]
    found = {"bins": rows, "trusted_from": 0.3, "least": 0.1, "median": 0.4}
    said = domain_words(found, "class")
    assert "Half of 130 molecules" in said
    assert "AUROC is 0.600 among the 40 of the least similar and 0.900 among the 30" in said
    assert "Below 0.30 (40 molecules) answers were not shown to be nearer to the truth than guessing" in said
    assert "0.6 to 1.0 cannot be told from guessing either" in said
    assert "trust none of them" in domain_words(found | {"trusted_from": None}, "class")
    good = {"bins": rows[1:2], "trusted_from": 0.12, "least": 0.12, "median": 0.4}
    assert "nothing less similar than 0.12 was tried" in domain_words(good, "class")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.7, 0.85, "less than promised"), (0.85, 0.95, "as promised"), (0.93, 0.99, "more than promised")],
)
def test_what_intervals_hold_is_said(low, high, said):
    found = {
        "reach": {"radius": 1.5, "level": 0.9, "groups": 40},
        "held": {"coverage_by_group": _s((low + high) / 2, low, high)},
    }
    words = interval_words(found, "log mol/L")
    assert "± 1.50 log mol/L, learned from the errors on 40 validation groups" in words
    assert said in words
    assert interval_words({"reliability": None}, "") == ""


def _stages(*lows):
    names = ("embedding", "block1", "logits")
    return [
        {"stage": name, "cliffs": _s(0.5), "beside": _s(0.2), "apart": _s(0.3, low, 0.4)}
        for name, low in zip(names, lows, strict=True)
    ]


def test_cliffs_part_where_they_stay_apart_to_the_end():
    assert parted(_stages(0.1, -0.1, 0.1)) == "logits"
    assert parted(_stages(-0.1, 0.1, 0.1)) == "block1"
    assert parted(_stages(0.1, 0.1, -0.1)) is None
    found = {"pairs": 100, "cliffs": 20, "told_apart": 0.75, "compared": 18}
    found["stages"] = {"trained": _stages(-0.1, 0.1, 0.1), "untrained": _stages(-0.1, -0.1, -0.1)}
    said = cliff_words(found, "class")
    assert "20 of them are cliffs: their answers differ. The network puts the two in the right order in 75 %" in said
    assert "They part at block1" in said
    assert "at no stage to the end" in said
    found["stages"]["untrained"] = _stages(0.1, 0.1, 0.1)
    assert "In the untrained twin they part at embedding" in cliff_words(found, "class")
    found["stages"]["trained"] = _stages(-0.1, -0.1, -0.1)
    assert "the network hardly sees them" in cliff_words(found, "class")
    assert "differ by 1 standard deviation" in cliff_words(found, "number")
    assert "Only 3 have pairs as similar" in cliff_words(found | {"stages": None, "compared": 3}, "class")
    few = cliff_words(found | {"stages": None, "series": 2}, "class")
    assert "They lie in 2 series of related molecules: too few" in few
    assert "no answers differ" in cliff_words({"pairs": 4, "cliffs": 0}, "class")


def test_what_the_naive_way_promises_is_said():
    def way(claimed, test):
        return {"claimed": _s(claimed), "test": _s(test)}

    crossed, naive = "with the network, cross-fitted", "with the network, naively"
    ways = {"fingerprints": way(0.8, 0.82), crossed: way(0.83, 0.84), naive: way(0.99, 0.83)}
    found = {"ways": ways, "ahead": {crossed: {"auroc": _s(0.02, -0.01, 0.05)}}}
    said = stacking_words(found, "class")
    assert "AUROC on test molecules goes from 0.820 to 0.840 (+0.020" in said
    assert "promises 0.990 in a cross-validation and holds 0.830: flattered by 0.160" in said
    ways[naive] = way(0.3, 0.9)
    found["ahead"][crossed] = {"rmse": _s(0.02, -0.01, 0.05)}
    assert "flattered by 0.60" in stacking_words(found, "number")
    ways[naive] = way(0.9, 0.3)
    assert "not flattered here (-0.60)" in stacking_words(found, "number")
