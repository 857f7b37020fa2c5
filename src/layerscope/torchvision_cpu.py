"""Let `import torchvision` work beside a torch that was built without CUDA.

The torchvision wheel on PyPI is linked against CUDA. Beside a CPU build of torch its compiled operators cannot load,
and the import stops at `torchvision::nms`: torchvision describes two of its operators to torch (what shape they
return), and torch knows no operators of these names. To declare their signatures is enough. Nothing here, in fastai or
in timm uses them (they remove overlapping boxes in detection); who calls one is told that it has no implementation.
"""

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import library

# as torchvision declares them in csrc/ops/nms.cpp and csrc/ops/quantized/cpu/qnms_kernel.cpp
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[library.Library] = []  # a declaration lasts as long as its Library object


def declare_operators() -> bool:
    """Call before torchvision, fastai or timm is imported; True if anything had to be declared.

    Does nothing where torchvision is not installed, is imported already, or has operators that load.

    Example:
        >>> declare_operators() in (True, False)
        True
    """
    spec = None if "torchvision" in sys.modules else find_spec("torchvision")
    if spec is None or _declared or _own_operators_load(Path(next(iter(spec.submodule_search_locations or [""])))):
        return False
    operators = library.Library("torchvision", "DEF")
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            operators.define(schema)
    _declared.append(operators)
    return True


def _own_operators_load(folder: Path) -> bool:
    """Whether torchvision's compiled file can be loaded; if so it is, as its import would do anyway."""
    for suffix in (*EXTENSION_SUFFIXES, ".so"):
        if (file := folder / f"_C{suffix}").is_file():
            try:
                torch.ops.load_library(str(file))
            except OSError:
                return False
            return True
    return False
