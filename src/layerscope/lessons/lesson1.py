"""Exercises of lesson 1, MedNIST using PyTorch: their tests, hints and reference answers; and its questions."""

from layerscope.lessons import lesson1_answers as answers
from layerscope.lessons import lesson1_tests as tests
from layerscope.lessons.check import Check
from layerscope.lessons.lesson1_questions import QUESTIONS as QUESTIONS

CHECKS = {
    "1.normalise": Check(
        tests.normalise,
        (
            "Three things: flatten all but the first axis, make floats, map 0..255 to -1..1.",
            "pixels.flatten(1) keeps the first axis.",
            "pixels.flatten(1).float() / 127.5 - 1",
        ),
        answers.normalise,
    ),
    "1.batches": Check(
        tests.batches,
        (
            "torch.randperm(rows, generator=generator) is all row numbers in random order.",
            "A tensor has .split(size); the last piece may be shorter.",
            "for piece in torch.randperm(rows, generator=generator).split(size): yield piece",
        ),
        answers.shuffled_batches,
    ),
    "1.nearest": Check(
        tests.nearest,
        (
            "cosine is a matrix (test, train). topk(k, dim=1).indices gives the k nearest rows of train.",
            "targets[indices] are their classes; count them with one_hot(...).sum(dim=1).",
            "one_hot(targets[cosine.topk(k, dim=1).indices]).sum(dim=1).argmax(dim=1)",
        ),
        answers.nearest,
    ),
    "1.count": Check(
        tests.count,
        (
            "A layer from d to w numbers has a matrix and a bias.",
            "The matrix has d * w numbers, the bias w.",
            "sum(d * w + w for d, w in zip(widths, widths[1:]))",
        ),
        answers.count,
    ),
    "1.forward": Check(
        tests.forward,
        (
            "First hidden = tanh(...), then the logits from hidden.",
            "x @ w1 is the matrix product; add b1.",
            "torch.tanh(x @ w1 + b1) @ w2 + b2",
        ),
        answers.forward,
    ),
    "1.loss": Check(
        tests.loss,
        (
            "-log of the softmax at the true class is logsumexp(logits) - logit of the true class.",
            "logits[torch.arange(len(targets)), targets] picks one logit in each row.",
            "(logits.logsumexp(dim=1) - true).mean()",
        ),
        answers.loss_of,
    ),
    "1.step": Check(
        tests.step,
        (
            "Against the gradient: the new weight is the old one less lr times p.grad.",
            "Inside torch.no_grad(), change p in place with -=.",
            "p -= lr * p.grad, then p.grad = None",
        ),
        answers.step,
    ),
    "1.accuracy": Check(
        tests.accuracy,
        (
            "Add the number of right answers over all batches; divide once.",
            "The answer is the class with the largest logit: argmax(dim=1).",
            "right += int((guess == batch.targets).sum()), and at the end right / len(dataset)",
        ),
        answers.accuracy,
    ),
    "1.loop": Check(
        tests.loop,
        (
            "Four lines inside the loop: loss, backward, step, remember.",
            "x[rows] and y[rows] are the batch.",
            "loss = loss_of(forward(x[rows], *parameters), y[rows]); loss.backward(); step(parameters, lr)",
        ),
        answers.train_epoch,
    ),
    "1.confusion": Check(
        tests.confusion,
        (
            "Start with torch.zeros(classes, classes, dtype=torch.long) and add 1 for each image.",
            "table[target, guess] += 1: the truth is the row.",
            "for t, g in zip(targets.tolist(), guess.tolist()): table[t, g] += 1",
        ),
        answers.confusion,
    ),
    "1.convolve": Check(
        tests.convolve,
        (
            "The patch under the kernel at (i, j) is image[:, i : i + kh, j : j + kw].",
            "Multiply patch and kernel number by number and sum over everything.",
            "out[f, i, j] = (image[:, i : i + kh, j : j + kw] * weight[f]).sum()",
        ),
        answers.convolve,
    ),
    "1.side": Check(
        tests.side,
        (
            "How many places are there where a kernel fits into the padded image?",
            "side + 2 * padding - kernel + 1 places; pooling keeps one of `pool`, and drops the rest.",
            "(side + 2 * padding - kernel + 1) // pool",
        ),
        answers.side_after,
    ),
    "1.block": Check(
        tests.block,
        (
            "conv2d(h, weight, padding=1), then max_pool2d(h, 2), then standardise, then relu.",
            "mean has one number per feature; give it the shape of a map: mean[:, None, None].",
            "(h - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt(), times gain, plus shift",
        ),
        answers.conv_block,
    ),
    "1.ridge": Check(
        tests.ridge,
        (
            "Standardise z with its own mean and std, and the test rows with the same two.",
            "Solve (x.T @ x + strength * I) weight = x.T @ (y - prior).",
            "weight = torch.linalg.solve(x.T @ x + strength * eye, x.T @ (y - prior)); add prior at the end",
        ),
        answers.ridge,
    ),
    "1.trap": Check(
        tests.trap,
        (
            "Give the function two data sets on which the network must do differently.",
            "Which images does its loop walk over? Compare with its argument.",
            "batches(few_train, 256) must be batches(dataset, 256), and len(few_train) must be len(dataset).",
        ),
        answers.accuracy,
    ),
}
