"""One run folder in, one self-contained HTML page out."""

from pathlib import Path
from typing import Any, NamedTuple

from layerscope.report import labels, molecules, texts
from layerscope.report.labels import write_label_report
from layerscope.report.molecules import write_molecule_report
from layerscope.report.page import write_report
from layerscope.report.texts import write_text_report
from layerscope.study.folder import RunFolder

__all__ = [
    "layer_curves",
    "write_any_report",
    "write_label_report",
    "write_molecule_report",
    "write_report",
    "write_text_report",
]


def write_any_report(path: Path) -> Path:
    """The report of a run of whatever kind.

    Raises:
        DataError: if it is not a run folder.
    """
    by_kind = {"texts": write_text_report, "labels": write_label_report, "molecules": write_molecule_report}
    return by_kind.get(RunFolder(path).run.get("kind", ""), write_report)(path)


class LayerCurve(NamedTuple):
    """What a report says of the layers of one network."""

    title: str
    metric: str
    trained: list[dict[str, Any]]  # a reading of each stage
    untrained: list[dict[str, Any]]
    words: str


def layer_curves(folder: RunFolder) -> list[LayerCurve]:
    """Of each network of a run of texts or molecules."""
    run = folder.run
    if run["kind"] == "molecules":
        found, answers = folder.found("layers"), run["answers"]
        words = molecules.layer_words(found, run)
        return [LayerCurve("Graph network", molecules.CURVE[answers], found["trained"], found["untrained"], words)]
    metric, said = (
        ("mean average precision", labels.curve_words) if run["kind"] == "labels" else ("accuracy", texts.curve_words)
    )
    curves = {title: folder.found(f"layers-{net}") for net, title in texts.CURVES.items()}
    return [LayerCurve(title, metric, f["trained"], f["untrained"], said(f)) for title, f in curves.items()]
