"""Automatic differentiation and a multilayer perceptron, from scratch: what lesson 0 builds. NumPy only.

A value remembers its parents and how much it moves when a parent moves. `backward` walks from the loss to
everything that it was made of and applies the chain rule once per edge. `Scalar` does so for single numbers;
`Array` is the same idea for whole arrays.

Only leaves (values without parents, such as weights) keep their gradients from one `backward` to the next, where
they add up, as in PyTorch.

Reference: Baydin et al. 2018, arXiv:1502.05767. The scalar half follows the idea of Karpathy's micrograd.

Example:
    >>> w, x = Scalar(3.0), Scalar(2.0)
    >>> loss = (w * x - 5) ** 2
    >>> loss.backward()
    >>> loss.value, w.grad, x.grad
    (1.0, 4.0, 6.0)
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int


def in_order(end: Any) -> list[Any]:
    """Every value that `end` was made of, each after its parents; `end` is the last.

    A stack instead of recursion, so that a chain of any length can be walked.
    """
    order, seen, todo = [], set(), [(end, False)]
    while todo:
        node, parents_done = todo.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            todo.append((node, True))
            todo.extend((parent, False) for parent, _ in node.parents)
    return order


class Scalar:
    """A number that remembers its parents: pairs (value, slope), where the slope is d self / d parent."""

    def __init__(self, value: float, parents: Sequence[tuple["Scalar", float]] = ()) -> None:
        self.value, self.parents, self.grad = float(value), tuple(parents), 0.0

    def __repr__(self) -> str:
        return f"Scalar({self.value:g}, grad={self.grad:g})"

    def __add__(self, other: "Scalar | float") -> "Scalar":
        other = _scalar(other)
        return Scalar(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other: "Scalar | float") -> "Scalar":
        other = _scalar(other)
        return Scalar(self.value * other.value, [(self, other.value), (other, self.value)])

    def __pow__(self, n: float) -> "Scalar":
        return Scalar(self.value**n, [(self, n * self.value ** (n - 1))])

    def exp(self) -> "Scalar":
        e = math.exp(self.value)
        return Scalar(e, [(self, e)])

    def log(self) -> "Scalar":
        return Scalar(math.log(self.value), [(self, 1 / self.value)])

    def tanh(self) -> "Scalar":
        t = math.tanh(self.value)
        return Scalar(t, [(self, 1 - t**2)])

    def relu(self) -> "Scalar":
        return Scalar(max(self.value, 0.0), [(self, float(self.value > 0))])

    def __neg__(self) -> "Scalar":
        return self * -1.0

    def __sub__(self, other: "Scalar | float") -> "Scalar":
        return self + -_scalar(other)

    def __truediv__(self, other: "Scalar | float") -> "Scalar":
        return self * _scalar(other) ** -1

    def __rsub__(self, other: float) -> "Scalar":
        return -self + other

    def __rtruediv__(self, other: float) -> "Scalar":
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Add d self / d leaf to the gradient of every leaf."""
        order = in_order(self)
        for node in order:
            if node.parents:
                node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in node.parents:
                parent.grad += slope * node.grad


def _scalar(x: Any) -> Scalar:
    return x if hasattr(x, "parents") else Scalar(x)


def unbroadcast(g: Float[np.ndarray, "..."], shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """The gradient of an array that NumPy had repeated to the shape of g: the sum over its copies."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    repeated = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return np.asarray(g.sum(axis=repeated, keepdims=True))


Pull = Callable[[np.ndarray], np.ndarray]


class Array:
    """An array that remembers its parents: pairs (array, pull); pull turns d loss / d self into d loss / d parent."""

    __array_ufunc__ = None  # so that `ndarray + Array` is ours to answer

    def __init__(self, value: Any, parents: Sequence[tuple["Array", Pull]] = ()) -> None:
        copy = np.asarray if parents else np.array  # a leaf's value is changed in place, so it is its own
        self.value, self.parents = copy(value, dtype=np.float64), tuple(parents)
        self.grad = np.zeros_like(self.value)

    def __repr__(self) -> str:
        return f"Array of shape {self.value.shape}"

    def __add__(self, other: Any) -> "Array":
        other = _array(other)
        return Array(self.value + other.value, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other: Any) -> "Array":
        other = _array(other)
        return Array(self.value * other.value, [(self, lambda g: g * other.value), (other, lambda g: g * self.value)])

    def __matmul__(self, other: Any) -> "Array":
        other = _array(other)
        if self.value.ndim != 2 or other.value.ndim != 2:
            raise ValueError(f"@ needs two matrices. Got shapes {self.value.shape} and {other.value.shape}.")
        pulls: list[tuple[Array, Pull]] = [(self, lambda g: g @ other.value.T), (other, lambda g: self.value.T @ g)]
        return Array(self.value @ other.value, pulls)

    def tanh(self) -> "Array":
        t = np.tanh(self.value)
        return Array(t, [(self, lambda g: g * (1 - t**2))])

    def relu(self) -> "Array":
        return Array(np.maximum(self.value, 0), [(self, lambda g: g * (self.value > 0))])

    def sum(self) -> "Array":
        return Array(self.value.sum(), [(self, lambda g: np.full(self.value.shape, g))])

    def mean(self) -> "Array":
        return self.sum() * (1 / self.value.size)

    def __neg__(self) -> "Array":
        return self * -1.0

    def __sub__(self, other: Any) -> "Array":
        return self + -_array(other)

    def __rsub__(self, other: Any) -> "Array":
        return -self + other

    def __rmatmul__(self, other: Any) -> "Array":
        return _array(other) @ self

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Add d self / d leaf to the gradient of every leaf; self must be a single number."""
        if self.value.size != 1:
            raise ValueError(f"needed a loss, a single number. Got shape {self.value.shape}: take its mean.")
        order = in_order(self)
        for node in order:
            if node.parents:
                node.grad = np.zeros_like(node.value)
        self.grad = np.ones_like(self.value)
        for node in reversed(order):
            for parent, pull in node.parents:
                parent.grad += unbroadcast(np.asarray(pull(node.grad)), parent.value.shape)


def _array(x: Any) -> Array:
    return x if hasattr(x, "parents") else Array(x)


def log_softmax(logits: Float[np.ndarray, "b k"]) -> Float[np.ndarray, "b k"]:
    """Logarithms of probabilities: e to each of them sums to 1 in every row."""
    shifted = logits - logits.max(axis=1, keepdims=True)  # else e^1000 would overflow
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropy(logits: Array, targets: Int[np.ndarray, " b"]) -> Array:
    """Mean of -log p(true class), the surprise at the truth; its gradient is (p - y) / b."""
    log_p = log_softmax(logits.value)
    y = np.eye(log_p.shape[1])[targets]
    loss = -(y * log_p).sum(axis=1).mean()
    return Array(loss, [(logits, lambda g: g * (np.exp(log_p) - y) / len(y))])


class MLP:
    """Layers h -> activation(h @ W + b); the last one has no activation.

    Args:
        widths: numbers per sample: inputs, each hidden layer, classes.
        gain: of the first weights; 1 suits tanh, √2 relu (He et al. 2015, arXiv:1502.01852).
    """

    def __init__(
        self, widths: Sequence[int], activation: Callable[[Array], Array] = Array.tanh, seed: int = 0, gain: float = 1.0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.activation = activation
        self.layers = [
            (Array(rng.normal(0, gain / np.sqrt(n), (n, m))), Array(np.zeros(m))) for n, m in pairwise(widths)
        ]
        self.parameters = [p for layer in self.layers for p in layer]

    def stages(self, x: Float[np.ndarray, "b d"]) -> Iterator[Array]:
        """The input, each hidden layer, the logits, as they are computed."""
        h = Array(x)
        yield h
        for i, (w, b) in enumerate(self.layers, start=1):
            h = h @ w + b
            if i < len(self.layers):
                h = self.activation(h)
            yield h

    def __call__(self, x: Float[np.ndarray, "b d"]) -> Array:
        *_, logits = self.stages(x)
        return logits


def forget(parameters: Sequence[Array]) -> None:
    """Set gradients to zero: `backward` adds to them."""
    for p in parameters:
        p.grad = np.zeros_like(p.value)


def descend(parameters: Sequence[Array], lr: float) -> None:
    """One step downhill: against the gradient."""
    for p in parameters:
        p.value -= lr * p.grad
