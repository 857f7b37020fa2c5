"""One run folder in, one self-contained HTML page out."""

from layerscope.report.page import write_report

__all__ = ["write_report"]
