"""Abstracts with several labels: both forms in which they come, and what is wrong with a file."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from layerscope.data import DATASETS, hallmarks
from layerscope.data.splits import SPLITS
from layerscope.source import DataError

A, B = hallmarks.CLASSES[5], hallmarks.CLASSES[8]
ENTRIES = [
    {"pmid": "11", "split": "train", "sentences": ["DNA breaks .", "Cells grow ."], "labels": [[A], [B, A]]},
    {"pmid": "12", "split": "train", "sentences": ["Nothing here ."], "labels": [[]]},
    {"pmid": "13", "split": "dev", "sentences": ["Cells grow on and on ."], "labels": [[B]]},
    {"pmid": "14", "split": "test", "sentences": ["DNA breaks ."], "labels": [[A]]},
]


def packed(tmp_path: Path, entries) -> Path:
    path = tmp_path / "hoc.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(entry) + "\n" for entry in entries).encode()))
    return path


def tables(tmp_path: Path) -> Path:
    for part in hallmarks.PARTS:
        rows = ["labels\tsentence\tindex"]
        for entry in ENTRIES:
            for i, (text, own) in enumerate(zip(entry["sentences"], entry["labels"], strict=True)):
                cells = ",".join(f"{k}_{int(name in own)}" for k, name in enumerate(hallmarks.CLASSES))
                rows += [f"{cells}\t{text}\t{entry['pmid']}_s{i}"] * (entry["split"] == part)
        (tmp_path / f"{part}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_labels_of_an_abstract_are_those_of_its_sentences(tmp_path):
    found = [*hallmarks.read(packed(tmp_path, ENTRIES))]
    assert found[0] == ("train", "11", ["DNA breaks .", "Cells grow ."], {A, B})
    assert [len(a.labels) for a in found] == [2, 0, 1, 1]


def test_blurbs_tables_are_the_same_abstracts_and_become_a_data_set(tmp_path):
    folder = tables(tmp_path)
    assert [*hallmarks.read_tables(folder)] == [*hallmarks.read(packed(tmp_path, ENTRIES))]
    loaded = hallmarks.load(folder)
    data = loaded.dataset
    assert data.several
    assert data.ids.tolist() == ["train/11", "train/12", "val/13", "test/14"]
    assert data.targets.sum(dim=1).tolist() == [2, 0, 1, 1]
    assert data.inputs.strings[0] == "DNA breaks . Cells grow ."
    assert "not verified by a digest" in loaded.origin
    parts = SPLITS["given"](data, 0)
    assert [len(part) for part in parts.values()] == [2, 1, 1]


def test_twins_are_one_group_and_leave_training(tmp_path):
    folder = tables(tmp_path)
    test = folder / "test.tsv"
    test.write_text(test.read_text().replace("DNA breaks .", "nothing HERE"))
    data = hallmarks.load(folder).dataset
    assert data.groups[1] == data.groups[3]
    assert SPLITS["given"](data, 0)["train"].ids.tolist() == ["train/11"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": None}, r"line 1: needed an object with pmid, split, sentences and labels.*KeyError: 'labels'"),
        (
            {"labels": [[A]]},
            r"line 1 \(11\): needed a list of sentences, and of as many lists of labels. Got lists of length 2, 1",
        ),
        ({"sentences": [], "labels": []}, "Got lists of length 0, 0"),
        ({"sentences": 3}, "Got lists of length 2"),
        ({"labels": [["Immortality"], []]}, "unknown label 'Immortality'. Known: Activating invasion"),
        ({"split": "holdout"}, "unknown split 'holdout'. Known: dev, test, train"),
        ({"pmid": "12"}, "needed each abstract once. Got 4 of 3 numbers"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, change, says):
    first = {key: value for key, value in (ENTRIES[0] | change).items() if value is not None}
    with pytest.raises(DataError, match=says):
        loaded_without_digest(packed(tmp_path, [first, *ENTRIES[1:]]))


def loaded_without_digest(path: Path):
    from layerscope.fetch import Found
    from layerscope.progress import silent

    return hallmarks.of_abstracts([*hallmarks.read(path)], Found(path, None, "given"), silent)


def test_files_that_are_not_it(tmp_path):
    none = [entry | {"labels": [[] for _ in entry["sentences"]]} for entry in ENTRIES]
    with pytest.raises(DataError, match="none of 4 abstracts has a label, so there is nothing to learn"):
        loaded_without_digest(packed(tmp_path, none))
    with pytest.raises(DataError, match="Got 0 of 0 numbers"):
        loaded_without_digest(packed(tmp_path, []))
    with pytest.raises(DataError, match="is not Hallmarks of Cancer"):
        hallmarks.load(packed(tmp_path, ENTRIES))
    path = packed(tmp_path, ENTRIES)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read as packed JSON lines"):
        loaded_without_digest(path)
    path.write_bytes(gzip.compress(b"{\n"))
    with pytest.raises(DataError, match=r"line 1: needed an object.*JSONDecodeError"):
        loaded_without_digest(path)


def test_tables_that_are_not_it(tmp_path):
    folder = tables(tmp_path)
    dev = folder / "dev.tsv"
    good = dev.read_text()
    for wrong in (good.replace(",9_0", ""), good.replace("13_s0", "13"), good.replace("9_0", "9_2"), good + "\n?\n"):
        dev.write_text(wrong)
        with pytest.raises(DataError, match=r"dev.tsv, line \d: needed 0_0,1_0,...,9_1, sentence, pmid_s0"):
            hallmarks.load(folder)
    dev.unlink()
    with pytest.raises(DataError, match=r"has no dev.tsv. .*Download train.tsv, dev.tsv and test.tsv from https"):
        hallmarks.load(folder)


def test_where_it_is_nowhere_the_way_to_it_is_told(monkeypatch):
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)
    with pytest.raises(DataError, match="is not downloaded by itself.*--data.*or set LAYERSCOPE_MIRROR"):
        hallmarks.load()


def test_the_real_abstracts():
    mirror = os.environ.get("LAYERSCOPE_MIRROR")
    if not mirror or not (Path(mirror) / "hallmarks_of_cancer" / "hoc.jsonl.gz").is_file():
        pytest.skip("the hallmarks of cancer are not here: set LAYERSCOPE_MIRROR")
    assert DATASETS["hallmarks"] is hallmarks
    loaded = hallmarks.load()
    data = loaded.dataset
    assert (len(data), len(np.unique(data.groups))) == (1852, 1852), "no two abstracts are nearly identical"
    assert int((~data.targets.any(dim=1)).sum()) == 272
    assert data.targets.sum(dim=0).tolist() == [291, 108, 105, 115, 240, 333, 143, 429, 462, 240]
    assert {name: len(part) for name, part in SPLITS["given"](data, 0).items()} == {
        "train": 1295,
        "val": 186,
        "test": 371,
    }
    balanced = SPLITS["groups"](data, 0)
    share = {name: part.targets[:, 3].float().mean().item() for name, part in balanced.items()}
    assert max(share.values()) < 1.5 * min(share.values()), "the rarest label stands in all parts alike"
