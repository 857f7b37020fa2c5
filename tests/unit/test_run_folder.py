"""What a run folder of another version says."""

import json

import pytest

from layerscope.source import DataError
from layerscope.study.folder import RunFolder

OLD = {"stage": "pixels", "probe": {"value": 0.4, "low": 0.3, "high": 0.5}, "few": [0.4, 0.3, 0.5], "neighbours": 0.7}
READ = {"value": 0.7, "low": 0.6, "high": 0.8}


def run_with(path, reading, versions):
    (path / "steps").mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"plan": {"seeds": [0]}} | versions))
    found = {"trained": [reading], "untrained": [reading]}
    (path / "steps" / "layers-wild-cnn-0.json").write_text(json.dumps({"seconds": 1.0, "found": found}))
    return RunFolder(path)


def test_readings_without_intervals_are_of_an_older_version(tmp_path):
    with pytest.raises(DataError, match=r"older version of layerscope \(0.1.0\), .* Run it again with another --out"):
        run_with(tmp_path / "old", OLD, {"versions": {"layerscope": "0.1.0"}}).layers("wild", "cnn")
    with pytest.raises(DataError, match=r"older version of layerscope \(unknown\)"):
        run_with(tmp_path / "oldest", OLD, {}).layers("wild", "cnn")
    new = dict.fromkeys(("probe", "few", "neighbours"), READ) | {"stage": "pixels"}
    folder = run_with(tmp_path / "new", new, {})
    assert folder.layers("wild", "cnn")[0]["trained"] == [new]
    assert folder.layers("clean", "cnn") == []
