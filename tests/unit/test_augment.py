import numpy as np
import pytest
import torch
from conftest import toy_images

from layerscope.data.augment import Wild, wild

STILL = Wild(rotation=0, shrink=(1, 1), shift=0, contrast=0, noise=0, inversion=False)


def turned(**dials):
    data = toy_images(60, size=32)
    return data.inputs.pixels.numpy().astype(int), wild(
        data, Wild(**{**vars(STILL), **dials}), seed=3
    ).inputs.pixels.numpy().astype(int)


def test_with_every_dial_off_nothing_changes():
    before, after = turned()
    assert np.abs(before - after).max() <= 1


def test_the_same_seed_gives_the_same_images_and_another_gives_others():
    data = toy_images(30)
    a, b, c = (wild(data, seed=s).inputs.pixels for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_sample_does_not_depend_on_how_many_follow_it():
    data = toy_images(2100, size=8)
    whole = wild(data, seed=5).inputs.pixels
    part = wild(data.rows(np.arange(1500)), seed=5).inputs.pixels
    assert torch.equal(whole[:1024], part[:1024])


def test_all_but_the_images_stays():
    data = toy_images(30)
    out = wild(data)
    assert out.targets.equal(data.targets)
    assert out.ids is data.ids
    assert out.groups is data.groups
    assert out.name == "toy in the wild"


def test_noise_has_the_standard_deviation_asked_for():
    grey = toy_images(200, size=32)
    pixels = torch.full_like(grey.inputs.pixels, 128)
    data = type(grey)(**{**vars(grey), "inputs": type(grey.inputs)(pixels)})
    out = wild(data, Wild(**{**vars(STILL), "noise": 0.1})).inputs.pixels.double()
    assert out.std() / 255 == pytest.approx(0.1, rel=0.02)
    assert out.mean() == pytest.approx(128, abs=0.5)


def test_inversion_makes_half_of_them_negatives():
    before, after = turned(inversion=True)
    kept = (np.abs(before - after).reshape(60, -1).max(1) <= 1).sum()
    negative = (np.abs(255 - before - after).reshape(60, -1).max(1) <= 1).sum()
    assert kept + negative == 60
    assert 15 < negative < 45


def test_rotation_turns_about_the_centre_and_loses_only_corners():
    before, after = turned(rotation=180.0)
    assert np.abs(before - after).max() > 50
    mass = after.sum((1, 2, 3)) / before.sum((1, 2, 3))
    assert mass.min() > 0.75
    assert mass.max() < 1.02
    centre = np.abs(before[:, 0, 15:17, 15:17].mean((1, 2)) - after[:, 0, 15:17, 15:17].mean((1, 2)))
    assert np.median(centre) < 25


def test_shrinking_keeps_the_share_of_light():
    before, after = turned(shrink=(0.5, 0.5))
    np.testing.assert_allclose(after.sum((1, 2, 3)) / before.sum((1, 2, 3)), 0.25, atol=0.02)


def test_shift_moves_the_centre_of_light():
    data = toy_images(100, size=32)
    pixels = torch.zeros_like(data.inputs.pixels)
    pixels[:, :, 14:18, 14:18] = 255
    data = type(data)(**{**vars(data), "inputs": type(data.inputs)(pixels)})
    out = wild(data, Wild(**{**vars(STILL), "shift": 0.12})).inputs.pixels.double()[:, 0]
    across = (out.sum(1) * torch.arange(32)).sum(1) / out.sum((1, 2)) - 15.5
    assert across.abs().max() <= 0.12 * 32 + 0.1
    assert across.std() == pytest.approx(0.12 * 32 / 3**0.5, rel=0.25)


@pytest.mark.parametrize("wrong", [{"shrink": (0.9, 0.5)}, {"shrink": (0, 1)}, {"noise": -1.0}])
def test_impossible_dials_are_refused(wrong):
    with pytest.raises(ValueError, match="needed 0 < least scale"):
        Wild(**wrong)
