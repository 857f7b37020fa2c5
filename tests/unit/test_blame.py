import numpy as np
import pytest
import torch
from torch import nn

from layerscope.inputs import Tokens
from layerscope.see.blame import (
    by_word,
    deletion,
    gradient_times_input,
    integrated_gradients,
    margin,
    mean_gain,
    occlusion,
    word_numbers,
)

MASK, CUE = 1, 7


def text(*ids, padding=0):
    row = torch.tensor([[*ids, *[0] * padding]])
    return Tokens(row, torch.arange(row.shape[1])[None] < len(ids))


def decides(tokens):
    """Class 1 if the text holds the cue, and nothing else counts; padding must not either."""
    found = ((tokens.ids == CUE) & tokens.mask).any(dim=1).float()
    return torch.stack([2 - 4 * found, 4 * found - 2], dim=1)


LONG = text(*range(10, 40), CUE, *range(40, 129), padding=3)  # 120 words
HERE = 30  # where the cue is


class Small(nn.Module):
    """A real network whose embeddings can be given: embed, attend, mean over tokens, head."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 3)

    def of_embeddings(self, h):
        return self.head(self.block(h).mean(dim=1))

    def forward(self, tokens):
        return self.of_embeddings(self.words(tokens.ids))


@pytest.fixture
def small():
    torch.manual_seed(0)
    return Small().eval()


def test_the_margin_is_the_log_odds():
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 0.0]])
    assert torch.allclose(margin(logits, 1), logits.softmax(dim=1)[:, 1].logit())
    assert margin(torch.tensor([[3.0, 5.0]]), 0).item() == -2
    with pytest.raises(ValueError, match="two classes or more, and one of them as target. Got 2, target 2"):
        margin(torch.zeros(1, 2), 2)
    with pytest.raises(ValueError, match="Got 1, target 0"):
        margin(torch.zeros(1, 1), 0)


def test_occlusion_finds_the_word_that_decides():
    scores = occlusion(decides, LONG, 1, MASK)
    assert scores[HERE] == 8  # from 4 to -4
    assert scores.abs().sum() == 8
    assert torch.equal(occlusion(decides, LONG, 0, MASK), -scores)


def test_pieces_of_a_word_are_masked_together():
    twice = text(10, CUE, CUE, 11)
    assert occlusion(decides, twice, 1, MASK).abs().sum() == 0  # one piece left gives the word away
    words = torch.tensor([-1, 0, 0, 1])
    scores = occlusion(decides, twice, 1, MASK, words)
    assert scores.tolist() == [0, 4, 4, 0]
    assert by_word(scores, words).tolist() == [8, 0]


def test_occlusion_of_a_network_is_what_masking_by_hand_gives(small):
    tokens = text(4, 5, 6, 7)
    scores = occlusion(small, tokens, 2, MASK)
    with torch.no_grad():
        drop = margin(small(tokens), 2) - margin(small(text(4, 5, MASK, 7)), 2)
    assert scores[2].item() == pytest.approx(drop.item(), abs=1e-5)


def test_a_linear_network_is_explained_exactly():
    torch.manual_seed(0)
    weight, h, baseline = torch.randn(2, 5, 3), torch.randn(5, 3), torch.randn(5, 3)

    def linear(x):
        return torch.einsum("btd,ktd->bk", x, weight) + 1.5

    slope = weight[1] - weight[0]
    assert torch.allclose(gradient_times_input(linear, h, 1), (slope * h).sum(dim=1), atol=1e-5)
    exact = (slope * (h - baseline)).sum(dim=1)
    assert torch.allclose(integrated_gradients(linear, h, baseline, 1, steps=1), exact, atol=1e-5)


@pytest.mark.parametrize("target", [0, 1, 2])
def test_integrated_gradients_sum_to_what_they_explain(small, target):
    h, baseline = (small.words(torch.tensor(ids)).detach() for ids in ([4, 5, 6, 7, 8], [MASK] * 5))
    with torch.no_grad():
        end, begin = (margin(small.of_embeddings(x[None]), target).item() for x in (h, baseline))
    scores = integrated_gradients(small.of_embeddings, h, baseline, target, steps=300)
    assert abs(end - begin) > 0.03
    assert scores.sum().item() == pytest.approx(end - begin, abs=1e-3)
    assert abs(gradient_times_input(small.of_embeddings, h, target).sum().item() - (end - begin)) > 0.01
    assert all(p.grad is None for p in small.parameters())


@pytest.mark.filterwarnings("ignore")  # of captum's own making
def test_they_are_what_captum_computes(small):
    captum = pytest.importorskip("captum.attr")
    tokens = text(4, 5, 6, 7, 8)
    h, baseline = (small.words(ids).detach() for ids in (tokens.ids, torch.full((1, 5), MASK)))
    found = integrated_gradients(small.of_embeddings, h[0], baseline[0], 2)
    method = captum.IntegratedGradients(lambda x: margin(small.of_embeddings(x), 2))
    theirs = method.attribute(h, baseline, n_steps=64, method="riemann_middle").sum(dim=-1)[0]
    torch.testing.assert_close(found, theirs, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        ablation = captum.FeatureAblation(lambda ids: margin(small(Tokens(ids, torch.ones_like(ids).bool())), 2))
        theirs = ablation.attribute(tokens.ids, baselines=MASK)[0].float()
    torch.testing.assert_close(occlusion(small, tokens, 2, MASK), theirs, atol=1e-5, rtol=1e-4)


def test_integrated_gradients_see_what_saturates_and_the_slope_does_not():
    """The example of Sundararajan et al., section 2.1: f = 1 - relu(1 - x) at 2, where the slope is 0."""

    def saturates(x):
        f = 1 - (1 - x[:, 0, 0]).relu()
        return torch.stack([torch.zeros_like(f), f], dim=1)

    h, baseline = torch.tensor([[2.0]]), torch.tensor([[0.0]])
    assert gradient_times_input(saturates, h, 1).item() == 0
    assert integrated_gradients(saturates, h, baseline, 1).item() == pytest.approx(1)


def test_pieces_are_numbered_by_word():
    pieces = ["[CLS]", "no", "hepat", "##oblast", "##oma", ".", "[SEP]", "[PAD]"]
    words = word_numbers(pieces)
    assert words.tolist() == [-1, 0, 1, 1, 1, 2, -1, -1]
    assert by_word(torch.arange(8.0), words).tolist() == [1, 9, 5]


def test_deletion_tells_a_right_order_from_a_wrong_one():
    right = deletion(decides, LONG, occlusion(decides, LONG, 1, MASK), MASK)
    assert right.target == 1
    assert right.curve.shape == (121,) and right.random.shape == (99, 121)
    sure = torch.tensor(4.0).sigmoid().item()
    assert right.curve[0] == pytest.approx(sure) and right.curve[1] == pytest.approx(1 - sure, abs=1e-6)
    assert right.area < right.low <= right.chance <= right.high
    assert right.better and right.gain > 0.3
    wrong = deletion(decides, LONG, -occlusion(decides, LONG, 1, MASK), MASK)
    assert wrong.area >= wrong.high and not wrong.better and wrong.gain < -0.3


def test_the_area_of_random_orders_is_known():
    """The cue is masked after 1, ..., n of n words alike often, so half of the words are gone when it falls."""
    check = deletion(decides, LONG, torch.zeros(123), MASK, draws=399)
    assert check.chance == pytest.approx(0.5, abs=0.05)  # three standard errors
    areas = np.sort((check.random[:, :-1] + check.random[:, 1:]).mean(axis=1) / 2)
    assert (check.low, check.high) == pytest.approx((areas[9], areas[-10]))  # 2.5 % of 400 are 10
    assert check.high - check.low == pytest.approx(0.95 * torch.tensor(2.0).tanh().item(), abs=0.05)


def test_scores_that_say_nothing_are_called_better_as_often_as_promised():
    weight = torch.randn(30, generator=torch.Generator().manual_seed(0)) / 4

    def adds_up(tokens):
        total = weight[tokens.ids].masked_fill(tokens.ids == MASK, 0).sum(dim=1)
        return torch.stack([-total, total], dim=1)

    dice, some = torch.Generator().manual_seed(1), text(*range(10, 25))
    called = sum(deletion(adds_up, some, torch.randn(15, generator=dice), MASK, seed=i).better for i in range(400))
    assert 1 <= called <= 17  # 2 of 100 random orders are below `low`: 8, and three standard errors
    target = int(adds_up(some).argmax())
    assert deletion(adds_up, some, occlusion(adds_up, some, target, MASK), MASK).better


def test_a_short_text_cannot_tell_but_many_can():
    short = [text(*range(10, 10 + n), CUE, *range(20, 25)) for n in (1, 2, 3, 1, 2, 3)]
    checks = [deletion(decides, t, occlusion(decides, t, 1, MASK), MASK, seed=i) for i, t in enumerate(short)]
    assert not any(check.better for check in checks)
    assert mean_gain(checks, np.arange(6)).low > 0.2
    lost = [deletion(decides, t, torch.zeros(t.ids.shape[1]), MASK, seed=i) for i, t in enumerate(short)]
    assert mean_gain(lost, np.arange(6)).low < 0
    assert np.isnan(mean_gain(checks, np.zeros(6, int)).low)


def test_what_belongs_to_no_word_is_never_masked():
    cue_first = text(CUE, *range(10, 14))
    words = torch.tensor([-1, 0, 1, 1, 2])
    check = deletion(decides, cue_first, torch.zeros(5), MASK, words)
    assert check.curve.shape == (4,) and np.ptp(check.curve) == 0
    assert occlusion(decides, cue_first, 1, MASK, words).tolist() == [0] * 5


def test_a_check_is_the_same_each_time(small):
    tokens, scores = text(*range(3, 15)), torch.randn(12, generator=torch.Generator().manual_seed(1))
    first, second = (deletion(small, tokens, scores, MASK, seed=3) for _ in range(2))
    assert np.array_equal(first.random, second.random) and first.area == second.area


def test_what_cannot_be_done_is_said():
    two = Tokens(torch.tensor([[10, 11], [12, 13]]), torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"needed one text, such as tokens\[torch.tensor\(\[0\]\)\]. Got 2"):
        occlusion(decides, two, 1, MASK)
    with pytest.raises(ValueError, match="39 random orders or more. Got 5"):
        deletion(decides, LONG, torch.zeros(123), MASK, draws=5)
    for words in ([0, 2], [-1, -1], [0, 1, 2]):
        with pytest.raises(ValueError, match="each of the 2 tokens a number 0, 1, ... without a gap"):
            occlusion(decides, text(10, 11), 1, MASK, torch.tensor(words))
    with pytest.raises(ValueError, match="and padding -1"):
        occlusion(decides, text(10, padding=1), 1, MASK, torch.tensor([0, 0]))
    with pytest.raises(ValueError, match="steps must be 1 or more. Got 0"):
        integrated_gradients(nn.Identity(), torch.zeros(1, 1), torch.zeros(1, 1), 0, steps=0)
