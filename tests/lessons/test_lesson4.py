"""The checks of lesson 4: the reference answers pass, and each usual mistake is told apart in words."""

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.data.fingerprints import ecfp4, similarity
from layerscope.data.moleculegraphs import as_dataset, graphs
from layerscope.dataset import Dataset
from layerscope.inputs import Graphs
from layerscope.lessons import lesson4_answers as answers
from layerscope.lessons import lesson4_data, lesson4_pictures
from layerscope.lessons.lesson4 import CHECKS

rdkit = pytest.importorskip("rdkit")


@pytest.mark.parametrize("name", CHECKS)
def test_reference_answers_pass_and_hints_lead_from_a_nudge_to_the_answer(name):
    found = CHECKS[name]
    assert isinstance(found.test(found.reference), str)
    assert len(found.hints) == 3 and len(set(found.hints)) == 3


def one_way(bonds):
    return bonds.T


def twice_the_same_way(bonds):
    return torch.cat([bonds.T, bonds.T], dim=1)


def overwriting(h, edges):
    out = torch.zeros_like(h)
    out[edges[1]] += h[edges[0]]
    return out


def backwards(h, edges):
    return torch.zeros_like(h).index_add(0, edges[0], h[edges[1]])


def with_itself(h, edges):
    return h + answers.neighbour_sum(h, edges)


def without_gradients(h, edges):
    return answers.neighbour_sum(h.detach().clone().requires_grad_(True), edges)


def nodes_only(nodes, edges, order):
    return nodes[order], edges


def the_wrong_way_round(nodes, edges, order):
    return nodes[order], order[edges]


def plain_mean(edges, nodes):
    return 1 / edges[1].bincount(minlength=nodes).float()[edges[1]]


def without_root(edges, nodes):
    return answers.gcn_weights(edges, nodes) ** 2


def without_thinking(h, edges, own, think):
    return (1 + own) * h + answers.neighbour_sum(h, edges)


def without_itself(h, edges, own, think):
    return think(answers.neighbour_sum(h, edges))


def own_alone(h, edges, own, think):
    return think(own * h + answers.neighbour_sum(h, edges))


def with_a_mean(h, edges, own, think):
    count = answers.neighbour_sum(torch.ones(len(h), 1), edges)
    return think((1 + own) * h + answers.neighbour_sum(h, edges) / count)


def unsorted_neighbours(atoms, neighbours, rounds):
    numbers, found = list(atoms), set(atoms)
    for _ in range(rounds):
        numbers = [hash((own, tuple(numbers[j] for j in near))) for own, near in zip(numbers, neighbours, strict=True)]
        found |= set(numbers)
    return found


def last_round_alone(atoms, neighbours, rounds):
    before = answers.fingerprint(atoms, neighbours, rounds - 1) if rounds else set()
    return answers.fingerprint(atoms, neighbours, rounds) - before


def without_neighbours(atoms, neighbours, rounds):
    return set(atoms)


def neighbours_as_a_set(atoms, neighbours, rounds):
    numbers, found = list(atoms), set(atoms)
    for _ in range(rounds):
        numbers = [hash(tuple(sorted(numbers[j] for j in near))) for near in neighbours]
        found |= set(numbers)
    return found


def molecules_drawn(scaffolds, share, seed):
    return np.random.default_rng(seed).random(len(scaffolds)) < share


def everything(scaffolds, share, seed):
    return np.ones(len(scaffolds), dtype=bool)


def always_the_same(scaffolds, share, seed):
    return answers.scaffold_split(scaffolds, share, 0)


def in_sample(learn, train, fold):
    return learn(train)(train)


def folds_exchanged(learn, train, fold):
    found = np.empty(len(train))
    for k in np.unique(fold):
        says = learn(train.rows(np.flatnonzero(fold == k)))
        found[fold == k] = says(train.rows(np.flatnonzero(fold == k)))
    return found


def in_the_order_of_folds(learn, train, fold):
    parts = []
    for k in np.unique(fold):
        says = learn(train.rows(np.flatnonzero(fold != k)))
        parts.append(says(train.rows(np.flatnonzero(fold == k))))
    return np.concatenate(parts)


def half_of_the_others(learn, train, fold):
    found = np.empty(len(train))
    for k in np.unique(fold):
        says = learn(train.rows(np.flatnonzero(fold != k)[::2]))
        found[fold == k] = says(train.rows(np.flatnonzero(fold == k)))
    return found


WRONG = [
    ("4.edges", one_way, "shape"),
    ("4.edges", twice_the_same_way, "stands there twice"),
    ("4.neighbours", overwriting, "index_add keeps all"),
    ("4.neighbours", backwards, "other way"),
    ("4.neighbours", with_itself, "no neighbour of itself"),
    ("4.neighbours", without_gradients, "radients"),
    ("4.renumber", nodes_only, "old numbers"),
    ("4.renumber", the_wrong_way_round, "other direction"),
    ("4.gcn", plain_mean, "SENDER"),
    ("4.gcn", without_root, "square root"),
    ("4.gin", without_thinking, "think"),
    ("4.gin", without_itself, "own features"),
    ("4.gin", own_alone, "not own"),
    ("4.gin", with_a_mean, "cannot count"),
    ("4.fingerprint", unsorted_neighbours, "sort"),
    ("4.fingerprint", last_round_alone, "every round"),
    ("4.fingerprint", without_neighbours, "in all"),
    ("4.fingerprint", neighbours_as_a_set, "own number"),
    ("4.scaffold", molecules_drawn, "both sides"),
    ("4.scaffold", everything, "each side"),
    ("4.scaffold", always_the_same, "another seed"),
    ("4.trap", in_sample, "had learned from"),
    ("4.trap", folds_exchanged, "had learned from"),
    ("4.trap", in_the_order_of_folds, "other rows"),
    ("4.trap", half_of_the_others, "ALL molecules"),
]


@pytest.mark.parametrize(("name", "answer", "told"), WRONG, ids=[f"{n} {f.__name__}" for n, f, _ in WRONG])
def test_a_usual_mistake_is_told_in_words(name, answer, told):
    with pytest.raises(AssertionError) as caught:
        CHECKS[name].test(answer)
    assert told in str(caught.value)


def test_the_fingerprint_by_hand_ranks_similarities_as_ecfp_does():
    texts = ["CCO", "CCCO", "CCCCO", "c1ccccc1O", "c1ccccc1N", "CC(=O)O"]
    found = graphs(texts)
    sets = []
    for i in range(len(texts)):
        one = found[torch.tensor([i])]
        near = [one.edges[0][one.edges[1] == j].tolist() for j in range(len(one.nodes))]
        sets.append(answers.fingerprint([hash(tuple(row)) for row in one.nodes.tolist()], near, 2))
    bits = ecfp4(texts)
    oracle = similarity(bits, bits)
    mine = np.array([[len(a & b) / len(a | b) for b in sets] for a in sets])
    for row in range(len(texts)):
        others = np.delete(np.arange(len(texts)), row)
        assert others[mine[row, others].argmax()] == others[oracle[row, others].argmax()]


def test_message_passing_of_the_answers_does_not_depend_on_the_order_of_atoms():
    one = graphs(["CC(=O)Nc1ccc(O)cc1"])
    torch.manual_seed(0)
    think = nn.Linear(one.nodes.shape[1], one.nodes.shape[1])
    order = torch.randperm(len(one.nodes))
    other = answers.renumbered(one.nodes, one.edges, order)
    a, b = (answers.gin_step(x, e, 0.1, think) for x, e in ((one.nodes, one.edges), other))
    assert torch.allclose(a[order], b, atol=1e-6)


def test_where_bbbp_cannot_be_had_the_lesson_says_that_its_property_is_computed(monkeypatch, capsys):
    class Absent:
        CARD = lesson4_data.BBBP.CARD

        def molecules(self, progress):
            raise lesson4_data.DataError("no network. More about it.")

    monkeypatch.setattr(lesson4_data, "BBBP", Absent())
    asked = lesson4_data.brain_or_nci()
    told = capsys.readouterr().out
    assert "COMPUTES" in told and "no network" in told and "More about it" not in told
    assert not asked.measured and "computed" in asked.question and "computed" in asked.card.title
    share = asked.molecules.targets.mean()
    assert set(np.unique(asked.molecules.targets)) == {0.0, 1.0} and 0.2 < share < 0.8
    data = as_dataset(asked.molecules.rows(np.arange(50)), asked.card)
    assert data.kind == "class" and data.classes == ("no", "yes")


def _uneven_groups() -> Dataset:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), rng.integers(1, 12, 60))
    targets = (rng.random(len(groups)) < rng.random(60)[groups]).astype(int)
    owner = torch.arange(len(groups))
    inputs = Graphs(torch.ones(len(groups), 1), torch.zeros(2, 0, dtype=torch.long), owner, len(groups))
    return Dataset.of(inputs, targets, groups=groups, ids=[f"m{i}" for i in range(len(groups))])


def test_the_most_even_of_several_splits_divides_no_group_and_is_the_one_that_is_named():
    dataset, fractions = _uneven_groups(), {"train": 0.6, "test": 0.4}
    parts, seed = lesson4_data.even_split(dataset, fractions)
    apart = [
        abs(float(p["train"].targets.float().mean() - p["test"].targets.float().mean()))
        for p in (lesson4_data.split(dataset, fractions, s) for s in range(20))
    ]
    assert seed == int(np.argmin(apart)) and not np.intersect1d(parts["train"].groups, parts["test"].groups).size
    again = lesson4_data.split(dataset, fractions, seed)
    assert parts["train"].ids.tolist() == again["train"].ids.tolist()


def test_drawings_have_their_captions_scores_and_marks_and_escape_what_is_written():
    plain = lesson4_pictures.drawings(["CCO", "CCN"], ["a <b>", "amine"])
    assert plain.count("<figure") == 2 and "<figcaption" in plain and "a &lt;b&gt;</figcaption>" in plain
    scored = lesson4_pictures.drawings(["CCO"], ["one"], scores=[[0.0, 0.0, 1.0]])
    marked = lesson4_pictures.drawings(["CCO"], ["one"], marked=[[2]])
    assert "color-mix(in srgb,var(--blue)" in scored and "color-mix(in srgb,var(--purple)" in marked
    assert "color-mix" not in plain and all(f"--{name}:#" in plain for name in ("ink", "blue", "orange", "purple"))


@pytest.mark.parametrize("column", ["captions", "scores", "marked"])
def test_a_column_of_another_length_is_refused(column):
    short = {"captions": ["a"], "scores": [[0.0] * 3], "marked": [[0]]}
    given = {"captions": ["a", "b"]} | {column: short[column]}
    with pytest.raises(ValueError, match=rf"needed {column} for each of 2 molecules. Got 1."):
        lesson4_pictures.drawings(["CCO", "CCN"], **given)
