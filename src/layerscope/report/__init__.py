"""One run folder in, one self-contained HTML page out."""

from pathlib import Path

from layerscope.report.labels import write_label_report
from layerscope.report.page import write_report
from layerscope.report.texts import write_text_report
from layerscope.study.folder import RunFolder

__all__ = ["write_any_report", "write_label_report", "write_report", "write_text_report"]


def write_any_report(path: Path) -> Path:
    """The report of a run of whatever kind.

    Raises:
        DataError: if it is not a run folder.
    """
    by_kind = {"texts": write_text_report, "labels": write_label_report}
    return by_kind.get(RunFolder(path).run.get("kind", ""), write_report)(path)
