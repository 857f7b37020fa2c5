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
# # Lesson 0 · A network from scratch
#
# **How does a network learn at all?**
#
# A network is a chain of simple steps with numbers in it, called *weights*. Learning means: change
# every weight a little, so that the mistakes become smaller. For this we must know, for each of
# thousands of weights, in which direction to change it. One idea from school is enough: the
# *derivative*, and its chain rule.
#
# In this lesson you build that machine yourself, in plain NumPy, with about 150 lines:
#
# 1. numbers that know how they were made, and so can be asked "what if you were a little larger?"
#    (*automatic
#    differentiation*);
# 2. the same for whole arrays, and a network on top of it;
# 3. a picture of what the network does: it **bends the space of its inputs until a straight cut
#    suffices**;
# 4. the same network on real medical images, judged honestly, with one result that looks right and
#    is wrong.
#
# The course's one sentence is: *deep learning is a search for good representations that make a
# given task easy to solve*. By the end you will have measured it.
#
# You need: what a derivative is, and a little Python. Exercises begin with a check that says "not
# done yet". If you get stuck, run the check again: each try gives one more hint. If you skip an
# exercise, the lesson goes on with ours.

# %% tags=["parameters"]
SEED = 0  # of everything that is drawn at random
GRAPHS = 200  # random computations to compare with PyTorch  # smoke: 10
PEOPLE = 600  # people of the toy task to learn from  # smoke: 300
STEPS = 2_000  # of training on the toy task  # smoke: 300
FRAMES = 28  # pictures of the slideshow over training  # smoke: 3
BETWEEN = 6  # pictures between two layers in the slideshow over depth  # smoke: 1
IMAGES = 12_000  # medical images to learn from  # smoke: 600
JUDGED = 20_000  # images to validate and to test on, at most  # smoke: 400
EPOCHS = 6  # times that the network sees each image  # smoke: 1
LABELLED = 120  # images whose labels we can afford, in the last part
MOMENTS = (10, 100)  # steps after which the network is kept, to look at later  # smoke: (5,)
WALKED = 400  # images on the maps of section 9  # smoke: 60

# %%
import math
from copy import deepcopy
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from layerscope.draw.graph import Box, draw_graph
from layerscope.draw.plane import draw_bent, draw_straight, grid_lines
from layerscope.draw.slideshow import slideshow
from layerscope.draw.style import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    percent,
    style,
)
from layerscope.lessons import bar, check, engine, explain, guess, mednist_or_phantoms, say, use
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

# %% [markdown]
# ## 1 · The task: two laboratory values
#
# We begin with people that we invent, so that we know the truth. Each has two laboratory values,
# say sodium and potassium, written as *standard deviations from normal*: 0 is normal, +2 is high,
# -2 is low. **Both too low and too high make a person ill.** So healthy people lie in the
# middle of the plane, and sick people in a ring around them.
#
# | data card | |
# |---|---|
# | source | drawn by the next cell; no real person |
# | licence | none needed |
# | groups | each person is one row, so rows are independent |
# | leaks | none by construction: new people are drawn for every test |


# %%
def draw_people(number, rng):
    """Two laboratory values for each person, and 1 for those who are sick."""
    sick = rng.random(number) < 0.5
    distance = np.where(sick, rng.uniform(1.6, 2.8, number), 1.2 * np.sqrt(rng.random(number)))
    distance = distance + rng.normal(0, 0.12, number)  # no measurement is exact
    angle = rng.uniform(0, 2 * np.pi, number)
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1), sick.astype(int)


rng = np.random.default_rng(SEED)
people, sick = draw_people(PEOPLE, rng)
new_people, new_sick = draw_people(2_000, rng)  # to judge on; never learned from

# %% tags=["hide-input"]
with style():
    fig, ax = plt.subplots(figsize=(4.6, 4.4), facecolor="white")
    draw_bent(ax, grid_lines(3), people, sick)
    ax.set(
        xlabel="sodium (standard deviations)",
        ylabel="potassium (standard deviations)",
        aspect="equal",
    )
    ax.legend(loc="upper right", frameon=True, fontsize=8.5)
    plt.show()
say(
    f"{PEOPLE:,} invented people, {sick.mean():.0%} of them sick. The grey grid will be useful "
    "later."
)

# %% tags=["guess"]
guess("0.line", "c")

# %% [markdown]
# ### Trivial baselines first
#
# Before anything deep: how good is an answer that needs no network? We try "always say the more
# frequent class"; the best of all straight lines, found by trying; and *logistic regression*, the
# usual way to fit a straight line. It does not count mistakes: it adds up a loss, so that far more
# than two numbers per sample are no trouble.


# %%
def best_line(x, y, angles=180):
    """Of all lines at so many angles, the one with the most points of the plane on the right side.

    Returns w and b: above the line, where x @ w + b > 0, it says 1.
    """
    best, most = (np.zeros(2), 0.0), 0
    for angle in np.linspace(0, 2 * np.pi, angles, endpoint=False):
        w = np.array([np.cos(angle), np.sin(angle)])
        order = np.argsort(x @ w)
        ones_above = y.sum() - np.cumsum(y[order])[:-1]  # of a line between two neighbours
        right = np.cumsum(y[order] == 0)[:-1] + ones_above
        i = int(right.argmax())
        if right[i] > most:
            most, best = right[i], (w, -(x @ w)[order[i : i + 2]].mean())
    return best


def on_right_side(line, x, y):
    w, b = line
    return ((x @ w + b > 0) == y).mean()


def fit_line(h, y):
    """Logistic regression; with more than two numbers per sample its cut is a flat plane."""
    return LogisticRegression(C=10.0, solver="newton-cg").fit(h, y)


def line_accuracy(h, y):
    """The share of samples that a straight cut, fitted to them, puts on the right side."""
    return fit_line(h, y).score(h, y)


cut = best_line(people, sick)
baseline = {
    "always the same answer": max(new_sick.mean(), 1 - new_sick.mean()),
    "the best of all lines": on_right_side(cut, new_people, new_sick),
    "logistic regression": fit_line(people, sick).score(new_people, new_sick),
}
say(
    f"Of {len(new_people):,} new people are told right: "
    + ", ".join(f"{name} **{right:.1%}**" for name, right in baseline.items())
    + f". (Of the {PEOPLE:,} people for whom it was picked, the best line tells "
    f"{on_right_side(cut, people, sick):.1%} right: out of thousands of lines it is the one that "
    "suits their accidents, too. So we judge on new people.)"
)
say(
    "Why is logistic regression no better than always the same answer? The sick lie on all sides "
    "alike: what a slope gains on one side, it loses on the other. So it has hardly any slope, and "
    "says the same of (nearly) everybody."
)

# %%
explain("0.line")

# %% [markdown]
# `line_accuracy`, by logistic regression, will be our ruler for the whole lesson: **how well does a
# straight cut separate the classes, if we look at the data in a certain way?**

# %% [markdown]
# ## 2 · Numbers that know how they were made
#
# ### A worked example
#
# Take one weight $w$, one input $x$, a bias $b$ and a wanted result $y$. The network says $w x +
# b$, and the loss is the squared mistake, $L = (w x + b - y)^2$. We ask: *if $w$ grows a little, by
# how much does $L$ grow?* That is the derivative $\partial L / \partial w$, also called the
# **gradient** of $w$.
#
# Nobody can see that at a glance. But each single step is easy, and the **chain rule** says: the
# effects of steps that follow one another *multiply*. So we begin at the end, where $\partial L /
# \partial L = 1$, and walk back.

# %% tags=["hide-input"]
w, x, b, y = (engine.Scalar(number) for number in (3, 2, 1, 5))
a = w * x
e = a + b - y
loss = e**2
loss.backward()
boxes = {
    "w": Box("w", w.value, w.grad, 0, 3.6),
    "x": Box("x", x.value, x.grad, 0, 2.4),
    "b": Box("b", b.value, b.grad, 0, 1.2),
    "y": Box("y", y.value, y.grad, 0, 0),
    "a": Box("a = w x", a.value, a.grad, 3.6, 3),
    "e": Box("e = a + b - y", e.value, e.grad, 7.2, 2),
    "L": Box("L = e²", loss.value, loss.grad, 10.8, 2),
}
arrows = [
    ("w", "a", f"x = {x.value:g}"),
    ("x", "a", f"w = {w.value:g}"),
    ("a", "e", "1"),
    ("b", "e", "1"),
    ("y", "e", "-1"),
    ("e", "L", f"2e = {2 * e.value:g}"),
]
with style():
    fig, ax = plt.subplots(figsize=(9.6, 3.5), facecolor="white")
    draw_graph(boxes, arrows, ax, width=2.4)
    plt.show()
larger = (3.01 * 2 + 1 - 5) ** 2
say(
    "Boxes are values, and blue is the slope of each step. Read it from right to left: a box's "
    "gradient (orange) is the gradient of the box it leads to, times the blue slope between "
    f"them. So the gradient of w is {loss.grad:g} × {2 * e.value:g} × 1 × {x.value:g} = "
    f"**{w.grad:g}**. Try it: with w = 3.01 instead of 3 the loss is {larger:.4f} instead of "
    f"{loss.value:g}, larger by {larger - loss.value:.4f}, which is nearly 0.01 × {w.grad:g}."
)

# %% [markdown]
# ### A number that remembers
#
# To let the computer do this, a number must remember two things: **who its parents are**, and **the
# slope along each of them**. That is all. Below, `__add__` is what Python calls for `a + b`. The
# slopes of a sum are 1 and 1: if $a$ grows by 1, then $a + b$ grows by 1.


# %%
class Scalar:
    """A number that remembers its parents: pairs (parent, slope)."""

    def __init__(self, value, parents=()):
        self.value, self.parents, self.grad = float(value), tuple(parents), 0.0

    def __add__(self, other):
        other = as_scalar(other)
        return Scalar(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __pow__(self, n):
        return Scalar(self.value**n, [(self, n * self.value ** (n - 1))])

    def tanh(self):
        t = math.tanh(self.value)
        return Scalar(t, [(self, 1 - t**2)])

    def exp(self):
        return Scalar(math.exp(self.value), [(self, math.exp(self.value))])

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -as_scalar(other)


def as_scalar(x):
    return x if hasattr(x, "parents") else Scalar(x)


# %% [markdown]
# ### Exercise 1 · Multiplication
#
# Write `multiply(a, b)` in the same manner as `__add__`: return a `Scalar` with the product and the
# two slopes. (In the picture above, the arrow from $w$ to $w x$ shows the answer.)


# %% tags=["exercise"]
def multiply(a, b):
    b = as_scalar(b)
    # BEGIN SOLUTION
    return Scalar(a.value * b.value, [(a, b.value), (b, a.value)])
    # END SOLUTION


check("0.multiply", multiply)

# %%
multiply = use("0.multiply", multiply)
Scalar.__mul__ = multiply  # from now on, a * b calls it

# %% [markdown]
# ### Exercise 2 · In which order?
#
# We walk from the loss back to the weights. A value can pass its gradient on only when **everything
# that it was used for** has already told it its share. So we need an order in which every value
# stands *after its parents*; walking it backwards, each value comes before its parents. This is
# called a *topological order*.
#
# The function keeps a pile of values to visit. A value is visited twice: first we put its parents
# on the pile, and when we meet it again, its parents are done. (A function that calls itself would
# be shorter, but Python gives up after 1,000 nested calls. Deep networks are deep.)


# %% tags=["exercise"]
def in_order(end):
    """Every value that `end` was made of, each after its parents."""
    order, seen, todo = [], set(), [(end, False)]
    while todo:
        node, parents_done = todo.pop()  # takes from the top of the pile
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            # Put on the pile: this node, to be met again when its parents are done;
            # then each parent, whose own parents are not yet done.
            # BEGIN SOLUTION
            todo.append((node, True))
            todo.extend((parent, False) for parent, slope in node.parents)
            # END SOLUTION
    return order


check("0.order", in_order)

# %%
in_order = use("0.order", in_order)

# %% [markdown]
# ### Exercise 3 · Backpropagation
#
# Now the heart of it. Walk the order backwards, and let every node give each parent its share of
# the gradient. One line is missing. Think of $a \cdot a + a$: here $a$ is used three times. What
# must happen with the three shares?


# %% tags=["exercise"]
def backward(end):
    """Work out the gradient of every value that `end` was made of."""
    order = in_order(end)
    for node in order:
        if node.parents:  # only leaves, such as weights, keep what earlier calls left in them
            node.grad = 0.0
    end.grad = 1.0
    for node in reversed(order):
        for parent, slope in node.parents:
            # BEGIN SOLUTION
            parent.grad += slope * node.grad
            # END SOLUTION


check("0.backward", backward)

# %%
backward = use("0.backward", backward)
Scalar.backward = backward

# %% [markdown]
# ### Is it right? Two independent witnesses
#
# Never trust a gradient because the code looks right. We ask two witnesses:
#
# - **finite differences**: make the value a tiny bit larger, compute again, and see how much the
#   result grew. Slow but hard to get
#   wrong;
# - **PyTorch**, which people use for real networks.
#
# The computations are drawn at random: sums, products, squares, tanh and exp of what came before,
# with values used many times. The same function builds them from your `Scalar` and from PyTorch's
# numbers.


# %%
def random_computation(leaves, seed, operations=12):
    """The same operations for the same seed, whatever kind of number the leaves are."""
    rng = np.random.default_rng(seed)
    made = list(leaves)
    for _ in range(operations):
        one, two = (made[i] for i in rng.integers(len(made), size=2))
        made.append(
            [
                one + two,
                (one * two).tanh(),
                one**2 * 0.1 + two,
                (one * 0.3).tanh() * two,
                one.tanh().exp(),
            ][rng.integers(5)]
        )
    return made[-1] + made[-2] * made[-3]


def finite_differences(values, seed, h=1e-6):
    """How much the result grows when one leaf grows, per unit."""
    slopes = []
    for i in range(len(values)):
        ends = [[v + s * h * (i == j) for j, v in enumerate(values)] for s in (1, -1)]
        up, down = (random_computation([Scalar(v) for v in end], seed).value for end in ends)
        slopes.append((up - down) / (2 * h))
    return slopes


def our_gradients(values, seed):
    leaves = [Scalar(v) for v in values]
    random_computation(leaves, seed).backward()
    return [leaf.grad for leaf in leaves]


# %%
try:
    import torch
except ImportError:
    torch = None
    say("PyTorch is not installed here, so only finite differences can bear witness.")


def torch_gradients(values, seed):
    if torch is None:
        return [np.nan] * len(values)
    leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    random_computation(leaves, seed).backward()
    return [0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves]


all_values = np.random.default_rng(SEED).normal(size=(GRAPHS, 4))
found = np.array(
    [
        [f(values, seed) for f in (our_gradients, torch_gradients, finite_differences)]
        for seed, values in enumerate(all_values)
    ]
)
ours, theirs, measured = found[:, 0], found[:, 1], found[:, 2]
rows = [
    f"| {name} | {o:.9f} | {t:.9f} | {m:.9f} |"
    for name, o, t, m in zip("abcd", *found[0], strict=True)
]
say("\n".join(["| leaf | yours | PyTorch | finite differences |", "|---|---|---|---|", *rows]))
say(
    f"The table shows the first of {GRAPHS} random computations. Over all of them, with "
    f"{ours.size:,} gradients, the largest difference from PyTorch is "
    f"**{np.nanmax(np.abs(ours - theirs), initial=0):.1e}**, and from finite differences "
    f"{np.abs(ours - measured).max():.1e} (these are themselves inexact)."
)

# %% tags=["ci-only"]
assert np.abs(ours - theirs).max() < 1e-6, "scalar gradients must equal PyTorch's"
assert np.abs(ours - measured).max() < 1e-5

# %% [markdown]
# ## 3 · The same idea for arrays
#
# A network has thousands of weights. One Python object for each would be slow. So we let a whole
# array be one value. Two things change:
#
# - the "slope" of a matrix is unwieldy, so each parent comes with a **function**, `pull`. It takes
#   the gradient that arrived at the
#   result, and returns the gradient for the parent;
# - NumPy copies small arrays to fit large ones (*broadcasting*): a bias of shape `(3,)` is added to
#   each of 64 rows. On the way
#   back this must be undone.
#
# ### Exercise 4 · Undo the copying
#
# `g` is the gradient of the copied array, and `shape` the shape before copying. Each copy had its
# own effect on the loss. What is the effect of the original? Return an array of the given shape.
# NumPy copies in two ways: it adds axes in front, and it makes axes of length 1 longer.


# %% tags=["exercise"]
def unbroadcast(g, shape):
    """The gradient of an array that NumPy had copied to the shape of g."""
    in_front = tuple(range(g.ndim - len(shape)))  # axes that were added
    # BEGIN SOLUTION
    g = g.sum(axis=in_front)
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return g.sum(axis=stretched, keepdims=True)
    # END SOLUTION


check("0.unbroadcast", unbroadcast)

# %%
unbroadcast = use("0.unbroadcast", unbroadcast)

# %% [markdown]
# With it, the array class is short. Compare it with `Scalar`: the same three parts, a value,
# parents, a gradient. And `backward` walks the very same `in_order`.


# %%
class Array:
    """An array that remembers its parents: pairs (parent, pull)."""

    __array_ufunc__ = None  # lets NumPy leave `ndarray + Array` to us

    def __init__(self, value, parents=()):
        self.value, self.parents = np.asarray(value, dtype=float), tuple(parents)
        self.grad = np.zeros_like(self.value)

    def __add__(self, other):
        other = as_array(other)
        return Array(self.value + other.value, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other):
        other = as_array(other)
        pulls = [(self, lambda g: g * other.value), (other, lambda g: g * self.value)]
        return Array(self.value * other.value, pulls)

    def tanh(self):
        t = np.tanh(self.value)
        return Array(t, [(self, lambda g: g * (1 - t**2))])

    def relu(self):  # what is negative becomes 0
        return Array(np.maximum(self.value, 0), [(self, lambda g: g * (self.value > 0))])

    def backward(self):
        order = in_order(self)
        for node in order:
            if node.parents:
                node.grad = np.zeros_like(node.value)
        self.grad = np.ones_like(self.value)
        for node in reversed(order):
            for parent, pull in node.parents:
                parent.grad += unbroadcast(pull(node.grad), parent.value.shape)


def as_array(x):
    return x if hasattr(x, "parents") else Array(x)


# %% [markdown]
# ### Exercise 5 · Matrix product
#
# A layer multiplies its input, one row for each sample, by a matrix of weights: `h @ W`. If `a` has
# shape `(n, d)` and `b` has shape `(d, m)`, then `a @ b` and its gradient `g` have shape `(n, m)`.
# Return an `Array` with the product and the two pulls. Tip: let the shapes guide you; `.T` turns a
# matrix over.


# %% tags=["exercise"]
def matmul(a, b):
    a, b = as_array(a), as_array(b)
    # BEGIN SOLUTION
    return Array(a.value @ b.value, [(a, lambda g: g @ b.value.T), (b, lambda g: a.value.T @ g)])
    # END SOLUTION


check("0.matmul", matmul)

# %%
matmul = use("0.matmul", matmul)
Array.__matmul__ = matmul

# %% [markdown]
# ### Exercise 6 · How wrong is an answer?
#
# The network ends with one number per class, the *logits*. The *softmax* turns them into
# probabilities $p$ that sum to 1. The loss is the **cross-entropy**: minus the logarithm of the
# probability of the *true* class, averaged over the samples. Being sure and right costs nothing,
# being sure and wrong costs much.
#
# Its gradient along the logits is the most beautiful formula of the field. With $y$ = 1 for the
# true class and 0 for the others, and $n$ samples, it is $(p - y) / n$: **what was said, minus the
# truth**. Write the loss and its pull.


# %% tags=["exercise"]
def log_softmax(logits):
    """Logarithms of the probabilities."""
    shifted = logits - logits.max(axis=1, keepdims=True)  # else exp(1000) would overflow
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropy(logits, targets):
    """The mean over samples of -log p(true class). `targets`: numbers of the true classes."""
    log_p = log_softmax(logits.value)
    y = np.eye(log_p.shape[1])[targets]  # 1 for the true class, 0 for the others
    # BEGIN SOLUTION
    loss = -(y * log_p).sum(axis=1).mean()
    return Array(loss, [(logits, lambda g: g * (np.exp(log_p) - y) / len(y))])
    # END SOLUTION


check("0.cross_entropy", cross_entropy)

# %%
cross_entropy = use("0.cross_entropy", cross_entropy)

# %% [markdown]
# ### The network
#
# A *multilayer perceptron* (MLP) is a chain of layers. Each layer multiplies by a matrix, adds a
# bias, and applies an *activation* such as tanh or relu, which bends. The last layer does not bend:
# it only makes the straight cut.
#
# `stages` hands out what the network has computed **after every layer**. These are the
# *representations* that the whole course is about.


# %%
class MLP:
    def __init__(self, widths, activation=Array.tanh, seed=0, gain=1.0):
        rng = np.random.default_rng(seed)
        self.activation = activation
        self.layers = [
            (Array(rng.normal(0, gain / np.sqrt(n), (n, m))), Array(np.zeros(m)))
            for n, m in pairwise(widths)
        ]
        self.parameters = [p for layer in self.layers for p in layer]

    def stages(self, x):
        """The input, each hidden layer, and the logits."""
        h = as_array(x)
        yield h
        for i, (w, b) in enumerate(self.layers, start=1):
            h = h @ w + b
            if i < len(self.layers):
                h = self.activation(h)
            yield h

    def __call__(self, x):
        *_, logits = self.stages(x)
        return logits


# %% [markdown]
# ### Exercise 7 · One step downhill
#
# `backward` leaves in `p.grad` how the loss grows with each weight. Change the weights in `p.value`
# so that the loss *shrinks*. The *learning rate* `lr` says how large the step is.


# %% tags=["exercise"]
def descend(parameters, lr):
    """One step of gradient descent."""
    for p in parameters:
        # BEGIN SOLUTION
        p.value -= lr * p.grad
        # END SOLUTION


check("0.descend", descend)

# %%
descend = use("0.descend", descend)


def forget(parameters):
    """Gradients of the last step to zero, because `backward` adds to them."""
    for p in parameters:
        p.grad = np.zeros_like(p.value)


# %% [markdown]
# ### Is it right? The whole network
#
# The same weights go into your network, into the library's (`layerscope.lessons.engine`), and into
# PyTorch. Every gradient must be the same.

# %%
x, y = people[:50], sick[:50]
net, library = MLP((2, 8, 5, 2), seed=1), engine.MLP((2, 8, 5, 2), seed=1)
cross_entropy(net(x), y).backward()
engine.cross_entropy(library(x), y).backward()


def torch_network_gradients(net, x, y):
    weights = [torch.tensor(p.value, requires_grad=True) for p in net.parameters]
    h = torch.tensor(x)
    for i in range(0, len(weights), 2):
        h = h @ weights[i] + weights[i + 1]
        h = h.tanh() if i + 2 < len(weights) else h
    torch.nn.functional.cross_entropy(h, torch.tensor(y)).backward()
    return [w.grad.numpy() for w in weights]


def measured_gradient(net, p, x, y, h=1e-6):
    """By finite differences, one weight after the other."""
    slopes = np.zeros_like(p.value)
    for i in np.ndindex(p.value.shape):
        kept, losses = p.value[i], []
        for change in (h, -h):
            p.value[i] = kept + change
            losses.append(float(cross_entropy(net(x), y).value))
        p.value[i] = kept
        slopes[i] = (losses[0] - losses[1]) / (2 * h)
    return slopes


differences = {
    "the library": [
        np.abs(p.grad - q.grad).max()
        for p, q in zip(net.parameters, library.parameters, strict=True)
    ],
    "finite differences": [
        np.abs(p.grad - measured_gradient(net, p, x, y)).max() for p in net.parameters
    ],
}
if torch is not None:
    theirs = torch_network_gradients(net, x, y)
    differences["PyTorch"] = [
        np.abs(p.grad - t).max() for p, t in zip(net.parameters, theirs, strict=True)
    ]

# %% tags=["hide-input"]
with style():
    fig, ax = plt.subplots(figsize=(7.4, 2.9), facecolor="white")
    names = [f"{kind}{i}" for i in (1, 2, 3) for kind in ("W", "b")]
    looks = {"finite differences": (GREY, "s"), "PyTorch": (BLUE, "o"), "the library": (GREEN, "^")}
    for name, values in differences.items():
        colour, marker = looks[name]
        ax.plot(
            names,
            np.maximum(values, 1e-18),
            marker,
            color=colour,
            markersize=8,
            alpha=0.8,
            label=name,
        )
    ax.axhline(1e-6, color=ORANGE, linestyle="--", linewidth=1.2)
    ax.text(2.5, 1.6e-6, "promised: below this line", color=ORANGE, ha="center", fontsize=8.5)
    ax.set(
        yscale="log",
        ylim=(3e-19, 1e-4),
        title="Largest difference of your gradients",
        xlabel="weights and biases of each layer",
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8.5)
    plt.show()
largest = ", ".join(f"from {name} {max(values):.0e}" for name, values in differences.items())
say(
    f"Largest difference over {sum(p.value.size for p in net.parameters)} weights: {largest}. "
    "(Exact equality is drawn at the bottom.)"
)

# %% tags=["ci-only"]
assert max(max(values) for values in differences.values()) < 1e-6, (
    "array gradients must equal PyTorch's"
)

# %% [markdown]
# ## 4 · Training, and what it does to the plane
#
# Training repeats four lines: forget, compute the loss, go back, step. `train` hands out the loss
# after every step, so that whoever calls it can look at the network while it learns.


# %%
def train(net, x, y, lr, epochs, batch, seed=0):
    """Gradient descent on small batches; yields the loss of each."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(x)), max(1, len(x) // batch)):
            forget(net.parameters)
            loss = cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            descend(net.parameters, lr)
            yield float(loss.value)


def accuracy(net, x, y):
    return float((net(x).value.argmax(axis=1) == y).mean())


# %% tags=["guess"]
guess("0.width", "c")

# %% [markdown]
# We train networks whose first hidden layer has one, two or three units. A second hidden layer with
# two units follows, so that we can draw what comes out of it. Each width gets three starts, with
# other first weights. The **training loss** chooses the best start: the new people only judge.

# %%
RATE = 0.3
scores, chosen = {}, {}
for width in (1, 2, 3):
    scores[width], final_losses = [], []
    for seed in range(3):
        net = MLP((2, width, 2, 2), seed=seed)
        *_, final_loss = train(net, people, sick, RATE, STEPS, batch=PEOPLE)
        final_losses.append(final_loss)
        scores[width].append(accuracy(net, new_people, new_sick))
    chosen[width] = scores[width][np.argmin(final_losses)]
lines = [
    f"| {width} | {', '.join(f'{s:.1%}' for s in found)} | {chosen[width]:.1%} |"
    for width, found in scores.items()
]
head = [
    "| units in the first hidden layer | accuracy on new people, three starts | chosen start |",
    "|---|---|---|",
]
say("\n".join([*head, *lines]))
stuck = sum(score < chosen[3] - 0.05 for score in scores[3])
say(
    f"The chosen start with three units reaches **{chosen[3]:.1%}**, the chosen one with two "
    f"{chosen[2]:.1%}. "
    + (
        f"And {stuck} of 3 starts with three units got stuck: training is a *search*, and a "
        "search can fail."
        if stuck
        else ""
    )
)

# %%
explain("0.width")

# %% [markdown]
# ### Watch it learn
#
# Now the network with three units, looked at while it learns. Left: the plane of laboratory values;
# the colour shows what the network says. Middle: **the same people and the same grid** after the
# first hidden layer, which has three numbers for each person. Right: after the second hidden layer,
# which has two. The black line there is the network's straight cut. Above each picture stands our
# ruler: the accuracy of a straight cut that is fitted *in that picture*.

# %%
net = MLP((2, 3, 2, 2), seed=SEED)
untrained = deepcopy(net)
moments = np.unique(np.geomspace(1, STEPS, FRAMES).astype(int))
snapshots, losses = [(0, untrained)], []
for step, loss in enumerate(train(net, people, sick, RATE, STEPS, batch=PEOPLE), start=1):
    losses.append(loss)
    if step in moments:
        snapshots.append((step, deepcopy(net)))

# %% tags=["hide-input"]
LINES = grid_lines(3)
SHOWN = slice(0, 350)  # people drawn in each picture


def values_after(net, x):
    """What stands after each stage, as plain arrays."""
    return [stage.value for stage in net.stages(x)]


def carried(net, stage):
    """The grid after a stage."""
    at = values_after(net, LINES.reshape(-1, 2))[stage]
    return at.reshape(*LINES.shape[:2], -1)


def probability(net, x):
    return np.exp(log_softmax(net(x).value))[:, 1]


def look(net):
    """The plane, and what the two hidden layers make of it."""
    h = values_after(net, people)
    with style():
        fig = plt.figure(figsize=(9.6, 3.5), facecolor="white", dpi=90)
        axes = [fig.add_subplot(1, 3, i + 1, projection="3d" if i == 1 else None) for i in range(3)]
        u = np.linspace(-3, 3, 60)
        square = np.stack(np.meshgrid(u, u), -1).reshape(-1, 2)
        says = probability(net, square).reshape(60, 60)
        levels = np.linspace(0, 1, 11)
        axes[0].contourf(u, u, says, levels=levels, cmap=TWO_COLOURS, alpha=0.35)
        for i, ax in enumerate(axes):
            draw_bent(ax, carried(net, i), h[i][SHOWN], sick[SHOWN])
            name = ("laboratory values", "after hidden layer 1", "after hidden layer 2")[i]
            ax.set_title(f"{name}\nstraight cut: {line_accuracy(h[i], sick):.1%}", fontsize=9.5)
        axes[0].set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        axes[1].set(
            xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1), xticklabels=[], yticklabels=[], zticklabels=[]
        )
        axes[1].view_init(22, 35)
        axes[2].set(xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), aspect="equal")
        w, b = net.layers[-1]
        draw_straight(axes[2], w.value[:, 1] - w.value[:, 0], float(b.value[1] - b.value[0]))
        fig.subplots_adjust(left=0.04, right=0.98, bottom=0.08, top=0.84, wspace=0.15)
    return fig


TWO_COLOURS = plt.matplotlib.colors.LinearSegmentedColormap.from_list(
    "two", [BLUE, "white", ORANGE]
)
captions = [
    f"Step {step:,}: the network is right for {accuracy(net, new_people, new_sick):.1%} of new "
    "people."
    for step, net in snapshots
]
slideshow((look(net) for _, net in snapshots), captions, "training step", pause=300)

# %% tags=["hide-input"]
before, after = (accuracy(n, new_people, new_sick) for n in (untrained, net))
say(
    "Press Play, or move the slider with the mouse or the arrow keys. Before training the "
    f"network is right for {before:.1%} of new people, after {STEPS:,} steps for **{after:.1%}**. "
    "Nobody told the hidden layers what to do: the gradient of the loss, passed back through the "
    "straight cut, is all that they were given."
)

# %% [markdown]
# ### Walk through the depth
#
# The slider now moves through the *trained* network instead of through time. A layer does two
# things, which you see one after the other: multiplying by weights **tilts and stretches** the
# sheet, which stays flat; tanh **bends** it. (Each picture is scaled to fit.)

# %% tags=["hide-input"]


def in_space(points):
    """Points with two numbers get a third one, 0; all fit in a cube."""
    flat = np.zeros((*points.shape[:-1], 3))
    flat[..., : points.shape[-1]] = points
    return flat / np.abs(flat).max()


def halfway_stages(net, x):
    """Before and after every bend: input, weights, tanh, weights, tanh."""
    yield x
    for w, b in net.layers[:-1]:
        x = x @ w.value + b.value
        yield x
        x = np.tanh(x)
        yield x


where = [
    "the laboratory values",
    "layer 1, weights: tilted, still flat",
    "layer 1, tanh: bent",
    "layer 2, weights: seen from a new side, flattened to two numbers",
    "layer 2, tanh: bent again",
]
stops = [
    in_space(stage) for stage in halfway_stages(net, np.concatenate([LINES.reshape(-1, 2), people]))
]
cuts = [line_accuracy(stage, sick) for stage in halfway_stages(net, people)]


def walk():
    """From stop to stop in small steps."""
    for i in range(len(stops) - 1):
        for t in np.linspace(0, 1, BETWEEN, endpoint=False):
            smooth = t * t * (3 - 2 * t)
            yield (1 - smooth) * stops[i] + smooth * stops[i + 1]
    yield stops[-1]


def look_in_space(points, angle):
    with style():
        fig = plt.figure(figsize=(6.2, 4.6), facecolor="white", dpi=90)
        ax = fig.add_subplot(projection="3d")
        lines, dots = points[: -len(people)], points[-len(people) :]
        draw_bent(ax, lines.reshape(*LINES.shape[:2], 3), dots[SHOWN], sick[SHOWN])
        ax.set(
            xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1), xticklabels=[], yticklabels=[], zticklabels=[]
        )
        ax.view_init(28, angle)
        fig.subplots_adjust(left=0, right=1, bottom=0, top=1)
    return fig


nearest = np.round(np.linspace(0, len(stops) - 1, BETWEEN * (len(stops) - 1) + 1)).astype(int)
captions = [f"{where[i].capitalize()}. Straight cut here: {cuts[i]:.1%}." for i in nearest]
angles = np.linspace(20, 80, len(captions))  # turned a little, so that the depth can be seen
pictures = (look_in_space(points, angle) for points, angle in zip(walk(), angles, strict=True))
slideshow(pictures, captions, "depth in the network", pause=250)

# %% [markdown]
# ### The honest control: a network that has learned nothing
#
# A picture of bent layers proves little. Perhaps *any* network bends the plane in a useful way? So
# we measure the same with an **untrained twin**: the same network before training. The *rise* that
# only the trained network shows was learned.

# %% tags=["hide-input"]
names = ["laboratory\nvalues", "hidden\nlayer 1", "hidden\nlayer 2", "logits"]
curves = {
    kind: [line_accuracy(h, sick) for h in values_after(n, people)]
    for kind, n in (("trained", net), ("untrained", untrained))
}
with style():
    fig, ax = plt.subplots(figsize=(6.4, 3.2), facecolor="white")
    for kind, marker in (("trained", "o"), ("untrained", "s")):
        ax.plot(names, curves[kind], marker=marker, color=COLOURS[kind], label=kind)
    same = max(sick.mean(), 1 - sick.mean())
    ax.axhline(same, color=GREY, linestyle="--", linewidth=1)
    ax.text(
        3.1, same - 0.01, "always the same answer", color=GREY, ha="right", va="top", fontsize=8.5
    )
    ax.set(ylim=(0.45, 1.03), title="How well does a straight cut separate?")
    ax.yaxis.set_major_formatter(plt.matplotlib.ticker.PercentFormatter(1, decimals=0))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    plt.show()
say(
    f"In the raw plane a straight cut separates {curves['trained'][0]:.1%}. After the two hidden "
    f"layers it separates **{curves['trained'][2]:.1%}** in the trained network, and "
    f"{curves['untrained'][2]:.1%} in the untrained one (always the same answer: {same:.1%}). "
    + (
        "This is the course's sentence as a number: training *searched* for a representation in "
        "which the task is easy, and the last layer is nothing but the straight cut."
        if curves["trained"][2] > curves["untrained"][2] + 0.1
        else "That is no clear rise: in this run the search has not found a good representation."
    )
)

# %% tags=["ci-only"]
assert curves["trained"][2] > 0.95 > 0.75 > curves["untrained"][2], (
    "training, not chance, made the task easy"
)
assert chosen[3] > chosen[2] + 0.05, "three units do what two cannot"

# %% [markdown]
# ## 5 · What can go wrong in the loop
#
# ### Starting at zero

# %% tags=["guess"]
guess("0.zeros", "a")

# %%
zero = MLP((2, 3, 2, 2))
for p in zero.parameters:
    p.value[:] = 0
zero_losses = list(train(zero, people, sick, RATE, STEPS, batch=PEOPLE))
moved = [
    f"layer {i}: weights {np.abs(w.value).max():.1g}, biases {np.abs(b.value).max():.1g}"
    for i, (w, b) in enumerate(zero.layers, 1)
]
say(
    f"After {STEPS:,} steps from zero the loss is {zero_losses[-1]:.4f} (chance: "
    f"{math.log(2):.4f}), and {accuracy(zero, new_people, new_sick):.1%} of new people are right. "
    f"Largest sizes: {'; '.join(moved)}."
)

# %%
explain("0.zeros")

# %% [markdown]
# ### Forgetting to forget

# %% tags=["guess"]
guess("0.forget", "c")


# %%
def train_without_forgetting(net, x, y, lr, steps):
    """As `train`, but the line `forget(...)` is missing."""
    for _ in range(steps):
        loss = cross_entropy(net(x), y)
        loss.backward()
        descend(net.parameters, lr)
        yield float(loss.value)


hoarder = MLP((2, 3, 2, 2), seed=SEED)
hoarded = list(train_without_forgetting(hoarder, people, sick, RATE, STEPS))

# %% tags=["hide-input"]
with style():
    fig, ax = plt.subplots(figsize=(7.2, 3), facecolor="white")
    ax.plot(np.arange(1, len(losses) + 1), losses, color=BLUE, label="with forget")
    ax.plot(
        np.arange(1, len(hoarded) + 1), hoarded, color=ORANGE, linewidth=1.2, label="without forget"
    )
    ax.axhline(math.log(2), color=GREY, linestyle="--", linewidth=1)
    ax.text(1.1, math.log(2) * 0.93, "chance", color=GREY, fontsize=8.5, va="top")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="step",
        ylabel="loss",
        title="The same network, with and without one line",
    )
    ax.legend(loc="lower left")
    plt.show()
say(
    f"With `forget` the loss ends at {losses[-1]:.3f}. Without it the lowest loss on the way was "
    f"{min(hoarded):.3f}, and the last one is {hoarded[-1]:.3f}; the network is right for "
    f"{accuracy(hoarder, new_people, new_sick):.1%} of new people, against "
    f"{accuracy(net, new_people, new_sick):.1%}. Nothing crashed."
)

# %%
explain("0.forget")

# %% [markdown]
# ## 6 · Medical images
#
# Now the same code, unchanged, on images. We shrink each image to 16×16 pixels, so that it becomes
# a row of 256 numbers, and ask which kind of examination it comes from.

# %%
from layerscope import Layered, Stage, atlas
from layerscope.data import DATASETS
from layerscope.data.splits import SPLITS
from layerscope.dataset import at_most
from layerscope.judge import METRICS, compare, score
from layerscope.models.baseline import BASELINES, small
from layerscope.predictions import Predictions
from torch.nn.functional import adaptive_avg_pool2d

loaded = mednist_or_phantoms(progress=bar())
dataset = loaded.dataset
split = DATASETS[dataset.source.name].SPLIT
parts = SPLITS[split](dataset, seed=SEED)
parts = {
    name: at_most(part, IMAGES if name == "train" else JUDGED, SEED) for name, part in parts.items()
}

# %% tags=["hide-input"]
twins = (
    f"{loaded.grouping.duplicates:,} pairs of near duplicates found"
    if loaded.grouping
    else "none by construction"
)
sizes = ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
say(f"""
| data card | |
|---|---|
| source | {dataset.source.title}. {dataset.source.citation} |
| licence | {dataset.source.license} |
| classes | {", ".join(dataset.classes)} |
| groups | {dataset.source.group} |
| leaks found | {twins}; the split `{split}` keeps groups whole |
| used here | {sizes} images |
""")
with style():
    fig, axes = plt.subplots(2, 6, figsize=(8.4, 3), facecolor="white")
    targets = parts["train"].targets.numpy()
    for k, (top, below) in enumerate(axes.T):
        picture = parts["train"].rows(np.flatnonzero(targets == k)[:1])
        top.imshow(picture.inputs.pixels[0, 0], cmap="gray", vmin=0, vmax=255)
        below.imshow(small(picture, 16).reshape(16, 16), cmap="gray", vmin=0, vmax=1)
        top.set_title(dataset.classes[k], fontsize=9)
        for ax in (top, below):
            ax.axis("off")
    fig.subplots_adjust(wspace=0.05, hspace=0.05, left=0.01, right=0.99, bottom=0.01, top=0.9)
    plt.show()
say("One image of each class: above as it is, below as the network sees it.")

# %% [markdown]
# **Three parts.** The network learns from *train*. We compare settings on *val* (validation).
# *Test* is read **once**, at the end: whoever looks at it twice begins to tune on it.
#
# Baselines first, each asked about *val*:

# %%
X = {name: (small(part, 16).numpy().astype(float) - 0.5) * 4 for name, part in parts.items()}
Y = {name: part.targets.numpy() for name, part in parts.items()}
progress = bar()
val_accuracy = {}
for i, (name, classify) in enumerate(BASELINES.items()):
    progress("baselines", i, len(BASELINES), "baselines")
    said = classify(parts["train"], parts["val"])
    val_accuracy[name] = float((said.guess == said.targets).mean())
progress("baselines", len(BASELINES), len(BASELINES), "baselines")
say(
    "On val: " + ", ".join(f"{name} {percent(value)}" for name, value in val_accuracy.items()) + "."
)

# %% [markdown]
# ### The learning rate
#
# Two hidden layers with relu this time; the first weights are a little larger, as suits relu (He et
# al. 2015). How large should a step be?

# %% tags=["guess"]
guess("0.rate", "c")


# %%
def new_network(seed=SEED):
    return MLP((256, 64, 32, len(dataset.classes)), Array.relu, seed, gain=math.sqrt(2))


RATES = (0.0001, 0.1, 10.0)
rate_losses, tried = {}, {}
for rate in RATES:
    tried[rate] = new_network()
    with np.errstate(all="ignore"):  # the largest may overflow: that is what we want to see
        rate_losses[rate] = list(
            train(tried[rate], X["train"], Y["train"], rate, 1, batch=64, seed=SEED)
        )

# %% tags=["hide-input"]
with style():
    fig, ax = plt.subplots(figsize=(7.2, 3.1), facecolor="white")
    for rate, colour in zip(RATES, (SKY, BLUE, ORANGE), strict=True):
        ax.plot(
            np.arange(1, len(rate_losses[rate]) + 1),
            rate_losses[rate],
            color=colour,
            linewidth=1.2,
            label=f"{rate:g}",
        )
    ax.axhline(
        math.log(len(dataset.classes)), color=GREY, linestyle="--", linewidth=1, label="chance"
    )
    ax.set(
        yscale="log",
        ylim=(0.02, 50),
        xlabel="step",
        ylabel="loss of the batch",
        title="One epoch with three learning rates",
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="learning rate")
    plt.show()
with np.errstate(all="ignore"):
    said = ", ".join(
        f"{accuracy(tried[rate], X['val'], Y['val']):.1%} with {rate:g}" for rate in RATES
    )
say(f"After one epoch, right on val: {said}.")

# %%
explain("0.rate")

# %% [markdown]
# Now a full training with each of a few sensible rates; *val* chooses. On the way we keep copies of
# the network at a few moments, as we did in part 4, to look at them later.

# %%
choices = {}
progress = bar()
for i, rate in enumerate((0.03, 0.1, 0.3)):
    progress("training", i, 3, "networks")
    candidate = new_network()
    kept = {"untrained": deepcopy(candidate)}
    learning = train(candidate, X["train"], Y["train"], rate, EPOCHS, batch=64, seed=SEED)
    for step, _ in enumerate(learning, start=1):
        if step in MOMENTS:
            kept[f"step {step}"] = deepcopy(candidate)
    kept["trained"] = candidate
    choices[rate] = (accuracy(candidate, X["val"], Y["val"]), kept)
progress("training", 3, 3, "networks")
best = max(choices, key=lambda rate: choices[rate][0])
kept = choices[best][1]
network = kept["trained"]
say(
    "On val: "
    + ", ".join(f"rate {rate:g} {percent(value)}" for rate, (value, _) in choices.items())
    + f". We keep {best:g}."
)

# %% [markdown]
# ### The landscape of the loss
#
# Training walked through a space with thousands of dimensions, one for each weight. We cannot draw
# it, but we can walk **along a straight line** through it and write down the loss. Left: from the
# first weights (0) through the trained ones (1) and beyond. Right: from the trained weights in
# random directions, each scaled to the size of the weights of each unit ("filter-normalised", Li et
# al. 2018), so that the numbers on the axis mean something.

# %%
first, last = new_network(), network
some = np.random.default_rng(SEED).permutation(len(X["train"]))[:1000]


def loss_at(values):
    """The training loss with these weights."""
    probe = new_network()
    for p, value in zip(probe.parameters, values, strict=True):
        p.value = value
    return float(cross_entropy(probe(X["train"][some]), Y["train"][some]).value)


def random_direction(seed):
    """For each unit a random change as long as its own weights; biases stay."""
    rng = np.random.default_rng(seed)
    direction = []
    for p in last.parameters:
        d = rng.normal(size=p.value.shape) if p.value.ndim == 2 else np.zeros_like(p.value)
        length = np.linalg.norm(d, axis=0)
        direction.append(d * np.linalg.norm(p.value, axis=0) / np.where(length > 0, length, 1))
    return direction


def along(start, direction, steps):
    return [
        loss_at([p.value + t * d for p, d in zip(start.parameters, direction, strict=True)])
        for t in steps
    ]


to_trained = [q.value - p.value for p, q in zip(first.parameters, last.parameters, strict=True)]
alphas, betas = np.linspace(-0.5, 1.5, 41), np.linspace(-1, 1, 41)
path = along(first, to_trained, alphas)
sideways = [along(last, random_direction(seed), betas) for seed in range(3)]

# %% tags=["hide-input"]
with style():
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.1), facecolor="white", sharey=True)
    left.plot(alphas, path, color=BLUE)
    for t, name, side in ((0, "first weights", "left"), (1, "trained", "left")):
        at = path[int(np.abs(alphas - t).argmin())]
        left.plot([t], [at], "o", color=INK)
        left.annotate(name, (t, at), (6, 8), textcoords="offset points", ha=side, fontsize=9)
    left.set(
        xlabel="from the first weights (0) to the trained (1)",
        ylabel="training loss",
        yscale="log",
        title="Along the way of training",
    )
    for values, colour in zip(sideways, (GREEN, PURPLE, ORANGE), strict=True):
        right.plot(betas, values, color=colour, linewidth=1.4)
    right.plot([0], [sideways[0][20]], "o", color=INK)
    right.set(xlabel="in three random directions", title="Sideways from the trained weights")
    fig.subplots_adjust(wspace=0.08)
    plt.show()
rises = int((np.diff(np.array(path)[(alphas >= 0) & (alphas <= 1)]) > 0).sum())
worst = max(max(values) for values in sideways)
say(
    f"From {path[10]:.2f} at the first weights to {path[30]:.3f} at the trained ones, the "
    f"straight way goes up in {rises} of 20 pieces. Sideways the loss rises to at most "
    f"{worst:.1f}. These are four lines out of a space with "
    f"{sum(p.value.size for p in last.parameters):,} dimensions: take them as an impression and "
    "not as a map."
)

# %% [markdown]
# ### Judged once, on test
#
# Accuracy with its 95 % interval. The interval is over *groups*, because images of one series are
# not independent.

# %%
probs = np.exp(log_softmax(network(X["test"]).value))
test = parts["test"]
judged = {name: classify(parts["train"], test) for name, classify in BASELINES.items()}
judged["your MLP"] = Predictions(probs, Y["test"], test.groups, test.ids, test.classes)
results = {name: score(METRICS["accuracy"], p) for name, p in judged.items()}

# %% tags=["hide-input"]
with style():
    fig, (ax, by_class) = plt.subplots(1, 2, figsize=(9.4, 2.9), facecolor="white")
    for i, (name, s) in enumerate(results.items()):
        colour = COLOURS.get(name, PURPLE)
        ax.plot(
            [s.low, s.high], [i, i], color=colour, linewidth=3, alpha=0.5, solid_capstyle="butt"
        )
        ax.plot([s.value], [i], "o", color=colour)
    ax.set_yticks(range(len(results)), list(results))
    ax.invert_yaxis()
    ax.set_title("Right on test, with 95 % interval")
    ax.xaxis.set_major_formatter(plt.matplotlib.ticker.PercentFormatter(1, decimals=0))
    own = judged["your MLP"]
    for k in range(len(dataset.classes)):
        s = score(METRICS["accuracy"], own.rows(own.targets == k))
        by_class.plot(
            [s.low, s.high], [k, k], color=PURPLE, linewidth=3, alpha=0.5, solid_capstyle="butt"
        )
        by_class.plot([s.value], [k], "o", color=PURPLE)
    by_class.set_yticks(range(len(dataset.classes)), dataset.classes)
    by_class.invert_yaxis()
    by_class.set_title("Your MLP, by class")
    by_class.xaxis.set_major_formatter(plt.matplotlib.ticker.PercentFormatter(1, decimals=0))
    fig.tight_layout()
    plt.show()
rows = [
    f"| {name} | {percent(s.value)} | {percent(s.low)} to {percent(s.high)} |"
    for name, s in results.items()
]
say("\n".join(["| | right | 95 % interval |", "|---|---|---|", *rows]))
strongest = max(BASELINES, key=lambda name: results[name].value)
gap = compare(judged["your MLP"], judged[strongest], METRICS["accuracy"])
owners = {
    name: len(np.unique(test.groups[Y["test"] == k])) for k, name in enumerate(dataset.classes)
}
rare = min(owners, key=owners.get)
if gap.low > 0:
    verdict = "So your network is better, beyond chance."
elif gap.high < 0:
    verdict = (
        "So your network is worse, beyond chance: that it learns does not make it the best tool."
    )
else:
    verdict = (
        "The interval holds 0, so **these images cannot say which is better**: "
        f"{rare} has only {owners[rare]} groups."
    )
say(
    f"{len(test):,} images in {gap.groups:,} groups. The strongest baseline is *{strongest}*. On "
    f"the same images your MLP differs from it by {100 * gap.value:+.2f} percentage points (95 % "
    f"interval {100 * gap.low:+.2f} to {100 * gap.high:+.2f}). {verdict}"
)

# %% [markdown]
# ## 7 · Look inside, with few labels
#
# The accuracy alone does not say what the hidden layers are worth. So we take our ruler from part
# 1, `line_accuracy`, and measure every stage, as we did for the laboratory values. To be realistic,
# we have labels for only a few images: each one costs an expert's time. They come from *val*, which
# the network was not trained on. And of course we measure the untrained twin as well.

# %%
few = at_most(parts["val"], LABELLED, SEED)
few_x, few_y = (small(few, 16).numpy().astype(float) - 0.5) * 4, few.targets.numpy()
networks = {"trained": network, "untrained": new_network()}
inside = {kind: values_after(n, few_x) for kind, n in networks.items()}
stages = ["pixels", "hidden\nlayer 1", "hidden\nlayer 2", "logits"]
claimed = {kind: [line_accuracy(h, few_y) for h in inside[kind]] for kind in inside}


# %% tags=["hide-input"]
def draw_stages(ax, curves, title):
    for (kind, values), marker in zip(curves.items(), "os^", strict=False):
        ax.plot(stages, values, marker=marker, color=COLOURS[kind], label=kind, alpha=0.85)
    ax.axhline(1 / len(dataset.classes), color=GREY, linestyle="--", linewidth=1)
    ax.text(
        3.1,
        1 / len(dataset.classes) - 0.02,
        "chance",
        color=GREY,
        fontsize=8.5,
        ha="right",
        va="top",
    )
    ax.set(ylim=(0, 1.04), title=title)
    ax.yaxis.set_major_formatter(plt.matplotlib.ticker.PercentFormatter(1, decimals=0))
    ax.legend(loc="center left", fontsize=8.5)


with style():
    fig, ax = plt.subplots(figsize=(6.4, 3.2), facecolor="white")
    draw_stages(ax, claimed, "How well does a straight cut separate?")
    plt.show()
say(
    f"With {len(few)} labelled images a straight cut separates **{claimed['trained'][0]:.1%}** of "
    f"the raw thumbnails, {claimed['untrained'][1]:.1%} after the first layer of the untrained "
    f"network, and {claimed['trained'][1]:.1%} after that of the trained one. So it seems that "
    "the thumbnails are easy as they are, that layers left to chance are as good as trained "
    "ones, and that **training bought nothing**. Shall we write the paper?"
)

# %% [markdown]
# ## 8 · What would fool us
#
# The curve above is real, the code ran, and every number is computed. `line_accuracy` was right for
# the laboratory values. But a *measurement that cannot fail proves nothing*. A good habit, before
# believing any number: let it answer a question whose answer must be "no".

# %% tags=["guess"]
guess("0.shuffled", "a")

# %%
nonsense = line_accuracy(few_x, np.random.default_rng(SEED).permutation(few_y))
say(
    f"Labels shuffled at random: a straight cut still separates **{nonsense:.1%}** of the raw "
    f"thumbnails. Chance is {1 / len(dataset.classes):.1%}."
)

# %%
explain("0.shuffled")

# %% [markdown]
# ### Exercise 8 · The trap: find it and mend it
#
# Write a ruler that can be believed: `honest_line(h, y, groups, seed)`. With labels shuffled at
# random it must say about chance. Read `line_accuracy` of part 1 again: what does it ask the line?
# `groups` says which rows belong together, such as the images of one patient. `seed` is for
# whatever you draw at random.
#
# <details><summary>The fault, and what helps</summary>
#
# The line was fitted on the very rows that it was scored on. Fit it on one part of the rows and
# score it on the other. **A group must never be divided**, or the line is tested on people whom it
# has already seen. You have `fit_line(h, y)`, which returns something with `.score(h, y)`. To
# divide the rows in two, `StratifiedGroupKFold` of scikit-learn (imported above) is of help: it
# keeps groups whole, and puts every class on both sides where it can.
#
# </details>


# %% tags=["exercise"]
def honest_line(h, y, groups, seed=0):
    """How well a straight cut separates the classes, measured so that it can be believed."""
    # BEGIN SOLUTION
    halves = StratifiedGroupKFold(2, shuffle=True, random_state=seed).split(h, y, groups)
    fit_on, judge_on = next(halves)  # numbers of rows
    return fit_line(h[fit_on], y[fit_on]).score(h[judge_on], y[judge_on])
    # STUB return line_accuracy(h, y)  # mend this
    # END SOLUTION


check("0.trap", honest_line)

# %%
honest_line = use("0.trap", honest_line)

# %% [markdown]
# With two laboratory values and hundreds of people the old ruler did little harm: a line in a plane
# has little freedom to learn people by heart. With 256 pixels and fewer images than that, it has. (The same
# holds for 20,000 genes and 200 patients.)
#
# One way of dividing few images may be lucky, so we divide them in ten ways. The control gets newly
# shuffled labels each time.

# %%
DIVISIONS = 10
rng = np.random.default_rng(SEED)
shuffled = [rng.permutation(few_y) for _ in range(DIVISIONS)]


def divide(layers, labels):
    """A row for each way of dividing the groups, a column for each stage."""
    return np.array(
        [[honest_line(h, y, few.groups, seed) for h in layers] for seed, y in enumerate(labels)]
    )


divided = {kind: divide(layers, [few_y] * DIVISIONS) for kind, layers in inside.items()}
divided["shuffled"] = divide(inside["trained"], shuffled)
honest = {kind: shares.mean(axis=0) for kind, shares in divided.items()}
claimed["shuffled"] = np.mean(
    [[line_accuracy(h, y) for h in inside["trained"]] for y in shuffled], axis=0
)

# %% tags=["hide-input"]
with style():
    fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.4), facecolor="white", sharey=True)
    draw_stages(axes[0], claimed, "On the rows it was fitted on")
    draw_stages(axes[1], honest, "On other groups")
    axes[0].get_legend().remove()
    fig.tight_layout()
    plt.show()
rivals = np.maximum(divided["trained"][:, 0], divided["untrained"][:, 2])  # pixels, or the twin
lead = divided["trained"][:, 2] - rivals
turned = (lead > 0).all() and honest["untrained"][2] <= honest["trained"][0]
nonsense_pixels = divided["shuffled"][:, 0]
say(
    "Same images, same layers, same labels. The mended ruler says, as a mean over "
    f"{DIVISIONS} divisions: raw thumbnails {honest['trained'][0]:.1%}, after two hidden layers "
    f"**{honest['trained'][2]:.1%}** in the trained network and {honest['untrained'][2]:.1%} in "
    f"the untrained one. The trained layers are ahead of both pixels and twin in {sum(lead > 0)} "
    f"of {DIVISIONS} divisions, by {100 * lead.min():+.1f} to {100 * lead.max():+.1f} percentage "
    f"points. The divisions share the same {len(few)} images in {len(np.unique(few.groups))} "
    "groups: an impression, not a proof."
)
say(
    f"With shuffled labels it says {nonsense_pixels.mean():.1%} for the pixels "
    f"({nonsense_pixels.min():.1%} to {nonsense_pixels.max():.1%} in single divisions; chance is "
    f"{1 / len(dataset.classes):.1%}), where the old ruler said {claimed['shuffled'][0]:.1%}. "
    + (
        "The conclusion is turned round: **two trained layers make the task easier than the "
        "pixels do, and two layers left to chance do not.**"
        if turned
        else "So the old conclusion had no ground. But this run does not show the opposite "
        "either: for that, the trained layers would have to lead in every division, and the "
        "untrained ones not to be ahead of the pixels."
    )
)

# %% tags=["ci-only"]
assert claimed["trained"][0] > 0.98, "the trap must look convincing"
assert nonsense > 0.9, "the control must unmask it"
assert honest["trained"][2] > honest["trained"][0] + 0.02, (
    "the mended measure shows what was learned"
)
assert honest["trained"][2] > honest["untrained"][2] + 0.02
assert max(honest["shuffled"]) < 0.35

# %% [markdown]
# ## 9 · Walk through your network
#
# One idea of this lesson is the backbone of the whole course: **a network is a walk through named
# stages**. Your `stages` hands them out, one after the other. Tell the library their names, and it
# can walk through your network as through any other. (It counts in PyTorch's tensors, so we pass
# NumPy's numbers on.)


# %%
class Walk(Layered):
    """A network of this lesson, as the library reads it: named stages."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def stages(self, images):
        pixels = adaptive_avg_pool2d(images.pixels / 255, 16).flatten(1)
        x = (pixels.numpy().astype(float) - 0.5) * 4
        for name, h in zip(STAGES, self.net.stages(x), strict=True):
            yield Stage(name, torch.from_numpy(h.value), per_sample=True)


STAGES = ("pixels", "hidden 1", "hidden 2", "logits")
walks = {moment: Walk(net) for moment, net in kept.items()}

# %% [markdown]
# A hidden layer of 64 units is a space of 64 dimensions, which nobody can draw. A **map** is the
# next best: it lays each image down in the plane, near those that are nearest to it in the layer. A
# heap of images that lies apart from the others looks like an **island**.
#
# We draw such a map of each stage, before, during and after training. The images are those of the
# test: all choices are made, and nothing will be changed after this look.

# %% tags=["guess"]
guess("0.islands", "b")

# %%
journey = atlas(
    walks,
    parts["test"],  # shown, and asked about
    fit_on=at_most(parts["val"], 2 * WALKED, SEED),  # the straight lines learn from these
    twin=False,  # "untrained" is a moment already
    samples=WALKED,
    title="A network from scratch",
    progress=bar(),
)
display(journey)

# %% tags=["hide-input"]
slices, (walked, *_) = journey.facts["slices"], journey.facts["networks"]


def reading(measure, stage, moment):
    """What a straight line or the neighbours tell right, at a stage and a moment."""
    return slices[walked["slices"][moment][stage]]["readings"][measure][0]


nearby = reading("neighbours", 0, -1)
lines = [
    f"| {moment} | "
    + " | ".join(f"{reading('probe', stage, i):.1%}" for stage in range(len(STAGES)))
    + f" | {reading('neighbours', 2, i):.1%} |"
    for i, moment in enumerate(walked["moments"])
]
say(
    f"| straight line | {' | '.join(STAGES)} | neighbours, hidden 2 |\n"
    + "|---" * (len(STAGES) + 2)
    + "|\n"
    + "\n".join(lines)
)
say(
    f"Each mark is one of {journey.facts['samples']} images; click one to see it and its "
    "neighbours. Move the slider of depth, then that of training. On the raw pixels the ten "
    f"nearest images tell **{nearby:.1%}** right by vote, before any layer; in hidden layer 2 a "
    f"straight line tells {reading('probe', 2, 0):.1%} before training and "
    f"**{reading('probe', 2, -1):.1%}** after it."
)
if nearby < 0.75:
    say("**In this run the islands of the pixels are not clear.** What follows holds in general:")
explain("0.islands")

# %% tags=["hide-input"]
doubtful = [
    f"*{STAGES[stage]}*, {walked['moments'][moment]}: {slices[number]['warning']}"
    for moment, row in enumerate(walked["slices"])
    for stage, number in enumerate(row)
    if slices[number]["warning"] and (stage or not moment)
]
say(
    "**A map is a shadow.** From many dimensions to two, something must be lost, and each map was "
    "checked for it. "
    + (
        "The page warns here:\n\n" + "\n".join(f"- {line}" for line in doubtful)
        if doubtful
        else "Here no map is so poor that the page warns. Trust the numbers more than the islands "
        "all the same."
    )
)

# %% tags=["ci-only"]
assert nearby > 0.8, "the islands are there before any layer"
assert len(journey.html) < 1.5e6

# %% [markdown]
# ## What you have built
#
# - **Backpropagation** is the chain rule, walked backwards once. Where a value is used several
#   times, its gradients add.
# - **Learning** is four lines: forget, loss, backward, step.
# - **A hidden layer bends space**; training finds the bend after which a straight cut suffices. Two
#   units cannot lift the middle
#   out of a ring, three can.
# - **A network is a walk through named stages**, and each stage can be looked at and measured.
# - **A number needs its control**: baselines, an untrained twin, shuffled labels, and rows that
#   were not learned from.
#
# ### More to try
#
# - Draw two spirals instead of a ring. How many units, and how many layers, does it need?
# - Replace tanh by `relu` in the toy network. How does the sheet look now?
# - Leave out the activation (`activation=lambda h: h`). What do the layers still do, and what does
#   the ruler say?
# - Give `descend` a memory of its last step (*momentum*). Does `forget` still matter?
#
# ### Where to go next
#
# - Baydin et al. 2018, *Automatic differentiation in machine learning: a survey*, arXiv:1502.05767.
# - Rumelhart, Hinton and Williams 1986, *Learning representations by back-propagating errors*,
#   doi:10.1038/323533a0.
# - Karpathy, *micrograd* (github.com/karpathy/micrograd): scalars that know how they were made, in
#   100 lines.
# - Li et al. 2018, *Visualizing the loss landscape of neural nets*, arXiv:1712.09913.
# - Goodfellow, Vinyals and Saxe 2015, *Qualitatively characterizing neural network optimization
#   problems*, arXiv:1412.6544.
# - He et al. 2015, *Delving deep into rectifiers*, arXiv:1502.01852 (how large the first weights
#   should be).
# - Cover 1965, *Geometrical and statistical properties of systems of linear inequalities*,
#   doi:10.1109/PGEC.1965.264137
#   (why few points in many dimensions can always be separated).
# - LeCun, Bengio and Hinton 2015, *Deep learning*, doi:10.1038/nature14539: its first figure bends
#   a grid as ours does.
#
# **Lesson 1** does the same with PyTorch, on the full images, and asks what depth buys.
