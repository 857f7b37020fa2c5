from math import log

import pytest
import torch
from torch.nn.functional import pad

from layerscope.checkpoint import build
from layerscope.inputs import Texts, Tokens
from layerscope.models.wordpiece import SPECIAL, WordPiece
from layerscope.pretrain import fill_in, mask_words, pretrain, transfer
from layerscope.train import Recipe, TrainingError

PAIRS = 6
VOCABULARY = (*SPECIAL, *(f"a{i}" for i in range(PAIRS)), *(f"b{i}" for i in range(PAIRS)), "##x", "##y")
PIECES = WordPiece(VOCABULARY)
CLS, SEP, MASK = (VOCABULARY.index(name) for name in ("[CLS]", "[SEP]", "[MASK]"))


def toy_language(texts=300, seed=0):
    """After the word a3 there is always b3: three to five such pairs in any order."""
    dice = torch.Generator().manual_seed(seed)
    a = torch.randint(0, PAIRS, (texts, 5), generator=dice)
    words = torch.stack([a, a + PAIRS], dim=2).flatten(1) + len(SPECIAL)
    lengths = 2 * torch.randint(3, 6, (texts,), generator=dice)
    mask = torch.arange(12) < lengths[:, None] + 2
    ids = torch.cat([torch.full((texts, 1), CLS), words, torch.full((texts, 1), 0)], dim=1).masked_fill(~mask, 0)
    ids[torch.arange(texts), lengths + 1] = SEP
    return Tokens(ids, mask)


def many_words(rows=400, length=50):
    """Words of one to three pieces, then padding."""
    row = [CLS, *[5, 17, 6, 7, 17, 18, 8, 9] * ((length - 2) // 8), SEP]
    ids = torch.tensor([row + [0] * 6] * rows)
    return Tokens(ids, torch.arange(len(row) + 6).expand(rows, -1) < len(row))


def small(seed=0):
    return build("transformer", {"vocabulary": len(VOCABULARY), "classes": 2, "width": 32, "blocks": 2}, seed)


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


RECIPE = Recipe(epochs=2, batch_size=32, lr=3e-3)


@pytest.fixture(scope="module")
def learned():
    model = small()
    train, val = toy_language(600), toy_language(100, seed=1)
    return model, [*pretrain(model, train, val, Recipe(epochs=12, batch_size=32, lr=5e-3), VOCABULARY)]


@pytest.mark.parametrize("share", [0.15, 0.4])
def test_so_many_words_are_asked(share):
    tokens = many_words()
    targets = mask_words(tokens, VOCABULARY, dice(), share).targets
    ordinary = tokens.mask & (tokens.ids >= len(SPECIAL))
    assert (targets[ordinary] >= 0).double().mean().item() == pytest.approx(share, abs=0.015)


def test_eight_in_ten_are_hidden_one_is_another_and_one_stays():
    tokens = many_words()
    seen, targets = mask_words(tokens, VOCABULARY, dice())
    asked = targets >= 0
    truth, shown = targets[asked], seen.ids[asked]
    assert torch.equal(truth, tokens.ids[asked]) and torch.equal(seen.mask, tokens.mask)
    assert torch.equal(seen.ids[~asked], tokens.ids[~asked])
    hidden = (shown == MASK).double().mean().item()
    other = ((shown != MASK) & (shown != truth)).double().mean().item()
    assert hidden == pytest.approx(0.8, abs=0.03)
    assert other == pytest.approx(0.1 * (1 - 1 / (len(VOCABULARY) - len(SPECIAL))), abs=0.02)
    assert set(shown[shown != MASK].tolist()) == set(range(len(SPECIAL), len(VOCABULARY)))


def test_special_pieces_and_padding_are_never_asked():
    tokens = many_words()
    unknown = tokens.ids.clone()
    unknown[:, 3] = VOCABULARY.index("[UNK]")
    seen, targets = mask_words(Tokens(unknown, tokens.mask), VOCABULARY, dice(), 0.9)
    protected = ~tokens.mask | (unknown < len(SPECIAL))
    assert (targets[protected] == -1).all()
    assert torch.equal(seen.ids[protected], unknown[protected])


def test_words_are_hidden_whole():
    tokens = PIECES.tokens(Texts.of(["a1xyx b2 a0y a3", "b1 b4yyy"] * 200))
    asked = mask_words(tokens, VOCABULARY, dice(), 0.5).targets >= 0
    goes_on = torch.tensor([piece.startswith("##") for piece in VOCABULARY])[tokens.ids]
    assert (asked[:, 1:] == asked[:, :-1])[goes_on[:, 1:]].all()
    firsts = asked[0::2][:, [1, 5, 6, 8]].double()  # words beside each other are drawn one by one
    assert firsts.mean().item() == pytest.approx(0.5, abs=0.1)
    assert (firsts[:, 0] != firsts[:, 1]).double().mean().item() == pytest.approx(0.5, abs=0.15)


def test_the_dice_decide():
    tokens = many_words(20)
    a, b, other = (mask_words(tokens, VOCABULARY, dice(seed)) for seed in (0, 0, 1))
    assert torch.equal(a.tokens.ids, b.tokens.ids) and torch.equal(a.targets, b.targets)
    assert not torch.equal(a.targets, other.targets)


def test_it_learns_the_rule_of_the_language(learned):
    model, seen = learned
    ids = torch.tensor([[CLS, 5, 5 + PAIRS, 5 + i, MASK, 6, 6 + PAIRS, SEP] for i in range(PAIRS)])
    tokens = Tokens(ids, torch.ones_like(ids, dtype=torch.bool))
    with torch.no_grad():
        scores = fill_in(model.eval(), tokens, ids == MASK)
    assert torch.equal(scores.argmax(1), 5 + PAIRS + torch.arange(PAIRS))
    assert seen[0].val_loss > seen[-1].val_loss
    assert seen[-1].val_loss < 0.5 * log(2 * PAIRS)  # all twelve words are equally frequent
    assert seen[-1].share_right > 0.7
    assert [epoch.number for epoch in seen] == list(range(1, 13))


def test_same_seed_same_epochs_and_the_random_state_is_left_alone():
    train, val = toy_language(64), toy_language(32, seed=1)
    before = torch.get_rng_state()
    first, again = ([*pretrain(small(), train, val, RECIPE, VOCABULARY)] for _ in range(2))
    assert first == again
    assert torch.equal(before, torch.get_rng_state())
    assert first != [*pretrain(small(), train, val, Recipe(**vars(RECIPE) | {"seed": 1}), VOCABULARY)]


def test_padding_changes_nothing():
    train, val = toy_language(64), toy_language(32, seed=1)
    wide = Tokens(pad(train.ids, (0, 5), value=9), pad(train.mask, (0, 5)))
    expected, found = ([*pretrain(small(), t, val, Recipe(epochs=1, batch_size=16), VOCABULARY)] for t in (train, wide))
    assert expected == found
    model, where = small().eval(), mask_words(train, VOCABULARY, dice()).targets >= 0
    torch.testing.assert_close(fill_in(model, train, where), fill_in(model, wide, pad(where, (0, 5))))


def test_a_classifier_begins_with_all_but_the_head(learned):
    model, _ = learned
    classifier = transfer(model, classes=4, seed=1)
    assert classifier.head.out_features == classifier.config.classes == 4
    for name, t in model.state_dict().items():
        if not name.startswith("head."):
            assert torch.equal(t, classifier.state_dict()[name]), name
    assert classifier.words.weight.data_ptr() != model.words.weight.data_ptr()


def test_what_cannot_work_is_refused():
    tokens = toy_language(8)
    with pytest.raises(ValueError, match=r"share must be between 0 and 1, such as 0.15. Got 15"):
        mask_words(tokens, VOCABULARY, dice(), 15)
    with pytest.raises(ValueError, match="knows 19 pieces, the vocabulary has 18"):
        next(pretrain(small(), tokens, tokens, RECIPE, VOCABULARY[:-1]))
    with pytest.raises(TrainingError, match="lower learning rate"):
        [*pretrain(small(), tokens, tokens, Recipe(epochs=3, batch_size=8, lr=1e20), VOCABULARY)]


def test_texts_too_short_to_ask_anything_are_no_error():
    one = Tokens(torch.tensor([[CLS, SEP]]), torch.ones(1, 2, dtype=torch.bool))
    (epoch,) = pretrain(small(), one, one, Recipe(epochs=1), VOCABULARY)
    assert epoch == (1, 0, 0, 0)
