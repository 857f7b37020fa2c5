"""Checks and questions of lesson 0. Answers are tried on inputs that the learner has not seen."""

from collections.abc import Callable
from typing import Any

import numpy as np

from layerscope.lessons import engine
from layerscope.lessons.check import Check
from layerscope.lessons.engine import Array, Scalar
from layerscope.lessons.lesson0_questions import QUESTIONS

__all__ = ["CHECKS", "QUESTIONS"]


def _slopes(node: Any, *inputs: Any) -> list[float]:
    """The slope of a node along each input; an input that was used twice counts twice."""
    assert hasattr(node, "parents"), f"return a Scalar, which knows its parents. Got {type(node).__name__}."
    return [sum(slope for parent, slope in node.parents if parent is x) for x in inputs]


def _pulled(node: Any, g: np.ndarray, *inputs: Any) -> list[np.ndarray]:
    """What arrives at each input when g stands at the node."""
    assert hasattr(node, "parents"), f"return an Array, which knows its parents. Got {type(node).__name__}."
    missing = [i for i, x in enumerate(inputs) if not any(parent is x for parent, _ in node.parents)]
    assert not missing, f"input number {missing[0] + 1} is not among the parents, so no gradient can reach it."
    return [np.sum([pull(g) for parent, pull in node.parents if parent is x], axis=0) for x in inputs]


def _multiply(multiply: Callable[[Scalar, Scalar], Scalar]) -> str:
    a, b = Scalar(-2.5), Scalar(4.0)
    found = multiply(a, b)
    slopes = _slopes(found, a, b)
    assert found.value == -10, f"-2.5 times 4 is -10. Got {found.value:g}."
    assert slopes != [-2.5, 4.0], "the slopes are swapped: if a grows by 1, by how much does a times b grow?"
    assert slopes == [4.0, -2.5], f"a = -2.5, b = 4: the slopes along a and b should be 4 and -2.5. Got {slopes}."
    square = _slopes(multiply(a, a), a)[0]
    assert square == -5, f"a times a has slope 2a = -5 at a = -2.5. Got {square:g}."
    return "each factor's slope is the other factor. Turn one up, and the other says how much it matters."


def _order(in_order: Callable[[Scalar], list[Scalar]]) -> str:
    a, b = Scalar(1.0), Scalar(2.0)
    c = a * b
    end = (c + a) * (c + 1.0)
    expected = engine.in_order(end)
    _each_once(in_order(end), expected)
    place = {id(node): i for i, node in enumerate(in_order(end))}
    late = [1 for node in expected for parent, _ in node.parents if place[id(parent)] > place[id(node)]]
    assert not late, f"{len(late)} values stand before one of their parents. A value may only come after all of them."
    assert in_order(end)[-1] is end, "the value that we start from (the loss) must come last."
    long = a
    for _ in range(5000):
        long = long + 1.0
    try:
        found = in_order(long)
    except RecursionError:
        raise AssertionError("a chain of 5,000 operations is too deep for a function that calls itself.") from None
    _each_once(found, engine.in_order(long))
    return "every value once, each after its parents, even in a chain of 5,000 operations."


def _each_once(found: list[Any], expected: list[Any]) -> None:
    assert isinstance(found, list), f"return a list of values. Got {type(found).__name__}."
    different = len({id(node) for node in found})
    assert different == len(found), f"every value once. Got {len(found)} entries for {different} values."
    missing = {id(node) for node in expected} - {id(node) for node in found}
    assert not missing, f"{len(missing)} of {len(expected)} values are missing. Come back to a value after its parents."


def _backward(backward: Callable[[Scalar], None]) -> str:
    a = Scalar(5.0)
    backward(a * a + a)
    said = f"a² + a at a = 5 has slope 2a + 1 = 11; you got {a.grad:g}."
    assert a.grad != 0, "no gradient arrived. Add to parent.grad."
    assert a.grad not in (1.0, 5.0, 6.0), f"{said} a was used three times: does one use overwrite the rest?"
    assert a.grad != 3, f"{said} That is how often a was used. Where is the slope of each use?"
    assert np.isclose(a.grad, 11), said
    ours, theirs = ([Scalar(0.7), Scalar(-1.3)] for _ in range(2))
    for (x, y), walk in ((ours, backward), (theirs, Scalar.backward)):
        h = (x * y + x).tanh()
        walk((h * h + y * h).exp())
    for x, y in zip(ours, theirs, strict=True):
        assert np.isclose(x.grad, y.grad), (
            f"a longer chain: expected {y.grad:.6f}, got {x.grad:.6f}. A slope times what?"
        )
    return "all ways from the loss to a value add up. These few lines are backpropagation."


def _unbroadcast(unbroadcast: Callable[[np.ndarray, tuple[int, ...]], np.ndarray]) -> str:
    rng = np.random.default_rng(0)
    for shape, big in (((3,), (5, 3)), ((5, 1), (5, 3)), ((), (2, 4)), ((1, 3), (5, 3)), ((4, 3), (4, 3))):
        g = rng.normal(size=big)
        found = np.asarray(unbroadcast(g, shape))
        said = f"a gradient of shape {big} for an array of shape {shape}"
        assert found.shape == shape, f"{said}: expected shape {shape}, got {found.shape}."
        expected = engine.unbroadcast(g, shape)
        averaged = found.size < g.size and np.allclose(found * (g.size / found.size), expected)
        assert not averaged, f"{said}: you averaged over the copies. Every copy adds its own effect: sum them."
        assert np.allclose(found, expected), (
            f"{said}: right shape, wrong numbers. Sum over the axes that were repeated."
        )
    return "what was copied on the way forward is summed on the way back."


def _matmul(matmul: Callable[[Array, Array], Array]) -> str:
    rng = np.random.default_rng(1)
    a, b, g = Array(rng.normal(size=(4, 3))), Array(rng.normal(size=(3, 5))), rng.normal(size=(4, 5))
    found = matmul(a, b)
    assert np.allclose(found.value, a.value @ b.value), "the value is not a @ b. The way forward is plain NumPy."
    expected = [np.einsum("ij,kj->ik", g, b.value), np.einsum("ki,kj->ij", a.value, g)]
    for name, got, want in zip("ab", _pulled(found, g, a, b), expected, strict=True):
        assert got.shape == want.shape, f"the gradient of {name} must have its shape, {want.shape}. Got {got.shape}."
        assert np.allclose(got, want), f"the gradient of {name} has the right shape, but not the right numbers."
    return "g bᵀ for a, aᵀ g for b. Only one arrangement has the right shapes: a good way to remember it."


def _cross_entropy(cross_entropy: Callable[[Array, np.ndarray], Array]) -> str:
    rng = np.random.default_rng(2)
    logits, targets = Array(rng.normal(size=(5, 3)) * 2), np.array([2, 0, 1, 1, 2])
    found, expected = cross_entropy(logits, targets), engine.cross_entropy(logits, targets)
    assert np.size(found.value) == 1, f"a loss is one number. Got shape {found.value.shape}: take the mean."
    summed = np.isclose(found.value, 5 * expected.value)
    assert not summed, "that is the sum over the samples; take the mean, or the loss grows with the batch."
    assert np.isclose(found.value, expected.value), f"expected a loss of {expected.value:.4f}. Got {found.value:.4f}."
    got, want = (_pulled(node, np.array(1.0), logits)[0] for node in (found, expected))
    assert got.shape == want.shape, f"the gradient must have the shape of the logits, {want.shape}. Got {got.shape}."
    assert not np.allclose(got, 5 * want), "nearly: the loss is a mean of 5 samples, so its gradient is divided by 5."
    assert not np.allclose(got, -want), "the sign is turned: uphill for the true class would be downhill for p."
    assert np.allclose(got, want), "the gradient is not (p - y) / number of samples. p is np.exp(log_p)."
    tripled = _pulled(found, np.array(3.0), logits)[0]
    assert np.allclose(tripled, 3 * want), "g, the gradient that arrives from above, must multiply the result."
    large = float(cross_entropy(Array([[1000.0, 0.0]]), np.array([1])).value)
    assert np.isfinite(large), "with logits of 1000 the loss is not finite. Use log_p as it is, not the log of exp."
    return "p - y: what the network said, minus the truth. Nothing in deep learning is simpler."


def _descend(descend: Callable[[list[Array], float], None]) -> str:
    before, slope = np.array([[1.0, -2.0]]), np.array([[0.5, -4.0]])
    p, still = Array(before.copy()), Array([3.0])
    p.grad = slope.copy()
    descend([p, still], 0.1)
    assert not np.allclose(p.value, before), "the values did not change. Change p.value."
    assert not np.allclose(p.value, before + 0.1 * slope), "that is uphill: the loss would grow. Turn the sign."
    assert not np.allclose(p.value, before - slope), "the learning rate was not used."
    assert np.allclose(p.value, before - 0.1 * slope), f"expected {before - 0.1 * slope}, got {p.value}."
    assert np.allclose(still.value, [3.0]), "a parameter with gradient 0 must not move."
    return "a small step against the gradient, for every weight at once. That is all of learning here."


def _trap(honest_line: Callable[..., float]) -> str:
    def mean(make: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
        found = [float(honest_line(*make(np.random.default_rng(seed)), seed)) for seed in range(8)]
        assert all(0 <= share <= 1 for share in found), f"return a share between 0 and 1. Got {found[0]!r}."
        return float(np.mean(found))

    def noise(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return rng.normal(size=(120, 200)), rng.permutation(120) % 2, np.arange(120)

    def twins(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        owner = rng.permutation(240) // 6
        h = rng.normal(size=(40, 200))[owner] + 0.01 * rng.normal(size=(240, 200))
        return h, (rng.permutation(40) % 2)[owner], owner

    def easy(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y = rng.permutation(120) % 2
        return rng.normal(size=(120, 3)) + 8 * y[:, None], y, np.arange(120)

    assert mean(noise) < 0.7, (
        f"on pure noise with shuffled labels your measure says {mean(noise):.1%}; honest is about 50 %. "
        "Is a row judged by a line that has seen its label?"
    )
    assert mean(twins) < 0.7, (
        f"on noise in which each patient has six nearly equal images your measure says {mean(twins):.1%}; honest is "
        "about 50 %. Is one patient on both sides?"
    )
    assert mean(easy) > 0.95, f"two far apart clouds are easy, but your measure says only {mean(easy):.1%}."
    return (
        f"on noise it says {mean(noise):.0%}, on noise with twins {mean(twins):.0%}, on an easy task {mean(easy):.0%}. "
        "Now it can be believed."
    )


def honest_line(h: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int = 0) -> float:
    """How well a straight cut, fitted to one half of the groups, separates the classes of the other half."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    fit_on, judge_on = next(StratifiedGroupKFold(2, shuffle=True, random_state=seed).split(h, y, groups))
    line = LogisticRegression(C=10.0, solver="newton-cg").fit(h[fit_on], y[fit_on])
    return float(line.score(h[judge_on], y[judge_on]))


CHECKS = {
    "0.multiply": Check(
        _multiply,
        (
            "Hold b fixed at 4. If a grows by 1, by how much does a times b grow?",
            "Look at `__add__` just above: a value, and a list of pairs (parent, slope).",
            "The list is [(a, b.value), (b, a.value)].",
        ),
        Scalar.__mul__,
    ),
    "0.order": Check(
        _order,
        (
            "The list `todo` is a stack: what was put on last is taken off first.",
            "A value must be taken off again after its parents, so it must be put on the stack before them.",
            "todo.append((node, True)), and then (parent, False) for each parent.",
        ),
        engine.in_order,
    ),
    "0.backward": Check(
        _backward,
        (
            "Chain rule: effect of the parent = its slope times the effect of the node.",
            "A parent may be reached along several ways. Their effects add.",
            "parent.grad += slope * node.grad",
        ),
        Scalar.backward,
    ),
    "0.unbroadcast": Check(
        _unbroadcast,
        (
            "NumPy repeats an array in two ways: new axes in front, and axes of length 1 made longer.",
            "Sum over the new axes (without keepdims), then over the axes of length 1 (with keepdims=True).",
            "g.sum(axis=tuple(range(g.ndim - len(shape)))), then g.sum(axis=<where shape is 1>, keepdims=True).",
        ),
        engine.unbroadcast,
    ),
    "0.matmul": Check(
        _matmul,
        (
            "Write down the shapes: a is (n, d), b is (d, m), and so g is (n, m). What gives (n, d)?",
            "g (n, m) times b turned over (m, d) gives (n, d).",
            "For a: g @ b.value.T. For b: a.value.T @ g.",
        ),
        Array.__matmul__,
    ),
    "0.cross_entropy": Check(
        _cross_entropy,
        (
            "y * log_p keeps only the true class of each row, because y is 0 elsewhere.",
            "The loss is minus the mean over rows of that sum. For the gradient you need p, which is np.exp(log_p).",
            "loss = -(y * log_p).sum(axis=1).mean(); the pull is lambda g: g * (np.exp(log_p) - y) / len(y).",
        ),
        engine.cross_entropy,
    ),
    "0.descend": Check(
        _descend,
        (
            "The gradient points uphill, and we want to go down.",
            "The learning rate says how far.",
            "p.value -= lr * p.grad",
        ),
        engine.descend,
    ),
    "0.trap": Check(
        _trap,
        (
            "Fit the line on some rows, and score it on others.",
            "StratifiedGroupKFold(2, shuffle=True, random_state=seed).split(h, y, groups) yields pairs of row numbers.",
            "fit_on, judge_on = next(...); then fit_line(h[fit_on], y[fit_on]).score(h[judge_on], y[judge_on]).",
        ),
        honest_line,
    ),
}
