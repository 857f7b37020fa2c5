"""Tests of the answers to lesson 1, each on inputs that the learner has not seen; the oracle is PyTorch or the library.

A test raises AssertionError in words that help, or returns a sentence of praise.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, cross_entropy, one_hot

from layerscope.card import Card
from layerscope.dataset import Dataset
from layerscope.inputs import Images
from layerscope.lessons import lesson1_answers as answers
from layerscope.models.cnn import ConvBlock
from layerscope.see.neighbours import neighbours, vote
from layerscope.see.probe import fit_probe


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _tensor(answer: object, shape: tuple[int, ...], axes: str) -> Tensor:
    assert isinstance(answer, Tensor), f"a tensor was needed, got {type(answer).__name__}. Is there a `return`?"
    assert answer.shape == shape, f"expected shape {shape} ({axes}), got {tuple(answer.shape)}."
    return answer


def normalise(f: Callable) -> str:
    pixels = torch.randint(0, 256, (5, 1, 7, 9), dtype=torch.uint8, generator=_random(3))
    before = pixels.clone()
    got = _tensor(f(pixels), (5, 63), "images, pixels")
    assert got.dtype == torch.float32, f"expected float32, got {got.dtype}: call .float() before you divide."
    assert torch.equal(pixels, before), "the pixels that were given were changed: they are still needed."
    assert float(got.abs().max()) <= 1, (
        f"values must lie in -1 to 1; yours lie in {float(got.min()):g} to {float(got.max()):g}."
    )
    assert torch.allclose(got, answers.normalise(pixels), atol=1e-6), (
        "0 must become -1, 127.5 must become 0, 255 must become 1."
    )
    return "black is -1, white is 1, and a batch is now a matrix with one row per image."


def batches(f: Callable) -> str:
    got = list(f(11, 4, _random(5)))
    assert all(isinstance(rows, Tensor) for rows in got), "each batch must be a tensor of row numbers."
    sizes = [len(rows) for rows in got]
    assert sizes == [4, 4, 3], (
        f"11 rows in batches of 4 have the sizes [4, 4, 3], yours {sizes}. Keep the short last one."
    )
    assert sorted(torch.cat(got).tolist()) == list(range(11)), "every row must come exactly once."
    assert torch.cat(got).tolist() != list(range(11)), "the rows come in order: they must be shuffled."
    again, other = torch.cat(list(f(11, 4, _random(5)))), torch.cat(list(f(11, 4, _random(6))))
    assert torch.equal(again, torch.cat(got)), "the same generator must give the same order: hand it to torch.randperm."
    assert not torch.equal(other, torch.cat(got)), "another seed must give another order."
    assert torch.equal(torch.cat(got), torch.randperm(11, generator=_random(5))), "use torch.randperm once a round."
    return "every row once, in an order that the seed alone decides."


def nearest(f: Callable) -> str:
    train, test = torch.randn(40, 6, generator=_random(1)) + 3, torch.randn(15, 6, generator=_random(2)) + 3
    targets = torch.randint(0, 3, (40,), generator=_random(3))
    for k in (1, 5):
        got = _tensor(f(train, targets, test, k), (15,), "one class for each test row")
        want = vote(neighbours(train, test, k)[0], targets, 3)
        assert torch.equal(got, want), (
            f"with k={k}, {int((got != want).sum())} of 15 answers differ from the library's."
        )
    return "the same votes as layerscope.see.neighbours."


def forward(f: Callable) -> str:
    shapes = ((4, 7), (7, 3), (3,), (3, 5), (5,))
    x, *parameters = (torch.randn(shape, generator=_random(i)) for i, shape in enumerate(shapes))
    got = _tensor(f(x, *parameters), (4, 5), "images, classes")
    linear = (x @ parameters[0] + parameters[1]) @ parameters[2] + parameters[3]
    assert not torch.allclose(got, linear), "there is no tanh between the two layers: it is still a straight line."
    want = answers.forward(x, *parameters)
    assert not torch.allclose(got, want.softmax(dim=1)), "give the logits: the softmax belongs to the loss."
    assert torch.allclose(got, want, atol=1e-5), "other numbers than tanh(x @ w1 + b1) @ w2 + b2."
    return "two matrix products with a bend between them."


def loss(f: Callable) -> str:
    logits, targets = torch.randn(9, 4, generator=_random(1)), torch.randint(0, 4, (9,), generator=_random(2))
    got = _tensor(f(logits, targets), (), "one number: the mean over the batch")
    assert abs(float(got) - float(cross_entropy(logits, targets))) < 1e-5, (
        f"expected {float(cross_entropy(logits, targets)):.4f}, got {float(got):.4f}."
    )
    large = float(f(1000 * logits, targets))
    want = float(cross_entropy(1000 * logits, targets))
    assert abs(large - want) < 1e-2 * want, (
        f"logits in the thousands give {large}: use torch.logsumexp, not log(sum(exp))."
    )
    return "equal to torch's cross_entropy, even where exp would overflow."


def step(f: Callable) -> str:
    own, theirs = ([torch.randn(3, 2, generator=_random(i)).requires_grad_() for i in (0, 1)] for _ in (0, 1))
    optimizer = torch.optim.SGD(theirs, lr=0.3)
    for _ in range(2):
        for a, b in (own, theirs):
            (a @ b.T).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        f(own, 0.3)
        assert all(p.requires_grad and p.is_leaf for p in own), (
            "a weight is no leaf any more: step inside torch.no_grad()."
        )
        assert all(p.grad is None or not p.grad.any() for p in own), (
            "the old gradient is still there: set p.grad = None."
        )
    moved = max(float((a - b).detach().abs().max()) for a, b in zip(own, theirs, strict=True))
    assert moved < 1e-5, f"after two steps the weights differ from torch.optim.SGD's by {moved:.3g}."
    return "two steps, the same weights as torch.optim.SGD."


def _two_sets() -> tuple[Callable[[Images], Tensor], Dataset, Dataset, tuple[float, float]]:
    """A network whose answer is the first pixel, and two sets of which it gets different shares right."""

    def network(images: Images) -> Tensor:
        return one_hot(images.pixels[:, 0, 0, 0].long() % 3, 3).float()

    sets, shares = [], []
    for rows, wrong, seed in ((515, 5, 0), (700, 490, 1)):
        pixels = torch.randint(0, 3, (rows, 1, 2, 2), dtype=torch.uint8, generator=_random(seed))
        targets = pixels[:, 0, 0, 0].long()
        targets[-wrong:] = (targets[-wrong:] + 1) % 3
        card, ids = Card("check", "check", "none", "none", "none"), np.arange(rows)
        sets.append(Dataset("check", Images(pixels), targets, ids, ids.astype(str), ("a", "b", "c"), card))
        shares.append(1 - wrong / rows)
    return network, sets[0], sets[1], (shares[0], shares[1])


def accuracy(f: Callable) -> str:
    network, first, second, want = _two_sets()
    got = [f(network, dataset) for dataset in (first, second)]
    assert all(isinstance(value, float) for value in got), f"needed a share as a float, got {got[0]!r}."
    assert abs(got[0] - got[1]) > 1e-9, (
        f"two sets, of which the network gets {want[0]:.1%} and {want[1]:.1%} right, both give {got[0]:.1%}. "
        "Does the function look at the data set that it was given?"
    )
    for value, right in zip(got, want, strict=True):
        assert abs(value - right) < 1e-6, (
            f"expected {right:.2%}, got {value:.2%}. Count right answers and divide by the number of images once, at "
            "the end: the mean of batch means is wrong when the last batch is short."
        )
    return f"{want[0]:.1%} and {want[1]:.1%} right, as it should be."


def trap(f: Callable) -> str:
    accuracy(f)
    return "it now judges the images that it is given. Draw the curve again."


def loop(f: Callable) -> str:
    x, y = torch.randn(37, 6, generator=_random(0)), torch.randint(0, 3, (37,), generator=_random(1))
    starts = [torch.randn(shape, generator=_random(2)) / 2 for shape in ((6, 4), (4,), (4, 3), (3,))]
    own, theirs = ([p.clone().requires_grad_() for p in starts] for _ in range(2))
    got, want = f(x, y, own, 0.1, 8, _random(7)), answers.train_epoch(x, y, theirs, 0.1, 8, _random(7))
    assert isinstance(got, list), f"return the list of losses, one for each batch. Got {type(got).__name__}."
    assert len(got) == 5, f"37 rows in batches of 8 are 5 batches; you gave {len(got)} losses."
    assert all(isinstance(loss, float) for loss in got), "keep numbers, not tensors with their history: loss.item()."
    assert not torch.equal(own[0], starts[0]), "the weights did not move: loss.backward(), then step(parameters, lr)."
    apart = max(float((a - b).detach().abs().max()) for a, b in zip(own, theirs, strict=True))
    assert apart < 1e-4, f"after one round the weights differ from the reference's by {apart:.3g}. Is one step missing?"
    assert np.allclose(got, want, atol=1e-4), "the weights are right, the losses are not: take them before the step."
    return "five batches, five steps, the same weights as the reference."


def confusion(f: Callable) -> str:
    targets, guess = (torch.randint(0, 4, (60,), generator=_random(i)) for i in (1, 2))
    targets[targets == 3] = 2
    want = answers.confusion(targets, guess, 4)
    got = _tensor(torch.as_tensor(f(targets, guess, 4)), (4, 4), "truth, answer")
    assert not torch.equal(got, want.T), "rows and columns are swapped: a row is the truth, a column the answer."
    assert torch.equal(got.long(), want), f"expected row 0 to be {want[0].tolist()}, got {got[0].tolist()}."
    return "rows are the truth, columns the answer, and a class without images has a row of zeros."


def convolve(f: Callable) -> str:
    image, weight = torch.randn(2, 7, 9, generator=_random(0)), torch.randn(3, 2, 3, 2, generator=_random(1))
    got = _tensor(f(image, weight), (3, 5, 8), "features, height, width")
    want = conv2d(image[None], weight)[0]
    assert not torch.allclose(got, conv2d(image[None], weight.flip(-1, -2))[0], atol=1e-4), (
        "the kernel is turned by 180 degrees. Mathematicians do so; a network's convolution does not."
    )
    assert torch.allclose(got, want, atol=1e-4), (
        "other numbers than conv2d: multiply each patch, then sum over channels too."
    )
    return "equal to torch.nn.functional.conv2d."


def side(f: Callable) -> str:
    for side, kernel, padding, pool in ((64, 3, 1, 2), (64, 5, 0, 2), (31, 3, 1, 2), (28, 7, 3, 1), (50, 4, 1, 3)):
        layers = torch.nn.Sequential(torch.nn.Conv2d(1, 1, kernel, padding=padding), torch.nn.MaxPool2d(pool))
        want, got = layers(torch.zeros(1, 1, side, side)).shape[-1], f(side, kernel, padding, pool)
        assert got == want, (
            f"side {side}, kernel {kernel}, padding {padding}, pool {pool}: PyTorch gives {want}, you {got}."
        )
    return "PyTorch makes maps of just these sizes."


def count(f: Callable) -> str:
    for widths in ([7, 3], [12, 5, 4], [9, 8, 8, 2]):
        layers = torch.nn.Sequential(*(torch.nn.Linear(a, b) for a, b in pairwise(widths)))
        want, got = sum(p.numel() for p in layers.parameters()), f(widths)
        assert got == want, f"a network {widths} has {want} parameters, you count {got}. Each unit has a bias as well."
    return "PyTorch counts the same."


def block(f: Callable) -> str:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        block = ConvBlock(2, 5, 3, norm=True).eval()
        h, norm = torch.randn(3, 2, 8, 8), block.norm
        assert isinstance(norm, torch.nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        for tensor, low, high in ((norm.running_mean, -1, 1), (norm.running_var, 0.5, 2), (norm.weight, -1, 2)):
            tensor.uniform_(low, high)
        norm.bias.uniform_(-1, 1)
        got = f(h, block.conv.weight, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        got, want = _tensor(got, (3, 5, 4, 4), "images, features, height, width"), block(h)
    assert float(got.min()) >= 0, "there are negative numbers: the ReLU comes last."
    assert torch.allclose(got, want, atol=1e-3), (
        "other numbers than the library's block. The order: convolve, pool, normalise, ReLU."
    )
    return "equal to the library's ConvBlock."


def ridge(f: Callable) -> str:
    z, test = torch.randn(80, 5, generator=_random(0)) * 3 + 1, torch.randn(20, 5, generator=_random(1)) * 3 + 1
    targets = (z[:, 0] > 1).long() + (z[:, 1] > 2).long()
    library = fit_probe(z, targets, 3)
    got = f(z.double(), targets, test.double(), 3, library.penalty * len(z))
    got = _tensor(got, (20, 3), "samples, classes")
    apart = float((got - library(test)).abs().max())
    assert apart < 1e-4, (
        f"class scores differ from the library's by {apart:.3g}. Standardise with the training rows only."
    )
    return "the same class scores as layerscope.see.probe."
