"""Any torch module read as a Layered, by hooks: torchvision, timm, fastai, transformers, MONAI, PyG, your own."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from layerscope.inputs import Graphs, Inputs, Tokens
from layerscope.models.feeding import Feed, device_of, feed_for, untouched, unwrap
from layerscope.models.layered import Layered, Stage
from layerscope.models.places import Call, dry_run, find
from layerscope.models.pooling import MOST_FEATURES, pooled, raw, tensors

ROWS = 3  # of the dry run; 2 where there are three tokens, so that the axes can be told apart


class Borrowed(Layered):
    """A network written elsewhere, as a walk through stages that are pooled to (s, d); made by `borrow`."""

    def __init__(self, model: nn.Module, feed: Feed, chosen: dict[str, Call], vocabulary: int) -> None:
        super().__init__()
        self.model = model
        self.feed = feed
        self.chosen = chosen  # stage -> the call of the module that gives it, in the order of computation
        self.vocabulary = vocabulary
        self.config = None

    def stages(self, inputs: Inputs) -> Iterator[Stage]:
        """Run the model once; units are pooled as each module ends, so that no more than one raw output is kept.

        Raises:
            ValueError: if a module that gives a stage does not run.
        """
        found = {"input": raw(inputs, self.vocabulary)}
        names = {(call.path, call.number): name for name, call in self.chosen.items()}
        counts: dict[str, int] = {}

        def watch(path: str) -> Any:
            def seen(_module: nn.Module, _args: Any, output: Any) -> None:
                number = counts[path] = counts.get(path, -1) + 1
                if name := names.get((path, number)):
                    found[name] = _features(name, self.chosen[name], output, inputs)

            return seen

        paths = {call.path for call in self.chosen.values() if call.path}
        hooks = [self.model.get_submodule(path).register_forward_hook(watch(path)) for path in paths]
        try:
            found["output"] = _features("output", self.chosen["output"], self.feed(self.model, inputs), inputs)
        finally:
            for hook in hooks:
                hook.remove()
        if silent := [name for name in self.chosen if name not in found]:
            raise ValueError(
                f"{', '.join(silent)} did not run in this pass (it ran in the dry run of `borrow`). "
                "Choose stages that run for every batch, and borrow the model before it is compiled."
            )
        for name in ("input", *self.chosen):
            yield Stage(name, found[name], per_sample=True)

    def table(self) -> str:
        """Name, shape in the dry run, features after pooling, and module of each stage."""
        rows = [("stage", "shape", "features", "call")]
        for name, call in self.chosen.items():
            rows.append((name, "×".join(map(str, call.shape)), str(_width(call)), f"{call.number + 1}"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)

    def __str__(self) -> str:
        return self.table()


def borrow(
    model: Any, example: Inputs, stages: str | Sequence[str] = "auto", feed: Feed | None = None, most: int = 12
) -> Borrowed:
    """Any torch module as a Layered; the module itself is not changed.

    By itself it finds the places that everything must pass through (layerscope.models.places says how): after each
    residual block, after each transformer block, after each convolution with its norm and activation.

    Args:
        model: a torch module, also inside DataParallel or torch.compile, or a fastai Learner.
        example: a few samples such as will be read; three are used.
        stages: "auto", or which modules by name: "layer*", ["layer1", "layer4.*"]. `*` stops at a dot, `**` does not.
            A module that runs several times has names with a number: "block#0", "block#1".
        feed: how the model is called, if not in the usual way: `lambda model, inputs: model(...)`.
        most: stages at most, when found automatically, the input not counted.

    Raises:
        ValueError: if nothing is found, a name matches nothing, or the model cannot be read.

    Example:
        >>> pixels = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 6), nn.Flatten())
        >>> from layerscope.inputs import Images
        >>> [stage.name for stage in borrow(net, Images(pixels)).stages(Images(pixels))]
        ['input', '1', 'output']
    """
    if most < 2 or not len(example):
        raise ValueError(f"most must be at least 2 and example must hold samples. Got {most} and {len(example)}.")
    module, normalize = unwrap(model)
    rows = ROWS - (isinstance(example, Tokens) and example.ids.shape[1] == ROWS)
    some = torch.arange(rows) % len(example)
    few = Tokens(example.ids[some], example.mask[some]) if isinstance(example, Tokens) else example[some]
    few = few.to(device_of(module))
    feed = feed or feed_for(module, few, normalize)
    with untouched(module):
        calls, flow = dry_run(module, few, feed)
    repeated = {call.path for call in calls if call.number}
    names = {_name(call, repeated): call for call in calls}
    if stages == "auto":
        found = find(module, calls, flow, most)
        chosen = {_name(call, repeated): call for call in found}
    else:
        wanted = [stages] if isinstance(stages, str) else list(stages)
        chosen = _matching(wanted, names, {path for path, _ in module.named_modules() if path})
    vocabulary = flow.vocabulary or 2**31
    if isinstance(example, Tokens) and not flow.vocabulary:
        vocabulary = max(int(example.ids.max()) + 1, MOST_FEATURES + 1)
    return Borrowed(module, feed, chosen, vocabulary)


def as_layered(model: Any, example: Inputs) -> Layered:
    """A Layered as it is; any other module borrowed."""
    return model if isinstance(model, Layered) else borrow(model, example)


def _name(call: Call, repeated: set[str]) -> str:
    return (f"{call.path}#{call.number}" if call.path in repeated else call.path) or "output"


def _matching(wanted: list[str], names: dict[str, Call], paths: set[str]) -> dict[str, Call]:
    """The calls whose names fit a glob, in the order of computation; the output last."""
    taken: set[str] = set()
    for glob in wanted:
        fits = re.compile(re.escape(glob).replace(r"\*\*", ".*").replace(r"\*", "[^.]*").replace(r"\?", "[^.]"))
        here = {name for name, call in names.items() if fits.fullmatch(name) or fits.fullmatch(call.path)}
        if not here:
            if still := sorted(path for path in paths if fits.fullmatch(path)):
                raise ValueError(f"{glob!r} names {still[0]}, which did not run. Choose a module that is called.")
            near = difflib.get_close_matches(glob, names, n=5, cutoff=0.3) or list(names)[:5]
            raise ValueError(f"no module is called {glob!r}. The nearest names are {', '.join(near)}.")
        usable = {name for name in here if names[name].how}
        if not usable:
            raise ValueError(f"{glob!r}: {', '.join(sorted(here))} gives no floating tensor with an axis of samples.")
        taken |= usable
    return {name: call for name, call in names.items() if name in taken or name == "output"}


def _features(name: str, call: Call, output: Any, inputs: Inputs) -> Float[Tensor, "s d"]:
    given = list(tensors(output))
    how = call.how
    if how is not None and call.position < len(given):
        h = given[call.position]
        axis, wanted = (
            (0, len(inputs.nodes)) if isinstance(inputs, Graphs) and how.kind == "node" else (how.batch, len(inputs))
        )
        if h.ndim == len(call.shape) and h.shape[axis] == wanted:
            return pooled(h, how, inputs)
    raise ValueError(
        f"{name}: needed what the dry run gave, features of {len(inputs)} samples with {len(call.shape)} axes. "
        f"Got {', '.join(str(tuple(t.shape)) for t in given) or 'no tensor'}."
    )


def _width(call: Call) -> int:
    how = call.how
    assert how is not None
    if how.kind == "units":
        shape = list(call.shape)
        shape.insert(0, shape.pop(how.batch))
        return min(shape[how.features] * (1 if how.units == 1 else 2), MOST_FEATURES)
    d = 1
    for length in call.shape[1:]:
        d *= length
    return min(d * (2 if how.kind == "node" else 1), MOST_FEATURES)
