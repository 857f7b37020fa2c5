"""With LAYERSCOPE_NO_SKIP=1 in the environment, no test is skipped for want of a tool or a package: it fails.

So a machine that has all of them (.ci/run) cannot pass by not looking. Data sets that may not be handed on, or are too
large for such a machine, still skip their tests, and so does what a system cannot do.
"""

import os
import re

import pytest

INSTALLABLE = re.compile(r"could not import|not installed|pip install|npm ci|needs (Chromium|Node)")


def wanting(reason: object) -> str | None:
    """What is said instead of a skip, if its reason is something that could be installed."""
    text = reason[2] if isinstance(reason, tuple) else str(reason)
    if os.environ.get("LAYERSCOPE_NO_SKIP") != "1" or not INSTALLABLE.search(text):
        return None
    return f"LAYERSCOPE_NO_SKIP=1, but this was to be skipped. {text}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and (said := wanting(report.longrepr)):
        report.outcome, report.longrepr = "failed", said
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.skipped and (said := wanting(report.longrepr)):  # importorskip at the head of a file
        report.outcome, report.longrepr = "failed", said
    return report
