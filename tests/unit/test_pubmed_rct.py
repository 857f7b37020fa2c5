"""PubMed 20k RCT: its format, its digests, and its download from a server that misbehaves. The files are made up."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from misbehaving import Misbehaving, Reply

from layerscope import download
from layerscope.data import DATASETS, pubmed_rct
from layerscope.data.splits import SPLITS
from layerscope.source import DataError, Digest

TRAIN = """###24293578
OBJECTIVE\tTo see whether a made-up drug helps .
METHODS\tTen patients ( n = 10 ) were drawn by lot .
RESULTS\tIt did\u2028not help .
CONCLUSIONS\tIt does not help .

###20000002
BACKGROUND\tLittle is known .
RESULTS\tNo serious adverse events occurred .

"""
DEV = "###30000003\nMETHODS\tThey were asked .\nRESULTS\tNo serious adverse events occurred .\n\n"
TEST = "###40000004\nCONCLUSIONS\tIt does not help .\n\n###20000002\nBACKGROUND\tLittle is known .\n"


def blob(data: bytes) -> Digest:
    return Digest("git blob", hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(), "made up")


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Writes the three files, and takes their digests for the published ones."""

    def _put(train: str = TRAIN, dev: str = DEV, test: str = TEST) -> Path:
        folder = tmp_path / "files"
        folder.mkdir()
        pieces = {}
        for name, text in {"train": train, "dev": dev, "test": test}.items():
            (folder / f"{name}.txt").write_bytes(text.encode())
            pieces[name] = replace(pubmed_rct.PIECES[name], digests=(blob(text.encode()),))
        monkeypatch.setattr(pubmed_rct, "PIECES", pieces)
        return folder

    return _put


def test_sentences_have_their_roles_their_abstracts_and_their_places(put):
    loaded = pubmed_rct.load(put())
    data = loaded.dataset
    assert data.ids[:6].tolist() == [*(f"train/24293578/{i}" for i in range(4)), "train/20000002/0", "train/20000002/1"]
    assert [data.classes[k] for k in data.targets[:4]] == ["objective", "methods", "results", "conclusions"]
    assert data.inputs.strings[2] == "It did\u2028not help .", "only the file's own line ends count"
    assert (len(data), len(set(data.groups[:4]))) == (10, 1)
    assert "git blob" in loaded.origin
    assert data.source == pubmed_rct.CARD == DATASETS["pubmed_rct"].CARD


def test_an_abstract_of_the_test_part_is_left_out_of_training_and_a_stock_phrase_is_not(put):
    parts = SPLITS[pubmed_rct.SPLIT](pubmed_rct.load(put()).dataset, 0)
    assert [len(parts[name]) for name in ("train", "val", "test")] == [4, 2, 2]
    assert parts["val"].ids.tolist() == ["val/30000003/0", "val/30000003/1"]


def test_windows_line_ends_make_no_difference(put):
    assert pubmed_rct.load(put(train=TRAIN.replace("\n", "\r\n"))).dataset.inputs.strings[0].endswith("helps .")


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        ("METHODS\tbefore any abstract\n", 1),
        ("###1\nMETHODS\tone\n\nRESULTS\tafter its end\n", 4),
        ("###1\nMETHOD\tno such role\n", 2),
        ("###1\nMETHODS no tab\n", 2),
        ("###one\n", 1),
    ],
)
def test_a_line_that_is_none_of_the_format_is_named(put, bad, line):
    folder = put(dev=bad)
    complaint = f"dev.txt, line {line}: needed ### and the number of an abstract, or below one of BACKGROUND, OBJECTIVE"
    with pytest.raises(DataError, match=complaint):
        pubmed_rct.load(folder)


def test_other_files_are_refused(put, tmp_path):
    folder = put()
    (folder / "test.txt").write_text(TEST + "\n")
    with pytest.raises(DataError, match=r"test\.txt is not PubMed 20k RCT.*: got git blob \w{40} .*made up"):
        pubmed_rct.load(folder)
    (folder / "test.txt").unlink()
    with pytest.raises(DataError, match=r"test\.txt does not exist"):
        pubmed_rct.load(folder)
    with pytest.raises(DataError, match=r"needed a folder with train.txt, dev.txt, test.txt. Got .*dev\.txt"):
        pubmed_rct.load(folder / "dev.txt")


def test_the_address_is_of_one_commit_and_the_digests_are_its():
    for name, piece in pubmed_rct.PIECES.items():
        assert piece.urls[0].endswith(f"/{pubmed_rct.COMMIT}/PubMed_20k_RCT/{name}.txt")
        assert [digest.algorithm for digest in piece.digests] == ["git blob"]


# the download; one server has one file, so all three parts are the same here

BODY = TRAIN.encode()


def served(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = {
        name: replace(piece, urls=(server.url(f"/{name}.txt"),), digests=(blob(BODY),))
        for name, piece in pubmed_rct.PIECES.items()
    }
    monkeypatch.setattr(pubmed_rct, "PIECES", pieces)


@pytest.mark.parametrize(
    ("replies", "asked"),
    [
        pytest.param([], 3, id="good"),
        pytest.param([Reply(cut=40)], 4, id="cut"),
        pytest.param([Reply(location="/elsewhere.txt")], 4, id="redirect"),
        pytest.param([Reply(status=503)], 4, id="busy"),
    ],
)
def test_each_file_is_downloaded_once_and_then_kept(monkeypatch, replies, asked):
    with Misbehaving(BODY, *replies) as server:
        served(server, monkeypatch)
        assert "download" in pubmed_rct.load().origin
        assert "cache" in pubmed_rct.load().origin
        assert len(server.requests) == asked


@pytest.mark.parametrize(
    ("replies", "complaint"),
    [
        pytest.param([Reply(body=b"<html>")], r"wrong bytes. .*got git blob \w{40} \(6 bytes\)", id="another file"),
        pytest.param([Reply(body=BODY[:-1])], r"wrong bytes. .*got git blob", id="a line end less"),
        pytest.param([Reply(cut=9, etag="")] * 3, rf"cut after 9 of {len(BODY)} bytes", id="always cut"),
        pytest.param([Reply(status=404)], "HTTP 404", id="not there"),
        pytest.param([Reply(location="file:///etc/passwd")], "HTTP 302 .*not allowed", id="to a file"),
    ],
)
def test_a_download_that_cannot_be_trusted_is_refused(monkeypatch, tmp_path, replies, complaint):
    with Misbehaving(BODY, *replies) as server:
        served(server, monkeypatch)
        with pytest.raises(DataError, match=complaint):
            pubmed_rct.load()
    assert not list(tmp_path.glob("cache/pubmed_rct/*.txt"))
