"""How far answers about molecules reach, where near-identical ones part, and how they are drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

rdkit = pytest.importorskip("rdkit")

from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from layerscope.data.fingerprints import ecfp4
from layerscope.dataset import Dataset
from layerscope.draw.molecules import drawing, not_shared, pictures
from layerscope.inputs import Texts
from layerscope.judge.multilabel import MultiLabel
from layerscope.predictions import Numbers, Predictions
from layerscope.see.influence import Estimate
from layerscope.study.moleculejudge import Answer, decided, guessing, labels_told, losses, threshold
from layerscope.study.moleculelook import (
    ALIKE,
    Pairs,
    bins,
    domain,
    matched,
    mistakes,
    near_pairs,
    nearest,
    parting,
    series,
    told_apart,
    trusted_from,
)
from layerscope.study.moleculeparts import is_answer

SMILES = ["CCO", "CCCO", "CCCCO", "c1ccccc1", "c1ccccc1C", "c1ccccc1CC", "CC(=O)O", "CCC(=O)O"]


def _data(targets, **more):
    n = len(targets)
    return Dataset.of(Texts.of(["x"] * n), targets, groups=np.arange(n), ids=[str(i) for i in range(n)], **more)


def test_the_nearest_are_those_that_rdkit_finds():
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in SMILES]
    found = nearest(ecfp4(SMILES[2:]), ecfp4(SMILES[:2]), 3)
    for row, own in enumerate(prints[:2]):
        all_of_them = np.array(DataStructs.BulkTanimotoSimilarity(own, prints[2:]))
        np.testing.assert_allclose(found.similarity[row], np.sort(all_of_them)[::-1][:3], atol=1e-6)
        np.testing.assert_allclose(all_of_them[found.row[row]], found.similarity[row], atol=1e-6)


def test_pairs_are_cliffs_where_answers_differ_and_left_out_where_it_cannot_be_said():
    bits = ecfp4(["CCO", "CCO", "CCO", "c1ccccc1"])
    pairs = near_pairs(bits, _data([0, 1, 0, 1]), 0.0)
    assert [(a, b, cliff) for a, b, _, cliff in zip(*pairs, strict=True)] == [(0, 1, True), (0, 2, False), (1, 2, True)]
    numbers = near_pairs(bits, _data([0.0, 1.0, 0.5, 9.0], quantity="y"), 0.9)  # 0.5 apart is neither
    assert [(a, b, cliff) for a, b, _, cliff in zip(*numbers, strict=True)] == [(0, 1, True)]
    known = np.array([[True, True], [True, False], [False, True], [True, True]])
    truth = np.array([[True, True], [True, False], [False, False], [True, True]])
    labels = near_pairs(bits, _data(truth, known=known), 0.0)
    assert [(a, b, cliff) for a, b, _, cliff in zip(*labels, strict=True)] == [(0, 1, False), (0, 2, True)]


def test_each_cliff_is_beside_pairs_that_are_as_similar():
    end = np.arange(5)
    pairs = Pairs(end, end, np.array([0.7, 0.9, 0.72, 0.66, 0.8]), np.array([True, True, False, False, False]))
    weights, beside = matched(pairs)
    assert weights.tolist() == [1, 0, 0, 0, 0]  # nothing is as similar as 0.9
    assert beside.tolist() == [0, 0, 0.5, 0.5, 0]


def test_cliffs_part_where_they_are_set_apart():
    rng = np.random.default_rng(0)
    n = 60
    base = np.repeat(rng.normal(size=(n, 8)), 2, axis=0)
    first, second = np.arange(0, 2 * n, 2), np.arange(1, 2 * n, 2)
    pairs = Pairs(first, second, np.full(n, 0.8), np.arange(n) % 2 == 0)
    early = base + rng.normal(0, 0.1, base.shape)
    late = early.copy()
    late[second[pairs.cliff], 0] += 3
    stages = {name: torch.tensor(z, dtype=torch.float32) for name, z in (("early", early), ("late", late))}
    found = parting(stages, pairs, np.repeat(np.arange(n), 2), seed=0)
    assert found[0]["apart"].low < 0 < found[0]["apart"].high
    assert found[1]["apart"].low > 0.3
    assert found[1]["beside"].value == pytest.approx(found[0]["beside"].value, rel=0.2)
    assert series(pairs, np.repeat(np.arange(n), 2)) == n // 2
    assert series(pairs, np.repeat(np.arange(n // 2), 4)) == n // 2  # a cliff and another pair in each
    assert series(pairs, np.repeat(np.arange(n // 4), 8)) == n // 4


def test_order_in_a_cliff_is_told_for_every_kind_of_answer():
    pairs = Pairs(np.array([0, 0]), np.array([1, 2]), np.ones(2), np.array([True, False]))
    ids, groups = np.array(list("abc")), np.arange(3)
    number = Numbers(np.array([1.0, 2.0, 0.0]), np.array([5.0, 7.0, 5.0]), groups, ids)
    assert told_apart(number, pairs).tolist() == [True]
    assert told_apart(replace(number, values=-number.values), pairs).tolist() == [False]
    probs = np.array([[0.4, 0.6], [0.3, 0.7], [0.5, 0.5]])
    assert told_apart(Predictions(probs, np.array([0, 1, 0]), groups, ids, ("n", "y")), pairs).tolist() == [True]
    assert told_apart(Predictions(probs, np.array([1, 0, 1]), groups, ids, ("n", "y")), pairs).tolist() == [False]
    truth = np.array([[True, False], [False, False], [True, False]])
    assert told_apart(MultiLabel(probs, truth, groups, ids, ("a", "b")), pairs).tolist() == [True]
    unknown = np.array([[True, True], [True, True], [True, False]])
    swapped = MultiLabel(probs[[1, 0, 2]], truth, groups, ids, ("a", "b"), known=unknown)
    assert told_apart(swapped, pairs).tolist() == [False]


def test_ranges_hold_enough_and_every_molecule_once():
    near = np.concatenate([np.full(60, 0.35), np.full(10, 0.45), np.full(40, 0.55), np.full(5, 0.95)])
    found = bins(near, np.arange(len(near)))
    assert [(low, high, mask.sum()) for low, high, mask in found] == [(0.0, 0.4, 60), (0.4, 1.0, 55)]
    assert sum(mask.astype(int) for _, _, mask in found).tolist() == [1] * len(near)
    assert len(bins(np.array([0.5, 1.0]), np.arange(2))) == 1


def test_trust_begins_above_the_lowest_ranges_that_show_nothing():
    def row(low, gain):
        return {"from": low, "gain": Estimate(gain, gain - 0.1, gain + 0.1)}

    assert trusted_from([row(0.0, 0.05), row(0.3, 0.5), row(0.5, 0.0)], 0.12) == 0.3
    assert trusted_from([row(0.0, 0.5), row(0.3, 0.0)], 0.12) == 0.12
    assert trusted_from([row(0.0, 0.0), row(0.3, 0.05)], 0.12) is None


def test_where_answers_are_noise_nothing_is_trusted_and_where_they_are_right_they_are():
    rng = np.random.default_rng(0)
    n = 400
    near, truth = rng.uniform(0.1, 0.9, n), rng.normal(size=n)
    said = np.where(near < 0.4, rng.normal(size=n), truth + rng.normal(0, 0.3, n))
    ids = np.arange(n).astype(str)
    own = Numbers(said, truth, np.arange(n), ids)
    found = domain(own, Numbers(np.zeros(n), truth, np.arange(n), ids), near, resamples=100)
    assert found["trusted_from"] == 0.4
    assert sum(row["molecules"] for row in found["bins"]) == n
    assert found["bins"][-1]["score"].value < 0.5 < found["bins"][0]["score"].value


def test_losses_and_guesses_are_those_of_known_labels():
    truth = np.array([[True, False], [False, False]])
    known = np.array([[True, False], [True, True]])
    data = _data(truth, known=known)
    guess = guessing(data, data)
    assert isinstance(guess, MultiLabel)
    assert guess.probs.tolist() == [[0.5, 0.0], [0.5, 0.0]]
    assert losses(guess).tolist() == [0.25, 0.125]


def test_a_threshold_is_chosen_on_validation_and_moves_decisions_only():
    ids = np.array(list("abcd"))
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.5, 0.5]])
    p = Predictions(probs, np.array([0, 0, 1, 1]), np.arange(4), ids, ("n", "y"))
    assert threshold(p) == pytest.approx(0.3)
    assert decided(Answer(p, p)).guess.tolist() == [0, 0, 1, 1]
    one_class = replace(p, targets=np.zeros(4, dtype=int))
    assert threshold(one_class) is None
    assert decided(Answer(one_class, p)).guess.tolist() == p.guess.tolist()


def test_the_worst_mistakes_come_first():
    ids, groups = np.array(list("abc")), np.arange(3)
    probs = np.array([[0.4, 0.6], [0.1, 0.9], [0.9, 0.1]])
    wrong = mistakes(Predictions(probs, np.array([0, 0, 0]), groups, ids, ("n", "y")))
    assert [(w.row, w.output) for w in wrong] == [(1, 1), (0, 1)]
    number = mistakes(Numbers(np.array([1.0, 5.0, 0.0]), np.zeros(3), groups, ids), most=2)
    assert [(w.row, w.how) for w in number] == [(1, 5.0), (0, 1.0)]
    known = np.array([[True, False], [True, True], [True, True]])
    labels = MultiLabel(
        probs, np.array([[True, False], [False, True], [True, True]]), groups, ids, ("a", "b"), True, known
    )
    assert [(w.row, w.output) for w in mistakes(labels)] == [(2, 1), (0, 0)]


def test_a_drawing_takes_its_colours_from_the_page():
    made = drawing("CCO", "CCO; says <yes>", [1.0, 0.0, -0.5])
    assert made.startswith('<svg viewBox="0 0 240 180" role="img" aria-label="CCO; says &lt;yes&gt;">')
    assert "var(--blue) 75%" in made
    assert "var(--orange)" in made
    assert "#" not in made.split(">", 1)[1]
    assert "http" not in made
    plain = drawing("CCO", "ethanol")
    assert "var(--blue)" not in plain
    assert "var(--purple)" in drawing("CCO", "ethanol", marked=[1])
    with pytest.raises(ValueError, match="needed a score for each of 3 atoms. Got 2"):
        drawing("CCO", "ethanol", [1.0, 2.0])
    with pytest.raises(ValueError, match="is not the SMILES of a molecule"):
        drawing("C(", "broken")


def test_what_only_one_of_two_molecules_has_is_found():
    assert not_shared("CCO", "CCN") == ([2], [2])
    assert not_shared("CCO", "CCO") == ([], [])


def test_pictures_differ_and_are_on_white():
    found = pictures(["CCO", "c1ccccc1"], 64)
    assert found.shape == (2, 64, 64, 3)
    assert (found[0] != found[1]).any()
    assert found[:, 0, 0].min() == 255


def test_many_pairs_are_matched_as_each_with_each_would_be():
    rng = np.random.default_rng(0)
    n = 400
    pairs = Pairs(np.arange(n), np.arange(n), rng.uniform(0.6, 1, n).round(3), rng.random(n) < 0.4)
    weights, beside = matched(pairs)
    cliffs, others = np.flatnonzero(pairs.cliff), np.flatnonzero(~pairs.cliff)
    close = (pairs.similarity[cliffs][:, None] >= pairs.similarity[others] - ALIKE) & (
        pairs.similarity[cliffs][:, None] <= pairs.similarity[others] + ALIKE
    )
    expected = (close / close.sum(axis=1).clip(min=1)[:, None]).sum(axis=0)
    np.testing.assert_allclose(beside[others], expected, atol=0.02)  # on the edge rounding decides
    assert beside.sum() == pytest.approx(weights.sum())


def test_chains_of_other_lengths_are_not_near_identical():
    bits = ecfp4(["CCCCCCCCC", "CCCCCCCCCCCCCC", "CCCCCCCCCC"])
    sizes = np.array([9, 14, 10])
    pairs = near_pairs(bits, _data([0, 1, 1]), 0.0, sizes=sizes)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, 2)]


def test_labels_that_were_never_looked_for_are_not_said_to_be_absent():
    assert labels_told(("a", "b", "c"), [True, False, True], None) == "a, c"
    assert labels_told(("a", "b"), [False, False], [True, True]) == "none"
    assert labels_told(("a", "b"), [False, False], [True, False]) == "none (1 of 2 not measured)"
    assert labels_told(("a", "b"), [False, False], [False, False]) == "unknown"


def test_a_descriptor_that_is_the_answer_is_known_in_any_unit():
    rng = np.random.default_rng(0)
    y = rng.normal(size=50)
    values = np.stack([y, 3 - 2 * y, y + rng.normal(0, 0.3, 50), np.ones(50)], axis=1)
    assert is_answer(values, y).tolist() == [True, True, False, False]
