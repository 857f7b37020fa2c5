import importlib.metadata

import pytest

from layerscope.data import DATASETS, gad, hallmarks, mednist, phenotypes, xrays
from layerscope.doctor import OPTIONAL, examine, whereabouts


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)
    return tmp_path


def test_a_data_set_is_found_where_a_run_would_take_it_from(elsewhere, monkeypatch):
    assert whereabouts(xrays) == "built in"
    assert whereabouts(mednist) == "to be downloaded (64 MB)"
    file = elsewhere / "cache" / mednist.SOURCE.name / mednist.SOURCE.file
    file.parent.mkdir(parents=True)
    file.touch()
    assert whereabouts(mednist) == "cache"
    assert whereabouts(hallmarks) == "your own copy: --data"
    assert whereabouts(gad) == "to be downloaded (0 MB)"
    for piece in gad.PIECES.values():
        (elsewhere / "cache" / piece.name).mkdir(exist_ok=True)
        (elsewhere / "cache" / piece.name / piece.file).touch()
    assert whereabouts(gad) == "cache"
    monkeypatch.setattr(phenotypes, "packaged", lambda: file)
    assert whereabouts(phenotypes) == "an installed package"
    monkeypatch.setattr(phenotypes, "packaged", lambda: None)
    assert whereabouts(phenotypes) == "to be downloaded (12 MB)"


def test_what_is_missing_is_said_and_only_what_is_needed_is_a_fault(monkeypatch):
    real = importlib.metadata.version

    def without(name):
        if name in ("transformers", "rich"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    found = {finding.what: finding for finding in examine()}
    assert (found["transformers"].good, found["transformers"].advice) == (None, OPTIONAL["transformers"])
    assert (found["rich"].good, found["rich"].advice) == (False, "pip install rich")
    assert found["numpy"].good
    assert {f"data: {name}" for name in DATASETS} <= set(found)
