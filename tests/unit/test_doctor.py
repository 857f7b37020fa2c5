import hashlib
import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from layerscope.card import Card
from layerscope.classroom import mirror as mirroring
from layerscope.cli import app
from layerscope.data import DATASETS, gad, hallmarks, mednist, phenotypes, xrays
from layerscope.doctor import OPTIONAL, examine, whereabouts
from layerscope.fetch import fetch_all
from layerscope.models.weights import WEIGHTS, Weights
from layerscope.source import DataError, Digest, Source


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
    assert whereabouts(gad) == "to be downloaded (2 MB)", "its archive has no address: the three files are fetched"
    for piece in gad.PIECES.values():
        (elsewhere / "cache" / piece.name).mkdir(exist_ok=True)
        (elsewhere / "cache" / piece.name / piece.file).touch()
    assert whereabouts(gad) == "cache"
    monkeypatch.setattr(phenotypes, "packaged", lambda: file.parent)
    assert whereabouts(phenotypes) == "to be downloaded (12 MB)", "the package holds another file"
    (file.parent / phenotypes.SOURCE.file).touch()
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


# what is there is what would be taken


def source(file: str, body: bytes) -> Source:
    digest = Digest("sha256", hashlib.sha256(body).hexdigest(), "the toy maker's")
    return Source("toy", "The toy", file, ("http://127.0.0.1:9/never",), (digest,), len(body), "CC0", "Toy", "none")


PIECES = {name: source(f"{name}.tsv", name.encode()) for name in ("one", "two")}
TOY = SimpleNamespace(
    SOURCE=source("toy.tar.gz", b"packed"), PIECES=PIECES, FROM="download", CARD=Card("toy", "T", "CC0", "Toy", "none")
)


def put(folder: Path, *names: str) -> None:
    bodies = {"toy.tar.gz": b"packed", "one.tsv": b"one", "two.tsv": b"two"}
    (folder / "toy").mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / "toy" / name).write_bytes(bodies[name])


@pytest.mark.parametrize(
    ("cache", "mirror", "found"),
    [
        ((), ("toy.tar.gz",), "mirror M"),
        ((), ("one.tsv", "two.tsv"), "mirror M"),
        (("one.tsv",), ("two.tsv",), "cache and mirror M"),
        (("one.tsv", "two.tsv"), (), "cache"),
        (("one.tsv",), ("one.tsv",), None),
    ],
)
def test_a_mirror_of_the_archive_or_of_its_pieces_is_seen_as_it_is_read(elsewhere, monkeypatch, cache, mirror, found):
    """As `layerscope data mirror` leaves it: of a set whose archive has no address, the mirror gets the pieces."""
    put(elsewhere / "cache", *cache)
    put(elsewhere / "m", *mirror)
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(elsewhere / "m"))
    if found is None:
        assert whereabouts(TOY).startswith("to be downloaded")
        with pytest.raises(DataError):
            fetch_all(TOY.SOURCE, TOY.PIECES, None)
        return
    assert whereabouts(TOY) == found.replace("M", str(elsewhere / "m"))
    taken = {place.where for place in fetch_all(TOY.SOURCE, TOY.PIECES, None)}
    assert taken == {word for word in ("cache", "mirror") if word in found}


def test_an_unpacked_folder_in_the_mirror_is_seen(elsewhere, monkeypatch):
    (elsewhere / "m" / "toy" / "toy").mkdir(parents=True)
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(elsewhere / "m"))
    assert whereabouts(TOY) == f"mirror {elsewhere / 'm'}, unpacked"
    assert fetch_all(TOY.SOURCE, TOY.PIECES, None)[0].path == elsewhere / "m" / "toy" / "toy"


def test_the_mirror_that_is_made_from_pieces_is_the_one_that_is_seen(elsewhere, monkeypatch):
    monkeypatch.setattr(mirroring, "DATASETS", {"toy": TOY})
    put(elsewhere / "cache", "one.tsv", "two.tsv")
    (made,) = mirroring.mirror(elsewhere / "m", ["toy"])
    assert made.files == ("toy/one.tsv", "toy/two.tsv")
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(elsewhere / "empty"))
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(elsewhere / "m"))
    assert whereabouts(TOY) == f"mirror {elsewhere / 'm'}"


# what is damaged


def data(name: str, **asked):
    return next(finding for finding in examine(**asked) if finding.what == f"data: {name}")


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(DATASETS, "toy", TOY)


def test_a_file_that_was_cut_while_it_was_copied_is_found_where_files_are_read(elsewhere, monkeypatch, toy):
    put(elsewhere / "m", "toy.tar.gz")
    cut = elsewhere / "m" / "toy" / "toy.tar.gz"
    cut.write_bytes(b"pack")
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(elsewhere / "m"))
    assert data("toy").good, "only looked for"
    found = data("toy", verify=["toy"])
    assert found.good is False and found.found.startswith(f"damaged: {cut} is not The toy: got sha256")
    assert found.advice == "copy the file to the mirror again, from the folder that is whole"
    put(elsewhere / "cache", "one.tsv", "two.tsv")
    assert data("toy", verify=["toy"]).found == "cache", "the pieces are whole, and a run would take them"
    (elsewhere / "cache" / "toy" / "one.tsv").write_bytes(b"?")
    assert data("toy", verify=["toy"]).good is False


def test_a_damaged_cache_beside_a_whole_mirror_is_passed_over(elsewhere, monkeypatch, toy):
    put(elsewhere / "m", "toy.tar.gz")
    put(elsewhere / "cache", "toy.tar.gz")
    (elsewhere / "cache" / "toy" / "toy.tar.gz").write_bytes(b"?")
    assert data("toy", verify=["toy"]).advice == "layerscope data get toy"
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(elsewhere / "m"))
    assert data("toy", verify=["toy"]).found == f"mirror {elsewhere / 'm'}"


def test_damaged_weights_are_found(elsewhere, monkeypatch):
    files = (source("w.bin", b"weights"),)
    net = Weights("net", "A net", files, "toy-net-that-is-not-there", "model", downloads=False)
    monkeypatch.setitem(WEIGHTS, "net", net)
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(elsewhere))
    (elsewhere / "net").mkdir()
    (elsewhere / "net" / "w.bin").write_bytes(b"weigh")
    found = next(one for one in examine(verify=["net"]) if one.what == "weights: net")
    assert found.good is False and "w.bin is not The toy" in found.found and "mirror again" in found.advice
    (elsewhere / "net" / "w.bin").write_bytes(b"weights")
    assert next(one for one in examine(verify=["net"]) if one.what == "weights: net").good
    gone = replace(net, name="nowhere")
    monkeypatch.setitem(WEIGHTS, "net", gone)
    assert next(one for one in examine() if one.what == "weights: net").found == "to be fetched from their hub"


def test_the_command_reads_what_it_is_told_to(elsewhere, monkeypatch, toy):
    put(elsewhere / "cache", "toy.tar.gz")
    (elsewhere / "cache" / "toy" / "toy.tar.gz").write_bytes(b"?")
    said = CliRunner().invoke(app, ["doctor", "--json", "--verify", "toy, mednist"]).output
    findings = {one["what"]: one for one in json.loads(said)["findings"]}
    assert findings["data: toy"]["good"] is False and findings["data: mednist"]["good"] is None
    wrong = CliRunner().invoke(app, ["doctor", "--verify", "toys"])
    assert "nothing is called 'toys'. There are: " in str(wrong.exception)
