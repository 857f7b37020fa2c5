import numpy as np
import pytest
import torch
from conftest import toy_images
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.data.splits import SPLITS
from layerscope.dataset import batches, few, split


@pytest.mark.parametrize("blocks", [False, True])
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 40), min_size=8, max_size=40))
@settings(max_examples=40, deadline=None)
def test_split_never_divides_a_group_and_loses_nothing(blocks, seed, sizes):
    data = toy_images(3 * len(sizes))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    classes = torch.from_numpy(np.arange(len(sizes)) % 2)[groups]
    rows = np.zeros(len(groups), dtype=np.int64)
    data = type(data)(
        **{**vars(data.rows(rows)), "groups": groups, "targets": classes, "ids": np.arange(len(groups)).astype(str)}
    )
    parts = split(data, {"train": 0.6, "val": 0.2, "test": 0.2}, seed, blocks=blocks)
    seen = [group for part in parts.values() for group in set(part.groups.tolist())]
    assert len(seen) == len(set(seen))
    assert sorted(i for part in parts.values() for i in part.ids) == sorted(data.ids)
    for part in parts.values():
        assert set(part.targets.tolist()) == {0, 1}


def test_split_meets_its_shares_in_each_class():
    parts = split(toy_images(600, classes=4), {"train": 0.7, "val": 0.1, "test": 0.2}, seed=1)
    for part, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        counts = torch.bincount(parts[part].targets, minlength=4)
        assert (counts - 150 * share).abs().max() <= 3


def test_blocks_are_runs_of_consecutive_rows():
    parts = split(toy_images(600), {"train": 0.7, "val": 0.1, "test": 0.2}, seed=5, blocks=True)
    own = np.flatnonzero(parts["test"].targets.numpy() == 0)
    numbers = parts["test"].ids[own].astype(int) // 6  # among its class, rows come in threes
    gaps = (np.diff(np.unique(numbers)) != 1).sum()
    assert gaps <= 1  # one, where the run passes the end of the table


def test_another_seed_gives_another_split():
    a, b = (split(toy_images(300), {"a": 0.5, "b": 0.5}, seed)["a"].ids.tolist() for seed in (0, 1))
    assert a != b


def test_a_class_with_too_few_groups_is_named():
    with pytest.raises(ValueError, match=r"class 'class 0' has 1 group\(s\), too few for 2 parts"):
        split(toy_images(6), {"a": 0.5, "b": 0.5}, seed=0)


def test_fractions_that_do_not_sum_to_one_are_refused(toy):
    with pytest.raises(ValueError, match=r"sum to 1. Got .*sum 1.2"):
        split(toy, {"train": 0.9, "val": 0.3}, seed=0)


def test_few_draws_so_many_of_each_class(toy):
    drawn = few(toy, 5, seed=0)
    assert torch.bincount(drawn.targets).tolist() == [5, 5]
    assert len(set(drawn.ids)) == 10
    with pytest.raises(ValueError, match="asked for 99 labels per class; 'class 0' has 48 samples"):
        few(toy, 99, seed=0)


def test_batches_visit_every_row_once(toy):
    seen = torch.cat([b.row for b in batches(toy, 7, torch.Generator().manual_seed(0))])
    assert sorted(seen.tolist()) == list(range(len(toy)))
    assert seen.tolist() != list(range(len(toy)))


def test_columns_of_unequal_length_are_refused(toy):
    object.__setattr__(toy, "groups", toy.groups[:-1])  # past jaxtyping, which only the tests have
    with pytest.raises(ValueError, match="one row per sample. Got .*'groups': 95"):
        toy.__post_init__()


def test_the_random_split_divides_groups_and_gives_them_back():
    data = toy_images(600)
    parts = SPLITS["random"](data, 0)
    shared = np.intersect1d(parts["train"].groups, parts["test"].groups)
    assert len(shared) > 50
    assert sum(len(part) for part in parts.values()) == 600


def test_the_course_split_is_of_the_whole_of_mednist_only(toy):
    with pytest.raises(ValueError, match="is of 58,954 files. Got 96"):
        SPLITS["course2021"](toy, 0)
