"""What others have reported on a data set, to stand beside a run, each with the set that it was measured on."""

from dataclasses import dataclass

_PAPER = "Rajpurkar et al. 2017, arXiv:1712.06957"
_HIDDEN = "the hidden test set (207 studies, six radiologists; never released, and its competition is closed)"
_TABLE = "table 2 of the paper, quoted from memory and not read again: look it up before you cite it"
_PARTS = ("all", "ELBOW", "FINGER", "FOREARM", "HAND", "HUMERUS", "SHOULDER", "WRIST")


@dataclass(frozen=True)
class Published:
    """One metric of one reader or network, for all strata together ("all") and for each that was reported."""

    who: str
    metric: str  # a name in judge.READING
    values: dict[str, float]  # by stratum
    measured_on: str
    citation: str
    caveat: str = ""

    def __post_init__(self) -> None:
        empty = [field for field in ("who", "metric", "measured_on", "citation") if not getattr(self, field).strip()]
        if empty or not self.values:
            raise ValueError(f"a published figure needs {', '.join(empty) or 'values'}. Got {self}.")


def _kappa(who: str, *values: float, caveat: str = _TABLE) -> Published:
    return Published(who, "kappa", dict(zip(_PARTS, values, strict=True)), _HIDDEN, _PAPER, caveat)


PUBLISHED: dict[str, tuple[Published, ...]] = {  # by the name of a data set's card
    "mura": (
        _kappa("radiologist 1", 0.731, 0.850, 0.304, 0.796, 0.661, 0.867, 0.864, 0.791),
        _kappa("radiologist 2", 0.763, 0.710, 0.403, 0.802, 0.927, 0.733, 0.791, 0.931),
        _kappa("radiologist 3", 0.778, 0.719, 0.410, 0.798, 0.789, 0.933, 0.864, 0.931),
        _kappa("DenseNet-169", 0.705, 0.710, 0.389, 0.737, 0.851, 0.600, 0.729, 0.931),
        Published("DenseNet-169", "auroc", {"all": 0.929}, _HIDDEN, _PAPER),
        Published("DenseNet-169", "sensitivity", {"all": 0.815}, _HIDDEN, _PAPER),
        Published("DenseNet-169", "specificity", {"all": 0.887}, _HIDDEN, _PAPER),
        Published(
            "DenseNet-169, a public repetition",
            "kappa",
            dict(zip(_PARTS, (0.629, 0.72, 0.59, 0.65, 0.43, 0.72, 0.54, 0.71), strict=True)),
            "the public validation set (1,199 studies)",
            "github.com/ilias-ant/x-ray-abnormality-detection",
            "whether anything was chosen on that same set was not checked",
        ),
    ),
}
