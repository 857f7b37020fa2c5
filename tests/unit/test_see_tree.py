import numpy as np
import pytest
import torch
from scipy import stats

from layerscope.data.phenotypes import Ontology, Term
from layerscope.see.tree import Estimate, _check, between, tree_fit


def family(terms=120, noise=0.3, seed=0):
    """Leaves of 4 branches with 5 twigs each, and embeddings in which what is near in the tree is near."""
    dice = np.random.default_rng(seed)
    branch = np.arange(terms) % 4
    twig = branch * 5 + dice.integers(5, size=terms)
    tree = np.where(branch[:, None] != branch, 6.0, np.where(twig[:, None] != twig, 4.0, 2.0))
    np.fill_diagonal(tree, 0)
    z = 2 * dice.normal(size=(4, 12))[branch] + dice.normal(size=(20, 12))[twig] + noise * dice.normal(size=(terms, 12))
    return torch.from_numpy(z), tree, np.arange(terms), branch


def holds(found: Estimate, truth: float) -> bool:
    return found.low <= truth <= found.high


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_embeddings_made_from_a_tree_recover_it(metric):
    found = tree_fit(*family(), metric=metric)
    assert found.across.triplets.low > 0.9
    assert found.within.triplets.low > 0.9
    assert found.across.correlation.low > 0.6
    assert found.within.correlation.low > 0.4


def test_terms_dealt_out_anew_fit_by_chance_only():
    found = tree_fit(*family())
    for fit in (found.permuted, found.permuted_within):
        assert holds(fit.correlation, 0)
        assert holds(fit.triplets, 0.5)
        assert fit.correlation.high < 0.2
        assert fit.triplets.high < 0.6


def test_random_embeddings_are_at_chance():
    z, *rest = family()
    found = tree_fit(torch.from_numpy(np.random.default_rng(1).normal(size=z.shape)), *rest)
    for fit in (found.across, found.within):
        assert holds(fit.correlation, 0)
        assert holds(fit.triplets, 0.5)


def test_knowing_the_branch_alone_is_no_knowledge_within():
    _, tree, groups, branch = family()
    dice = np.random.default_rng(2)
    z = torch.from_numpy(5 * dice.normal(size=(4, 12))[branch] + dice.normal(size=(len(branch), 12)))
    found = tree_fit(z, tree, groups, branch)
    assert found.across.triplets.low > 0.6
    assert holds(found.within.correlation, 0)
    assert holds(found.within.triplets, 0.5)


def test_across_the_correlation_is_that_of_scipy():
    z, tree, groups, branch = family(terms=60, noise=2)
    pairs = np.triu_indices(60, 1)
    theirs = stats.spearmanr(torch.cdist(z, z).numpy()[pairs].round(9), tree[pairs]).statistic
    assert tree_fit(z, tree, groups, branch, "euclidean").across.correlation.value == pytest.approx(theirs, abs=1e-4)


def test_the_triplets_drawn_stand_for_all():
    z, tree, groups, branch = family(terms=40, noise=2)
    apart, right = torch.cdist(z, z).numpy(), []
    for a in range(40):
        near, far = np.nonzero((tree[a][:, None] < tree[a]) & (np.arange(40) != a)[:, None])
        right += (apart[a, near] < apart[a, far]).tolist()
    found = tree_fit(z, tree, groups, branch, "euclidean").across.triplets
    assert found.value == pytest.approx(np.mean(right), abs=0.005)


def test_terms_of_one_group_are_not_compared():
    """Each term has a copy, which is trivially near, and that is all the tree says."""
    pair = np.repeat(np.arange(20), 2)
    z = torch.from_numpy(np.random.default_rng(3).normal(size=(20, 12)))[pair]
    tree, branch = np.where(pair[:, None] == pair, 1.0, 4.0), np.zeros(40, dtype=int)
    assert tree_fit(z, tree, np.arange(40), branch).across.triplets.value == 1
    assert np.isnan(tree_fit(z, tree, pair, branch).across.triplets.value)


def test_a_constant_layer_says_nothing():
    _, tree, groups, branch = family(terms=30)
    found = tree_fit(torch.ones(30, 3), tree, groups, branch).across
    assert np.isnan(found.correlation.value)
    assert found.triplets.value == 0.5


def test_without_two_terms_in_a_branch_there_is_no_within():
    z, tree, groups, _ = family(terms=30)
    within = tree_fit(z, tree, groups, np.arange(30)).within
    assert np.isnan([within.correlation.value, within.triplets.value]).all()


def test_what_does_not_fit_together_is_refused():
    z, tree, groups, branch = family(terms=30)
    with pytest.raises(ValueError, match="'embeddings': 29, 'tree': 30"):
        _check(z[1:], tree, groups, branch)
    with pytest.raises(ValueError, match="3 or more groups of terms. Got 2"):
        tree_fit(z, tree, np.arange(30) % 2, branch)
    for wrong in (np.full_like(tree, np.inf), tree - 3, np.triu(tree)):
        with pytest.raises(ValueError, match="0 or more, and the same in both directions"):
            tree_fit(z, wrong, groups, branch)


def test_distances_between_terms_of_an_ontology():
    parents = {"all": (), "nerves": ("all",), "kidney": ("all",), "gait": ("nerves",), "ataxia": ("gait",)}
    known = Ontology({id: Term(id, id, "", (), above) for id, above in parents.items()})
    found = between(["ataxia", "gait", "kidney"], known.distance)
    assert found.tolist() == [[0, 1, 4], [1, 0, 3], [4, 3, 0]]
