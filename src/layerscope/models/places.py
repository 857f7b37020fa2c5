"""The places of a network that everything must pass through.

One dry run on three samples records which tensor was computed from which. A *place* is the output of a module without
which no path leads from the input to the output (a cut vertex of that graph). Inside a residual block there is none,
because the skip connection leads around it: so blocks stay whole, and a transformer gives its residual stream after
each block. Operations without a module (`x.relu()`, `x + y`, `flatten`) need no special care: they are in the graph.

Of places that follow each other without a weight (a parameter of two or more axes) between them the last is kept:
convolution, norm, activation and pooling make one block (but the norm inside the next block gives way to the block
before it). Only a place where units are pooled away does not swallow the
one before it. Where skip connections lead around nearly everything (U-Nets), the parts of the network stand in.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from layerscope.inputs import Images, Inputs, Tokens
from layerscope.models.pooling import Layout, layout, tensors

FEW = 4  # fewer places than this: try whether the parts of the network say more
LEVEL = 6  # fewer names than this: open the next level of the module tree


class Call(NamedTuple):
    """One call of one module in the dry run."""

    path: str  # in the tree of modules, such as "layer1.0"; "" is the model itself
    number: int  # 0 for the first call of this module
    at: int  # which computed tensor it gave back; -1 if that does not depend on the input
    shape: tuple[int, ...]
    how: Layout | None  # None if it gave no features of samples
    position: int = 0  # of that tensor among those it gave back
    passed_on: bool = False  # it gave back what it was given, as Dropout does in evaluation


class Dataflow(TorchDispatchMode):
    """Number every tensor that depends on the input, in the order of computation, and keep its parents."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        self.primary = (
            inputs.pixels
            if isinstance(inputs, Images)
            else (inputs.ids if isinstance(inputs, Tokens) else inputs.nodes)
        )
        self.parents: list[tuple[int, ...]] = [()]  # tensor 0 is the input
        self.weighty: list[bool] = [False]  # was a weight used to compute it?
        self.embedded: list[int] = []  # what a table gave for the token ids
        self.vocabulary = 0
        self._number = {id(self.primary): 0}
        self._written: dict[int, int] = {}  # memory -> the number of its last change in place
        self._weights: set[int] = set()
        self._alive: list[Any] = [self.primary]  # an id is reused once its tensor is gone

    def number(self, tensor: Tensor) -> int:
        """-1 if it does not depend on the input. A view of memory that was changed since counts as changed."""
        own = self._number.get(id(tensor), -1)
        return max(own, self._written.get(_memory(tensor), -1))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        before = tuple({n for t in given if (n := self.number(t)) >= 0})
        weight = any(id(t) in self._weights or (isinstance(t, nn.Parameter) and t.ndim >= 2) for t in given)
        result = func(*args, **(kwargs or {}))
        made = [t for t in tree_leaves(result) if isinstance(t, Tensor)]
        changed = _changed(func, args, kwargs or {})
        self._alive.extend([*given, *made])
        if before:
            for t in {id(t): t for t in [*made, *changed]}.values():
                self._number[id(t)] = len(self.parents)
                if any(t is other for other in changed):
                    self._written[_memory(t)] = len(self.parents)
                if func._overloadpacket is torch.ops.aten.embedding and self.number(args[1]) >= 0:
                    self.embedded.append(len(self.parents))
                    self.vocabulary = max(self.vocabulary, args[0].shape[0])
                self.parents.append(before)
                self.weighty.append(weight)
        elif weight:
            self._weights.update(id(t) for t in made)
        return result

    def cuts(self, end: int) -> set[int]:
        """The tensors that every path from the input to `end` passes through, `end` included.

        Tensors are numbered in the order of computation, so an edge from a to b leads around all between a and b.
        """
        starts = set(self.embedded) or {0}
        reached = set(starts)
        for n in range(len(self.parents)):
            if any(p in reached for p in self.parents[n]):
                reached.add(n)
        needed = {end}
        for n in range(end, -1, -1):
            if n in needed and n not in starts:
                needed.update(self.parents[n])
        on_path = sorted(reached & needed)
        edges = [(p, n) for n in on_path for p in self.parents[n] if p in reached and n not in starts]
        around = set()
        furthest: dict[int, int] = {}
        for a, b in [*edges, *((-1, n) for n in starts if n in needed)]:
            furthest[a] = max(furthest.get(a, -1), b)
        far = furthest.get(-1, -1)
        for n in on_path:
            if n < far:
                around.add(n)
            far = max(far, furthest.get(n, -1))
        return set(on_path) - around


def dry_run(model: nn.Module, inputs: Inputs, feed: Callable[[Any, Any], Any]) -> tuple[list[Call], Dataflow]:
    """Every call of every module, in the order in which they ended, and the flow of data. Hooks are removed."""
    flow = Dataflow(inputs)
    calls: list[Call] = []
    counts: dict[str, int] = {}

    def watch(path: str) -> Callable[..., None]:
        def seen(_module: nn.Module, given: Any, output: Any) -> None:
            call = _call(path, counts.get(path, 0), output, flow, inputs)
            same = any(flow.number(t) == call.at for t in tensors(given))
            calls.append(call._replace(passed_on=same))
            counts[path] = counts.get(path, 0) + 1

        return seen

    hooks = [part.register_forward_hook(watch(path)) for path, part in model.named_modules() if path]
    try:
        with torch.no_grad(), flow:
            output = feed(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not any(True for _ in tensors(output)):
        raise ValueError(f"the model's output holds no tensor: got {type(output).__name__}. Pass feed= to return one.")
    calls.append(_call("", 0, output, flow, inputs))
    if calls[-1].how is None:
        shapes = ", ".join(str(tuple(t.shape)) for t in tensors(output))
        raise ValueError(
            f"the model's output has no axis of {len(inputs)} samples for {len(inputs)} samples given: got {shapes}."
        )
    return calls, flow


def find(model: nn.Module, calls: list[Call], flow: Dataflow, most: int) -> list[Call]:
    """The stages of a network in the order of computation, its output last; see the top of this file."""
    output = calls[-1]
    if output.at < 0:
        raise ValueError(
            "the model's output does not depend on the inputs. feed=lambda model, inputs: ... must use them."
        )
    kept = _without_repeats([*_outermost(calls, flow.cuts(output.at)), output], flow)
    if len({call.path.partition(".")[0] for call in kept}) < FEW:
        names = _parts(model, "", {call.path for call in calls if call.path})
        parts = [call for call in calls if call.path in names and call.how and call.at >= 0]
        kept = max(kept, _without_repeats([*parts, output], flow), key=len)
    return _at_most(kept, most)


def _parts(module: nn.Module, path: str, called: set[str]) -> list[str]:
    """The called children, opened where one is a mere wrapper or holds another of its own class (a nested U-Net)."""
    children = {f"{path}.{name}".lstrip("."): child for name, child in module.named_children()}
    ran = [name for name in children if name in called]
    found = []
    for name, child in children.items():
        nested = sum(type(part) is type(child) for part in child.modules()) > 1
        if name not in called or nested or (len(ran) == 1 and not path):
            found += _parts(child, name, called) or ([name] if name in called else [])
        else:
            found.append(name)
    return found


def _outermost(calls: Iterable[Call], places: set[int]) -> list[Call]:
    """One call for each place: of several modules that end there, the one nearest to the root."""
    best: dict[int, Call] = {}
    for call in calls:
        if call.path and call.at in places and call.how:
            other = best.get(call.at)
            if other is None or (call.passed_on, _depth(call)) < (other.passed_on, _depth(other)):
                best[call.at] = call
    return [best[at] for at in sorted(best)]


def _without_repeats(calls: list[Call], flow: Dataflow) -> list[Call]:
    """One of each run of places that only reshape, normalise, cut off below or pool what the one before gave."""
    output = calls[-1]
    first = flow.weighty.index(True) if True in flow.weighty and not flow.embedded else 0  # before it all is the input
    inner = [call for call in calls[:-1] if first <= call.at < output.at]
    runs: list[list[Call]] = []
    for call in [*inner, output]:
        before = runs[-1][-1] if runs else None
        weight = before is None or any(flow.weighty[before.at + 1 : call.at + 1])
        if before is None or weight or (_units(before) != 1 and _units(call) == 1):
            runs.append([])
        runs[-1].append(call)
    # the last, but not the norm with which the next block begins: that lies deeper in the tree of modules
    return [*(min(reversed(run), key=_depth) for run in runs[:-1]), output]


def _at_most(calls: list[Call], most: int) -> list[Call]:
    """Whole levels of the module tree while they fit; if those give few, evenly from the next level."""
    if len(calls) <= most:
        return calls
    inner, chosen = calls[:-1], set()
    for depth in sorted({_depth(c) for c in inner}):
        level = [i for i, c in enumerate(inner) if _depth(c) == depth]
        room = most - 1 - len(chosen)
        if len(level) > room:
            if len(chosen) + 1 < LEVEL:
                chosen.update(level[round(k)] for k in torch.linspace(0, len(level) - 1, room).tolist())
            break
        chosen.update(level)
    return [*(inner[i] for i in sorted(chosen)), calls[-1]]


def _call(path: str, number: int, output: Any, flow: Dataflow, inputs: Inputs) -> Call:
    for position, h in enumerate(tensors(output)):
        if how := layout(h, inputs):
            return Call(path, number, flow.number(h), tuple(h.shape), how, position)
    return Call(path, number, -1, (), None)


def _units(call: Call) -> int:
    return call.how.units if call.how else 1


def _depth(call: Call) -> int:
    return call.path.count(".")


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)


def _changed(func: Any, args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """The arguments that an operation writes to."""
    found = []
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[i] if i < len(args) else kwargs.get(argument.name)
            found += [t for t in tree_leaves(value) if isinstance(t, Tensor)]
    return found
