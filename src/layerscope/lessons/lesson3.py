"""Exercises of lesson 3, text: their tests, hints and reference answers; and its questions."""

from layerscope.lessons import lesson3_answers as answers
from layerscope.lessons import lesson3_tests as tests
from layerscope.lessons.check import Check
from layerscope.lessons.lesson3_questions import QUESTIONS as QUESTIONS

CHECKS = {
    "3.bag": Check(
        tests.bag,
        (
            "Begin with a row of zeros, one for each word of the vocabulary.",
            "column[word] is the place of a word; a word that is not in `column` is passed over.",
            "for word in words: if word in column: row[column[word]] += 1",
        ),
        answers.bag,
    ),
    "3.rarity": Check(
        tests.rarity,
        (
            "In how many texts does a word stand? (counts > 0).sum(dim=0)",
            "n texts, h of them hold the word: log((1 + n) / (1 + h)) + 1.",
            "torch.log((1 + len(counts)) / (1 + (counts > 0).sum(dim=0))) + 1",
        ),
        answers.rarity,
    ),
    "3.pair": Check(
        tests.best_pair,
        (
            "Count pairs of neighbours with a Counter; a word met 5 times adds 5.",
            "zip(pieces, pieces[1:]) gives the neighbours of one word.",
            "pairs[pair] += times, and at the end max(pairs, key=pairs.get)",
        ),
        answers.best_pair,
    ),
    "3.cut": Check(
        tests.cut,
        (
            "From `start`, try the longest end first, and make it shorter until the piece is known.",
            "A piece that does not begin the word is written with ## before it.",
            "for stop in range(len(word), start, -1): ... if piece in vocabulary: keep it, start = stop, break; "
            "the `else` of the loop returns ['[UNK]'].",
        ),
        answers.cut,
    ),
    "3.mean": Check(
        tests.mean_of_tokens,
        (
            "mask is True at real tokens. Multiply, so that padding becomes 0.",
            "mask[:, :, None] has the axes of h.",
            "(h * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1)[:, None]",
        ),
        answers.mean_of_tokens,
    ),
    "3.attend": Check(
        tests.attend,
        (
            "Three steps: scores, weights, values.",
            "scores = query @ key.transpose(1, 2) / width ** 0.5; fill those of padding with -torch.inf.",
            "weights = scores.masked_fill(~mask[:, None, :], -torch.inf).softmax(dim=-1); then weights @ value",
        ),
        answers.attend,
    ),
    "3.hidden": Check(
        tests.hidden_loss,
        (
            "asked = truth >= 0 picks the places.",
            "scores[asked] has one row for each word that is asked.",
            "cross_entropy(scores[asked], truth[asked])",
        ),
        answers.hidden_loss,
    ),
    "3.rates": Check(
        tests.rates,
        (
            "The head learns at `top`; the last block at top * decay; the one below at top * decay**2.",
            "Depth 0 is the embeddings, depth `blocks` the last block.",
            "[top * decay ** (blocks + 1 - depth) for depth in range(blocks + 1)]",
        ),
        answers.rates,
    ),
    "3.trap": Check(
        tests.parted,
        (
            "dataset.groups says which texts belong to one term. Draw terms, not texts.",
            "np.isin(dataset.groups, chosen) picks all texts of the chosen groups.",
            "groups = np.unique(dataset.groups); shuffle them; the first fifth are for the test: "
            "np.flatnonzero(np.isin(dataset.groups, chosen))",
        ),
        answers.parted,
    ),
}
