"""The main job on a data set whose images are judged together: its steps, its files and its report."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from studies import PUBLISHED, studies

import layerscope
from layerscope.data import DATASETS
from layerscope.data.published import PUBLISHED as OF_DATA_SETS
from layerscope.inputs import Images
from layerscope.judge import METRICS, READING, by_case, choose_threshold, decide_at, of_case
from layerscope.models import CNN, CNNConfig
from layerscope.predictions import Predictions
from layerscope.progress import silent
from layerscope.report import write_report
from layerscope.study.data import prepare, thin
from layerscope.study.folder import RunFolder
from layerscope.study.plan import Plan
from layerscope.study.run import Study, study

PLAN = Plan("studies", "groups", quick=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A quick run on 300 images; its folder, with its report."""
    folder = study(PLAN, studies(300), tmp_path_factory.mktemp("runs") / "studies", False, "", silent)
    folder.update({"published": PUBLISHED})
    write_report(folder.path)
    return folder


@pytest.fixture(scope="module")
def parts():
    return prepare(PLAN, studies(300), silent).worlds["clean"]


def test_cases_are_what_the_csv_of_images_gives(run, parts):
    images, cases = (Predictions.from_csv(run.path / name) for name in ("predictions.csv", "cases.csv"))
    expected = by_case(images, parts["test"].cases)
    assert cases.ids.tolist() == expected.ids.tolist() == np.unique(parts["test"].cases).tolist()
    np.testing.assert_allclose(cases.probs, expected.probs, atol=1e-12)
    assert (run.path / "cases-wild.csv").is_file()


def test_thresholds_are_those_of_validation_cases_and_scores_are_made_at_them(run, parts):
    found = json.loads((run.path / "metrics.json").read_text())["clean"]["cases"]
    assert found == run.found("cases-clean")
    assert list(found["ways"]) == ["mean", "max", "noisy-or", "learned"]
    val = Study(PLAN, prepare(PLAN, studies(300), silent), run, silent).on_validation("clean")["cnn"]
    images = Predictions.from_csv(run.path / "predictions.csv")
    strata = of_case(parts["test"].strata, parts["test"].cases, "stratum")
    for way in ("mean", "max", "noisy-or"):
        threshold = choose_threshold(by_case(val, parts["val"].cases, way), METRICS["kappa"])
        assert found["ways"][way]["threshold"] == pytest.approx(threshold)
        decided = decide_at(by_case(images, parts["test"].cases, way), threshold)
        for stratum, rows in (("all", strata != ""), ("Hand", strata == "Hand")):
            for name, metric in READING.items():
                value = found["ways"][way]["scores"][stratum][name]["value"]
                np.testing.assert_allclose(value, metric(decided.rows(rows)))
    assert found["methods"]["majority"]["auroc"]["value"] == 0.5, "cases of different sizes still tie"


def test_the_report_shows_cases_strata_and_what_others_published_with_its_caveat(run):
    page = (run.path / "report.html").read_text()
    for text in (
        "By case: what a reader decides about",
        "By case, the mean over a case&#39;s images decides",
        "kappa of each way to put images together",
        "they show the scale and are no comparison",
        "somebody (Cohen&#39;s kappa): measured on other studies; Somebody 2020; from a poster.",
        "By case (",
    ):
        assert text in page or text in (run.path / "model" / "card.md").read_text(), text


def test_a_run_without_published_figures_says_nothing_of_any(run):
    folder = RunFolder(run.path)
    folder.update({"published": []})
    write_report(run.path)
    page = (run.path / "report.html").read_text()
    folder.update({"published": PUBLISHED})
    assert "What others have reported" not in page
    assert 'id="cases"' in page


def test_neither_report_nor_drawing_knows_the_name_of_a_data_set():
    root = Path(layerscope.__file__).parent
    files = [f for part in ("report", "draw") for f in Path(root, part).iterdir() if f.suffix in (".py", ".jinja")]
    texts = {file.name: file.read_text(encoding="utf-8").lower() for file in files}
    assert "cases.html.jinja" in texts
    names = ("mednist", "mura", "xrays")
    assert [(file, name) for file, text in texts.items() for name in names if name in text] == []


def test_a_quick_run_keeps_whole_cases():
    dataset = studies(300).dataset
    kept = thin(dataset, 50, seed=0)
    for k in range(2):
        assert 40 <= int((kept.targets == k).sum()) <= 50
    assert np.isin(dataset.cases, kept.cases).sum() == len(kept)
    assert len(thin(dataset, 1, seed=0)) >= 2, "a case at least of each class, however large"


def test_networks_suit_the_size_of_the_images_and_the_number_of_samples():
    cnn, recipe = Plan("any", "blocks").networks(41_000, 6, 1, 64, 64)["cnn"]
    assert cnn == CNNConfig(1, 6, shrink=2, widths=(16, 32, 64, 128))
    assert (recipe.epochs, recipe.patience) == (2, 3)
    cnn, recipe = Plan("any", "groups").networks(1_000, 2, 1, 128, 128)["cnn"]
    assert cnn == CNNConfig(1, 2, shrink=2, widths=(8, 16, 32, 64, 128), size=128)
    assert (recipe.epochs, recipe.patience) == (17, 17)
    images = Images(torch.zeros(2, 1, 128, 128, dtype=torch.uint8))
    assert [tuple(stage.h.shape) for stage in CNN(cnn).stages(images)][-3:] == [(2, 128, 2, 2), (2, 128), (2, 2)]


def test_published_figures_name_their_set_and_source():
    assert set(OF_DATA_SETS) <= set(DATASETS)
    for row in (row for rows in OF_DATA_SETS.values() for row in rows):
        assert row.metric in READING
        assert row.measured_on
        assert row.citation
        assert all(-1 <= value <= 1 for value in row.values.values())
    kappa = {row.who: row.values["all"] for row in OF_DATA_SETS["mura"] if row.metric == "kappa"}
    assert kappa["DenseNet-169"] == 0.705
    with pytest.raises(ValueError, match="a published figure needs measured_on"):
        type(PUBLISHED[0])("somebody", "kappa", {"all": 0.5}, "", "Somebody 2020")
