"""LAYERSCOPE_NO_SKIP=1: what could be installed must be there; what cannot be is still skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
HERE = """
import pytest

@pytest.mark.skipif(True, reason="needs Chromium, and npm ci --prefix docs")
def test_by_its_mark(): ...

def test_by_import():
    pytest.importorskip("a_package_that_is_not_there")

def test_data():
    pytest.skip("real MedNIST is not here: set LAYERSCOPE_MIRROR to a folder that holds mednist/MedNIST.tar.gz")

def test_system():
    pytest.skip("a file system of 128 KiB needs root on Linux")

@pytest.mark.xfail(reason="could not import the future")
def test_expected_to_fail():
    assert 0
"""
WHOLE = "import pytest\npytest.importorskip('a_package_that_is_not_there')\ndef test_in_it(): ...\n"


@pytest.mark.parametrize(
    ("switch", "said"), [("1", "1 failed, 2 skipped, 1 xfailed, 2 errors"), ("", "5 skipped, 1 xfailed")]
)
def test_a_skip_for_want_of_a_tool_fails_where_that_is_asked(tmp_path, switch, said):
    (tmp_path / "test_here.py").write_text(HERE)
    (tmp_path / "test_whole.py").write_text(WHOLE)
    flags = ["-q", "-p", "no_skip", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *flags, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(TESTS), "LAYERSCOPE_NO_SKIP": switch},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert said in done.stdout, done.stdout
    assert ("LAYERSCOPE_NO_SKIP=1, but this was to be skipped. Skipped: needs Chromium" in done.stdout) == bool(switch)
