"""torchvision, timm and fastai can be imported beside this torch; each in a process that has not imported them yet."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    not (find_spec("timm") and find_spec("fastai")),
    reason="timm or fastai is not installed: pip install layerscope[vision]",
)


def fresh(code: str, warnings: str = "error") -> str:
    done = subprocess.run([sys.executable, "-W", warnings, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_torchvision_and_timm_work_after_it():
    code = """
import torch
from layerscope.torchvision_cpu import declare_operators
declare_operators()
import torchvision, timm
net = timm.create_model("resnet18", num_classes=3).eval()
flipped = torchvision.transforms.functional.hflip(torch.arange(3.0).view(1, 1, 3))
print(tuple(net(torch.zeros(2, 3, 32, 32)).shape), flipped.flatten().tolist())
"""
    assert fresh(code) == "(2, 3) [2.0, 1.0, 0.0]"


def test_fastai_works_after_it():
    code = """
from layerscope.torchvision_cpu import declare_operators
declare_operators()
from fastai.vision.all import aug_transforms, vision_learner
print(len(aug_transforms()) > 0, callable(vision_learner))
"""
    assert fresh(code, warnings="ignore::DeprecationWarning") == "True True"  # fastai's own, of torch.jit and pandas


def test_it_says_whether_it_was_needed_and_is_needed_once():
    code = """
import subprocess, sys
from layerscope.torchvision_cpu import declare_operators
alone = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True, text=True)
needed = "operator torchvision::nms does not exist" in alone.stderr
print(declare_operators() == needed, declare_operators())
import torchvision
print(declare_operators())
"""
    assert fresh(code).split() == ["True", "False", "False"]


def test_an_operator_that_was_only_declared_says_so_when_called():
    code = """
import torch
from layerscope.torchvision_cpu import declare_operators
declared = declare_operators()
from torchvision.ops import nms
try:
    print(nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5).tolist())
except (RuntimeError, NotImplementedError) as error:
    print("no implementation" if declared else error)
"""
    assert fresh(code) in ("[0]", "no implementation")


def test_without_torchvision_it_does_nothing():
    code = """
import importlib.abc, sys
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            raise ModuleNotFoundError(name)
import importlib.machinery
sys.meta_path = [f for f in sys.meta_path if f is not importlib.machinery.PathFinder]
class Rest(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "torchvision" else super().find_spec(name, path, target)
sys.meta_path.append(Rest)
import torch
from layerscope.torchvision_cpu import declare_operators
print(declare_operators(), hasattr(torch.ops.torchvision, "nms"))
"""
    assert fresh(code) == "False False"
