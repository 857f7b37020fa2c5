"""The engine of lesson 0: its gradients are PyTorch's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from layerscope.lessons.engine import MLP, Array, Scalar, cross_entropy, descend, forget, in_order, unbroadcast

MOST = 1e-6
SCALAR_STEPS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1.0),
    "power": lambda a, b: a**3 * 0.1 + b,
    "tanh": lambda a, b: (a * b).tanh(),
    "relu": lambda a, b: a.relu() + b,
    "exp": lambda a, b: a.tanh().exp() + b,
    "log": lambda a, b: (a * a + 1.0).log() * b.tanh(),
    "from the right": lambda a, b: 2.0 - a + 1.0 / (b * b + 2.0) + 3.0 * a,
    "minus": lambda a, b: -a * b,
}


def computed(leaves, steps):
    made = list(leaves)
    for name, i, j in steps:
        made.append(SCALAR_STEPS[name](made[i % len(made)], made[j % len(made)]).tanh())
    return made[-1] * 2.0 + made[0]


def close(ours, theirs):
    assert np.abs(np.asarray(ours) - np.asarray(theirs)).max(initial=0) < MOST


programs = st.lists(
    st.tuples(st.sampled_from(sorted(SCALAR_STEPS)), st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=15
)


@settings(max_examples=60, deadline=None)
@given(programs, st.lists(st.floats(-2, 2).filter(lambda v: abs(v) > 1e-3), min_size=3, max_size=3))
def test_random_computations_of_scalars_have_the_gradients_of_pytorch(steps, values):
    ours = [Scalar(v) for v in values]
    theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    end, torch_end = computed(ours, steps), computed(theirs, steps)
    end.backward()
    torch_end.backward()
    close(end.value, torch_end.item())
    close([x.grad for x in ours], [0.0 if x.grad is None else x.grad.item() for x in theirs])


@settings(max_examples=25, deadline=None)
@given(programs)
def test_and_those_of_finite_differences(steps):
    values, h = np.array([0.7, -0.4, 1.1]), 1e-5
    leaves = [Scalar(v) for v in values]
    computed(leaves, steps).backward()
    for i, leaf in enumerate(leaves):
        ends = [computed([Scalar(v) for v in values + sign * h * (np.arange(3) == i)], steps).value for sign in (1, -1)]
        assert leaf.grad == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-5)


def test_a_value_used_twice_gets_both_shares():
    a = Scalar(3.0)
    (a * a + a).backward()
    assert a.grad == 7
    x = Array([[1.0, 2.0]])
    (x * x + x).sum().backward()
    assert x.grad.tolist() == [[3.0, 5.0]]


def test_gradients_of_leaves_add_up_until_forgotten_and_those_between_do_not():
    a = Scalar(2.0)
    b = a * a
    end = b * 3.0
    end.backward()
    end.backward()
    assert (a.grad, b.grad) == (24, 3)
    w = Array([2.0])
    for _ in range(2):
        (w * w).sum().backward()
    assert w.grad.tolist() == [8]
    forget([w])
    assert w.grad.tolist() == [0]


@pytest.mark.parametrize("leaf", [Scalar(1.0), Array([1.0])], ids=["scalar", "array"])
def test_a_chain_of_5000_operations_hits_no_recursion_limit(leaf):
    end = leaf
    for _ in range(5000):
        end = end + 1.0
    end.backward()
    assert float(np.asarray(leaf.grad).sum()) == 1
    order = in_order(end)
    assert len(order) == 10_001
    place = {id(node): i for i, node in enumerate(order)}
    assert all(place[id(parent)] < place[id(node)] for node in order for parent, _ in node.parents)


ARRAY_STEPS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "tanh": lambda a, b: a.tanh() * b + 1.0,
    "relu": lambda a, b: (a - 0.1).relu() + b * b,
    "mean": lambda a, b: a.mean() + b,
}


@settings(max_examples=60, deadline=None)
@given(
    mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=1, max_side=4),
    st.sampled_from(sorted(ARRAY_STEPS)),
    st.integers(0, 10_000),
)
def test_broadcast_arrays_have_the_gradients_of_pytorch(shapes, step, seed):
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=shape) for shape in shapes.input_shapes]
    ours, theirs = [Array(v) for v in values], [torch.tensor(v, requires_grad=True) for v in values]
    weight = rng.normal(size=shapes.result_shape)
    (ARRAY_STEPS[step](*ours) * weight).sum().backward()
    (ARRAY_STEPS[step](*theirs) * torch.tensor(weight)).sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad.shape == a.value.shape
        close(a.grad, b.grad.numpy())


@settings(max_examples=30, deadline=None)
@given(mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 4), max_dims=3), st.integers(0, 1000))
def test_unbroadcast_is_the_transpose_of_broadcasting(shapes, seed):
    rng, shape = np.random.default_rng(seed), shapes.input_shapes[0]
    small, big = rng.normal(size=shape), rng.normal(size=(2, 3, 4))
    assert (np.broadcast_to(small, (2, 3, 4)) * big).sum() == pytest.approx((small * unbroadcast(big, shape)).sum())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 1000), st.sampled_from([1.0, 30.0, 1000.0]))
def test_cross_entropy_is_that_of_pytorch_also_where_exp_would_overflow(b, k, seed, scale):
    rng = np.random.default_rng(seed)
    values, targets = rng.normal(size=(b, k)) * scale, rng.integers(k, size=b)
    ours, theirs = Array(values), torch.tensor(values, requires_grad=True)
    loss, torch_loss = cross_entropy(ours, targets), torch.nn.functional.cross_entropy(theirs, torch.tensor(targets))
    (loss * 2.0).backward()
    (torch_loss * 2).backward()
    close(loss.value, torch_loss.item())
    close(ours.grad, theirs.grad.numpy())


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_network_has_the_gradients_of_pytorch(activation):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)), rng.integers(3, size=20)
    net = MLP((4, 7, 5, 3), getattr(Array, activation), seed=1)
    cross_entropy(net(x), y).backward()
    weights, h = [torch.tensor(p.value, requires_grad=True) for p in net.parameters], torch.tensor(x)
    for i in range(0, 6, 2):
        h = h @ weights[i] + weights[i + 1]
        h = getattr(torch, activation)(h) if i < 4 else h
    torch.nn.functional.cross_entropy(h, torch.tensor(y)).backward()
    for p, w in zip(net.parameters, weights, strict=True):
        close(p.grad, w.grad.numpy())


def test_arrays_answer_for_numpy():
    x, w = np.ones((2, 3)), Array(np.full((3, 1), 2.0))
    end = x @ w + np.ones(1) - np.ones((2, 1)) * w.mean()
    assert isinstance(end, Array)
    assert end.value.tolist() == [[5.0], [5.0]]


def test_stages_are_input_hidden_layers_and_logits():
    net, x = MLP((2, 3, 4, 5)), np.zeros((6, 2))
    assert [stage.value.shape for stage in net.stages(x)] == [(6, 2), (6, 3), (6, 4), (6, 5)]
    assert all((p.value == q.value).all() for p, q in zip(net.parameters, MLP((2, 3, 4, 5)).parameters, strict=True))


def test_it_learns():
    x = np.random.default_rng(0).normal(size=(200, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)  # no straight line can do this
    net = MLP((2, 8, 2), seed=0)
    for _ in range(400):
        forget(net.parameters)
        cross_entropy(net(x), y).backward()
        descend(net.parameters, 1.0)
    assert (net(x).value.argmax(1) == y).mean() > 0.95


def test_only_a_single_number_can_be_a_loss():
    with pytest.raises(ValueError, match=r"single number\. Got shape \(2,\): take its mean"):
        Array([1.0, 2.0]).backward()


def test_a_vector_is_no_matrix_and_a_leaf_is_its_own():
    with pytest.raises(ValueError, match=r"@ needs two matrices. Got shapes \(3,\) and \(3, 3\)"):
        Array([1, 2, 3]) @ np.eye(3)
    mine = np.ones(2)
    leaf = Array(mine)
    leaf.grad = np.ones(2)
    descend([leaf], 0.5)
    assert mine.tolist() == [1, 1] and leaf.value.tolist() == [0.5, 0.5]
