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
#     extra: "vision"
#     data: [mednist, xrays]
#     weights: [efficientnet_lite0]
# ---

# %% [markdown]
# # Lesson 2 · MedNIST and MURA using fastai: is a good number a good result?
#
# In lesson 1 you wrote every part by hand. Today's tools do that work in a few lines, and they add
# tricks that took the field years to find. So this lesson asks two questions:
#
# 1. **What do today's tools add?** You teach a network that has already seen more than a million
#    photographs to read medical images, first MedNIST, then X-rays of bones.
# 2. **Is a good number a good result?** A doctor does not decide about an image. A doctor decides
#    about a patient, with several images, in a clinic where most people are healthy. You will see
#    what that does to the number, and you will find a mistake that nothing warns about.
#
# Words that you will meet: an **image** is one film. A **study** is all films of one body part that
# were taken at one visit. A **patient** may have several studies.

# %% tags=["parameters"]
MURA = ""  # folder or zip of your own copy of MURA v1.1; empty: X-ray phantoms are drawn instead
SEED = 0  # everything random is drawn from this number
TRAIN = 300  # MedNIST images per class to learn from  # smoke: 20
KEPT = 200  # MedNIST images per class for each set that is kept aside  # smoke: 12
SMALL = 32  # pixels a side, first rounds on MedNIST
LARGE = 64  # pixels a side, last rounds on MedNIST
EPOCHS = 2  # rounds with all layers, MedNIST  # smoke: 1
TRIES = 40  # steps of the learning rate finder  # smoke: 12
PATIENTS = 400  # X-ray patients to learn from  # smoke: 30
JUDGED = 1_000  # most X-ray patients to judge on  # smoke: 25
XRAY_SMALL = 96  # pixels a side, first rounds on X-rays  # smoke: 48
XRAY_LARGE = 128  # pixels a side, last rounds on X-rays  # smoke: 64
XRAY_FIRST = 3  # rounds at the smaller size  # smoke: 1
XRAY_THEN = 6  # rounds at the larger size  # smoke: 1
WALKED = 300  # MedNIST images on the maps of section 7  # smoke: 60

# %%
import warnings

from layerscope.torchvision_cpu import declare_operators

declare_operators()  # lets torchvision be imported beside a torch without CUDA; else does nothing
# fastai's own, of pandas and torch.jit: nothing that we could change
warnings.filterwarnings("ignore", category=DeprecationWarning)
warnings.filterwarnings("ignore", message=".*mode.chained_assignment.*")
warnings.filterwarnings("ignore", message="IProgress not found")  # we want no such bars

from collections import OrderedDict
from copy import deepcopy
from pathlib import Path
from time import perf_counter

import fastai.vision.all  # noqa: F401  it teaches a Learner lr_find, fine_tune, tta and to_fp16
import matplotlib.pyplot as plt
import numpy as np
import torch
from fastai.data.block import CategoryBlock, DataBlock, TransformBlock
from fastai.data.transforms import FuncSplitter, IntToFloatTensor, Normalize
from fastai.interpret import ClassificationInterpretation
from fastai.metrics import accuracy
from fastai.torch_core import TensorCategory, TensorImage, set_seed
from fastai.vision.augment import Resize, aug_transforms
from fastai.vision.core import PILImage
from fastai.vision.data import ImageBlock
from fastai.vision.learner import vision_learner
from IPython.display import display
from layerscope import activations, atlas, borrow
from layerscope.data import DATASETS, xrays
from layerscope.data import published as literature
from layerscope.data.splits import SPLITS
from layerscope.data.square import squared
from layerscope.draw.scores import draw_confusion, draw_strata
from layerscope.draw.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RC, SKY
from layerscope.judge import (
    METRICS,
    READING,
    by_case,
    by_stratum,
    choose_threshold,
    compare,
    decide_at,
    fit_pooling,
    of_case,
    score,
)
from layerscope.lessons import bar, check, explain, guess, mednist_or_phantoms, say, use
from layerscope.models.baseline import BASELINES
from layerscope.models.pretrained import efficientnet_lite0
from layerscope.predictions import Predictions
from layerscope.see.probe import few_label_accuracy
from layerscope.see.transfer import layers_for_transfer, recommendation
from layerscope.study.data import thin
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn

plt.rcParams.update({**RC, "figure.facecolor": "white"})
set_seed(SEED, reproducible=True)
gpu = torch.cuda.is_available()
say(f"The computing happens on {'a **GPU**' if gpu else 'the **CPU**'}. Nothing else changes.")

# %% [markdown]
# # Part A · MedNIST with today's tools
#
# ## 1 · The data
#
# You know MedNIST from lesson 1: six kinds of examinations, small grey images, and many images that
# are nearly copies of each other. So the split keeps near copies and slices of one series together.
# This time we take only a few hundred images per class: that is what a clinic may have.

# %%
loaded = mednist_or_phantoms(progress=bar())
mednist = loaded.dataset
parts = SPLITS["blocks" if loaded.grouping else "groups"](mednist, SEED)
parts = {name: thin(part, TRAIN if name == "train" else KEPT, SEED) for name, part in parts.items()}
card = mednist.source
say(
    f"**{card.title}** · licence: {card.license}. {card.citation}.\n\n"
    f"*What is a group?* {card.group}.\n\n| set | images | groups |\n|---|---|---|\n"
    + "\n".join(
        f"| {name} | {len(p):,} | {len(np.unique(p.groups)):,} |" for name, p in parts.items()
    )
)

# %% [markdown]
# Trivial baselines first. What do methods reach that learn no feature at all, from the same few
# images? We look at validation images. The test images stay closed until section 6.


# %%
def table_of(accuracies, heading):
    """Accuracies with their intervals, as a table."""
    return f"| {heading} | accuracy | 95 % interval over groups |\n|---|---|---|\n" + "\n".join(
        f"| {name} | {s.value:.1%} | {s.low:.1%} to {s.high:.1%} |"
        for name, s in accuracies.items()
    )


simple = {
    name: score(METRICS["accuracy"], method(parts["train"], parts["val"]))
    for name, method in BASELINES.items()
}
say(table_of(simple, "validation images, without a network"))

# %% [markdown]
# ## 2 · A network that has seen photographs
#
# **Transfer learning**: take a network that has learned to see on a large set of photographs
# (ImageNet: 1.28 million of them, 1,000 classes), and teach it your task with the few images you
# have. Its first layers know edges, its middle layers know textures and parts. We hope that bones
# have edges, textures and parts, too.

# %%
network = efficientnet_lite0()
count = sum(weights.numel() for weights in network.model.parameters())
say(
    f"EfficientNet-lite0 with {count / 1e6:.1f} million weights. Where are they from? "
    f"**{network.says}**."
)
BORROWED = "ImageNet" if network.trained else "not pretrained"  # how tables call this network
FIRST = "body frozen" if network.trained else "all layers"  # what the first round trains

# %% [markdown]
# Never trust borrowed weights that you have not tested. Two photographs come with scikit-learn: a
# Chinese palace (ImageNet's class 698, *palace*) and a flower (class 985, *daisy*).


# %%
def imagenet_class(photo):
    """The number of the class that the network sees in a photograph."""
    height, width, _ = photo.shape
    left = (width - height) // 2
    square = Image.fromarray(photo[:, left : left + height]).resize((224, 224))
    x = torch.tensor(np.array(square)).permute(2, 0, 1)[None] / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (network.mean, network.std))
    with torch.no_grad():
        return int(network.model((x - mean) / std).argmax())


palace, flower = load_sample_images().images
found = imagenet_class(palace), imagenet_class(flower)
say(
    f"The network says {found[0]} for the palace and {found[1]} for the flower. "
    + (
        "Both are right."
        if found == (698, 985)
        else "**That is wrong**: it does not know photographs."
    )
)

# %% [markdown]
# ## 3 · From a table to batches: the DataBlock
#
# fastai asks four questions about your data: what goes in and what comes out (`blocks`), how to get
# the input (`get_x`) and the answer (`get_y`) of one item, which items are for validation
# (`splitter`), and how to change the images (`item_tfms`, `batch_tfms`). The answers make a
# `DataBlock`.
#
# Our items are the names of images. All pixels lie in one array, read from the disk only where they
# are used, so `get_x` looks up one row. But this network wants **three** channels.
#
# ### Exercise · three channels
#
# `grey` is a tensor of shape `(1, height, width)`, `uint8`. Return shape `(3, height, width)` with
# the grey image in each channel.


# %% tags=["exercise"]
def three_channels(grey):
    # BEGIN SOLUTION
    return grey.expand(3, -1, -1)
    # END SOLUTION


check("2.channels", three_channels)

# %%
three_channels = use("2.channels", three_channels)

# %% tags=["guess"]
guess("2.channels", "a")

# %%
grey = mednist.inputs.pixels[:2] / 255
imagenet = Normalize.from_stats([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], cuda=False)
tinted = imagenet(TensorImage(grey))
black = [float(channel) for channel in tinted[0].amin(dim=(1, 2))]
copied = imagenet(TensorImage(torch.stack([three_channels(image) for image in grey])))
say(
    f"Shape {tuple(grey.shape)} goes in, shape {tuple(tinted.shape)} comes out, without an error. "
    f"The darkest pixel of the first image is now {black[0]:.2f} in red, {black[1]:.2f} in green "
    f"and {black[2]:.2f} in blue. Does it give the same numbers if we make three channels first? "
    f"{'Yes' if torch.equal(copied, tinted) else 'No'}."
)
explain("2.channels")

# %%
numbers = [", ".join(f"{v:.3f}" for v in values) for values in (network.mean, network.std)]
one_for_all = len(set(network.mean)) == len(set(network.std)) == 1
say(
    f"**Our** network wants `(x - mean) / std` with mean {numbers[0]} and std {numbers[1]} for "
    "red, green and blue. "
    + (
        "They are equal, so grey stays grey."
        if one_for_all
        else "They differ, so each channel is shifted in its own way, as when it was trained."
    )
)

# %% [markdown]
# These numbers belong to the weights, so they come with them: `network.mean`, `network.std`. Now
# the four answers for fastai:


# %%
def loaders(dataset, parts, size, changes, batch=32):
    """fastai's DataLoaders of our table: items are ids, the split is ours."""
    row = {name: number for number, name in enumerate(dataset.ids)}
    for_validation = set(parts["val"].ids)
    block = DataBlock(
        blocks=(
            TransformBlock(batch_tfms=IntToFloatTensor),
            CategoryBlock(list(dataset.classes), sort=False),
        ),
        get_x=lambda item: TensorImage(three_channels(dataset.inputs.pixels[row[item]])),
        get_y=lambda item: dataset.classes[dataset.targets[row[item]]],
        splitter=FuncSplitter(lambda item: item in for_validation),
        batch_tfms=[*changes(size), Normalize.from_stats(network.mean, network.std)],
    )
    items = [*parts["train"].ids, *parts["val"].ids]
    return block.dataloaders(items, bs=batch, num_workers=0)


def gentle(size):
    """Augmentation for MedNIST: turn, zoom, light. No mirror images: none will come."""
    return aug_transforms(size=size, do_flip=False, max_rotate=15, max_zoom=1.2, max_warp=0.1)


dls = loaders(mednist, parts, LARGE, gentle)
x, y = dls.one_batch()
say(
    f"One batch: shape {tuple(x.shape)}, values from {float(x.min()):.2f} to "
    f"{float(x.max()):.2f}, all three channels equal: {bool((x[:, 0] == x[:, 2]).all())}. "
    f"Classes: {', '.join(dls.vocab)}. {len(dls.train_ds):,} images to learn from, "
    f"{len(dls.valid_ds):,} for validation."
)

# %% [markdown]
# **Look at a batch, always.** Its shape, its range, and the pictures themselves.

# %% tags=["hide-input"]
shown, labels = dls.decode_batch((x, y), max_n=12), y[:12]
figure, axes = plt.subplots(2, 6, figsize=(9, 3.4))
for ax, (picture, label) in zip(axes.flat, shown, strict=False):
    ax.imshow(picture.permute(1, 2, 0).cpu())
    ax.set_title(label, fontsize=9)
for ax in axes.flat:
    ax.axis("off")
plt.tight_layout()
plt.show()
say(
    f"The first images of a batch as the network gets them, {LARGE} pixels a side, already "
    "changed a little."
)

# %% tags=["guess"]
guess("2.resize", "b")

# %% [markdown]
# Try it: the same images, the same `Resize(32)`, at either place.


# %%
def side_of_batch(**places):
    row = {name: number for number, name in enumerate(mednist.ids)}
    block = DataBlock(
        blocks=(ImageBlock(PILImage), CategoryBlock),
        get_x=lambda item: (
            three_channels(mednist.inputs.pixels[row[item]]).permute(1, 2, 0).numpy()
        ),
        get_y=lambda item: mednist.classes[mednist.targets[row[item]]],
        **places,
    )
    return block.dataloaders([*parts["train"].ids], bs=8, num_workers=0).one_batch()[0].shape[-1]


say(
    f"Images of {mednist.inputs.pixels.shape[-1]} pixels. `batch_tfms=Resize(32)` gives a batch "
    f"of **{side_of_batch(batch_tfms=Resize(32))}** pixels, `item_tfms=Resize(32)` one of "
    f"**{side_of_batch(item_tfms=Resize(32))}**."
)
explain("2.resize")

# %% [markdown]
# `aug_transforms(size=...)`, which we use, does resize a whole batch: it is made for it.
#
# ### Augmentation, on one image
#
# The network should not mind whether a patient lies a little crooked. So each time an image is
# used, it is turned, zoomed and lit a little differently. **Every change is a claim**: this does
# not change *the answer*. For "which examination?" a mirror image is harmless. For "is the heart on
# the correct side?" it would destroy the answer. We leave it out because such images never come to
# this network.

# %% tags=["hide-input"]
one = parts["train"].ids[int((parts["train"].targets == 2).nonzero()[0, 0])]
row = int(np.flatnonzero(mednist.ids == one)[0])
same = [(TensorImage(three_channels(mednist.inputs.pixels[row])), TensorCategory(2))] * 11
batch = dls.train.after_batch(dls.train.create_batch(same))
figure, axes = plt.subplots(2, 6, figsize=(9, 3.3))
axes[0, 0].imshow(mednist.inputs.pixels[row, 0], cmap="gray", vmin=0, vmax=255)
axes[0, 0].set_title("as it is", fontsize=9)
for ax, (picture, _) in zip(axes.flat[1:], dls.decode_batch(batch, max_n=11), strict=True):
    ax.imshow(picture.permute(1, 2, 0).cpu())
for ax in axes.flat:
    ax.axis("off")
plt.tight_layout()
plt.show()
say(
    f"One image ({one}) and eleven draws of it. Is the answer the same in all of them? That is "
    "for you to say."
)

# %% [markdown]
# ## 4 · Build, and find a learning rate
#
# `vision_learner` cuts off the old last layer (1,000 classes of ImageNet) and puts on a new
# **head** for our classes. The old part, the **body**, is *frozen* at first: only the head learns
# (and the batch norms, which adapt to the brightness of the new images). A head that knows nothing
# yet would otherwise spoil the body with its first, wild steps.


# %%
def whole_body(model):
    """All layers of timm's network but the last, one after another."""
    return [model.conv_stem, model.bn1, *model.blocks, model.conv_head, model.bn2]


def learner(dls, body=whole_body, origin="any"):
    """A new network for these loaders, its body from ImageNet if that can be had."""
    set_seed(SEED, reproducible=True)
    borrowed = efficientnet_lite0(origin=origin)
    # fastai cuts before the last pooling; vision_learner's own argument `cut` is lost on its way
    layers = nn.Sequential(*body(borrowed.model), nn.AdaptiveAvgPool2d(1))
    made = vision_learner(
        dls,
        lambda pretrained: layers,  # noqa: ARG005  they have their weights already
        pretrained=borrowed.trained,
        normalize=False,  # our DataBlock does it, with the numbers of these weights
        ps=0.25,  # dropout in the head
        metrics=accuracy,
    )
    return made.to_fp16() if gpu else made


learn = learner(loaders(mednist, parts, SMALL, gentle))
pretrained = deepcopy(learn.model)  # as it is before fine-tuning, to look at in section 7
free = sum(weights.numel() for weights in learn.model.parameters() if weights.requires_grad)
count = sum(weights.numel() for weights in learn.model.parameters())
say(
    f"{count / 1e6:.1f} million weights, of which {free / 1e6:.1f} million are free to learn: "
    + ("head and batch norms." if network.trained else "all of them, since nothing was borrowed.")
)


def but_here(shown, what):
    """Tell where this run does not show what the explanation below says."""
    if not shown:
        say(f"**In this run {what}.** What follows holds in general:")


# %% tags=["guess"]
guess("2.rate", "a")

# %% [markdown]
# The **learning rate finder** (Smith 2017) makes a few steps with a tiny rate, and makes it larger
# at each step until the loss explodes. A good rate lies where the loss falls well, before it is
# restless.


# %%
def find_rate(learn):
    with learn.no_bar(), learn.no_logging():
        return learn.lr_find(start_lr=1e-5, end_lr=1, num_it=TRIES, show_plot=False).valley


rate = find_rate(learn)
rates, losses = learn.recorder.lrs, [float(loss) for loss in learn.recorder.losses]

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6, 3))
ax.plot(rates, losses, color=BLUE)
ax.axvline(rate, color=ORANGE, linestyle="--")
ax.annotate(f" suggested: {rate:.1e}", (rate, max(losses[: len(losses) // 2])), color=ORANGE)
ax.set(xscale="log", xlabel="learning rate", ylabel="loss, smoothed", ylim=(0, 1.5 * losses[0]))
plt.show()
say(
    f"The loss while the rate grows. The finder suggests {rate:.2g}. We keep exactly that number "
    "as `rate`."
)


# %%
def train(learn, rounds):
    """Run one of fastai's ways to train, quietly; the last line of its table."""
    with learn.no_bar(), learn.no_logging():
        rounds(learn)
    loss, val_loss, val_accuracy = learn.recorder.values[-1]
    return f"{loss:.3f} | {val_loss:.3f} | {val_accuracy:.1%} |"


lines, val_losses = [], []
for factor in (1 / 9, 1):  # the last one is kept
    learn = learner(loaders(mednist, parts, SMALL, gentle))
    found = train(learn, lambda learn, lr=factor * rate: learn.fit_one_cycle(1, lr))
    val_losses.append(learn.recorder.values[-1][1])
    lines.append(f"| {factor * rate:.2g} ({'suggested' if factor == 1 else 'a ninth'}) | {found}")
say(
    f"One round each, {FIRST}:\n\n| rate | loss, training | loss, validation | accuracy, "
    "validation |\n"
    "|---|---|---|---|\n" + "\n".join(lines)
)
but_here(val_losses[0] > val_losses[1], "the ninth does not end with the higher loss")
explain("2.rate")

# %% [markdown]
# ## 5 · Fine-tune, from small to large
#
# **Progressive resizing**: the first rounds on small images are quick; the network then goes on
# with larger ones, which look like new data to it. `fine_tune` does both phases: one round with the
# body frozen at our rate; then all layers together, the head with half of it and the first layers
# with a hundredth of that. So even here a tool changes the number that we give it: read how.

# %%
learn.dls = loaders(mednist, parts, LARGE, gentle)
start = perf_counter()
found = train(learn, lambda learn: learn.fine_tune(EPOCHS, rate, freeze_epochs=1))
say(
    f"At {LARGE} pixels, in {perf_counter() - start:.0f} s:\n\n| loss, training | loss, "
    f"validation | accuracy, validation |\n|---|---|---|\n| {found}"
)

# %% [markdown]
# **Mixed precision.** A GPU multiplies numbers of 16 bits several times faster than those of 32.
# `learn.to_fp16()` uses them where that is safe. On a CPU fastai's `to_fp16` does nothing (its
# autocast is for CUDA), and PyTorch's own `bfloat16` depends on the processor. So do not believe
# it, time it:


# %%
def seconds(precision, tries=3):
    """One step forward and back; the best of some tries."""
    model, kind = learn.model.train(), learn.dls.device.type
    x, y = learn.dls.one_batch()
    best = float("inf")
    for _ in range(tries):
        start = perf_counter()
        with torch.autocast(kind, precision, enabled=precision is not None):
            loss = learn.loss_func(model(x), y)
        loss.backward()
        float(loss.detach())  # waits for a GPU
        best = min(best, perf_counter() - start)
    learn.opt.zero_grad()
    return best


kept = {name: value.clone() for name, value in learn.model.state_dict().items()}
full, half = seconds(None), seconds(torch.float16 if gpu else torch.bfloat16)
learn.model.load_state_dict(kept)  # the batch norms have moved a little
learn.opt.zero_grad()
say(
    f"One step takes {1e3 * full:.0f} ms in 32 bits and {1e3 * half:.0f} ms in 16: "
    f"{'a gain' if half < 0.9 * full else 'no gain'} on this machine, for this network and batch. "
    f"Training used {'16' if gpu else '32'} bits."
)

# %% [markdown]
# ## 6 · Judge
#
# **Test-time augmentation** asks the network about several draws of each image and averages the
# answers. Does it help? That is a choice, so validation images decide. The comparison is *paired*:
# the same images for both, so that their difference is known better than either value.


# %%
def predict(learn, dataset, often=False):
    """Probabilities for every row, as the library judges them."""
    dl = learn.dls.test_dl([*dataset.ids])
    with learn.no_bar(), learn.no_logging():
        probs, _ = learn.tta(dl=dl) if often else learn.get_preds(dl=dl)
    probs = probs.double().numpy()
    probs = probs / probs.sum(axis=1, keepdims=True)
    return Predictions(probs, dataset.targets.numpy(), dataset.groups, dataset.ids, dataset.classes)


def in_words(difference):
    """A paired difference of accuracies."""
    v, low, high = (100 * end for end in difference[:3])
    zero = "excludes" if low > 0 or high < 0 else "includes"
    return f"{v:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}; it {zero} zero)"


once, often = predict(learn, parts["val"]), predict(learn, parts["val"], often=True)
gain = compare(often, once, METRICS["accuracy"])
many_draws = gain.value > 0
say(
    f"On validation images, test-time augmentation changes the accuracy by {in_words(gain)}. "
    f"We go on {'with' if many_draws else 'without'} it."
)

# %% [markdown]
# Which mistakes? fastai's `ClassificationInterpretation` makes the confusion matrix and finds the
# **top losses**: the images that surprised the network most. Look at them: they are hard, or
# wrongly labelled, or they show what the network does not look at. These are validation images,
# too: whoever mends a network after looking at test images has no test images any more.

# %%
with learn.no_bar(), learn.no_logging():
    interpretation = ClassificationInterpretation.from_learner(learn)
    table = interpretation.confusion_matrix()
mistakes = int(table.sum() - np.trace(table))

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(5, 4.2))
draw_confusion(table.tolist(), mednist.classes, ax)
plt.show()
with learn.no_bar(), learn.no_logging():
    interpretation.plot_top_losses(6, figsize=(9, 5), nrows=2)
plt.gcf().suptitle("Prediction / truth / loss / probability of the prediction", fontsize=10)
for ax in plt.gcf().axes:
    ax.title.set_fontsize(8)
plt.tight_layout()
plt.show()
say(
    f"{mistakes} of {int(table.sum()):,} validation images are wrong, each asked once: "
    f"{1 - mistakes / table.sum():.1%} right. This sentence is computed from the matrix "
    "above it. A stored notebook once said *four images* above an accuracy that means one: its "
    "author had typed the number and then run the cell again."
)

# %% [markdown]
# Everything is chosen. Now, once, the test images.

# %%
on_mednist = {name: method(parts["train"], parts["test"]) for name, method in BASELINES.items()} | {
    "fine-tuned": predict(learn, parts["test"], often=many_draws)
}
accuracies = {name: score(METRICS["accuracy"], found) for name, found in on_mednist.items()}
ahead = compare(on_mednist["fine-tuned"], on_mednist["nearest neighbour"], METRICS["accuracy"])
say(
    table_of(accuracies, "test images")
    + "\n\nPaired difference of accuracy, this network against the nearest neighbour on "
    f"thumbnails: {in_words(ahead)}."
    + (
        " Simple methods are right that often: we need a harder question."
        if accuracies["nearest neighbour"].value > 0.95
        else ""
    )
)

# %% [markdown]
# ## 7 · Look inside: which layer should one take?

# %% tags=["guess"]
guess("2.middle", "b")

# %% [markdown]
# We read every layer of the **borrowed** network, before any fine-tuning, with a straight line that
# gets 10 labels per class (its **probe**). It learns from training images and is judged on
# validation images. Beside it, the **untrained twin**: the same network with
# random weights. What the twin can do as well was not learned from ImageNet.


# %%
def ready(grey):
    """What the network wants: three channels, normalised with the numbers of its weights."""
    spread = (torch.tensor(v, device=grey.device) for v in (network.mean, network.std))
    mean, std = (values.view(1, 3, 1, 1) for values in spread)
    return (grey.expand(-1, 3, -1, -1) / 255 - mean) / std


def layers(model, pixels):
    """Each layer's features, mean and maximum over the image, by forward hooks."""
    found, hooks = {}, []
    stages = {
        "stem": model.bn1,
        **{f"{i}": b for i, b in enumerate(model.blocks)},
        "last": model.bn2,
    }
    for name, stage in stages.items():

        def keep(_module, _inputs, h, name=name):
            found.setdefault(name, []).append(
                torch.cat([h.mean(dim=(2, 3)), h.amax(dim=(2, 3))], dim=1)
            )

        hooks.append(stage.register_forward_hook(keep))
    with torch.no_grad():
        for chunk in pixels.split(128):
            classes = model(ready(chunk))  # the hooks run here, in the order of the layers
            found.setdefault("classes", []).append(classes)
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(parts) for name, parts in found.items()}


twin = efficientnet_lite0(origin="scratch").model
for norm in [m for m in twin.modules() if isinstance(m, nn.BatchNorm2d)]:
    norm.reset_running_stats()
    norm.momentum = None  # a plain average: the twin gets to know the brightness, and nothing else
with torch.no_grad():
    twin.train()
    for chunk in parts["train"].inputs.pixels[:1024].split(128):
        twin(ready(chunk))
    twin.eval()

curves = {}
for name, model in {BORROWED: network.model.eval(), "untrained twin": twin}.items():
    for_fit, for_score = (layers(model, parts[part].inputs.pixels) for part in ("train", "val"))
    curves[name] = {
        layer: few_label_accuracy(
            z, parts["train"].targets, for_score[layer], parts["val"].targets, 10, 10, SEED
        )
        for layer, z in for_fit.items()
    }

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7.5, 3.4))
for (name, curve), colour, marker in zip(curves.items(), (BLUE, ORANGE), "os", strict=True):
    mean = [draws.mean() for draws in curve.values()]
    ax.fill_between(
        range(len(curve)),
        [d.min() for d in curve.values()],
        [d.max() for d in curve.values()],
        color=colour,
        alpha=0.15,
    )
    ax.plot(range(len(curve)), mean, color=colour, marker=marker, label=name)
ax.set_xticks(
    range(len(curve)), [f"block {name}" if name.isdigit() else name for name in curve], rotation=30
)
ax.set(ylabel="accuracy", title="A straight line with 10 labels per class")
ax.legend()
plt.show()
values, of_twin = (
    {layer: draws.mean() for layer, draws in curve.items()} for curve in curves.values()
)
best, best_of_twin = (max(means, key=lambda layer: means[layer]) for means in (values, of_twin))


def called(layer):
    return f"block {layer}" if layer.isdigit() else layer


say(
    "Each line is the mean of ten draws of labels, the band their range. The best layer is "
    f"**{called(best)}** ({values[best]:.1%}); the last layer of features gives "
    f"{values['last']:.1%}, the 1,000 outputs {values['classes']:.1%}. The untrained twin is best "
    f"at {called(best_of_twin)} ({of_twin[best_of_twin]:.1%}), and its last layer gives "
    f"{of_twin['last']:.1%}."
)
if network.trained:
    but_here(best in "12345", f"the best layer is not in the middle but {called(best)}")
else:
    but_here(False, "there were no weights from ImageNet, so it cannot answer the question")
explain("2.middle")

# %% [markdown]
# ### Any network, in one line
#
# The hooks above fit one network, whose layers we had looked up. The library's `borrow` reads any
# network of PyTorch in the same way: name the layers (or let it find them), and say how the network
# is called. Does it read the same numbers?


# %%
def fed(model, images):
    """How the networks of this lesson are called."""
    return model(ready(images.pixels))


body = borrow(network.model, parts["val"].inputs, ["bn1", "blocks.*"], feed=fed)
some = parts["val"].rows(np.arange(50))
by_hooks, by_borrow = layers(network.model, some.inputs.pixels), activations(body, some)
apart = max(
    float((by_hooks[f"{i}"] - by_borrow[f"blocks.{i}"]).abs().max())
    for i in range(len(network.model.blocks))
)
say(
    f"`borrow` walks through {', '.join(by_borrow)}. In the seven blocks the largest difference "
    f"from the hooks is **{apart:.1e}**."
)
assert apart < 1e-3

# %% [markdown]
# **Which layer would you take for another task?** The curve above has a small flaw: it chose the
# best of many layers on the very images on which it then judged it, and the best of many is partly
# luck. `layers_for_transfer` chooses on the training images alone, by cross-validation over whole
# groups, and judges the chosen layer on the validation images.

# %%
task = {name: thin(parts[name], 40, SEED) for name in ("train", "val")}
found = layers_for_transfer(body, task["train"], task["val"], SEED, progress=bar())
say(recommendation(found))

# %% [markdown]
# ### What did fine-tuning change?
#
# Two moments of one network: *pretrained*, with a head that knows nothing yet, and *fine-tuned*.
# Before you look: in which layers has fine-tuning changed most, in the first or in the last? Recall
# which layers had the small rates. And will islands of the six classes be there before it? The
# images are those of the test: all choices are made, and nothing will be changed after this look.


# %%
def walk(model):
    """A network of fastai as a walk through layers whose names a reader knows."""
    conv, norm, *blocks, last_conv, last_norm = model[0]  # as `whole_body` lists them
    named = OrderedDict(stem=nn.Sequential(conv, norm))
    named.update({f"block{i}": block for i, block in enumerate(blocks)})
    named.update(last=nn.Sequential(last_conv, last_norm), head=model[1])
    return borrow(nn.Sequential(named), parts["val"].inputs, ["stem", "block*", "last"], feed=fed)


journey = atlas(
    {
        "pretrained" if network.trained else "not pretrained": walk(pretrained),
        "fine-tuned": walk(learn.model),
    },
    parts["test"],
    fit_on=thin(parts["val"], WALKED // 3, SEED),  # the straight lines learn from these
    twin=False,  # the curve above has it
    samples=WALKED,
    title="EfficientNet-lite0 on MedNIST, before and after fine-tuning",
    names=("EfficientNet-lite0", ""),
    seed=SEED,
    progress=bar(),
)
display(journey)

# %% tags=["hide-input"]
slices, (walked, *_) = journey.facts["slices"], journey.facts["networks"]
rows = dict(zip(walked["stages"], zip(*walked["slices"], strict=True), strict=True))
alike = {
    stage: journey.facts["alike"]["cka"][before][after]
    for stage, (before, after) in rows.items()
    if stage not in ("input", "output")
}


def reading(number, measure):
    return slices[number]["readings"][measure][0]


output = " | ".join(f"{reading(i, m):.1%}" for m in ("few", "neighbours") for i in rows["output"])
say(
    "| | CKA | line, 10 labels, before | after | neighbours, before | after |\n"
    "|---|---|---|---|---|---|\n"
    + "\n".join(
        f"| {stage} | {alike[stage]:.2f} | "
        + " | ".join(f"{reading(i, m):.1%}" for m in ("few", "neighbours") for i in rows[stage])
        + " |"
        for stage in alike
    )
    + f"\n| output | | {output} |"
)
changed, kept_same = min(alike, key=alike.get), max(alike, key=alike.get)
third = len(alike) // 3
early, late = np.mean([*alike.values()][:third]), np.mean([*alike.values()][-third:])
say(
    "*CKA* (Kornblith et al. 2019, arXiv:1905.00414) asks whether two layers arrange the same "
    "images in the same way: 1 if they do, up to turning and scaling; near 0 if they have nothing "
    f"in common. Fine-tuning changed **{changed}** most (CKA {alike[changed]:.2f}) and "
    f"{kept_same} least ({alike[kept_same]:.2f}). "
    + (
        f"On average the first {third} layers stayed more alike ({early:.2f}) than the last {third} "
        f"({late:.2f}): the first ones had the smallest rates, and what they see, every task needs."
        if early > late
        else f"In this run the first {third} layers did not stay more alike ({early:.2f}) than the "
        f"last {third} ({late:.2f})."
    )
)
before, after = (slices[i]["readings"]["few"] for i in rows[changed])
in_interval = [f"{v:.1%} ({low:.1%} to {high:.1%})" for v, low, high in (before, after)]
say(
    f"And is it the better layer now? From *{changed}* a straight line with 10 labels per class "
    f"tells {in_interval[0]} before fine-tuning and {in_interval[1]} after it. "
    + (
        "**It became harder to read**: the network's own head learned from all labels in which "
        "directions to look, and ten labels do not find them. A fine-tuned network is not always "
        "the better one to borrow from."
        if after[2] < before[1]
        else "It became easier to read, for this task."
        if after[1] > before[2]
        else "The intervals overlap: these images cannot say."
    )
)

# %% [markdown]
# # Part B · X-rays of bones: a much harder question
#
# ## 8 · The data
#
# **MURA** has 40,005 X-ray films of the arm, from the finger to the shoulder, in 14,656 studies.
# For each study a radiologist said *normal* or *abnormal*: a fracture, an implant, a worn joint.
# You may get it from Stanford after registration; nobody may pass it on. If you have it, give its
# path in `MURA` above. Without it, this lesson draws **phantoms**: synthetic films in exactly
# MURA's layout, with bones, fractures and implants whose places are known.

# %%
synthetic = not MURA
source = DATASETS["xrays" if synthetic else "mura"]
path = None if synthetic else Path(MURA).expanduser()
films = source.load(path, skip_bad=not synthetic, progress=bar(), size=XRAY_LARGE)
if films.skipped:
    more = len(films.skipped) - 20
    say(
        f"{len(films.skipped)} films could not be read and are left out:\n\n"
        + "\n".join(f"- {name}: {cause}" for name, cause in films.skipped[:20])
        + (f"\n- … and {more:,} more" if more > 0 else "")
    )
if synthetic:
    say(
        "> ℹ️ **These are X-ray phantoms, drawn by a computer. No patient was imaged.** What you "
        "learn about judging holds for real films; the numbers themselves say nothing about real "
        "films."
    )


def some_patients(dataset, most):
    """At most so many patients, whole, at random."""
    names = np.random.default_rng(SEED).permutation(np.unique(dataset.groups))[:most]
    return dataset.rows(np.flatnonzero(np.isin(dataset.groups, names)))


xray = films.dataset
xparts = SPLITS["published"](xray, SEED)
xparts["train"] = some_patients(xparts["train"], PATIENTS)
xparts["val"] = some_patients(xparts["val"], max(8, PATIENTS // 4))
xparts["test"] = some_patients(xparts["test"], JUDGED)
pairs = (("train", "val"), ("train", "test"), ("val", "test"))
twice = sum(len(np.intersect1d(xparts[a].groups, xparts[b].groups)) for a, b in pairs)
say(
    f"**{xray.source.title}** · licence: {xray.source.license}. {xray.source.citation}.\n\n"
    f"*What is a group?* {xray.source.group}.\n\n| set | patients | studies | images | abnormal "
    "studies |\n"
    "|---|---|---|---|---|\n"
    + "\n".join(
        f"| {name} | {len(np.unique(p.groups)):,} | {len(np.unique(p.cases)):,} | {len(p):,} | "
        f"{of_case(p.targets.numpy(), p.cases, 'class').mean():.0%} |"
        for name, p in xparts.items()
    )
    + "\n\nThe publisher's validation set is our *test*; our *val* was cut from the publisher's "
    f"training set. Patients in two of the sets: {twice}."
)

# %% tags=["hide-input"]
figure, axes = plt.subplots(2, 7, figsize=(10, 3.3))
for column, part in zip(axes.T, np.unique(xparts["train"].strata), strict=False):
    for ax, label in zip(column, (0, 1), strict=True):
        own = np.flatnonzero(
            (xparts["train"].strata == part) & (xparts["train"].targets.numpy() == label)
        )
        if len(own):
            ax.imshow(xparts["train"].inputs.pixels[own[0], 0], cmap="gray", vmin=0, vmax=255)
        ax.set_title(f"{part.lower()}, {xray.classes[label]}", fontsize=7.5)
for ax in axes.flat:
    ax.axis("off")
plt.tight_layout()
plt.show()
say(
    "Above a film of a normal study of each body part, below one of an abnormal study. Do you see "
    "what is wrong?"
)

# %% [markdown]
# ### Exercise · pad, do not squeeze
#
# Films are taller than wide, or wider than tall; the network wants squares. *Squeezing* a film
# makes bones fat or thin, and a thin bone is a finding. Lay the film in the middle of a black
# square instead. `film` has shape `(height, width)`; the square is as large as the longer side.


# %% tags=["exercise"]
def pad(film):
    height, width = film.shape
    side = max(height, width)
    # BEGIN SOLUTION
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side), film.dtype)
    square[top : top + height, left : left + width] = film
    return square
    # END SOLUTION


check("2.pad", pad)

# %%
pad = use("2.pad", pad)
tall = xray.inputs.pixels[0, 0].numpy()[:, 20:-20]
mine, library = pad(tall), squared(tall, len(tall))
say(
    f"A film of {tall.shape[1]} × {tall.shape[0]} pixels: yours and the library's are equal: "
    f"{(mine == library).all()}."
)

# %% [markdown]
# ### Exercise · whole patients
#
# A patient's films look alike. If some are for training and others for validation, the network can
# recognise the patient instead of reading the film. Write the split that keeps patients whole:
# for each image, `True` if its patient is drawn for validation. Draw a `share` of the patients.


# %% tags=["exercise"]
def split_patients(patients, share, seed):
    # BEGIN SOLUTION
    names = np.random.default_rng(seed).permutation(np.unique(patients))
    chosen = names[: max(1, round(share * len(names)))]
    return np.isin(patients, chosen)
    # END SOLUTION


check("2.split", split_patients)

# %%
split_patients = use("2.split", split_patients)
patients = xparts["train"].groups
whole = split_patients(patients, 1 / 8, SEED)
by_image = np.random.default_rng(SEED).random(len(patients)) < 1 / 8
torn = [len(np.intersect1d(patients[mask], patients[~mask])) for mask in (whole, by_image)]
say(
    f"Your split tears {torn[0]} patients apart. If *images* are drawn instead, as "
    f"`RandomSplitter` of fastai does, {torn[1]:,} of {len(np.unique(patients)):,} patients stand "
    "on both sides."
)

# %% [markdown]
# ## 9 · Trivial baselines
#
# What does a method reach that does not look for fractures? Kappa is the measure that MURA's
# authors chose: agreement beyond what chance would give. 0 is a reader who guesses, 1 a perfect
# one. Here too, validation studies are enough: the test set waits for section 11.
#
# ### Exercise · kappa by hand
#
# Two people answer 0 or 1. They agree in a share $o$ of the cases. If the second answered at
# random, as often 1 as before, they would agree in a share $e$. Then $\kappa = (o - e) / (1 - e)$.


# %% tags=["exercise"]
def kappa(truth, answer):
    # BEGIN SOLUTION
    observed = np.mean(truth == answer)
    expected = truth.mean() * answer.mean() + (1 - truth.mean()) * (1 - answer.mean())
    return (observed - expected) / (1 - expected)
    # END SOLUTION


check("2.kappa", kappa)

# %%
kappa = use("2.kappa", kappa)
lines = []
for name, method in BASELINES.items():
    found = by_case(method(xparts["train"], xparts["val"]), xparts["val"].cases, "mean")
    by_hand, library = kappa(found.targets, found.guess), METRICS["kappa"](found)
    auroc = METRICS["auroc"](found)
    lines.append(
        f"| {name} | {METRICS['accuracy'](found):.1%} | {by_hand:z.3f} | {library:.3f} | "
        f"{auroc:.3f} |"
    )
say(
    "| on validation studies | accuracy | kappa, yours | kappa, library | AUROC "
    "|\n|---|---|---|---|---|\n"
    + "\n".join(lines)
    + "\n\nAccuracy far from 50 % can come with kappa near 0: then it is the share of the larger "
    "class."
)

# %% [markdown]
# ## 10 · Train
#
# All the tools together: first the rate, then small films with a frozen body, then all layers, then
# large films. Mirror images are allowed here: there are left and right arms.
#
# One thing is different: **we cut the body in the middle**. The last layers of the network see a
# film of 128 pixels as a grid of 4 × 4 places. A crack in a bone is much smaller than such a place.
# After block 4 the grid still has 8 × 8 places, and the features are less tied to the classes of
# ImageNet.


# %%
def half_body(model):
    """The layers up to block 4."""
    return [model.conv_stem, model.bn1, *model.blocks[:5]]


def bones(size):
    """Augmentation for bones: left and right arms, a little turn, black beyond the film."""
    return aug_transforms(size=size, max_rotate=8, max_warp=0, pad_mode="zeros")


xlearn = learner(loaders(xray, xparts, XRAY_SMALL, bones), half_body)
xrate = find_rate(xlearn)
start = perf_counter()
found = {
    f"{XRAY_SMALL} pixels, first round, {FIRST}": train(
        xlearn, lambda learn: learn.fit_one_cycle(1, xrate)
    )
}
xlearn.unfreeze()
found[f"{XRAY_SMALL} pixels, all layers"] = train(
    xlearn, lambda learn: learn.fit_one_cycle(XRAY_FIRST, slice(xrate / 4, xrate))
)
xlearn.dls = loaders(xray, xparts, XRAY_LARGE, bones)
found[f"{XRAY_LARGE} pixels, all layers"] = train(
    xlearn, lambda learn: learn.fit_one_cycle(XRAY_THEN, slice(xrate / 4, xrate))
)
say(
    f"The finder suggested {xrate:.2g}, for the head; the first layers learn with a quarter of "
    f"it. Trained in {perf_counter() - start:.0f} s:\n\n"
    "| rounds | loss, training | loss, validation | accuracy of images, validation |\n"
    "|---|---|---|---|\n" + "\n".join(f"| {name} | {line}" for name, line in found.items())
)

# %% [markdown]
# ## 11 · From images to studies
#
# The network answers for each image. The radiologist's label is for the study. How should the
# answers of a study's images become one?

# %%
# the same way for both: what is chosen on validation must fit what it is used on
on_val, on_test = (predict(xlearn, xparts[part], often=True) for part in ("val", "test"))
val, test = xparts["val"], xparts["test"]
p_test, studies = on_test.probs[:, 1], test.cases
say(
    f"Each of {len(p_test):,} test images has a probability of *abnormal*: "
    f"{', '.join(f'{p:.2f}' for p in p_test[:6])}, …"
)

# %% [markdown]
# ### Exercise · the mean of a study
#
# `p` are the probabilities of images, `studies` the name of each image's study. Return one number
# for each study, in the order of `np.unique(studies)`. Average the **probabilities**: votes can
# tie.


# %% tags=["exercise"]
def mean_by_study(p, studies):
    # BEGIN SOLUTION
    return np.array([p[studies == study].mean() for study in np.unique(studies)])
    # END SOLUTION


check("2.mean", mean_by_study)

# %% [markdown]
# ### Exercise · noisy-or
#
# A study is normal only if *all* of its images are normal. If images err independently of each
# other, the chance of that is the product of $1 - p$. What is the chance that the study is
# abnormal?


# %% tags=["exercise"]
def noisy_or(p, studies):
    # BEGIN SOLUTION
    return np.array([1 - np.prod(1 - p[studies == study]) for study in np.unique(studies)])
    # END SOLUTION


check("2.noisy", noisy_or)

# %%
mean_by_study, noisy_or = use("2.mean", mean_by_study), use("2.noisy", noisy_or)
by_mean, by_or = by_case(on_test, studies, "mean"), by_case(on_test, studies, "noisy-or")
say(
    "Largest difference between yours and the library's: mean "
    f"{np.abs(mean_by_study(p_test, studies) - by_mean.probs[:, 1]).max():.1e}, noisy-or "
    f"{np.abs(noisy_or(p_test, studies) - by_or.probs[:, 1]).max():.1e}."
)

# %% tags=["guess"]
guess("2.max", "c")

# %%
by_max = by_case(on_test, studies, "max")
images = np.unique(studies, return_counts=True)[1]
normal = by_mean.targets == 0
lines = [
    f"| {count} | {(own := normal & (images == count)).sum()} | {by_mean.guess[own].mean():.0%} | "
    f"{by_max.guess[own].mean():.0%} |"
    for count in np.unique(images[normal])
]
say(
    "| images | normal studies | false alarms, mean | false alarms, maximum |\n|---|---|---|---|\n"
    + "\n".join(lines)
)
most = images >= np.median(images[normal])
few_alarms, many_alarms = (by_max.guess[normal & own].mean() for own in (~most, most))
if (normal & ~most).any():
    least = images[most].min()
    say(
        f"With the maximum, {few_alarms:.0%} of normal studies with fewer than {least} images get "
        f"a false alarm, and {many_alarms:.0%} of those with {least} or more."
    )
    but_here(many_alarms > few_alarms, "more images do not bring more false alarms")
explain("2.max")

# %% [markdown]
# Between the mean and the maximum there are many ways. One can be **learned**: how far to go
# towards the maximum, and how to stretch and shift the result. Learn it on validation studies,
# never on the ones that you judge.
#
# ### Exercise · the threshold
#
# The answer is "abnormal" above a threshold. It need not be one half. Write a function that finds,
# on **validation** studies, the threshold with the greatest kappa. (You have `kappa`.)


# %% tags=["exercise"]
def best_threshold(p, truth):
    # BEGIN SOLUTION
    values = np.unique(p)
    between = (values[:-1] + values[1:]) / 2
    return max(between, key=lambda threshold: kappa(truth, p > threshold))
    # END SOLUTION


check("2.threshold", best_threshold)

# %%
best_threshold = use("2.threshold", best_threshold)
ways = {
    "mean": "mean",
    "max": "max",
    "noisy-or": "noisy-or",
    "learned": fit_pooling(on_val, val.cases),
}
decided, thresholds, lines, apart = {}, {}, [], 0.0
for name, how in ways.items():
    kept = by_case(on_val, val.cases, how)
    thresholds[name] = float(best_threshold(kept.probs[:, 1], kept.targets))
    reached = [
        METRICS["kappa"](decide_at(kept, threshold))
        for threshold in (thresholds[name], choose_threshold(kept, METRICS["kappa"]))
    ]
    apart = max(apart, abs(reached[0] - reached[1]))
    found = by_case(on_test, studies, how)
    decided[name] = decide_at(found, thresholds[name])
    k, a = score(METRICS["kappa"], decided[name]), score(METRICS["auroc"], found)
    half = METRICS["kappa"](found)
    lines.append(
        f"| {name} | {a.value:.3f} ({a.low:.3f} to {a.high:.3f}) | {half:.3f} | "
        f"{thresholds[name]:.2f} | **{k.value:.3f}** ({k.low:.3f} to {k.high:.3f}) |"
    )
paired = compare(decided["mean"], decided["max"], METRICS["kappa"])
say(
    "| way | AUROC | kappa at one half | threshold from validation | kappa there "
    "|\n|---|---|---|---|---|\n"
    + "\n".join(lines)
    + "\n\nMean against maximum, paired over the same patients: kappa differs by "
    f"{paired.value:+.3f} ({paired.low:+.3f} to {paired.high:+.3f}). "
    + ("Zero lies inside: no winner." if paired.low <= 0 <= paired.high else "Zero lies outside.")
    + f" On validation, kappa at your thresholds and at the library's differs by {apart:.1e} at "
    f"most. All intervals are 95 % over {by_mean.owners.groups} patients, not over "
    f"{len(p_test):,} images."
)

# %% [markdown]
# ## 12 · By body part, and beside what was published

# %%
strata = of_case(test.strata, studies, "body part")
table = by_stratum(decided["mean"], strata, READING)


def cell(s):
    return "–" if np.isnan(s.value) else f"{s.value:.2f} ({s.low:.2f} to {s.high:.2f})"


say(
    "| body part | studies | accuracy | kappa | AUROC |\n|---|---|---|---|---|\n"
    + "\n".join(
        f"| {part.lower()} | {s['kappa'].samples} | {cell(s['accuracy'])} | {cell(s['kappa'])} | "
        f"{cell(s['auroc'])} |"
        for part, s in table.items()
    )
)

# %% tags=["hide-input"]
reported = [entry for entry in literature.PUBLISHED["mura"] if entry.metric == "kappa"]
LOOKS = {
    "radiologist 1": ("radiologists", "|", PURPLE, 0.22),
    "radiologist 2": (None, "|", PURPLE, 0.22),
    "radiologist 3": (None, "|", PURPLE, 0.22),
    "DenseNet-169": ("DenseNet-169, published", "s", ORANGE, -0.22),
    "DenseNet-169, a public repetition": ("DenseNet-169, repeated", "D", GREEN, -0.22),
}
figure, ax = plt.subplots(figsize=(8.5, 4.2))
draw_strata(
    {part.lower(): found["kappa"]._asdict() for part, found in table.items()}, {}, "kappa", ax
)
for entry in reported:
    label, marker, colour, beside = LOOKS[entry.who]
    places = [
        (entry.values[part], y + beside) for y, part in enumerate(table) if part in entry.values
    ]
    ax.plot(*zip(*places, strict=True), marker, color=colour, label=label, markersize=7)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8.5)
ax.set_xlim(-0.5, 1.02)
if synthetic:  # in the figure itself: figures are copied without the words below them
    ax.set_title("Bars: phantoms. Marks: real films. Not comparable.", color=ORANGE)
plt.tight_layout()
plt.show()
say(
    (
        "**This run judged phantoms, so the published figures stand here only to show how to read "
        "such a figure.** "
        if synthetic
        else ""
    )
    + "Each bar is this run's interval over patients. "
    + "\n\n| who | kappa, all | measured on | caveat |\n|---|---|---|---|\n"
    + "\n".join(
        f"| {entry.who} | {entry.values['all']:.3f} | {entry.measured_on} | {entry.citation}; "
        f"{entry.caveat} |"
        for entry in reported
    )
    + f"\n| **this run** | **{table['all']['kappa'].value:.3f}** | {len(by_mean):,} studies of "
    f"{xray.source.title} | "
    f"{'synthetic' if synthetic else 'threshold chosen on our validation studies'} |"
)

# %% [markdown]
# Read the third column twice. The famous 0.705 was measured on a **hidden test set** that nobody
# has. A number from the public validation set cannot be compared with it: other studies, other
# readers, and another share of abnormal studies, on which kappa depends. Write the set beside every
# number.

# %% [markdown]
# ## 13 · What would fool us: a function that ran without an error
#
# In 2021 this course scored MURA with the function below. For each study of the list it picks the
# study's images and averages their probabilities. Nothing ever warned. Read it, run it, look at
# the result.


# %%
def images_2021(part, patient, study, paths):
    """Rows of the images of one study."""
    folder = f"{patient}/{study}/"
    return [row for row, path in enumerate(paths) if folder in path]


def score_studies(images_of):
    """Mean probability of each listed study, with images found by `images_of`, and its kappa."""
    listed = np.unique(studies)
    rows = [images_of(*name.split("/")[1:], test.ids) for name in listed]
    p = np.array([p_test[own].mean() for own in rows])
    return rows, p, kappa(by_mean.targets, p > thresholds["mean"])


rows_2021, p_2021, kappa_2021 = score_studies(images_2021)
labels_agree = all(len(set(test.targets.numpy()[own])) == 1 for own in rows_2021)
say(
    f"{len(p_2021)} studies of {len(np.unique(strata))} body parts, kappa **{kappa_2021:.3f}**. A "
    "safety check: do all images that a study got have the same label? "
    f"{'Yes, in every study.' if labels_agree else 'No!'} It looks fine, does it not?"
)

# %% [markdown]
# Now look at what no one looked at: **which** images did a study get?

# %%
parts_of = [sorted({test.strata[row] for row in own}) for own in rows_2021]
mixed = [n for n, names in enumerate(parts_of) if len(names) > 1]
used = sum(len(own) for own in rows_2021)
say(
    f"The studies got {used:,} images; there are {len(test):,}. In {len(mixed)} of "
    f"{len(parts_of)} studies, images of more than one body part were averaged"
    + (
        f", for example {' and '.join(parts_of[mixed[0]])} in {np.unique(studies)[mixed[0]]}."
        if mixed
        else "."
    )
)

# %% [markdown]
# ### Exercise · mend it
#
# Write `images_of` so that a study gets its own images, and only these.


# %% tags=["exercise"]
def images_of(part, patient, study, paths):
    # BEGIN SOLUTION
    # STUB folder = f"{patient}/{study}/"
    folder = f"{part}/{patient}/{study}/"
    # END SOLUTION
    return [row for row, path in enumerate(paths) if folder in path]


check("2.trap", images_of)

# %%
images_of = use("2.trap", images_of)
rows_now, p_now, kappa_now = score_studies(images_of)
wrong = np.array([len(a) != len(b) for a, b in zip(rows_2021, rows_now, strict=True)])
lines, moved = [], []
for part in np.unique(strata):
    own = strata == part
    truth = by_mean.targets[own]
    if 0 < truth.mean() < 1:  # else kappa is 0/0
        before, after = (kappa(truth, p[own] > thresholds["mean"]) for p in (p_2021, p_now))
        moved.append(before - after)
        lines.append(
            f"| {part.lower()} | {own.sum()} | {wrong[own].sum()} | {before:z.3f} | {after:z.3f} |"
        )
too_high, too_low = sum(m > 1e-9 for m in moved), sum(m < -1e-9 for m in moved)
say(
    f"Mended: {sum(len(own) for own in rows_now):,} images used, each once. Kappa of all studies: "
    f"{kappa_2021:.3f} before, **{kappa_now:.3f}** after; the library says "
    f"{METRICS['kappa'](decided['mean']):.3f}.\n\n"
    "| body part | studies | with foreign images | kappa, 2021's way | kappa, mended "
    "|\n|---|---|---|---|---|\n"
    + "\n".join(lines)
    + f"\n\nThe mistake made kappa too high for {too_high} of {len(moved)} body parts and "
    f"too low for {too_low}."
    + (" A mistake that only flatters is found sooner." if too_high and too_low else "")
)

# %% [markdown]
# Patients have studies of several body parts, and each body part counts its studies from 1. So
# `patient00007/study1_positive` is a wrist **and** a hand. The label stands in the name
# (`_positive`), so the labels of the mixed images always agree, and every check of labels passes.
# In the real MURA, 191 of 1,199 validation studies were scored on images of another body part, too.

# %% [markdown]
# ## 14 · Is this a good result?
#
# One number, four questions. First the **unit**: what is one case?

# %% tags=["guess"]
guess("2.unit", "a")

# %%
alone = Predictions(
    on_test.probs, on_test.targets, np.arange(len(test)), on_test.ids, on_test.classes
)
people, of_person = np.unique(by_mean.groups, return_inverse=True)
person_p = np.array([by_mean.probs[of_person == n, 1].max() for n in range(len(people))])
person_truth = np.array([by_mean.targets[of_person == n].max() for n in range(len(people))])
by_person = Predictions(
    np.stack([1 - person_p, person_p], 1), person_truth, people, people.astype(str), on_test.classes
)  # a person is ill if any study is abnormal
units = {
    "image, as if each were alone": alone,
    "image, patients kept together": on_test,
    "study": by_mean,
    "patient": by_person,
}
aurocs = {name: score(METRICS["auroc"], found) for name, found in units.items()}
naive, honest = (aurocs[name].high - aurocs[name].low for name in list(units)[:2])
say(
    f"By image, the interval is {naive:.3f} wide if every image is taken as alone, and "
    f"{honest:.3f} if the images of a patient are kept together: {honest / naive:.1f} times as "
    "wide."
)
but_here(honest > naive, "it is not wider: too few patients to see it")
explain("2.unit")

# %% tags=["guess"]
guess("2.prevalence", "c")

# %% [markdown]
# ### Exercise · what an alarm means
#
# The **positive predictive value** (PPV) is the share of alarms that are right. The **prevalence**
# is the share of ill people among those you test. Imagine a million people, and count. (We have
# measured per study, not per person. So in our figure, read "study" for "person".)


# %% tags=["exercise"]
def ppv(sensitivity, specificity, prevalence):
    # BEGIN SOLUTION
    ill, healthy = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    return ill / (ill + healthy)
    # END SOLUTION


check("2.ppv", ppv)

# %%
ppv = use("2.ppv", ppv)
sensitivity, specificity = table["all"]["sensitivity"].value, table["all"]["specificity"].value
any_alarm = sensitivity > 0 or specificity < 1  # else the PPV is 0/0
shares = np.geomspace(0.002, 0.6, 100)
steps = np.linspace(0.02, 0.98, 97)
answers = [by_mean.probs[:, 1] > step for step in steps]
found = {
    "sensitivity": [a[by_mean.targets == 1].mean() for a in answers],
    "specificity": [1 - a[by_mean.targets == 0].mean() for a in answers],
    "kappa": [kappa(by_mean.targets, a) for a in answers],
}
numbers = [n for n in (15, 30, 60, 120, 240, 480) if n < len(people)] + [len(people)]
widths = []
for n in numbers:
    chosen = np.random.default_rng(SEED).permutation(people)[:n]
    widths.append(score(METRICS["kappa"], decided["mean"].rows(np.isin(by_mean.groups, chosen))))

# %% tags=["hide-input"]
figure, axes = plt.subplots(2, 2, figsize=(9.6, 6.6))
ax = axes[0, 0]
for y, s in enumerate(aurocs.values()):
    ax.plot(
        [s.low, s.high],
        [y, y],
        color=ORANGE if y == 0 else BLUE,
        linewidth=5,
        alpha=0.4,
        solid_capstyle="round",
    )
    ax.plot(s.value, y, "o", color=ORANGE if y == 0 else BLUE)
ax.set_yticks(
    range(len(aurocs)), [f"{name}\n(n = {len(units[name]):,})" for name in aurocs], fontsize=8
)
ax.invert_yaxis()
ax.set(title="What is one case?", xlabel="AUROC, 95 % interval")
ax = axes[0, 1]
for n, s in zip(numbers, widths, strict=True):
    ax.plot([n, n], [s.low, s.high], color=BLUE, linewidth=4, alpha=0.4, solid_capstyle="round")
    ax.plot(n, s.value, "o", color=BLUE)
ax.set(
    title="How many patients?",
    xlabel="patients judged",
    ylabel="kappa, 95 % interval",
    xscale="log",
)
ax.set_xticks(numbers, [str(n) for n in numbers])
ax.minorticks_off()
ax = axes[1, 0]
for (name, values), colour in zip(found.items(), (PURPLE, GREEN, INK), strict=True):
    ax.plot(steps, values, color=colour, label=name)
ax.axvline(0.5, color=GREY, linestyle=":")
ax.axvline(thresholds["mean"], color=ORANGE, linestyle="--", label="threshold from validation")
ax.set(title="Which threshold?", xlabel="abnormal above this probability", ylim=(-0.02, 1.02))
ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=2)
ax = axes[1, 1]
right_alarms = {share: ppv(sensitivity, specificity, share) for share in (0.5, 0.02) if any_alarm}
if any_alarm:
    ax.plot(shares, [ppv(sensitivity, specificity, share) for share in shares], color=BLUE)
for share, value in right_alarms.items():
    ax.plot(share, value, "o", color=ORANGE)
    ax.annotate(
        f"{share:.0%} abnormal: \n{value:.0%} of alarms right ",
        (share, value),
        ha="right",
        va="bottom",
        fontsize=8.5,
    )
ax.set(
    title="In which clinic?",
    xlabel="prevalence: share of abnormal studies",
    ylabel="share of alarms that are right",
    xscale="log",
    ylim=(0, 1),
)
ax.set_xticks([0.002, 0.02, 0.1, 0.5], ["0.2 %", "2 %", "10 %", "50 %"])
plt.tight_layout()
plt.show()
say(
    "The same network, four questions. *What is one case?* AUROC "
    + ", ".join(f"{s.value:.3f} by {name}" for name, s in aurocs.items())
    + f". *How many patients?* With {numbers[0]} patients the interval of kappa is "
    f"{widths[0].high - widths[0].low:.2f} wide, with {numbers[-1]} it is "
    f"{widths[-1].high - widths[-1].low:.2f}. *Which threshold?* Sensitivity {sensitivity:.0%} "
    f"and specificity {specificity:.0%} at {thresholds['mean']:.2f}; another threshold trades one "
    "for the other. *In which clinic?* "
    + (
        f"Of the alarms, {right_alarms[0.5]:.0%} are right if half of the studies are abnormal, "
        f"{right_alarms[0.02]:.0%} if 2 % are."
        if any_alarm
        else "This network called no study abnormal: there is no alarm to judge."
    )
)
explain("2.prevalence")

# %% [markdown]
# Two cautions. We kept sensitivity and specificity fixed. Where fewer are ill, the ill are often
# less ill, and both change. And kappa depends on prevalence too, so kappas of sets with different
# shares of abnormal studies cannot be compared.

# %% [markdown]
# ## 15 · Where does it look?
#
# **Grad-CAM** (Selvaraju 2017) asks which features of the last layer would, if stronger, make the
# answer *abnormal* more likely, on average over the film, and where these features are. Asked
# **place by place**, without that average, it is called HiResCAM (Draelos 2020): which features
# would do so *here*? The usual proof is three pretty pictures. We can do better with
# phantoms: we **know** where the fracture is. The **pointing game** counts how often the hottest
# place lies in the box around it.


# %%
def heat_of(learn, pixels, average):
    """Where "abnormal" comes from, at the size of the image; `average` as Grad-CAM does."""
    body, head = learn.model.eval()
    maps = []
    for chunk in pixels.split(32):
        h = body(ready(chunk).to(learn.dls.device)).detach().requires_grad_()
        logits = head(h)
        (gradient,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), h)
        weight = gradient.mean(dim=(2, 3), keepdim=True) if average else gradient
        heat = (weight * h).sum(dim=1, keepdim=True).relu().detach()
        maps.append(nn.functional.interpolate(heat, chunk.shape[-2:], mode="bilinear")[:, 0].cpu())
    return torch.cat(maps)


def hits(maps, boxes):
    """Whether the hottest place of each map lies in its box; a map without heat points nowhere."""
    width, found = maps.shape[-1], []
    for heat, (x0, y0, x1, y1) in zip(maps, boxes, strict=True):
        y, x = divmod(int(heat.argmax()), width)
        found.append(float(heat.max()) > 0 and x0 <= x < x1 and y0 <= y < y1)
    return np.array(found)


# %%
if synthetic:
    truth = xrays.truth(size=XRAY_LARGE)
    known = np.array([row for row, name in enumerate(test.ids) if name in truth])
    boxes = [truth[name].box for name in test.ids[known]]
    kinds = np.array([truth[name].kind for name in test.ids[known]])
    pixels = test.inputs.pixels[torch.from_numpy(known)]
    area = np.array([(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]) / XRAY_LARGE**2
    centre = torch.zeros(len(known), XRAY_LARGE, XRAY_LARGE)
    centre[:, XRAY_LARGE // 2, XRAY_LARGE // 2] = 1
    blank = learner(xlearn.dls, half_body)  # its head knows nothing yet
    random = learner(xlearn.dls, half_body, "scratch")
    heat = heat_of(xlearn, pixels, average=False)
    pointed = {
        "this network, place by place": hits(heat, boxes),
        "this network, Grad-CAM": hits(heat_of(xlearn, pixels, average=True), boxes),
        f"{BORROWED} body, untrained head": hits(heat_of(blank, pixels, average=False), boxes),
        "random weights": hits(heat_of(random, pixels, average=False), boxes),
        "the brightest pixel": hits(pixels[:, 0].float(), boxes),
        "the middle of the film": hits(centre, boxes),
    }
    kind_of = ("fracture", "implant")
    say(
        f"{len(known)} test films with a known lesion. Where does each point? The share of "
        "hits:\n\n"
        "| | all | fractures | implants |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {name} | {found.mean():.0%} | "
            + " | ".join(f"{found[kinds == kind].mean():.0%}" for kind in kind_of)
            + " |"
            for name, found in pointed.items()
        )
        + f"\n| a place drawn at random | {area.mean():.0%} | "
        + " | ".join(f"{area[kinds == kind].mean():.0%}" for kind in kind_of)
        + " |"
    )

    def as_predictions(found):
        """Hit or miss on each film, so that two ways to point can be compared in pairs."""
        return Predictions(
            np.eye(2)[found.astype(int)],
            np.ones(len(known), dtype=int),
            test.groups[known],
            test.ids[known],
            ("miss", "hit"),
        )

    rivals = {name: f for name, f in pointed.items() if not name.startswith("this network")}
    rival = max(rivals, key=lambda name: rivals[name].mean())
    ours = as_predictions(pointed["this network, place by place"])
    lead = compare(ours, as_predictions(rivals[rival]), METRICS["accuracy"])
    if lead.low > 0:
        verdict = "The trained network points better."
    elif lead.high < 0:
        verdict = "The trained network points worse. So its map explains little, however pretty."
    else:
        verdict = "These films cannot tell which points better."
    say(
        f"The best that needs no training is *{rival}* ({rivals[rival].mean():.0%}). Place by "
        f"place, the trained network differs from it by {in_words(lead)}. {verdict}"
    )
else:
    say(
        "Real MURA has no known places of lesions, so nothing can be scored here. Run this lesson "
        "on phantoms to see it."
    )

# %% tags=["hide-input"]
if synthetic:
    figure, axes = plt.subplots(2, 6, figsize=(10, 3.8))
    confident = np.argsort(-on_test.probs[known, 1])
    right = pointed["this network, place by place"][confident]
    order = [
        *zip(axes[0], confident[right], strict=False),
        *zip(axes[1], confident[~right], strict=False),
    ]
    for ax, n in order:
        ax.imshow(pixels[n, 0], cmap="gray", vmin=0, vmax=255)
        ax.imshow(heat[n], cmap="inferno", alpha=0.45)
        x0, y0, x1, y1 = boxes[n]
        ax.add_patch(
            plt.Rectangle(
                (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=SKY, linewidth=1.5
            )
        )
        hit = pointed["this network, place by place"][n]
        ax.set_title(
            f"{kinds[n]}, p = {on_test.probs[known[n], 1]:.2f}, {'hit' if hit else 'miss'}",
            fontsize=7.5,
        )
    for ax in axes.flat:
        ax.axis("off")
    plt.tight_layout()
    plt.show()
    say(
        "Blue: the known place. Bright: where the answer comes from, place by place. Above hits, "
        "below misses, each with the highest probabilities. With only the upper row, this lesson "
        "would have told you a nicer story."
    )

# %% [markdown]
# A map of heat is a hint, not a proof. Compare it with the rows for random weights and for the
# middle of the film before you believe it (Adebayo et al. 2018).
#
# ## 16 · Where to go next
#
# - Try it: train longer, or at 160 pixels. Before you look at the test set, decide by validation.
# - Try it: `whole_body` for the X-rays instead of `half_body`. What happens to fractures?
# - Try it: turn `do_flip` on for MedNIST. What do you expect, and for which question would it be
#   wrong?
#
# Sources: Howard and Gugger 2020, fastai, doi:10.3390/info11020108 · Smith 2017, learning rates,
# arXiv:1506.01186 · Tan and Le 2019, EfficientNet, arXiv:1905.11946 · Yosinski et al. 2014,
# transfer, arXiv:1411.1792 · Rajpurkar et al. 2018, MURA, arXiv:1712.06957 · Cohen 1960, kappa,
# doi:10.1177/001316446002000104 · Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391 · Draelos and
# Carin 2020, HiResCAM, arXiv:2011.08891 · Adebayo et al. 2018, sanity checks, arXiv:1810.03292 ·
# Raghu et al. 2019, what transfer to medicine really brings, arXiv:1902.07208 · Altman and Bland
# 1994, predictive values, doi:10.1136/bmj.309.6947.102.

# %% tags=["ci-only"]
assert network.trained, network.says
assert accuracies["fine-tuned"].value > 0.95, accuracies
assert best in "123456", values
assert len(journey.html) < 1.5e6
assert kappa_now != kappa_2021, "the trap changes nothing"
assert score(METRICS["auroc"], by_mean).value > 0.6
if synthetic:
    assert pointed["this network, place by place"].mean() > area.mean()
