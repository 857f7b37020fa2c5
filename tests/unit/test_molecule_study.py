"""The study of molecules, whole, on a few of the NCI's with computed answers: a number, a class, several labels."""

import csv
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rdkit")

from layerscope import main_job
from layerscope.data import ncimolecules
from layerscope.data.loaded import Loaded
from layerscope.data.moleculegraphs import as_dataset
from layerscope.data.smiles import molecule
from layerscope.judge.multilabel import MultiLabel
from layerscope.predictions import Numbers, Predictions
from layerscope.progress import silent
from layerscope.report import layer_curves, write_any_report
from layerscope.report.moleculewords import cliff_words, domain_words, headline, interval_words, split_words
from layerscope.source import DataError
from layerscope.study.atlas import open_study
from layerscope.study.facts import command
from layerscope.study.folder import RunFolder
from layerscope.study.moleculeparts import check_ids
from layerscope.study.moleculeplan import MoleculePlan
from layerscope.study.moleculeread import KNOWN, read_molecules, told, warning, write_molecules
from layerscope.study.molecules import study_molecules
from layerscope.terminal import print_answers, print_layers, write_answers
from layerscope.train import Recipe

pytestmark = pytest.mark.skipif(ncimolecules.packaged() is None, reason="this rdkit comes without the NCI's molecules")

RECIPE = MoleculePlan.recipe


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Plans that take seconds, and 300 molecules with a computed logP."""
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("molecules")
    patch.setattr(MoleculePlan, "recipe", lambda plan, molecules: Recipe(epochs=3, batch_size=32, lr=3e-3))
    for name, value in {"trees": 10, "resamples": 100, "draws": 1, "compared": 200}.items():
        patch.setattr(MoleculePlan, name, property(lambda plan, value=value: value))
    patch.setenv("LAYERSCOPE_DEVICE", "cpu")
    patch.setenv("LAYERSCOPE_CACHE", str(folder / "cache"))
    packaged = ncimolecules.packaged()
    assert packaged is not None
    file = folder / "some.smi"
    file.write_text("\n".join(packaged.read_text(encoding="utf-8").splitlines()[:300]) + "\n", encoding="utf-8")
    yield ncimolecules.read(file), folder
    patch.undo()


def _rows(file):
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _done(molecules, path, quick, name="nci"):
    loaded = Loaded(as_dataset(molecules, ncimolecules.CARD), "made on the spot", molecules.identity(), None)
    plan = MoleculePlan(name, quick=quick)
    study_molecules(plan, loaded, molecules, path, False, ("Two rows contradict each other.",), silent)
    write_any_report(path)
    return path, loaded, plan


@pytest.fixture(scope="module")
def numbers(small):
    molecules, folder = small
    return *_done(molecules, folder / "number", quick=False), molecules


@pytest.fixture(scope="module")
def classes(small):
    molecules, folder = small
    high = (molecules.targets > np.median(molecules.targets)).astype(float)
    made = replace(molecules, targets=high, tasks=("greasy",), classes=("no", "yes"), unit="", disagreements=())
    return *_done(made, folder / "class", quick=True), made


@pytest.fixture(scope="module")
def labels(small):
    molecules, folder = small
    several = (molecules.targets > np.array([0.5, 1.5, 2.5])).astype(float)
    several[np.random.default_rng(0).random(several.shape) < 0.2] = np.nan
    several[np.isnan(several).all(axis=1), 0] = 1
    made = replace(molecules, targets=several, tasks=("a", "b", "c"), classes=("no", "yes"), disagreements=())
    return *_done(made, folder / "labels", quick=True), made


ALL = {"run.json", "report.html", "predictions.csv", "model", "steps"}


@pytest.mark.parametrize("kind", ["numbers", "classes", "labels"])
def test_the_folder_holds_everything_and_the_page_asks_for_nothing(kind, request):
    path, *_ = request.getfixturevalue(kind)
    names = {p.name for p in path.iterdir()}
    assert names >= ALL
    assert ("atlas.html" in names) == (kind == "classes")
    page = (path / "report.html").read_text(encoding="utf-8").replace("&#39;", "'")
    assert not re.search(r'(src|href)="https?:', page)
    assert "Two rows contradict each other." in page
    folder = RunFolder(path)
    run, unit = folder.run, folder.run["unit"]
    assert headline(run, folder.found("judged")) in page
    assert domain_words(folder.found("domain"), run["answers"], unit) in page
    assert cliff_words(folder.found("cliffs"), run["answers"]) in page
    assert split_words(folder.found("splits"), run["answers"], unit) in page
    assert layer_curves(folder)[0].words in page
    for wrong in folder.found("mistakes"):
        assert f'aria-label="{wrong["smiles"]}; ' in page
        assert len(wrong["atoms"]) == molecule(wrong["smiles"]).GetNumAtoms()


def test_predictions_can_be_read_again(numbers, classes, labels):
    said = Numbers.from_csv(numbers[0] / "predictions.csv")
    assert said.low is not None
    assert len(said) == RunFolder(numbers[0]).run["parts"]["test"]["samples"]
    assert Predictions.from_csv(classes[0] / "predictions.csv").classes == ("no", "yes")
    known = MultiLabel.from_csv(labels[0] / "predictions.csv").known
    assert known is not None
    assert not known.all()


def test_a_number_has_an_interval_whose_coverage_was_measured(numbers):
    path, *_ = numbers
    found = RunFolder(path).found("calibrated")
    said = Numbers.from_csv(path / "predictions.csv")
    assert said.low is not None
    assert said.high is not None
    held = ((said.low <= said.targets) & (said.targets <= said.high)).mean()
    assert found["held"]["coverage"]["value"] == pytest.approx(held)
    assert interval_words(found, "") in (path / "report.html").read_text(encoding="utf-8")


def test_a_full_run_stacks_and_tries_the_network_on_each_split(numbers, classes):
    folder = RunFolder(numbers[0])
    assert set(folder.found("stacking")["ahead"]) == {"with the network, cross-fitted", "with the network, naively"}
    assert all(len(way["network"]) == 1 for way in folder.found("splits")["ways"].values())
    assert RunFolder(classes[0]).found("stacking") is None
    assert (
        "stacking" not in (classes[0] / "report.html").read_text(encoding="utf-8").split("<main")[1].split("quick")[0]
    )


def test_labels_are_judged_where_they_are_known(labels):
    folder = RunFolder(labels[0])
    assert {"macro_auroc", "macro_average_precision", "auroc(a)", "auroc(b)", "auroc(c)"} == set(
        folder.found("judged")["scores"]["graph network"]
    )
    counts = folder.run["parts"]["train"]["answers"]
    assert all(0 < each["there"] < each["known"] < folder.run["parts"]["train"]["samples"] for each in counts.values())


def test_nothing_is_done_twice_and_no_other_run_is_mixed_in(classes):
    path, loaded, plan, molecules = classes
    before = {p: p.stat().st_mtime_ns for p in (path / "steps").glob("*.json")}
    study_molecules(plan, loaded, molecules, path, True, (), silent)
    assert {p: p.stat().st_mtime_ns for p in (path / "steps").glob("*.json")} == before
    with pytest.raises(DataError, match="holds another run: seed 0 there, 7 now"):
        study_molecules(replace(plan, seed=7), loaded, molecules, path, True, (), silent)


@pytest.mark.parametrize("kind", ["numbers", "classes", "labels"])
def test_the_network_is_kept_and_answers_as_it_answered_the_test(kind, request):
    path, _, _, molecules = request.getfixturevalue(kind)
    ids = [row["id"] for row in _rows(path / "predictions.csv")]
    place = {str(name): i for i, name in enumerate(molecules.ids)}
    found = read_molecules(path, [molecules.smiles[place[name]] for name in ids])
    if kind == "numbers":
        said = Numbers.from_csv(path / "predictions.csv")
        np.testing.assert_allclose(found.said[:, 0], said.values, atol=1e-4)
        assert said.low is not None
        assert f"interval {said.low[0]:.2f}" in found.answer(0)
    else:
        judged = (Predictions if kind == "classes" else MultiLabel).from_csv(path / "predictions.csv")
        np.testing.assert_allclose(found.said, judged.probs, atol=1e-4)
    trained = {row["smiles"] for row in _rows(path / "model" / KNOWN)}
    assert all(like.smiles in trained for near in found.near for like in near)
    assert all(len(near) == 3 and near[0].similarity >= near[1].similarity for near in found.near)


def test_what_was_learned_from_is_found_again_and_what_is_unlike_is_warned_of(classes, capsys):
    path, *_ = classes
    known = _rows(path / "model" / KNOWN)[0]
    found = read_molecules(path, [known["smiles"], "[Xe]"])
    assert found.near[0][0].similarity == 1
    assert (found.outside(1), "Outside" in warning(found, 1) or "Nowhere" in warning(found, 1)) == (True, True)
    print_answers(path, [known["smiles"], "[Xe]"])
    out = capsys.readouterr().out.replace("\n", " ")
    assert all(line.strip() in out for line, _ in told(found))


def test_a_table_of_smiles_is_answered_row_by_row(numbers, classes, tmp_path):
    table = tmp_path / "new.csv"
    table.write_text("name,SMILES\na,CCO\nb,c1ccccc1O\n")
    for path in (numbers[0], classes[0]):
        rows = _rows(write_answers(path, table, "SMILES", tmp_path / "out.csv"))
        assert [(r["line"], r["smiles"]) for r in rows] == [("2", "CCO"), ("3", "Oc1ccccc1")]
        assert all(r["outside"] in ("True", "False") and 0 <= float(r["similarity"]) <= 1 for r in rows)
    assert list(rows[0])[2:5] == ["answer", "p(no)", "p(yes)"]
    write_molecules(numbers[0], ["CCO"], [2], tmp_path / "number.csv")
    row = _rows(tmp_path / "number.csv")[0]
    assert float(row["low"]) < float(row["logP, computed"]) < float(row["high"])


def test_what_cannot_be_read_is_said(classes, tmp_path):
    path, *_ = classes
    with pytest.raises(ValueError, match=r"1 of 2 SMILES cannot be read. 'C\(': it does not follow the rules"):
        read_molecules(path, ["CCO", "C("])
    with pytest.raises(ValueError, match="at least one SMILES"):
        read_molecules(path, [])
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(DataError, match="keeps no network that reads molecules"):
        read_molecules(tmp_path, ["CCO"])
    with pytest.raises(DataError, match="is a run of molecules, which writes its atlas itself"):
        open_study(path, None, silent)
    with pytest.raises(ValueError, match="1 of 3 repeat another"):
        check_ids(["a", "b", "a"])


def test_layers_are_printed(labels, capsys):
    print_layers(labels[0])
    out = capsys.readouterr().out
    assert "Graph network: mean average precision" in out
    assert layer_curves(RunFolder(labels[0]))[0].words[:60] in out


def test_a_table_of_ones_own_is_studied_and_its_command_can_be_typed_again(small, tmp_path, monkeypatch):
    molecules, _ = small
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "mine.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "SMILES", "y"])
        writer.writerows(zip(molecules.ids, molecules.smiles, molecules.targets[:, 0], strict=True))
    columns = {"smiles": "SMILES", "target": ["y"], "unit": "g", "kind": None, "group": None, "id": "name"}
    said = []
    page = main_job.molecule_job(
        table, columns, None, False, True, 0, False, "fp32", silent, lambda sentence: said.append(sentence)
    )
    assert "'y' was taken for a measurement" in page.read_text(encoding="utf-8").replace("&#39;", "'")
    assert any("molecules" in sentence for sentence in said)
    typed = RunFolder(page.parent).run["command"]
    assert shlex.split(typed)[3:] == shlex.split("--smiles SMILES --target y --unit g --id name --seed 0 --quick")
    with pytest.raises(ValueError, match="say which columns hold the SMILES"):
        main_job.molecule_job(table, columns | {"target": []}, None, False, True, 0, False, "fp32", silent, said.append)


def test_options_that_would_be_ignored_are_refused(tmp_path):
    def job(labels=None, split=None, tokens=None):
        rest = (tmp_path / "out", False, True, 0, labels, split, False, "fp32", "minilm", tokens, silent, print)
        return main_job.main_job("nci", None, *rest)

    with pytest.raises(ValueError, match="--labels: only for images and texts"):
        job(labels=5)
    with pytest.raises(ValueError, match="every report on molecules says what such a split would have flattered"):
        job(split="random")
    with pytest.raises(ValueError, match="--tokens"):
        job(tokens=64)


def test_columns_that_must_never_be_features_are_named():
    from layerscope.data import DATASETS

    assert main_job.never(DATASETS["esol"])[0].startswith("The column “ESOL predicted log solubility")
    assert main_job.never(ncimolecules) == []


def test_several_targets_are_typed_each_for_itself():
    plan = MoleculePlan("m.csv", columns={"smiles": "S", "target": ["a b", "c"], "unit": None, "group": None})
    assert command(plan.describe()) == "layerscope run m.csv --smiles S --target 'a b' --target c --seed 0"


def test_few_molecules_are_learned_from_in_more_epochs():
    few, many = (RECIPE(MoleculePlan("esol"), count) for count in (64, 20_000))
    assert few.epochs > many.epochs
    assert Path(MoleculePlan("esol").data).name == "esol"
