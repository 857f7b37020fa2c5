# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   layerscope:
#     extra: ""
#     data: [mednist]
#     weights: []
# ---

# %% [markdown]
# # Lesson 1 · MedNIST using PyTorch: what does depth buy?
#
# A radiologist glances at an image and says "a hand". No one can write down the rule for that in
# terms of pixels. A deep network finds a rule by itself: it turns the pixels, **layer by layer**,
# into other numbers, until a very simple rule is enough.
#
# > *Deep learning is a search for good hierarchical representations that make a given task easy to
# > solve.*
#
# In this lesson you write every part of that sentence in PyTorch: the numbers, the network, the
# loss, one step of learning, the loop, the convolution. Each of your parts is then compared with
# the same part of the library, number by number. And then you put the sentence to the test:
#
# 1. **Is the task hard at all?** What do simple methods reach?
# 2. **What does depth buy?** And where does it buy nothing?
# 3. **How would we notice if we fooled ourselves?**

# %% tags=["parameters"]
SEED = 0  # everything random is drawn from this number
ALL = None  # images per class to start with; None takes all of them  # smoke: 400
TRAIN = 2_000  # images per class to learn from  # smoke: 60
KEPT = 400  # images per class for each set that is kept aside  # smoke: 30
HAND_EPOCHS = 5  # rounds over the training images, network by hand  # smoke: 2
MLP_EPOCHS = 4  # rounds, fully connected networks  # smoke: 2
CNN_EPOCHS = 3  # rounds, convolutional networks  # smoke: 4
TASK_EPOCHS = 4  # rounds, one network for each task  # smoke: 2
SEEDS = 3  # networks of each size that differ only in their seed  # smoke: 1
LABELS = (1, 3, 10, 30, 100)  # labels per class, for the few-label curve  # smoke: (1, 10)
DRAWS = 5  # draws of few labels  # smoke: 2
MOMENTS = (0, 20, 100)  # steps after which a CNN's weights are kept, to look at  # smoke: (0, 5)
WALKED = 400  # images on the maps of section 12  # smoke: 100

# %%
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from layerscope import atlas
from layerscope.checkpoint import build, load_moments
from layerscope.data import DATASETS
from layerscope.data.augment import Wild, wild
from layerscope.data.leaks import thumbnails, twins
from layerscope.dataset import at_most, batches, few, split
from layerscope.draw.curves import draw_few_labels, draw_learning
from layerscope.draw.layers import draw_layers, layer_key
from layerscope.draw.scores import draw_confusion
from layerscope.draw.style import BLUE, COLOURS, GREY, MARKERS, ORANGE, RC, name
from layerscope.inputs import Images
from layerscope.judge import METRICS, compare, score
from layerscope.lessons import bar, check, explain, guess, mednist_or_phantoms, say, use
from layerscope.models import CNNConfig, MLPConfig
from layerscope.models.baseline import BASELINES
from layerscope.predictions import Predictions
from layerscope.see.activations import activations, calibrate, untrained
from layerscope.see.curve import layer_curve, learned
from layerscope.see.neighbours import neighbours, vote
from layerscope.see.probe import fit_probe, probe
from layerscope.study.data import thin
from layerscope.study.plan import few_label_recipe
from layerscope.study.steps import confusion as library_confusion
from layerscope.train import Recipe, choose_device, evaluate, fit, predict
from scipy.stats import t as student
from torch.nn.functional import conv2d, cross_entropy, max_pool2d, normalize, one_hot

plt.rcParams.update({**RC, "figure.facecolor": "white"})
torch.manual_seed(SEED)
device = choose_device()
say(
    f"The computing happens on **{device}**. A GPU is used where there is one; nothing else "
    "changes."
)

# %% [markdown]
# ## 1 · The images
#
# MedNIST was made for teaching. Before any network, read the card: who made it, what may you do
# with it, and **which images belong together**?

# %%
loaded = mednist_or_phantoms(progress=bar())
dataset = thin(loaded.dataset, ALL, SEED)
classes, card = dataset.classes, dataset.source
K = len(classes)

per_class = [np.flatnonzero(dataset.targets.numpy() == k) for k in range(K)]
rows = [
    f"| {classes[k]} | {len(own):,} | {len(np.unique(dataset.groups[own])):,} |"
    for k, own in enumerate(per_class)
]
say(
    f"""
**{card.title}** · licence: {card.license}

{card.citation}.

*What is a group?* {card.group}.

| class | images | groups |
|---|---|---|
"""
    + "\n".join(rows)
)
if loaded.grouping:
    say(
        f"In all images together, {loaded.grouping.duplicates:,} pairs are near duplicates "
        "(correlation 0.99 or more). A class with few groups consists of a few long series of "
        "slices: it holds far less evidence than its number of images suggests."
    )


# %% tags=["hide-input"]
def show_images(pixels, titles=None, columns=8, size=1.15, colours=None, title_size=8, **how):
    """A grid of grey pictures."""
    lines = -(-len(pixels) // columns)
    extra = 0.25 * (1 + max(t.count("\n") for t in titles)) if titles else 0.05
    figsize = (columns * size, lines * (size + extra))
    figure, axes = plt.subplots(lines, columns, figsize=figsize, squeeze=False)
    how = {"cmap": "gray", **how}
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i < len(pixels):
            ax.imshow(np.asarray(pixels[i]).squeeze(), **how)
            if titles:
                colour = colours[i] if colours else "black"
                ax.set_title(
                    titles[i], fontsize=title_size, fontweight="normal", loc="center", color=colour
                )
    figure.tight_layout(pad=0.3)
    plt.show()


chosen = np.concatenate([own[np.linspace(0, len(own) - 1, 8).astype(int)] for own in per_class])
titles = [classes[int(t)] if i % 8 == 0 else " " for i, t in enumerate(dataset.targets[chosen])]
show_images(dataset.inputs.pixels[chosen], titles, vmin=0, vmax=255)
say(
    f"One row for each class, eight images each, taken evenly from the files: {', '.join(classes)}."
)

# %% [markdown]
# ### An image is a tensor of numbers
#
# A **tensor** is a table of numbers with any number of axes. All images together are one tensor
# with four axes: image, channel (one, since it is grey), row, column.

# %%
pixels = dataset.inputs.pixels
hand = pixels[chosen[-12]]
say(
    f"Shape `{tuple(pixels.shape)}`, type `{pixels.dtype}`, from {int(pixels[chosen].min())} "
    f"(black) to {int(pixels[chosen].max())} (white). Below: one image, and the numbers of an 8×8 "
    "patch of it."
)

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
left.imshow(hand[0], cmap="gray", vmin=0, vmax=255)
left.add_patch(plt.Rectangle((27.5, 27.5), 8, 8, fill=False, edgecolor=ORANGE, linewidth=2))
right.imshow(hand[0, 28:36, 28:36], cmap="gray", vmin=0, vmax=255)
for i in range(8):
    for j in range(8):
        value = int(hand[0, 28 + i, 28 + j])
        right.text(
            j,
            i,
            value,
            ha="center",
            va="center",
            fontsize=8,
            color="black" if value > 127 else "white",
        )
for ax in (left, right):
    ax.axis("off")
plt.show()

# %% [markdown]
# ### Exercise: to numbers of a sensible size
#
# Networks learn badly from numbers such as 0 to 255. Map black to -1 and white to 1, and lay the
# pixels of each image in one row: `(images, 1, height, width)` becomes `(images, pixels)`.


# %% tags=["exercise"]
def normalise(pixels):
    """uint8 (b, 1, h, w), 0 to 255 -> float32 (b, h * w), -1 to 1."""
    # BEGIN SOLUTION
    return pixels.flatten(1).float() / 127.5 - 1
    # END SOLUTION


check("1.normalise", normalise)

# %%
normalise = use("1.normalise", normalise)

# %% [markdown]
# ## 2 · Train, validation, test: and who may not be parted
#
# A network is judged on images that it has never seen. The images are cut into four parts:
#
# | part | what for |
# |---|---|
# | train | the network learns from these |
# | val(idation) | we make choices on these, as often as we like |
# | look | later, to look inside the network |
# | test | opened **once**, at the end |
#
# How to cut? Most courses draw at random. But images are not independent.

# %% tags=["guess"]
guess("1.twins", "b")

# %%
blocks = DATASETS[card.name].SPLIT == "blocks"  # files of a series stand side by side
shares = {"train": 0.6, "val": 0.1, "look": 0.1, "test": 0.2}
honest = split(dataset, shares, SEED, blocks=blocks)
drawn = split(replace(dataset, groups=np.arange(len(dataset))), shares, SEED)  # each image alone


def share_of_twins(parts):
    test, train = parts["test"], parts["train"]
    found = twins(
        test.inputs.pixels, test.targets.numpy(), train.inputs.pixels, train.targets.numpy()
    )
    return np.array([found[test.targets.numpy() == k].mean() for k in range(K)])


at_random, by_group = share_of_twins(drawn), share_of_twins(honest)

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(8, 2.8))
ax.bar(np.arange(K) - 0.2, at_random, 0.38, color=ORANGE, label="split at random")
ax.bar(np.arange(K) + 0.2, by_group, 0.38, color=BLUE, label="split by groups")
ax.set_xticks(range(K), classes)
ax.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
ax.set_ylim(0, 1.05)
ax.set_title("Test images with a near twin among the training images")
ax.legend(loc="upper right", ncols=2)
plt.show()
worst = int(at_random.argmax())
say(
    f"Split at random, **{at_random[worst]:.0%}** of the test images of {classes[worst]} have a "
    f"near twin in training (correlation above 0.95), over all classes {at_random.mean():.0%}. "
    f"Split by groups it is {by_group[worst]:.0%} and {by_group.mean():.0%}. What is left are "
    "look-alikes in different groups. Whether they are the same patient, nobody can tell."
)

# %%
explain("1.twins")

# %% tags=["hide-input"]
own = drawn["test"].targets.numpy() == worst
few_of = drawn["test"].rows(np.flatnonzero(own)[:: max(1, own.sum() // 7)][:7])
train_of = drawn["train"].rows(np.flatnonzero(drawn["train"].targets.numpy() == worst))
alike = thumbnails(few_of.inputs.pixels, 32) @ thumbnails(train_of.inputs.pixels, 32).T
best = alike.max(dim=1)
pictures = [*few_of.inputs.pixels, *train_of.inputs.pixels[best.indices]]
titles = [
    *few_of.ids,
    *[f"{i}\nr = {r:.3f}" for i, r in zip(train_of.ids[best.indices], best.values)],
]
show_images(pictures, [str(t).split("/")[-1] for t in titles], columns=7, vmin=0, vmax=255)
say(
    f"Above: test images of {classes[worst]} in the random split. Below each: the training image "
    "most like it. A network that remembers the lower row has answered the upper one."
)

# %% [markdown]
# Does it change the result here? Take a method that only remembers: it gives the answer of the most
# similar training image. Judge it under both splits.

# %%
remembers = {}
for how, cut in (("at random", drawn), ("by groups", honest)):
    learn_from, judge_on = thin(cut["train"], TRAIN, SEED), thin(cut["val"], KEPT, SEED)
    remembers[how] = score(
        METRICS["accuracy"], BASELINES["nearest neighbour"](learn_from, judge_on), seed=SEED
    )
lines = [f"| {how} | {s.value:.2%} | {s.low:.1%} to {s.high:.1%} |" for how, s in remembers.items()]
say(
    "| nearest neighbour, split | right on validation images | 95 % interval |\n|---|---|---|\n"
    + "\n".join(lines)
)
say(
    "The split at random gives the higher number, and it is the wrong one: an image of a new "
    "series has no twin in training."
    if remembers["at random"].low > remembers["by groups"].high
    else "The intervals overlap: **these images do not show that twins change the result**. Where "
    "a task is so easy that a new series is answered as well, twins have little to add. Where it "
    "is hard, they can flatter such a method a lot. So groups stay together always."
)

# %% [markdown]
# From now on we use the **split by groups**, and of each part a number of images per class that a
# laptop can handle.

# %%
parts = {
    "train": thin(honest["train"], TRAIN, SEED),
    "val": thin(honest["val"], KEPT, SEED),
    "look": thin(honest["look"], KEPT, SEED),
    "test": thin(honest["test"], 10 * KEPT, SEED),
}
train, val = parts["train"], parts["val"]
for one in ("val", "look", "test"):
    assert not np.intersect1d(train.groups, parts[one].groups).size, "a group stands on both sides"
lines = [f"| {n} | {len(p):,} | {len(np.unique(p.groups)):,} |" for n, p in parts.items()]
say("| part | images | groups |\n|---|---|---|\n" + "\n".join(lines))

# %% [markdown]
# ## 3 · First the simple methods
#
# A network must beat something. The simplest methods come first, because a number such as 98 % says
# nothing by itself.

# %% tags=["guess"]
guess("1.nearest", "c")

# %%
simple = {method: predict_simply(train, val) for method, predict_simply in BASELINES.items()}
simple = {method: METRICS["accuracy"](p) for method, p in simple.items()}
lines = [f"| {method} | {value:.1%} |" for method, value in simple.items()]
say("| method, on validation images | right |\n|---|---|\n" + "\n".join(lines))
say(
    "*Majority* always gives the same answer. *Class mean* compares with the mean image of each "
    f"class. The best here, {max(simple, key=simple.get)}, reaches **{max(simple.values()):.1%}**, "
    "without a single hidden layer. This is the number to beat."
)

# %%
explain("1.nearest")

# %% [markdown]
# ### Exercise: ask the neighbours
#
# For each test image, find the `k` training images that are most alike, and let them vote. "Alike"
# is the cosine of the angle between two rows, after the mean image was taken away.


# %% tags=["exercise"]
def nearest(train, targets, test, k):
    """Features (s, d), their classes (s,), features (q, d) -> classes (q,)."""
    mean = train.mean(dim=0)
    cosine = normalize(test - mean, dim=1) @ normalize(train - mean, dim=1).T  # (q, s)
    # BEGIN SOLUTION
    closest = cosine.topk(k, dim=1).indices
    return one_hot(targets[closest]).sum(dim=1).argmax(dim=1)
    # END SOLUTION


check("1.nearest", nearest)

# %%
nearest = use("1.nearest", nearest)
x, q = thumbnails(train.inputs.pixels, 16), thumbnails(val.inputs.pixels, 16)
mine = nearest(x, train.targets, q, 10)
theirs = vote(neighbours(x, q, 10)[0], train.targets, K)
say(
    f"Ten neighbours: {(mine == val.targets).float().mean():.1%} right. Yours and the library's "
    f"agree on {(mine == theirs).float().mean():.1%} of {len(q):,} images."
)

# %% [markdown]
# ## 4 · A network with eight hidden units
#
# The simplest deep network has one **hidden layer**. Each of its units takes *all* pixels, weighs
# them, adds up, and bends the sum with $\tanh$. The second layer does the same with the eight
# numbers of the hidden layer, without the bend. Its results, one for each class, are the
# **logits**:
#
# $$ h = \tanh(x W_1 + b_1) \qquad \text{logits} = h W_2 + b_2 $$
#
# The class with the largest logit is the answer.

# %% [markdown]
# ### Exercise: how many numbers will it learn?
#
# Write `count(widths)`: the number of parameters of a network with layers of these widths, for
# example `[4096, 8, 6]`.


# %% tags=["exercise"]
def count(widths):
    # BEGIN SOLUTION
    total = 0
    for d, width in zip(widths, widths[1:]):
        total += d * width + width
    return total
    # END SOLUTION


check("1.count", count)

# %%
count = use("1.count", count)
D = normalise(train.inputs.pixels[:1]).shape[1]  # pixels of an image
HIDDEN = 8
say(
    f"A network from {D:,} pixels over {HIDDEN} hidden units to {K} classes has "
    f"**{count([D, HIDDEN, K]):,}** parameters, {count([D, HIDDEN]) / count([D, HIDDEN, K]):.1%} "
    "of them in the first layer."
)

# %% [markdown]
# ### Exercise: the forward pass


# %% tags=["exercise"]
def forward(x, w1, b1, w2, b2):
    """Pixels (b, d) -> logits (b, k)."""
    # BEGIN SOLUTION
    hidden = torch.tanh(x @ w1 + b1)
    return hidden @ w2 + b2
    # END SOLUTION


check("1.forward", forward)

# %% [markdown]
# The weights start as small random numbers. The seed decides which: with the same seed, you and
# your neighbour get the same network.

# %%
forward = use("1.forward", forward)


def fresh(widths, seed):
    """Weights and biases, drawn evenly from -1/sqrt(d) to 1/sqrt(d), as PyTorch does."""
    generator, parameters = torch.Generator().manual_seed(seed), []
    for d, width in zip(widths, widths[1:]):
        for shape in ((d, width), (width,)):
            uniform = 2 * torch.rand(shape, generator=generator) - 1
            parameters.append((uniform / d**0.5).to(device).requires_grad_())
    return parameters


parameters = fresh([D, HIDDEN, K], SEED)

# %% [markdown]
# **The same numbers?** The library's network is called `MLP` (multilayer perceptron). Put your
# weights into it, and both must say the same.

# %%
mlp_8 = MLPConfig(D, K, hidden=(HIDDEN,), activation="tanh")
library = build("mlp", vars(mlp_8), SEED).to(device)
w1, b1, w2, b2 = parameters
with torch.no_grad():
    library.blocks[0][0].weight.copy_(w1.T)
    library.blocks[0][0].bias.copy_(b1)
    library.head.weight.copy_(w2.T)
    library.head.bias.copy_(b2)
    images = val.inputs[torch.arange(100)].to(device)
    apart = (forward(normalise(images.pixels), *parameters) - library(images)).abs().max()
say(
    f"Largest difference of {100 * K} logits: **{apart:.1e}** (rounding of 32-bit numbers is about "
    "1e-7)."
)
assert apart < 1e-5

# %% [markdown]
# ## 5 · How wrong is it? The loss
#
# Logits become probabilities by the *softmax*: $p_k = e^{z_k} / \sum_j e^{z_j}$. The **loss** is
# the surprise at the truth, $-\log p_{\text{true}}$, averaged over the images. (Its name is
# *cross-entropy*.) It is 0 if the network is certain and right, and grows without bound if it is
# certain and wrong.

# %% tags=["guess"]
guess("1.first", "b")

# %% [markdown]
# ### Exercise: the loss
#
# $-\log p_{\text{true}} = \log \sum_j e^{z_j} - z_{\text{true}}$. The first part is
# `torch.logsumexp`, which does not overflow when a logit is large.


# %% tags=["exercise"]
def loss_of(logits, targets):
    """Logits (b, k) and true classes (b,) -> mean loss, one number."""
    # BEGIN SOLUTION
    true = logits[torch.arange(len(targets)), targets]
    return (torch.logsumexp(logits, dim=1) - true).mean()
    # END SOLUTION


check("1.loss", loss_of)

# %%
loss_of = use("1.loss", loss_of)
x, y = normalise(train.inputs.pixels.to(device)), train.targets.to(device)
with torch.no_grad():
    first = forward(x, *parameters)
say(
    f"Before any training the loss on the training images is **{loss_of(first, y):.3f}**; the "
    f"logarithm of {K} is {np.log(K):.3f}. PyTorch's `cross_entropy` says "
    f"{cross_entropy(first, y):.3f}."
)

# %%
explain("1.first")

# %% [markdown]
# ## 6 · Batches
#
# A step of learning needs the loss of some images, not of all: 64 images say nearly as well where
# downhill is, and cost little. Such a handful is a **batch**. In each round over the images (an
# **epoch**) every image comes once, in random order.
#
# ### Exercise: shuffled batches
#
# Yield tensors of row numbers. `torch.randperm(rows, generator=generator)` shuffles.


# %% tags=["exercise"]
def shuffled_batches(rows, size, generator):
    """Yield every number from 0 to rows - 1 once, in pieces of `size` (the last may be shorter)."""
    # BEGIN SOLUTION
    order = torch.randperm(rows, generator=generator)
    for start in range(0, rows, size):
        yield order[start : start + size]
    # END SOLUTION


check("1.batches", shuffled_batches)

# %%
shuffled_batches = use("1.batches", shuffled_batches)
mine = shuffled_batches(len(train), 64, torch.Generator().manual_seed(SEED))
theirs = batches(train, 64, torch.Generator().manual_seed(SEED))
same = [torch.equal(rows, batch.row) for rows, batch in zip(mine, theirs, strict=True)]
say(f"{sum(same):,} of {len(same):,} batches are the same rows as the library's.")
assert all(same)

# %% [markdown]
# ## 7 · One batch by hand
#
# All of deep learning is in the next five cells. Watch one batch go through: **forward** (what does
# the network say?), **loss** (how wrong is it?), **backward** (how does the loss change with each
# weight?), **step** (a little downhill), and **look again**.

# %%
rows = next(shuffled_batches(len(train), 64, torch.Generator().manual_seed(SEED)))
logits = forward(x[rows], *parameters)  # forward
loss = loss_of(logits, y[rows])  # loss
loss.backward()  # backward: PyTorch fills p.grad for each parameter p
slopes = w1.grad.clone()
p_before = logits.softmax(dim=1)[torch.arange(len(rows)), y[rows]].detach().cpu()
say(
    f"Forward: {tuple(x[rows].shape)} pixels become {tuple(logits.shape)} logits. Loss: "
    f"**{loss:.3f}**. Backward: the gradient of $W_1$ has the shape {tuple(slopes.shape)}, one "
    "slope for each weight."
)

# %% tags=["hide-input"]
pictures = slopes.T.reshape(HIDDEN, *train.inputs.pixels.shape[-2:]).cpu()
limit = float(pictures.abs().max())
names = [f"unit {i + 1}" for i in range(HIDDEN)]
show_images(pictures, names, cmap="RdBu_r", vmin=-limit, vmax=limit)
say(
    "The gradient of the first layer, as pictures: one for each hidden unit. Where it is red, the "
    "loss grows with that weight, so the step will make the weight smaller; where it is blue, "
    "larger."
)

# %% [markdown]
# ### Exercise: a step downhill
#
# Change each parameter in place: against its gradient, `lr` (the learning rate) times. Then forget
# the gradient, or the next `backward` adds to it.


# %% tags=["exercise"]
def step(parameters, lr):
    with torch.no_grad():  # the step itself is no part of the network
        for p in parameters:
            # BEGIN SOLUTION
            p -= lr * p.grad
            p.grad = None
            # END SOLUTION


check("1.step", step)

# %%
step = use("1.step", step)
step(parameters, lr=0.03)
with torch.no_grad():
    again = forward(x[rows], *parameters)  # look again
p_after = again.softmax(dim=1)[torch.arange(len(rows)), y[rows]].cpu()
say(
    f"The same batch, before the step: loss **{loss:.3f}**. After it: "
    f"**{loss_of(again, y[rows]):.3f}**. The true class became more probable in "
    f"{int((p_after > p_before).sum())} of {len(rows)} images."
)

# %% tags=["hide-input"]
titles = [
    f"{classes[int(train.targets[r])]}\n{a:.0%} → {b:.0%}"
    for r, a, b in zip(rows[:8], p_before, p_after)
]
show_images(train.inputs.pixels[rows[:8]], titles, vmin=0, vmax=255)
say("Eight images of the batch: the truth, and its probability before and after the one step.")

# %% [markdown]
# ## 8 · The loop
#
# ### Exercise: how many answers are right?
#
# `network` is anything that turns `Images` into logits. Count over **all** images and divide once.


# %% tags=["exercise"]
def accuracy(network, dataset):
    """Share of right answers of `network` on `dataset`, a number from 0 to 1."""
    right = 0
    for batch in batches(dataset, 512):
        logits = network(batch.inputs.to(device)).cpu()
        # BEGIN SOLUTION
        guesses = logits.argmax(dim=1)
        right += int((guesses == batch.targets).sum())
        # END SOLUTION
    return right / len(dataset)


check("1.accuracy", accuracy)

# %%
accuracy = use("1.accuracy", accuracy)


def by_hand(images):
    with torch.no_grad():
        return forward(normalise(images.pixels), *parameters)


before = accuracy(by_hand, val)
say(
    f"After one step on one batch: {before:.1%} of the validation images right. Chance is "
    f"{1 / K:.1%}."
)

# %% [markdown]
# ### Exercise: one round over all images
#
# Forward, loss, backward, step: once for each batch.


# %% tags=["exercise"]
def train_epoch(x, y, parameters, lr, size, generator):
    """Learn from every image once. Returns the loss of each batch, before its step."""
    losses = []
    for rows in shuffled_batches(len(x), size, generator):
        # BEGIN SOLUTION
        loss = loss_of(forward(x[rows], *parameters), y[rows])
        loss.backward()
        step(parameters, lr)
        losses.append(loss.item())
        # END SOLUTION
    return losses


check("1.loop", train_epoch)

# %% [markdown]
# Now train. After each round we look at the validation images: they tell when to stop. The weights
# of the best round are kept.

# %%
train_epoch = use("1.loop", train_epoch)
parameters = fresh([D, HIDDEN, K], SEED)
generator = torch.Generator().manual_seed(SEED)
history, start = [], accuracy(by_hand, val)
for number in range(1, HAND_EPOCHS + 1):
    losses = train_epoch(x, y, parameters, 0.03, 64, generator)
    val_loss = float(loss_of(by_hand(val.inputs.to(device)), val.targets.to(device)))
    history.append({"number": number, "steps": losses, "val_loss": val_loss})
    if val_loss == min(epoch["val_loss"] for epoch in history):
        best_round, best_parameters = number, [p.detach().clone() for p in parameters]
last = parameters
parameters = best_parameters
end = accuracy(by_hand, val)
say(
    f"Validation accuracy: **{start:.1%}** before training, **{end:.1%}** after round {best_round} "
    f"of {HAND_EPOCHS}, whose validation loss was the lowest. The number to beat was "
    f"{max(simple.values()):.1%}."
)

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7, 3))
draw_learning({"mlp": history}, ax)
ax.axhline(np.log(K), color=GREY, linewidth=1, linestyle="--")
ax.set_ylim(top=1.2 * np.log(K))
ax.annotate(
    "knows nothing: log of the number of classes", (0.3, np.log(K) + 0.05), fontsize=8, color=GREY
)
ax.legend(fontsize=8.5, loc="upper right", bbox_to_anchor=(1, 0.85))
ax.set_title("The network by hand, eight hidden units")
plt.show()
say(
    "The loss of each batch (line, smoothed) and of the validation images after each round "
    f"(squares): from {history[0]['steps'][0]:.2f} in the first batch to "
    f"{np.mean(history[-1]['steps']):.2f} in the last round."
)

# %% [markdown]
# **The same weights?** PyTorch has an optimizer for these steps, `torch.optim.SGD` (stochastic
# gradient descent). Train the library's network with it for the same rounds over the same batches.

# %%
with torch.no_grad():
    for theirs, start_from in zip(library.parameters(), fresh([D, HIDDEN, K], SEED), strict=True):
        theirs.copy_(start_from.T if start_from.ndim == 2 else start_from)
optimizer = torch.optim.SGD(library.parameters(), lr=0.03)
generator = torch.Generator().manual_seed(SEED)
everything = train.inputs.to(device)
for _ in range(HAND_EPOCHS):
    for rows in torch.randperm(len(y), generator=generator).to(device).split(64):
        optimizer.zero_grad()
        cross_entropy(library(everything[rows]), y[rows]).backward()
        optimizer.step()
apart = max(
    float((a - (b.T if b.ndim == 2 else b)).detach().abs().max())
    for a, b in zip(library.parameters(), last, strict=True)
)
steps = HAND_EPOCHS * len(losses)
say(f"After {steps:,} steps the largest difference of any weight is **{apart:.1e}**.")
assert apart < 1e-2

# %% [markdown]
# ### What did the eight units learn?
#
# Each hidden unit has one weight for each pixel. So its weights are a picture.

# %% tags=["hide-input"]
height, width = train.inputs.pixels.shape[-2:]
learned_w1, first_w1 = parameters[0].cpu(), fresh([D, HIDDEN, K], SEED)[0].detach().cpu()
weights = torch.cat([learned_w1.T, (learned_w1 - first_w1).T]).reshape(-1, height, width)
with torch.no_grad():
    hidden = torch.tanh(x @ parameters[0] + parameters[1]).cpu()
mean = torch.stack([hidden[train.targets == k].mean(dim=0) for k in range(K)])  # (class, unit)
titles = [
    f"unit {i + 1}\n+ {classes[int(mean[:, i].argmax())]}\n- {classes[int(mean[:, i].argmin())]}"
    for i in range(HIDDEN)
]
limit = float(weights.abs().quantile(0.995))
show_images(weights, titles + [" "] * HIDDEN, cmap="RdBu_r", vmin=-limit, vmax=limit)
say(
    "Upper row: the weights of the eight units; red counts for, blue against. Lower row: the same "
    "less the random numbers with which they began, that is, what was learned. + is the class on "
    "which the unit is highest on average, - where it is lowest. Unit 1, for example, has a mean "
    f"of {mean[:, 0].max():.2f} on {classes[int(mean[:, 0].argmax())]} and of "
    f"{mean[:, 0].min():.2f} on {classes[int(mean[:, 0].argmin())]}. They are templates of whole "
    "images: each pixel has its own weight at its own place."
)

# %% [markdown]
# ### Exercise: which classes does it take for which?


# %% tags=["exercise"]
def confusion(targets, guesses, classes):
    """A table (classes, classes): row the truth, column the answer, entry the number of images."""
    table = torch.zeros(classes, classes, dtype=torch.long)
    # BEGIN SOLUTION
    for target, answer in zip(targets.tolist(), guesses.tolist()):
        table[target, answer] += 1
    # END SOLUTION
    return table


check("1.confusion", confusion)

# %%
confusion = use("1.confusion", confusion)
probabilities = by_hand(val.inputs.to(device)).softmax(dim=1).cpu()
table = confusion(val.targets, probabilities.argmax(dim=1), K)
said = Predictions(
    probabilities.double().numpy(), val.targets.numpy(), val.groups, val.ids, classes
)
assert (table.numpy() == library_confusion(said)).all()  # the same as the library's

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(5, 4.4))
draw_confusion(table.tolist(), classes, ax)
plt.show()
wrong = table.clone().fill_diagonal_(0)
i, j = divmod(int(wrong.argmax()), K)
say(
    f"{int(wrong.sum())} of {len(val):,} validation images are wrong. The most frequent mistake, "
    f"{int(wrong[i, j])} times: {classes[i]} taken for {classes[j]}. The table is equal to the "
    "library's, entry by entry."
)

# %% [markdown]
# ## 9 · Wider, deeper?

# %% tags=["guess"]
guess("1.deeper", "c")

# %% [markdown]
# From here on the library trains: the same loop, with a better optimizer (AdamW, a learning rate
# that rises and falls) and early stopping on the validation loss. Each network is trained several
# times; only the seed differs.

# %%
shapes = {
    "no hidden layer": (),
    "8": (8,),
    "8, 8": (8, 8),
    "128": (128,),
    "128, 128": (128, 128),
}
progress, sizes = bar(), {}
for i, (what, hidden) in enumerate(shapes.items()):
    config, sizes[what] = MLPConfig(D, K, hidden=hidden), []
    for seed in range(SEEDS):
        mlp = build("mlp", vars(config), seed)
        fit(mlp, train, val, Recipe(epochs=MLP_EPOCHS, lr=2e-3, seed=seed))
        sizes[what].append(accuracy(mlp, val))
    progress("training fully connected networks", i + 1, len(shapes), "shapes")
lines = [
    f"| {what} | {count([D, *shapes[what], K]):,} | {np.mean(a):.1%} | {min(a):.1%} to "
    f"{max(a):.1%} |"
    for what, a in sizes.items()
]
head = (
    f"| hidden units | parameters | right, mean | range over {SEEDS} seed(s) |\n|---|---|---|---|\n"
)
say(head + "\n".join(lines))

# %%
explain("1.deeper")

# %% [markdown]
# ## 10 · A network that knows what a picture is
#
# A fully connected network does not know that two pixels are neighbours. Shuffle all pixels, the
# same way in each image: for it, nothing has changed. A **convolution** is built on two beliefs
# about pictures:
#
# 1. what belongs together is close together, so look at small patches;
# 2. a thing is the same thing wherever it is, so use the same weights (the **kernel**) everywhere.
#
# ### Exercise: a convolution
#
# Lay the kernel on each patch, multiply number by number, sum up. Two loops over the positions are
# fine. `weight` holds several kernels, one for each feature that comes out.


# %% tags=["exercise"]
def convolve(image, weight):
    """Image (c, h, w), kernels (f, c, kh, kw) -> maps (f, h - kh + 1, w - kw + 1)."""
    features, _, kh, kw = weight.shape
    height, width = image.shape[1] - kh + 1, image.shape[2] - kw + 1
    out = torch.zeros(features, height, width)
    for i in range(height):
        for j in range(width):
            # BEGIN SOLUTION
            patch = image[:, i : i + kh, j : j + kw]
            out[:, i, j] = (weight * patch).sum(dim=(1, 2, 3))
            # END SOLUTION
    return out


check("1.convolve", convolve)

# %%
convolve = use("1.convolve", convolve)
left_to_right = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
kernels = torch.stack([left_to_right, left_to_right.T, torch.ones(3, 3) / 9])[:, None]
image = hand.float() / 255
maps = convolve(image, kernels)
apart = (maps - conv2d(image[None], kernels)[0]).abs().max()
say(f"Largest difference from PyTorch's `conv2d`: **{apart:.1e}**.")
assert apart < 1e-5

# %% tags=["hide-input"]
shown = [("the image", image[0], "gray"), ("brighter to the right", maps[0], "RdBu_r")]
shown += [("brighter downwards", maps[1], "RdBu_r"), ("mean of 3×3", maps[2], "gray")]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.5))
for ax, (title, picture, colours) in zip(axes, shown):
    limit = float(picture.abs().max())
    ax.imshow(picture, cmap=colours, vmin=-limit if colours == "RdBu_r" else 0, vmax=limit)
    ax.set_title(title, fontsize=9)
    ax.axis("off")
plt.show()
say(
    f"Three kernels of {kernels[0].numel()} numbers each, made by hand: two find edges, one blurs. "
    "A network *learns* its kernels. It also learns what to look for in the maps, with more "
    "convolutions."
)

# %% [markdown]
# ### Exercise: how large are the maps?
#
# After each convolution we keep the largest of each 2×2 positions (**pooling**), so the maps
# shrink. Write the side length after a convolution (with `padding` rows of zeros around the
# picture) and pooling.


# %% tags=["exercise"]
def side_after(side, kernel, padding, pool):
    # BEGIN SOLUTION
    return (side + 2 * padding - kernel + 1) // pool
    # END SOLUTION


check("1.side", side_after)

# %%
side_after = use("1.side", side_after)
config = CNNConfig(channels=1, classes=K)
cnn = build("cnn", vars(config), SEED)

side, channels, total = train.inputs.pixels.shape[-1] // config.shrink, 1, 0
lines = [
    f"| image, averaged over {config.shrink}×{config.shrink} | {channels} × {side} × {side} | 0 |"
]
for i, features in enumerate(config.widths, start=1):
    side = side_after(side, config.kernel, config.kernel // 2, 2)
    weights = features * channels * config.kernel**2 + 2 * features  # kernels, and two norms a map
    lines.append(f"| block {i} | {features} × {side} × {side} | {weights:,} |")
    channels, total = features, total + weights
total += count([channels, K])
lines += [
    f"| mean over positions | {channels} | 0 |",
    f"| logits | {K} | {count([channels, K]):,} |",
]
say("| stage | shape | parameters |\n|---|---|---|\n" + "\n".join(lines))
say(
    f"Worked out: **{total:,}** parameters. PyTorch counts "
    f"{sum(p.numel() for p in cnn.parameters()):,}. The fully connected network with two layers of "
    f"128 units has {count([D, 128, 128, K]):,}."
)
assert total == sum(p.numel() for p in cnn.parameters())

# %% [markdown]
# ### Exercise: a block of the network
#
# A **block** is: convolve, pool, standardise, bend. To standardise, take away the mean of each map
# and divide by its standard deviation (known from training: *batch normalisation*), then stretch by
# a learned `gain` and move by a learned `shift`. The bend is `relu`: negative numbers become 0.


# %% tags=["exercise"]
def conv_block(h, weight, mean, variance, gain, shift):
    """Maps (b, c, h, w) -> maps (b, f, h / 2, w / 2). All but h, weight: one number a map."""
    mean, variance, gain, shift = (v[:, None, None] for v in (mean, variance, gain, shift))
    # BEGIN SOLUTION
    h = conv2d(h, weight, padding=weight.shape[-1] // 2)
    h = max_pool2d(h, 2)
    h = (h - mean) / (variance + 1e-5).sqrt()
    return (gain * h + shift).relu()
    # END SOLUTION


check("1.block", conv_block)

# %% [markdown]
# **The same numbers?** Your whole network, with the weights of the library's:

# %%
conv_block = use("1.block", conv_block)


def cnn_by_hand(pixels, cnn):
    h = torch.nn.functional.avg_pool2d(pixels.float(), cnn.config.shrink)
    h = (h / 255 - 0.25) * 3  # about zero mean, unit spread
    for block in cnn.blocks:
        norm = block.norm
        statistics = norm.running_mean, norm.running_var
        h = conv_block(h, block.conv.weight, *statistics, norm.weight, norm.bias)
    return h.mean(dim=(-2, -1)) @ cnn.head.weight.T + cnn.head.bias


progress = bar()
cnn_history = fit(
    cnn,
    train,
    val,
    Recipe(epochs=CNN_EPOCHS, seed=SEED),
    progress=progress,
    what="training the CNN",
)
cnn.eval()
with torch.no_grad():
    apart = (cnn_by_hand(images.pixels, cnn) - cnn(images)).abs().max()
say(
    f"Largest difference of {100 * K} logits between your network and the library's CNN: "
    f"**{apart:.1e}**."
)
assert apart < 1e-2

# %% [markdown]
# Beside it a fully connected network, trained by the same loop.

# %%
mlp_config = MLPConfig(D, K, hidden=(128, 128, 128))
mlp = build("mlp", vars(mlp_config), SEED)
mlp_recipe = Recipe(epochs=MLP_EPOCHS, lr=2e-3, seed=SEED)
mlp_history = fit(mlp, train, val, mlp_recipe, progress=bar(), what="training the MLP")
right = {"cnn": accuracy(cnn, val), "mlp": accuracy(mlp, val)}
assert abs(right["cnn"] - evaluate(cnn, val.to(device))[1]) < 1e-9  # the library counts the same
say(
    f"Right on validation images: CNN **{right['cnn']:.2%}**, MLP with three layers of 128 units "
    f"**{right['mlp']:.2%}**, eight units {end:.2%}, best of the simple methods "
    f"{max(simple.values()):.2%}."
)

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7, 3))
histories = {"cnn": cnn_history, "mlp": mlp_history}
draw_learning({key: [vars(epoch) for epoch in h.epochs] for key, h in histories.items()}, ax)
ax.set_title("Learning curves")
plt.show()
say(
    f"Kept: round {cnn_history.best} of the CNN and round {mlp_history.best} of the MLP, those "
    "with the lowest validation loss. The training loss cannot come down to zero: the recipe asks "
    "the network never to be entirely certain (label smoothing)."
)

# %% [markdown]
# ### What the kernels look like, and what they see

# %% tags=["hide-input"]
kernels = cnn.blocks[0].conv.weight.detach().cpu()
limit = float(kernels.abs().max())
show_images(kernels[:, 0], columns=16, size=0.6, cmap="RdBu_r", vmin=-limit, vmax=limit)
signs = (kernels > 0).flatten(1).float().mean(dim=1)
mixed = int(((signs > 0) & (signs < 1)).sum())
say(
    f"The {len(kernels)} kernels of the first block, 3×3 weights each. {mixed} of them have both "
    "signs: they compare a pixel with its neighbours, as the edge finders above."
)

# %% tags=["hide-input"]
one = Images(hand[None]).to(device)
with torch.no_grad():
    stages = [
        (stage.name, stage.h[0].cpu())
        for stage in cnn.stages(one)
        if stage.name.startswith("block")
    ]
figure, axes = plt.subplots(len(stages), 9, figsize=(9, 1.25 * len(stages)))
for line, (stage, h) in zip(axes, stages):
    strongest = h.flatten(1).std(dim=1).argsort(descending=True)[:8]
    for ax, picture in zip(line, [hand[0], *h[strongest]]):
        ax.imshow(picture, cmap="gray")
        ax.axis("off")
    line[0].set_title(
        f"{stage}: {len(h)} maps {h.shape[1]}×{h.shape[2]}", fontsize=8, fontweight="normal"
    )
figure.tight_layout(pad=0.3, h_pad=0.8)
plt.show()
say(
    "One image (left) on its way through the CNN; to the right the eight maps that vary most, in "
    "each block. First edges and outlines, in the end "
    f"{stages[-1][1].shape[1]}×{stages[-1][1].shape[2]} places that say little to our eyes, and "
    "everything to the last layer."
)

# %% [markdown]
# ### What convolution assumes: move the images
#
# In all training images the body part is centred. Now it is not. The images are moved in a ring:
# what leaves on the right enters on the left. So nothing is lost, but there may be an edge where
# the two sides meet.

# %% tags=["guess"]
guess("1.shift", "a")


# %%
def moved(dataset, by):
    """All images moved to the right by so many pixels; what leaves there enters on the left."""
    return replace(dataset, inputs=Images(torch.roll(dataset.inputs.pixels, by, dims=-1)))


shifts = (0, 1, 2, 3, 4, 5, 8, 12, 16)
shifted = {
    key: [accuracy(net, moved(val, by)) for by in shifts]
    for key, net in (("cnn", cnn), ("mlp", mlp))
}

# %% tags=["hide-input"]
figure, (ax, *pictures) = plt.subplots(1, 4, figsize=(10, 2.8), width_ratios=(2.6, 1, 1, 1))
for key, values in shifted.items():
    ax.plot(shifts, values, color=COLOURS[key], marker=MARKERS[key], label=name(key))
ax.axhline(1 / K, color=GREY, linewidth=1, linestyle="--")
ax.set_xlabel("moved by so many pixels of 64")
ax.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
ax.set_ylim(0, 1.03)
ax.legend(loc="lower left")
for panel, by in zip(pictures, (0, 8, 16)):
    panel.imshow(torch.roll(hand, by, dims=-1)[0], cmap="gray")
    panel.set_title(f"moved by {by}", fontsize=8.5)
    panel.axis("off")
plt.show()
say(
    f"Moved by {shifts[-1]} pixels, a quarter of the image: the CNN is right on "
    f"**{shifted['cnn'][-1]:.1%}** (from {shifted['cnn'][0]:.1%}), the MLP on "
    f"**{shifted['mlp'][-1]:.1%}** (from {shifted['mlp'][0]:.1%}). Neither has ever seen a moved "
    "image. Grey, dashed: chance."
)
by_cnn = dict(zip(shifts, shifted["cnn"]))
say(
    f"The CNN first averages {config.shrink}×{config.shrink} pixels. An even shift moves its grid "
    "by whole places, an odd one does not, so even shifts alone would favour it. Moved by 1, 3 "
    f"and 5 pixels it is right on {by_cnn[1]:.1%}, {by_cnn[3]:.1%} and {by_cnn[5]:.1%}; by 2 and 4 "
    f"on {by_cnn[2]:.1%} and {by_cnn[4]:.1%}."
)

# %%
explain("1.shift")

# %% [markdown]
# ## 11 · With how few labels? (and a trap)
#
# In medicine, labels are expensive: a radiologist must look at each image. How many does a network
# need? A colleague has already written the code. It trains a network on a few labels per class,
# then counts its right answers on the validation images. Run it.

# %%
small_cnn = CNNConfig(1, K, shrink=4, widths=(16, 32, 64))  # fast, for training many
STEPS = 100


def learn_cnn(few_train, seed):
    network = build("cnn", vars(small_cnn), seed)
    fit(network, few_train, None, few_label_recipe(Recipe(), len(few_train), STEPS, seed))
    return network.eval()


def colleagues_accuracy(network, dataset):
    right = 0
    for batch in batches(few_train, 256):
        guesses = network(batch.inputs.to(device)).argmax(dim=1).cpu()
        right += int((guesses == batch.targets).sum())
    return right / len(few_train)


colleague, networks = [], {}
for labels in LABELS:
    few_train = few(train, labels, SEED)
    networks[labels] = learn_cnn(few_train, SEED)
    colleague.append(colleagues_accuracy(networks[labels], val))
say(
    f"The colleague writes: *with {LABELS[0]} label per class the network is right on "
    f"{colleague[0]:.1%} of {len(val):,} validation images, with {LABELS[-1]} on "
    f"{colleague[-1]:.1%}. Labelling more is a waste of money.*"
)


# %% tags=["hide-input"]
def plot_colleague(curves):
    _, ax = plt.subplots(figsize=(6, 2.8))
    for label, values, colour, marker in curves:
        ax.plot(LABELS, values, color=colour, marker=marker, label=label)
    ax.set_xscale("log")
    ax.set_xticks(LABELS, [str(n) for n in LABELS])
    ax.minorticks_off()
    ax.set_ylim(0, 1.05)
    ax.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
    ax.set_xlabel("labels per class")
    ax.set_title("Right on validation images?")
    ax.legend(loc="lower right")
    plt.show()


plot_colleague([("the colleague's curve", colleague, ORANGE, "s")])

# %% tags=["guess"]
guess("1.believe", "c")

# %% [markdown]
# Do the test that must fail: the same network, the same images, but labels drawn at random. No
# network can get these right.

# %%
order = torch.randperm(len(val), generator=torch.Generator().manual_seed(SEED))
nonsense = replace(val, targets=val.targets[order])
must_fail = colleagues_accuracy(networks[LABELS[-1]], nonsense)
say(f"On validation images with shuffled labels the colleague's code says: **{must_fail:.1%}**.")

# %%
explain("1.believe")

# %% [markdown]
# ### Exercise: find the flaw and mend it
#
# Copy `colleagues_accuracy` from above and mend it.


# %% tags=["exercise"]
# BEGIN SOLUTION
def mended_accuracy(network, dataset):
    right = 0
    for batch in batches(dataset, 256):
        guesses = network(batch.inputs.to(device)).argmax(dim=1).cpu()
        right += int((guesses == batch.targets).sum())
    return right / len(dataset)


# STUB mended_accuracy = colleagues_accuracy  # YOUR CODE HERE: a mended copy
# END SOLUTION
check("1.trap", mended_accuracy)

# %%
mended_accuracy = use("1.trap", mended_accuracy)
mended = [mended_accuracy(networks[labels], val) for labels in LABELS]
chance = mended_accuracy(networks[LABELS[-1]], nonsense)
plot_colleague([("the colleague's curve", colleague, ORANGE, "s"), ("mended", mended, BLUE, "o")])
say(
    f"Mended: {mended[0]:.1%} with {LABELS[0]} label per class, {mended[-1]:.1%} with "
    f"{LABELS[-1]}. On shuffled labels: {chance:.1%} (chance is {1 / K:.1%}). The colleague's "
    "function never looked at its argument: it counted on the few images that the network had "
    "learned by heart. This very mistake stands in published courses. A program that reads code, a "
    "*linter*, would have found it: it warns of an argument that is never used."
)

# %% [markdown]
# ### The honest curve
#
# One draw of few labels is a matter of luck, so we draw several times. All methods get the same
# draws. The networks are trained for the same number of steps, however few the labels.


# %%
def learn_mlp(few_train, seed):
    network = build("mlp", vars(mlp_config), seed)
    fit(network, few_train, None, few_label_recipe(Recipe(lr=2e-3), len(few_train), STEPS, seed))
    return network.eval()


found, progress = [], bar()
cells = [(labels, draw) for labels in LABELS for draw in range(DRAWS)]
for i, (labels, draw) in enumerate(cells):
    few_train = few(train, labels, SEED + draw)
    answers = {
        method: METRICS["accuracy"](BASELINES[method](few_train, val))
        for method in ("nearest neighbour", "logistic regression")
    }
    answers["mlp"] = mended_accuracy(learn_mlp(few_train, draw), val)
    answers["cnn"] = mended_accuracy(learn_cnn(few_train, draw), val)
    for method, value in answers.items():
        found.append({"method": method, "labels": labels, "draw": draw, "accuracy": value})
    progress("learning from few labels", i + 1, len(cells), "draws")


def mean_and_interval(values):
    """Mean over the draws, with its 95 % interval (Student's t)."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return np.mean(values), np.mean(values) - half, np.mean(values) + half


def interval(method, labels):
    values = [r["accuracy"] for r in found if (r["method"], r["labels"]) == (method, labels)]
    return np.clip(mean_and_interval(values), 0, 1)


def ahead(method, other, labels):
    """The same for the difference of two methods: both had the same draws, so subtract by draw."""
    a, b = (
        [r["accuracy"] for r in found if (r["method"], r["labels"]) == (m, labels)]
        for m in (method, other)
    )
    return mean_and_interval(np.subtract(a, b))


# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7, 3.6))
draw_few_labels(found, ax)
ax.set_title(f"Right on validation images (band: range of {DRAWS} draws)")
ax.legend(fontsize=8.5)
plt.show()
methods = list(dict.fromkeys(r["method"] for r in found))
lines = []
for method in methods:
    entries = ["{:.1%} ({:.1%} to {:.1%})".format(*interval(method, n)) for n in LABELS]
    lines.append(f"| {name(method)} | " + " | ".join(entries) + " |")
head = (
    "| labels per class | "
    + " | ".join(map(str, LABELS))
    + " |\n|---"
    + "|---" * len(LABELS)
    + "|\n"
)
say(head + "\n".join(lines))
say(
    "Mean over draws with its 95 % interval. The interval holds the luck of the draw and, for "
    "networks, of their first weights. It does not hold the luck of these validation images."
)
for labels in (LABELS[0], LABELS[-1]):
    order = sorted(methods, key=lambda method: -interval(method, labels)[0])
    lead, low, high = ahead(order[0], order[1], labels)
    sure = "**Ahead**" if low > 0 else "**These draws cannot say which is better**"
    say(
        f"{labels} label(s) per class. The highest mean is that of {name(order[0])}, the next that "
        f"of {name(order[1])}. Subtracted draw by draw: {100 * lead:+.1f} points "
        f"({100 * low:+.1f} to {100 * high:+.1f}). {sure}."
    )

# %% [markdown]
# ## 12 · Look inside: is there a hierarchy?
#
# "Good hierarchical representations": does each layer make the task easier than the one before? We
# measure it. A **probe** is the simplest reader there is: a straight line (ridge regression) from
# the numbers of one layer to the classes. It learns on images that the network has not seen, and is
# scored on others that neither has seen. A layer is a good representation if the probe does well.
#
# ### Exercise: the probe
#
# Standardise the features ($x$), take the mean of the one-hot classes away ($y - \bar y$), and
# solve $(x^T x + \lambda I)\, W = x^T (y - \bar y)$. The class scores are $x W + \bar y$.


# %% tags=["exercise"]
def ridge(z, targets, test, classes, strength):
    """Features (s, d), classes (s,), features to be read (q, d) -> class scores (q, classes)."""
    mean, std = z.mean(dim=0), z.std(dim=0, correction=0).clamp(min=1e-6)
    x = (z - mean) / std
    y = one_hot(targets, classes).to(z.dtype)
    prior = y.mean(dim=0)
    eye = torch.eye(x.shape[1], dtype=z.dtype)
    # BEGIN SOLUTION
    weight = torch.linalg.solve(x.T @ x + strength * eye, x.T @ (y - prior))
    return (test - mean) / std @ weight + prior
    # END SOLUTION


check("1.ridge", ridge)

# %%
ridge = use("1.ridge", ridge)
look = parts["look"]
fit_on, score_on = (activations(cnn, part)["pool"].double() for part in (val, look))
library_probe = fit_probe(fit_on, val.targets, K)
mine = ridge(fit_on, val.targets, score_on, K, library_probe.penalty * len(fit_on))
apart = (mine - library_probe(score_on)).abs().max()
same = (mine.argmax(dim=1) == library_probe(score_on).argmax(dim=1)).float().mean()
say(
    f"The last but one layer of the CNN, {fit_on.shape[1]} numbers an image: your probe is right "
    f"on {(mine.argmax(dim=1) == look.targets).float().mean():.1%}. Its answers agree with the "
    f"library's on {same:.1%} of the images (largest difference of a score {apart:.1e})."
)

# %% [markdown]
# ### On clean images
#
# Four things could fool us, so all four stand in the figure: the **raw pixels** (perhaps no layer
# is needed), the **untrained twin** (the same network with random weights: perhaps no learning is
# needed), **shuffled labels** (must be at chance), and the **number of features** (a wide layer is
# easier to read).

# %% tags=["guess"]
guess("1.clean", "b")


# %%
def read_layers(net, network, parts):
    """The layers of a network and of its untrained twin, as tables for the figure."""
    twin = untrained(network, parts["train"], SEED + 1000)
    curves = [layer_curve(n, parts["val"], parts["look"], SEED) for n in (network, twin)]
    return curves, learned(*curves, parts["look"])


def in_numbers(reading):
    """As the figure wants them: each measure with the ends of its interval."""
    measures = ("probe", "few", "neighbours", "equal", "shuffled")
    return {"stage": reading.stage} | {m: getattr(reading, m)._asdict() for m in measures}


def draw_both(kinds, title):
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for ax, (net, (curves, _)) in zip(axes, kinds.items()):
        tables = [[in_numbers(reading) for reading in curve] for curve in curves]
        draw_layers([dict(zip(("trained", "untrained"), tables))], ax=ax)
        ax.set_title(f"{name(net)}, {title}")
    figure.tight_layout()
    plt.show()
    say(f"*{layer_key()} Here there is one training seed.*")
    for net, ((trained, twin), gap) in kinds.items():
        low, high = gap.ahead.low, gap.ahead.high
        say(
            f"**{name(net)}, {title}.** Raw pixels {trained[0].probe.value:.1%}; trained, block by "
            "block: "
            + ", ".join(f"{r.probe.value:.1%}" for r in trained if r.stage.startswith("block"))
            + "; untrained twin: "
            + ", ".join(f"{r.probe.value:.1%}" for r in twin if r.stage.startswith("block"))
            + f". The best trained block ({gap.stage}) is {100 * gap.ahead.value:+.1f} points "
            f"ahead of the best that needs no learning ({gap.rival}), 95 % interval over groups "
            f"{100 * low:+.1f} to {100 * high:+.1f}."
        )


clean = {"cnn": read_layers("cnn", cnn, parts), "mlp": read_layers("mlp", mlp, parts)}

# %% tags=["hide-input"]
draw_both(clean, "clean images")

# %%
explain("1.clean")

# %% tags=["hide-input"]
(trained, twin), gap = clean["cnn"]
blocks_of = [[r.probe.value for r in c if r.stage.startswith("block")] for c in (trained, twin)]
say(
    f"The untrained twin alone reaches {max(blocks_of[1]):.1%}, the trained CNN "
    f"{max(blocks_of[0]):.1%}: training adds {100 * (max(blocks_of[0]) - max(blocks_of[1])):.1f} "
    f"points. (The raw pixels look worse in this figure, {trained[0].probe.value:.1%}, than they "
    f"are: {trained[0].features:,} numbers an image are many for a probe that learns from "
    f"{len(val):,} images. On 16×16 pixels and all training images, logistic regression had "
    f"{simple['logistic regression']:.1%}.)"
)
if max(blocks_of[0]) - max(blocks_of[1]) < 0.05:
    say(
        "**There is little to see here, and that is the finding:** the images are centred, "
        "upright and clean, so what the classes differ in can nearly be read from the pixels. A "
        "hierarchy that makes a task easier can only be seen where the task is hard."
    )
else:
    needed = (max(blocks_of[0]) - max(blocks_of[1])) / (max(blocks_of[0]) - 1 / K)
    say(
        f"Even here a part had to be learned: {needed:.0%} of what lies between chance and the CNN."
    )

# %% [markdown]
# ### In the wild
#
# Now the same images, made harder by the computer: turned by any angle, smaller, off centre, noisy.
# This is not another hospital. The answer does not change: a hand is a hand, upside down too. New
# networks are trained on such images.

# %%
progress = bar()
wild_parts = {n: wild(p, Wild(), SEED + i, progress) for i, (n, p) in enumerate(parts.items())}
examples = torch.linspace(0, len(train) - 1, 16).long()
show_images(wild_parts["train"].inputs.pixels[examples], vmin=0, vmax=255)
say("Sixteen training images in the wild, taken evenly from all classes.")

# %%
wild_cnn = build("cnn", vars(config), SEED)
wild_mlp = build("mlp", vars(mlp_config), SEED)
recipe = Recipe(epochs=CNN_EPOCHS + 1, seed=SEED)
wild_train, wild_val = wild_parts["train"], wild_parts["val"]
with TemporaryDirectory() as folder:  # here the CNN leaves its weights at a few moments
    fit(
        wild_cnn,
        wild_train,
        wild_val,
        recipe,
        Path(folder),
        bar(),
        "training the CNN, wild",
        keep=MOMENTS,
    )
    kept = load_moments(Path(folder) / "moments")
fit(wild_mlp, wild_train, wild_val, mlp_recipe, None, bar(), "training the MLP, wild")
wild_right = {
    "cnn": accuracy(wild_cnn, wild_parts["val"]),
    "mlp": accuracy(wild_mlp, wild_parts["val"]),
}
wild_simple = {
    method: METRICS["accuracy"](BASELINES[method](wild_parts["train"], wild_parts["val"]))
    for method in ("class mean", "nearest neighbour", "logistic regression")
}
lines = [
    f"| {name(m)} | {clean_value:.1%} | {wild_value:.1%} |"
    for m, clean_value, wild_value in [
        *[(m, simple[m], v) for m, v in wild_simple.items()],
        *[(m, right[m], wild_right[m]) for m in ("mlp", "cnn")],
    ]
]
say("| right on validation images | clean | in the wild |\n|---|---|---|\n" + "\n".join(lines))

# %%
in_the_wild = {
    "cnn": read_layers("cnn", wild_cnn, wild_parts),
    "mlp": read_layers("mlp", wild_mlp, wild_parts),
}

# %% tags=["hide-input"]
draw_both(in_the_wild, "in the wild")
(trained, twin), gap = in_the_wild["cnn"]
blocks_of = [[r.probe.value for r in c if r.stage.startswith("block")] for c in (trained, twin)]
rises = sum(b > a for a, b in zip(blocks_of[0], blocks_of[0][1:]))
steps_up = len(blocks_of[0]) - 1
low, high = gap.ahead.low, gap.ahead.high
if low > 0:
    say("**Here the hierarchy shows, beyond the luck of the groups.**")
elif rises == steps_up:
    say(
        "**The probe rises from block to block; the interval against the best rival includes "
        "zero.** It is over groups, and some classes have very few (see section 14)."
    )
else:
    say("**In this run a hierarchy cannot be told from luck.**")
at = len(blocks_of[0])  # the last block; the pixels are number 0
twin_few = max(r.few.value for r in twin if r.stage.startswith("block"))
say(
    f"In the trained CNN the probe gets better in {rises} of {steps_up} steps from block to block, "
    f"and ends at {blocks_of[0][-1]:.1%}. In the twin it goes from {blocks_of[1][0]:.1%} to "
    f"{blocks_of[1][-1]:.1%}; its best block reaches {max(blocks_of[1]):.1%}. The best trained "
    f"block against the best of all that needs no learning ({gap.rival}): "
    f"{100 * gap.ahead.value:+.1f} points (95 % interval over groups {100 * low:+.1f} to "
    f"{100 * high:+.1f}). With only ten labels per class for the probe: raw pixels "
    f"{trained[0].few.value:.1%}, the twin's best block {twin_few:.1%}, the trained last block "
    f"**{trained[at].few.value:.1%}**."
    + (
        " That is what depth can buy: a representation in which the task is easy."
        if low > 0
        else ""
    )
)

# %% [markdown]
# ### Walk through it yourself
#
# A curve says how much each layer holds. A **map** lets you see it: it lays each image near those
# that are like it in that layer. The next page has a map of every block of your CNN in the wild, at
# a few moments of its training. Beside it you can put its untrained twin, or the MLP.
#
# Before you move a slider, what do you expect? In the raw pixels, will the six kinds of images lie
# apart? At which block do they part? And in which *moment* of training? Then look for three things:
# a group of images of one colour that lies apart (an *island*), images of another colour inside it
# (click one: is it a mistake?), and islands that the untrained twin has as well.

# %%
walk = {}
for moment, weights in kept.items():
    walk[moment] = build("cnn", vars(config), SEED).to(device)
    walk[moment].load_state_dict(weights)
    calibrate(walk[moment], wild_train, SEED)  # early on, the means of its norms lag behind
walk["trained"] = wild_cnn
journey = atlas(
    walk,
    wild_parts["look"],
    against=wild_mlp,
    fit_on=at_most(wild_val, 2 * WALKED, SEED),
    samples=WALKED,
    title="CNN and MLP in the wild",
    names=("CNN", "MLP"),
    seed=SEED,
    progress=bar(),
)
display(journey)

# %% tags=["hide-input"]
slices, walked = journey.facts["slices"], journey.facts["networks"]


def reading(network, moment, measure="probe"):
    """What can be read from each stage of a network, at a moment."""
    return [slices[i]["readings"][measure][0] for i in network["slices"][moment]]


def best_block(network, measure):
    """The block in which most can be read in the end, and how much."""
    values = dict(zip(network["stages"], reading(network, -1, measure)))
    return max((value, stage) for stage, value in values.items() if stage.startswith("block"))


trained_cnn, its_twin, trained_mlp = walked
stages_of, lines = trained_cnn["stages"], []
for network in walked:
    for i, moment in enumerate(network["moments"]):
        values = dict(zip(network["stages"], reading(network, i)))
        label = "untrained twin" if network["control"] else f"{network['name']}, {moment}"
        cells = [f"{values[s]:.1%}" if s in values else "" for s in stages_of]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
head = f"| | {' | '.join(stages_of)} |\n" + "|---" * (len(stages_of) + 1) + "|\n"
say(head + "\n".join(lines))
(islands, at), (islands_of_twin, at_of_twin), (islands_of_mlp, at_of_mlp) = (
    best_block(network, "neighbours") for network in walked
)
say(
    f"What a straight line tells right, for the {journey.facts['samples']} images of the maps. The "
    "islands themselves can be counted, too: how often do the ten nearest images have the class by "
    f"vote? On the raw pixels for {reading(trained_cnn, -1, 'neighbours')[0]:.1%}, in the trained "
    f"CNN for **{islands:.1%}** ({at}), in the MLP for {islands_of_mlp:.1%} ({at_of_mlp}), and in "
    f"the untrained twin for **{islands_of_twin:.1%}** ({at_of_twin}). What the twin shows as well "
    "comes from the belief in small patches, and not from learning."
)
warned = {
    number: slices[number]["warning"]
    for network in walked
    for number in np.unique(network["slices"]).tolist()
    if slices[number]["warning"]
}
trust = {s: slices[i]["map"] for s, i in zip(stages_of, trained_cnn["slices"][-1])}
poorest, clearest = (f(trust, key=lambda stage: trust[stage]["trust"]) for f in (min, max))
warning = warned.get(trained_cnn["slices"][-1][stages_of.index(poorest)])
say(
    f"**Which maps mislead?** The page warns of {len(warned)} of {len(slices)} maps. Of those of "
    f"the trained CNN, *{poorest}* is the least faithful"
    + (f", and the page says there: *{warning}*" if warning else ", and even there it is silent.")
    + " Why? A layer has many dimensions and a map has two. Where the layer keeps the classes in "
    "separate heaps, two are enough to show them. Where images lie between each other in many "
    "directions, the map must tear neighbours apart, or lay strangers side by side. Ask the shown "
    f"images alone: in *{poorest}* neighbours tell the class of {trust[poorest]['held']:.0%} of "
    f"them, in *{clearest}*, the most faithful map, of {trust[clearest]['held']:.0%}."
)

# %% tags=["ci-only"]
assert islands > islands_of_twin > 1 / K
assert len(journey.html) < 1.5e6

# %% [markdown]
# ## 13 · "... that make a *given* task easy"
#
# A representation is not good as such: it is good *for a task*. Take the same images and the same
# kind of network, and ask three different questions: **which organ?** **which way up** (turned by
# 0, 90, 180 or 270 degrees)? **negative or not?** Three networks learn one question each, a fourth
# learns nothing. Then each layer of each network is probed for *all three* questions.
#
# One thing could fool us: more numbers are easier to read. So all four networks have the same
# widths, and the same number of outputs, one for each organ. Where a question has fewer answers,
# the other outputs stand idle: they learn never to be the answer.

# %% tags=["guess"]
guess("1.task", "a")


# %%
def three_questions(dataset, seed):
    """The same images with three kinds of labels."""
    rng = np.random.default_rng(seed)
    turns = torch.from_numpy(rng.integers(0, 4, len(dataset)))
    negative = torch.from_numpy(rng.integers(0, 2, len(dataset)))
    shaken = wild(dataset, Wild(rotation=45, noise=0.05), seed)
    pixels = shaken.inputs.pixels.clone()
    for k in range(4):
        pixels[turns == k] = torch.rot90(pixels[turns == k], k, dims=(-2, -1))
    pixels[negative == 1] = 255 - pixels[negative == 1]
    organ = replace(shaken, inputs=Images(pixels))
    return {
        "organ": organ,
        "turn": replace(organ, targets=turns, classes=("0°", "90°", "180°", "270°")),
        "negative": replace(organ, targets=negative, classes=("no", "yes")),
    }


questions = {
    n: three_questions(parts[n], SEED + 10 + i) for i, n in enumerate(("train", "val", "look"))
}
task_networks, own_accuracy = {}, {}
for task, learn_on in questions["train"].items():
    task_networks[task] = build("cnn", vars(config), SEED)  # the same outputs for every task
    task_recipe = Recipe(epochs=TASK_EPOCHS, seed=SEED)
    fit(
        task_networks[task],
        learn_on,
        questions["val"][task],
        task_recipe,
        None,
        bar(),
        f"learning: {task}",
    )
    own_accuracy[task] = accuracy(task_networks[task], questions["val"][task])
task_networks["nothing"] = untrained(
    task_networks["organ"], questions["train"]["organ"], SEED + 1000
)
say(
    "Each network on its own question, validation images: "
    + ", ".join(f"{task} {value:.1%}" for task, value in own_accuracy.items())
    + "."
)

# %%
layers_read = {}
for learned_for, network in task_networks.items():
    fitted, scored = (activations(network, questions[n]["organ"]) for n in ("val", "look"))
    for task in questions["val"]:
        asked, truth = questions["val"][task], questions["look"][task].targets
        for stage in fitted:
            scores = probe(fitted[stage], asked.targets, scored[stage], len(asked.classes))
            right_share = float((scores.argmax(dim=1) == truth).float().mean())
            layers_read[task, learned_for, stage] = right_share
on_pixels = METRICS["accuracy"](
    BASELINES["nearest neighbour"](questions["val"]["organ"], questions["look"]["organ"])
)

# %% tags=["hide-input"]
stage_names = [stage for stage in fitted if stage != "pool"]
figure, axes = plt.subplots(3, 1, figsize=(7.5, 7.6))
asks = {"organ": "which organ?", "turn": "which way up?", "negative": "negative or not?"}
for ax, task in zip(axes, asks):
    table = np.array([[layers_read[task, n, s] for s in stage_names] for n in task_networks])
    chance = 1 / len(questions["val"][task].classes)
    ax.imshow(table, cmap="cividis", vmin=chance, vmax=1, aspect="auto")
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            colour = "white" if value < chance + 0.6 * (1 - chance) else "black"
            ax.text(j, i, f"{value:.0%}", ha="center", va="center", color=colour, fontsize=9)
    ax.set_yticks(range(len(task_networks)), [f"learned {n}" for n in task_networks])
    ax.set_xticks(range(len(stage_names)), [s.replace("block", "block ") for s in stage_names])
    ax.grid(visible=False)
    ax.set_title(f"{asks[task]}   (chance {chance:.0%})")
figure.tight_layout()
plt.show()
last_block = stage_names[-2]
say(
    f"How well each question can be read from each layer. **{asks['organ']}** from the last layer "
    f"(logits): {layers_read['organ', 'organ', 'logits']:.0%} in the network that learned it, "
    f"{layers_read['organ', 'turn', 'logits']:.0%} in the one that learned the turn, "
    f"{layers_read['organ', 'negative', 'logits']:.0%} in the one that learned negatives. "
    f"**{asks['turn']}** {layers_read['turn', 'organ', 'logits']:.0%}, "
    f"{layers_read['turn', 'turn', 'logits']:.0%}, {layers_read['turn', 'negative', 'logits']:.0%}."
)
lines = []
for stage in (last_block, "logits"):
    shares = [f"{layers_read['organ', n, stage]:.0%}" for n in ("organ", "turn", "nothing")]
    lines.append(f"| {stage} | {fitted[stage].shape[1]} | " + " | ".join(shares) + " |")
say(
    "The organ, read from equally many numbers:\n\n"
    "| layer | numbers | learned organ | learned turn | learned nothing |\n|---|---|---|---|---|\n"
    + "\n".join(lines)
)
for stage in (last_block, "logits"):
    change = layers_read["organ", "turn", stage] - layers_read["organ", "nothing", stage]
    say(
        f"In the {'last block' if stage == last_block else 'logits'}, learning the turn made the "
        f"organ {'easier' if change > 0 else 'harder'} to read than no learning at all, by "
        f"{100 * abs(change):.0f} points (one network each)."
    )
say(
    "A straight line on **pixels** finds the organ in "
    f"{layers_read['organ', 'organ', 'pixels']:.0%} (chance {1 / K:.0%}). It is so little by "
    "construction: half of the images are negatives, so a bright pixel means nothing by itself. "
    "The organ is in the pixels all the same: the nearest neighbour on 16×16 pixels, which learns "
    f"from the same images as the line, is right on {on_pixels:.0%}. A straight line needs a layer "
    "that bends first."
)
spread = {}
for stage in ("block1", last_block, "logits"):
    shares = [layers_read["organ", n, stage] for n in task_networks]
    spread[stage] = f"{min(shares):.0%} to {max(shares):.0%}"
say(
    "Two things to notice. (a) Where do the networks part? The organ can be read from their first "
    f"blocks with {spread['block1']}, from their last blocks with {spread[last_block]}, from their "
    f"logits with {spread['logits']}. (b) Is what a network does not need thrown away at once? "
    "Whether an image is a negative can be read with "
    f"{layers_read['negative', 'organ', last_block]:.0%} from the last block of the organ network, "
    f"and with {layers_read['negative', 'organ', 'logits']:.0%} from its logits (chance is 50 %)."
)

# %%
if layers_read["organ", "turn", "logits"] > layers_read["organ", "organ", "logits"] - 0.1:
    say("In this run the logits do not show it: too few images or rounds to see it. In general:")
explain("1.task")

# %% [markdown]
# ## 14 · The test, once
#
# Until now every choice was made on validation images. They are used up: we chose what did well on
# them. So now, **once**, the test images. The interval is over *groups*, since the slices of one
# series are often all right or all wrong.

# %%
test, wild_test = parts["test"], wild_parts["test"]
with torch.no_grad():
    eight = torch.cat(
        [by_hand(b.inputs.to(device)).softmax(dim=1).cpu() for b in batches(test, 512)]
    )
final = {"eight hidden units": replace(predict(mlp, test), probs=eight.double().numpy())}
final |= {"mlp": predict(mlp, test), "cnn": predict(cnn, test)}
final |= {
    m: BASELINES[m](train, test) for m in ("class mean", "nearest neighbour", "logistic regression")
}
wild_final = {"mlp": predict(wild_mlp, wild_test), "cnn": predict(wild_cnn, wild_test)}
wild_final |= {m: BASELINES[m](wild_parts["train"], wild_test) for m in wild_simple}
scored = {
    world: {m: score(METRICS["accuracy"], p, seed=SEED) for m, p in results.items()}
    for world, results in (("clean", final), ("in the wild", wild_final))
}

# %% tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(10, 3), sharex=False)
for ax, (world, results) in zip(axes, scored.items()):
    order = sorted(results, key=lambda m: results[m].value)
    for i, m in enumerate(order):
        s, colour = results[m], COLOURS.get(m, GREY)
        ax.plot([s.low, s.high], [i, i], color=colour, linewidth=3, alpha=0.4)
        ax.plot(s.value, i, color=colour, marker=MARKERS.get(m, "o"), markersize=7)
    ax.set_yticks(range(len(order)), [name(m) for m in order])
    ax.xaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
    ax.set_title(f"Right on test images, {world}")
    ax.grid(axis="y", visible=False)
figure.tight_layout()
plt.show()
for world, results in (("clean", final), ("in the wild", wild_final)):
    cnn_score = scored[world]["cnn"]
    rival = max((m for m in results if m != "cnn"), key=lambda m: scored[world][m].value)
    gap = compare(results["cnn"], results[rival], METRICS["accuracy"], seed=SEED)
    sure = "does not include" if gap.low > 0 or gap.high < 0 else "includes"
    say(
        f"**{world.capitalize()}**: the CNN is right on {cnn_score.value:.2%} of "
        f"{cnn_score.samples:,} images in {cnn_score.groups:,} groups, 95 % interval "
        f"{cnn_score.low:.1%} to {cnn_score.high:.1%}. The next best, {name(rival)}: "
        f"{scored[world][rival].value:.2%}. Difference {100 * gap.value:+.2f} points "
        f"({100 * gap.low:+.1f} to {100 * gap.high:+.1f}): the interval {sure} zero."
    )

# %% tags=["hide-input"]
groups_of = [len(np.unique(test.groups[test.targets.numpy() == k])) for k in range(K)]
say(
    f"Why are the intervals as wide as they are, with {len(test):,} images? Because of the groups. "
    f"{classes[int(np.argmin(groups_of))]} has only {min(groups_of)} of them in the test set. If a "
    "new series, one like none of these, is answered wrongly throughout, the accuracy falls a "
    "lot, and so few series cannot rule that out."
)
lines = []
for k, c in enumerate(classes):
    shares = [
        (p.guess == k)[p.targets == k].mean()
        for p in (final["mlp"], final["cnn"], wild_final["cnn"])
    ]
    lines.append(f"| {c} | {groups_of[k]:,} | " + " | ".join(f"{v:.1%}" for v in shares) + " |")
say(
    "| class | groups | MLP, clean | CNN, clean | CNN, wild |\n|---|---|---|---|---|\n"
    + "\n".join(lines)
)
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2))
for ax, (title, p) in zip(
    axes, (("MLP, clean", final["mlp"]), ("CNN, in the wild", wild_final["cnn"]))
):
    draw_confusion(library_confusion(p).tolist(), classes, ax)
    ax.set_title(title)
figure.tight_layout()
plt.show()

# %% [markdown]
# ### The most confident mistakes
#
# A number hides what went wrong. Look at the images on which a network was surest, and wrong.


# %% tags=["hide-input"]
def show_mistakes(p, dataset, what, most=8):
    wrong = np.flatnonzero(p.guess != p.targets)
    surest = wrong[np.argsort(-p.probs.max(axis=1)[wrong], kind="stable")][:most]
    if not len(surest):
        say(f"**{what}**: no mistake in {len(p):,} test images.")
        return
    titles = [
        f"{classes[p.targets[i]]}\n→ {classes[p.guess[i]]}\n{p.probs[i].max():.0%} sure"
        for i in surest
    ]
    show_images(dataset.inputs.pixels[torch.from_numpy(surest)], titles, vmin=0, vmax=255)
    shown_groups = len(np.unique(dataset.groups[surest]))
    say(
        f"**{what}**: {len(wrong):,} mistakes in {len(p):,} test images; above are the "
        f"{len(surest)} on which it was surest, from {shown_groups} group(s). The truth, → the "
        "answer, and how sure it was."
        + (
            " Mistakes come in series: that is why intervals are over groups."
            if shown_groups < len(surest)
            else ""
        )
    )


show_mistakes(final["mlp"], test, "MLP, clean")
show_mistakes(final["cnn"], test, "CNN, clean")
show_mistakes(wild_final["cnn"], wild_test, "CNN, in the wild")

# %% tags=["ci-only"]
assert end > 0.9, f"eight hidden units learn the task: {end:.3f}"
assert abs(history[0]["steps"][0] - np.log(K)) < 0.6, "the first loss is near log K"
assert at_random[worst] > by_group[worst] + 0.1, "a random split parts twins"
assert max(simple.values()) > 0.9, "simple methods do well on clean images"
assert shifted["mlp"][-1] < shifted["cnn"][-1] - 0.2, "the MLP suffers more from a shift"
assert min(colleague) > 0.99, "the trap shows a perfect curve"
assert mended[0] < colleague[0] - 0.05, "and the mended curve differs"
assert clean["cnn"][1].ahead.value < 0.1, "little to see on clean images"
assert in_the_wild["cnn"][1].ahead.value > 0.02, "the hierarchy shows in the wild"
assert blocks_of[0][-1] > blocks_of[1][-1] + 0.1, "the untrained twin stays behind"
for task, other in (("organ", "turn"), ("organ", "nothing"), ("turn", "organ")):
    own, others = (layers_read[task, n, "logits"] for n in (task, other))
    assert own > others + 0.1, f"{task} in the logits: its own {own:.3f}, {other} {others:.3f}"
assert layers_read["organ", "organ", last_block] > layers_read["organ", "nothing", last_block]
assert on_pixels > layers_read["organ", "organ", "pixels"] + 0.1, (
    "a line on pixels misses negatives"
)

# %% [markdown]
# ## 15 · What you have seen
#
# - A network is a chain of simple steps; learning is one small step downhill, many times. You wrote
#   each of them.
# - A number means nothing without the simple methods beside it, the groups behind it and an
#   interval around it.
# - Convolution is a belief about pictures, built into a network. The shift figure shows what it
#   buys where the belief is right. Whether it also needs fewer labels stands in section 11.
# - Where the task is easy, simple methods come close. Where it is hard, look whether each layer
#   makes it easier, and whether its untrained twin does the same. Which of the two you saw stands
#   in section 12.
# - A representation is for a task. Compare networks only where they have equally many numbers.
#
# ### More to try
#
# 1. Train the network by hand with a learning rate ten times smaller, and ten times larger. What do
#    the curves look like?
# 2. Which dial of `Wild` (rotation, shrink, shift, noise) hurts the MLP most? And k nearest
#    neighbours?
# 3. Shuffle the pixels of all images, the same way in each, and train both networks again. One
#    cannot notice. Which?
# 4. Give the MLP moved images to learn from. How many does it need to catch up with the CNN in the
#    shift figure?
# 5. Change `SEED` and run everything again. Which sentences change?
#
# ### Where to go next
#
# - Lesson 2: what today's tools add (transfer learning, augmentation), and a data set that is
#   really hard.
# - Backpropagation: Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0.
# - Convolutional networks: LeCun et al. 1998, doi:10.1109/5.726791. Batch normalisation: Ioffe and
#   Szegedy 2015, arXiv:1502.03167.
# - Deep learning as learning representations: LeCun, Bengio and Hinton 2015,
#   doi:10.1038/nature14539.
# - Probes: Alain and Bengio 2016, arXiv:1610.01644; their controls: Hewitt and Liang 2019,
#   arXiv:1909.03368. How transferable are features: Yosinski et al. 2014, arXiv:1411.1792.
# - Leakage: Kapoor and Narayanan 2023, doi:10.1016/j.patter.2023.100804.
