"""Groups found in images: against phantoms whose patients are known, and against MedNIST's manifest."""

import csv
import gzip

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from layerscope.data import mednist
from layerscope.data.leaks import find_groups, thumbnails, twins
from layerscope.data.phantoms import CLASSES, draw
from layerscope.data.splits import SPLITS


def noise(samples, seed=0):
    return torch.randint(0, 255, (samples, 1, 64, 64), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


def smooth(samples, seed=0):
    small = torch.rand((samples, 1, 6, 6), generator=torch.Generator().manual_seed(seed))
    return (torch.nn.functional.interpolate(small, 64, mode="bicubic").clamp(0, 1) * 255).to(torch.uint8)


def test_images_without_likeness_are_their_own_groups():
    found = find_groups(smooth(700), np.zeros(700, dtype=np.int64))
    assert len(np.unique(found.groups)) == 700
    assert found.thresholds == {}
    assert found.ratios[0] < 2


def test_copies_belong_together_however_far_apart_and_blank_images_do_too():
    pixels = smooth(800)
    pixels[790] = pixels[3]
    pixels[5] = pixels[400] = pixels[600] = 25
    targets = np.zeros(800, dtype=np.int64)
    found = find_groups(pixels, targets)
    assert found.groups[790] == found.groups[3]
    assert found.groups[5] == found.groups[400] == found.groups[600]
    assert len(np.unique(found.groups)) == 800 - 1 - 2
    assert found.duplicates == 1


def test_identical_images_of_two_classes_belong_together():
    pixels = smooth(20)
    pixels[15] = pixels[2]
    found = find_groups(pixels, np.repeat([0, 1], 10))
    assert found.groups[15] == found.groups[2]


def test_noise_makes_a_near_duplicate_no_less_near():
    pixels = smooth(50)
    pixels[30] = (
        (pixels[10].float() + 3 * torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(1)))
        .clamp(0, 255)
        .to(torch.uint8)
    )
    groups = find_groups(pixels, np.zeros(50, dtype=np.int64)).groups
    assert groups[30] == groups[10]


def series(count, length, seed=0):
    """Series of images that drift from a start of their own, each shuffled within its range of files."""
    g = torch.Generator().manual_seed(seed)
    frames = []
    for _ in range(count):
        start, end = torch.rand((1, 1, 6, 6), generator=g), torch.rand((1, 1, 6, 6), generator=g)
        at = torch.linspace(0, 0.6, length)[torch.randperm(length, generator=g)].view(-1, 1, 1, 1)
        frames.append(start + at * (end - start))
    small = torch.nn.functional.interpolate(torch.cat(frames), 64, mode="bicubic")
    return (small.clamp(0, 1) * 255).to(torch.uint8), np.repeat(np.arange(count), length)


def test_series_are_found_where_they_are():
    pixels, truth = series(20, 80)
    found = find_groups(pixels, np.zeros(len(pixels), dtype=np.int64))
    assert found.ratios[0] > 100
    assert adjusted_rand_score(truth, found.groups) > 0.95
    shuffled = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    unordered = find_groups(pixels[shuffled], np.zeros(len(pixels), dtype=np.int64))
    assert unordered.ratios[0] < 2, "no order, no series"


def test_thumbnails_have_zero_mean_and_unit_length_and_blank_ones_are_zero():
    pixels = noise(5)
    pixels[2] = 77
    z = thumbnails(pixels, 16)
    np.testing.assert_allclose(z.mean(dim=1), 0, atol=1e-6)
    np.testing.assert_allclose(z.norm(dim=1), [1, 1, 0, 1, 1], atol=1e-5)


def test_a_pearson_correlation_is_what_the_thumbnails_multiply_to():
    pixels = noise(6)
    z = thumbnails(pixels, 32)
    small = torch.nn.functional.avg_pool2d(pixels.float(), 2).flatten(1).numpy()
    np.testing.assert_allclose(z @ z.T, np.corrcoef(small), atol=1e-5)


def test_twins_are_seen_across_parts_and_only_within_their_class():
    train, test = smooth(30, seed=1), smooth(10, seed=2)
    test[4] = train[7]
    test[6] = train[8]
    by = np.zeros(30, dtype=np.int64)
    by[8] = 1
    found = twins(test, np.zeros(10, dtype=np.int64), train, by)
    assert np.flatnonzero(found).tolist() == [4]


def test_patients_of_phantoms_are_rarely_divided():
    drawn = draw(6000, seed=1)
    pixels = torch.from_numpy(drawn.pixels)[:, None]
    found = find_groups(pixels, drawn.targets)
    by_name = dict(zip(CLASSES, range(6), strict=True))
    for name in ("CXR", "Hand"):
        assert by_name[name] not in found.thresholds
    assert len(found.thresholds) >= 3


@pytest.mark.mednist
def test_against_the_manifest_of_the_real_archive(mirror):
    loaded = mednist.load()
    with gzip.open(mirror / "mednist" / "mednist_manifest.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    data, groups = loaded.dataset, loaded.dataset.groups
    assert [row["path"].removeprefix("MedNIST/") for row in rows] == data.ids.tolist()
    of = dict(zip(data.ids, groups, strict=True))
    copies = [(row["path"], row["exact_duplicate_of"]) for row in rows if row["exact_duplicate_of"]]
    assert len(copies) == 440
    assert all(of[a.removeprefix("MedNIST/")] == of[b.removeprefix("MedNIST/")] for a, b in copies)
    names = [data.classes[k] for k in data.targets]
    agreement = {}
    for name in ("AbdomenCT", "BreastMRI", "ChestCT"):
        own = [i for i, label in enumerate(names) if label == name]
        agreement[name] = adjusted_rand_score([rows[i]["pseudo_series"] for i in own], groups[own])
    assert agreement["AbdomenCT"] > 0.99
    assert agreement["BreastMRI"] > 0.95
    assert agreement["ChestCT"] > 0.9
    assert {data.classes[k] for k in loaded.grouping.thresholds} == {"AbdomenCT", "BreastMRI", "ChestCT", "HeadCT"}
    parts = SPLITS["blocks"](data, 0)
    assert not np.intersect1d(parts["train"].groups, parts["test"].groups).size
    for part, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        counts = np.bincount(parts[part].targets, minlength=6) / np.bincount(data.targets)
        assert np.abs(counts - share).max() < 0.06


@pytest.mark.mednist
def test_the_course_split_is_the_course_s(mirror):
    data = mednist.load().dataset
    parts = SPLITS["course2021"](data, 0)
    train, test = torch.utils.data.random_split(range(58_954), (41_267, 17_687), torch.Generator().manual_seed(42))
    assert sorted(data.ids[test.indices]) == sorted(parts["test"].ids)
    assert sorted(data.ids[train.indices]) == sorted([*parts["train"].ids, *parts["val"].ids])
