"""What a borrowed network gives back, against hooks by hand; and that it is left as it was."""

import copy
import weakref
from types import SimpleNamespace

import pytest
import torch
from conftest import toy_images
from torch import nn

from layerscope.checkpoint import build
from layerscope.dataset import Dataset
from layerscope.inputs import Graphs, Images, Tokens
from layerscope.models.borrowed import as_layered, borrow
from layerscope.see.activations import activations, untrained
from layerscope.torchvision_cpu import declare_operators

TOY = toy_images()


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 8, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)),
    )


def hooks(model):
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


@pytest.fixture(scope="module")
def resnet():
    declare_operators()
    from torchvision.models import resnet18

    torch.manual_seed(0)
    return resnet18(weights=None).eval()


def read(model, example=TOY, **more):
    return activations(borrow(model, example.inputs, **more), example)


def same(a, b, atol=1e-5):
    assert list(a) == list(b)
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=atol, rtol=1e-4)


def test_the_stages_are_the_pooled_outputs_of_the_modules(resnet):
    few = toy_images(6, size=64)
    raw = {}
    handles = [
        getattr(resnet, name).register_forward_hook(lambda m, i, out, name=name: raw.update({name: out.clone()}))
        for name in ("layer1", "layer3")
    ]
    with torch.no_grad():
        logits = resnet(few.inputs.pixels.float().expand(-1, 3, -1, -1) / 255)
    for handle in handles:
        handle.remove()
    found = read(resnet, few)
    for name, h in raw.items():
        torch.testing.assert_close(found[name], torch.cat([h.mean((2, 3)), h.amax((2, 3))], dim=1))
    torch.testing.assert_close(found["output"], logits)


def test_an_in_place_relu_does_not_reach_back_into_the_stage_before_it():
    model = net().eval()
    found = read(model, stages=["0", "1", "2"])
    assert found["1"].min() < 0
    assert found["2"].min() >= 0
    assert not torch.equal(found["0"], found["1"])


def test_a_module_called_twice_gives_two_stages():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.flat, self.layer, self.head = nn.Flatten(), nn.Linear(256, 256), nn.Linear(256, 2)

        def forward(self, x):
            return self.head(self.layer(self.layer(self.flat(x)).relu()).relu())

    model = Twice()
    found = read(model)
    assert list(found) == ["input", "layer#0", "layer#1", "output"]
    first = model.layer((TOY.inputs.pixels.float() / 255).flatten(1))
    torch.testing.assert_close(found["layer#0"], first.detach())
    torch.testing.assert_close(found["layer#1"], model.layer(first.relu()).detach(), atol=1e-5, rtol=1e-4)
    assert list(read(model, stages="layer")) == list(found)
    assert list(read(model, stages="layer#1")) == ["input", "layer#1", "output"]


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.think, self.head = nn.Embedding(20, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, input_ids, attention_mask):
        h = self.think(self.embed(input_ids))
        return {"loss": None, "logits": self.head((h * attention_mask[..., None]).sum(1))}


def test_padding_changes_no_stage():
    g = torch.Generator().manual_seed(1)
    ids, mask = torch.randint(1, 20, (5, 6), generator=g), torch.ones(5, 6, dtype=torch.bool)
    mask[:, 4:] = False
    padded = Dataset.of(Tokens(ids, mask), [0, 1, 0, 1, 0])
    short = Dataset.of(Tokens(ids[:, :4], mask[:, :4]), [0, 1, 0, 1, 0])
    other = Dataset.of(Tokens(ids.masked_fill(~mask, 0), mask), [0, 1, 0, 1, 0])
    model = Reader()
    found = read(model, padded)
    assert list(found) == ["input", "embed", "think", "output"]
    assert found["input"].shape == (5, 20)
    assert (found["input"].sum(1) == 4).all()
    same(found, read(model, short))
    same(found, read(model, other))


def test_nodes_are_pooled_per_graph_and_a_graph_never_sees_another():
    class Chemist(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x, edge_index):
            h = self.a(x)
            return self.b(h.index_add(0, edge_index[1], h[edge_index[0]]).relu())

    graphs = Graphs(torch.randn(5, 3), torch.tensor([[0, 1, 3], [1, 0, 4]]), torch.tensor([0, 0, 1, 2, 2]), 3)
    data, model = Dataset.of(graphs, [0, 1, 0]), Chemist()
    found = read(model, data)
    a = model.a(graphs.nodes).detach()
    torch.testing.assert_close(found["a"][2], torch.cat([a[3:].mean(0), a[3:].amax(0)]))
    assert found["output"].shape == (3, 4)
    same(found, activations(borrow(model, graphs), data, batch_size=1))


@pytest.mark.parametrize("wrap", ["parallel", "compiled", "learner", "channels last"])
def test_a_wrapped_model_gives_the_same_arrays(wrap):
    model = net().eval()
    wrapped = {
        "parallel": lambda: nn.DataParallel(model),
        "compiled": lambda: torch.compile(model, backend="eager"),
        "learner": lambda: SimpleNamespace(model=model),
        "channels last": lambda: copy.deepcopy(model).to(memory_format=torch.channels_last),
    }[wrap]()
    same(read(model), read(wrapped))


def test_a_learner_s_normalisation_is_used():
    class Normalize:
        mean, std = torch.tensor(0.25).reshape(1, 1, 1, 1), torch.tensor(0.5).reshape(1, 1, 1, 1)

    model = net().eval()
    learner = SimpleNamespace(model=model, dls=SimpleNamespace(after_batch=SimpleNamespace(fs=[Normalize()])))
    by_hand = read(model, feed=lambda m, x: m((x.pixels.float() / 255 - 0.25) / 0.5))
    same(read(learner), by_hand)
    model.pretrained_cfg = {"mean": (0.25,), "std": (0.5,)}
    same(read(model), by_hand)


def test_maps_with_channels_last_and_sequences_first_are_pooled_over_places():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.mix = nn.Conv2d(1, 6, 4, 4), nn.LayerNorm(6), nn.Linear(6, 5)

        def forward(self, x):
            h = self.norm(self.conv(x).permute(0, 2, 3, 1))
            return self.mix(h.flatten(1, 2).transpose(0, 1)).mean(0)

    found = read(Turned(), stages=["norm", "mix"])
    assert [z.shape[1] for z in found.values()] == [256, 12, 10, 5]
    half = read(Turned().bfloat16(), stages=["norm"])
    assert {z.dtype for z in half.values()} == {torch.float32}


def test_nothing_of_the_network_is_changed():
    model = net()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    model[8].weight.grad = torch.ones_like(model[8].weight)
    before = copy.deepcopy(model)
    flags = [part.training for part in model.modules()]
    state = torch.get_rng_state()
    borrowed = borrow(model, TOY.inputs)
    activations(borrowed, TOY)
    untrained(borrowed, TOY, seed=3)
    assert torch.equal(state, torch.get_rng_state())
    assert flags == [part.training for part in model.modules()]
    assert hooks(model) == 0
    assert all(
        torch.equal(a, b) for a, b in zip(before.state_dict().values(), model.state_dict().values(), strict=True)
    )
    assert not model[0].weight.requires_grad
    assert torch.equal(model[8].weight.grad, torch.ones(2, 8))


def test_after_an_exception_no_hook_is_left_and_training_goes_on():
    class Fails(nn.Module):
        fail = False

        def forward(self, x):
            if self.fail:
                raise RuntimeError("broken on purpose")
            return x

    model = nn.Sequential(net(), Fails())
    borrowed = borrow(model, TOY.inputs)
    model[1].fail = True
    borrowed.train()
    for attempt in (lambda: activations(borrowed, TOY), lambda: borrow(model, TOY.inputs)):
        with pytest.raises(RuntimeError, match="on purpose"):
            attempt()
        assert hooks(model) == 0
        assert all(part.training for part in model.modules())


def test_batches_do_not_matter_and_one_raw_map_at_most_is_alive():
    alive, most = weakref.WeakSet(), []

    class Watched(nn.Conv2d):
        def forward(self, x):
            h = super().forward(x)
            most.append(len(alive))
            alive.add(h)
            return h

    model = nn.Sequential(Watched(1, 4, 3), nn.ReLU(), Watched(4, 4, 3), nn.ReLU(), Watched(4, 2, 12)).eval()
    borrowed = borrow(model, TOY.inputs)
    alive.clear()
    most.clear()
    a = activations(borrowed, TOY, batch_size=6)
    assert len(most) == 48
    assert max(most) <= 1
    same(a, activations(borrowed, TOY, batch_size=7))


def test_globs_stop_at_dots_unless_doubled(resnet):
    few = TOY.rows(torch.arange(4).numpy())
    assert list(borrow(resnet, few.inputs, "layer*").chosen) == ["layer1", "layer2", "layer3", "layer4", "output"]
    assert list(borrow(resnet, few.inputs, ["layer4.*", "layer1"]).chosen)[:3] == ["layer1", "layer4.0", "layer4.1"]
    assert "layer1.0.conv1" in borrow(resnet, few.inputs, "layer1**").chosen
    assert "layer4  4×512×1×1" not in str(borrow(resnet, few.inputs))
    assert str(borrow(resnet, few.inputs, "layer4")).splitlines()[1].split() == ["layer4", "3×512×1×1", "512", "1"]


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.spare = nn.Sequential(nn.Flatten(), nn.Linear(256, 2)), nn.Linear(2, 2)

    def forward(self, x):
        return self.used(x)


class Nothing(nn.Module):
    def forward(self, x):
        return "text"


class Constant(nn.Module):
    def forward(self, x):
        return torch.zeros(len(x), 2)


class Flat(nn.Module):
    def forward(self, x):
        return x.mean()


@pytest.mark.parametrize(
    ("model", "more", "text"),
    [
        (net(), {"stages": "layer1"}, "no module is called 'layer1'. The nearest names are"),
        (Idle(), {"stages": "spare"}, "'spare' names spare, which did not run"),
        (Nothing(), {}, "holds no tensor: got str"),
        (Constant(), {}, "does not depend on the inputs"),
        (Flat(), {}, r"no axis of 3 samples for 3 samples given: got \(\)"),
        (nn.Conv2d(4, 2, 3), {}, "takes 4 channels and the images have 3"),
        ("a path", {}, "needed a torch module.* Got str"),
        (net(), {"most": 1}, "most must be at least 2"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(model, more, text):
    images = Images(TOY.inputs.pixels[:4].expand(-1, 3 if isinstance(model, nn.Conv2d) else 1, -1, -1))
    with pytest.raises(ValueError, match=text):
        borrow(model, images, **more)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused():
    with pytest.raises(ValueError, match="TorchScript"):
        borrow(torch.jit.script(net()), TOY.inputs)


def test_a_stage_that_does_not_run_later_is_named():
    model = Idle()
    borrowed = borrow(model, TOY.inputs, "used")
    model.forward = lambda x: model.spare(x.flatten(1)[:, :2])
    with pytest.raises(ValueError, match="used did not run in this pass"):
        activations(borrowed, TOY)


def test_a_layered_network_comes_back_as_it_is():
    own = build("mlp", {"pixels": 256, "classes": 2}, seed=0)
    assert as_layered(own, TOY.inputs) is own
    assert list(as_layered(net(), TOY.inputs).chosen)[-1] == "output"


def test_the_twin_has_fresh_weights_everywhere_and_the_same_for_the_same_seed():
    class Odd(nn.Module):  # no reset_parameters: its own values in another order
        def __init__(self):
            super().__init__()
            self.flat, self.w, self.head = nn.Flatten(), nn.Parameter(torch.randn(256, 8)), nn.Linear(8, 2)

        def forward(self, x):
            return self.head((self.flat(x) @ self.w).relu())

    model = Odd()
    borrowed = borrow(model, TOY.inputs)
    twin, again = (untrained(borrowed, TOY, seed=3) for _ in range(2))
    assert torch.equal(twin.model.w.flatten().sort().values, model.w.flatten().sort().values)
    assert not torch.equal(twin.model.w, model.w)
    assert not torch.equal(twin.model.head.weight, model.head.weight)
    same(activations(twin, TOY), activations(again, TOY), atol=0)
    assert not torch.equal(twin.model.w, untrained(borrowed, TOY, seed=4).model.w)


def test_a_twin_that_still_has_a_trained_matrix_is_refused():
    own = build("mlp", {"pixels": 256, "classes": 2}, seed=5)
    with pytest.raises(ValueError, match=r"still has the trained weights of blocks.0.0.weight \(128, 256\)"):
        untrained(own, TOY, seed=5)


def test_the_twin_of_an_own_network_is_what_build_gives():
    config = {"pixels": 256, "classes": 2}
    twin, fresh = untrained(build("mlp", config, seed=0), TOY, seed=5), build("mlp", config, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(twin.parameters(), fresh.parameters(), strict=True))
