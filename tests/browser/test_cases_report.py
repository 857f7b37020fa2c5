"""The main job on a data set whose images are judged together: its steps, its files and its report."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from studies import PUBLISHED, studies

import layerscope
from layerscope.data import DATASETS
from layerscope.data.published import PUBLISHED as OF_DATA_SETS
from layerscope.data.xray_phantoms import draw, write
from layerscope.inputs import Images
from layerscope.judge import METRICS, READING, by_case, choose_threshold, compare, decide_at, of_case
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
    folder = study(PLAN, studies(300), tmp_path_factory.mktemp("runs") / "studies", False, "", silent).folder
    folder.update({"published": PUBLISHED})
    write_report(folder.path)
    return folder


@pytest.fixture(scope="module")
def parts():
    return prepare(PLAN, studies(300), silent).worlds["clean"]


@pytest.mark.parametrize(("world", "suffix"), [("clean", ""), ("wild", "-wild")])
def test_cases_are_what_the_csv_of_images_gives_and_judging_them_gives_the_scores_of_the_report(
    run, parts, world, suffix
):
    images, cases = (Predictions.from_csv(run.path / f"{name}{suffix}.csv") for name in ("predictions", "cases"))
    way = run.found(f"cases-{world}")["ways"]["mean"]
    expected = decide_at(by_case(images, parts["test"].cases), way["threshold"])
    assert cases.ids.tolist() == expected.ids.tolist() == np.unique(parts["test"].cases).tolist()
    np.testing.assert_allclose(cases.probs, expected.probs, atol=1e-12)
    assert cases.guess.tolist() == (by_case(images, parts["test"].cases).probs[:, 1] > way["threshold"]).tolist()
    for name, metric in READING.items():
        assert metric(cases) == pytest.approx(way["scores"]["all"][name]["value"], abs=1e-12)
    card = (run.path / f"model{suffix}" / "card.md").read_text()
    assert f"decided at the threshold {way['threshold']:.4f} of the mean" in card
    assert f"{way['threshold']:.3f} for the mean" in (run.path / "report.html").read_text() or world == "wild"


def test_other_ways_are_compared_at_a_level_corrected_for_their_number(run, parts):
    found = run.found("cases-clean")
    assert found["ahead_level"] == pytest.approx(1 - 0.05 / 3)
    images = Predictions.from_csv(run.path / "predictions.csv")
    mean, most = (
        decide_at(by_case(images, parts["test"].cases, way), found["ways"][way]["threshold"]) for way in ("mean", "max")
    )
    again = compare(most, mean, METRICS["kappa"], level=1 - 0.05 / 3, resamples=PLAN.resamples)
    kept = found["ways"]["max"]["ahead"]
    assert (kept["low"], kept["high"]) == pytest.approx((again.low, again.high), abs=1e-9)
    page = (run.path / "report.html").read_text()
    assert "98.3 % interval" in page and "Bonferroni" in page and "beyond doubt" not in page


def test_every_file_is_json_and_says_what_cannot_be_had(run, tmp_path):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    for file in run.path.rglob("*.json"):
        json.loads(file.read_text(), parse_constant=refuse)
    folder = RunFolder.open(tmp_path / "run", {"plan": {}}, False)
    values = {"a": np.array([np.nan, 1.0]), "b": np.float64(np.inf), "c": (-np.inf, np.float32(0.5)), "d": True}
    assert folder.once("step", lambda: values) == {"a": [None, 1.0], "b": "inf", "c": ["-inf", 0.5], "d": True}
    json.loads((tmp_path / "run" / "steps" / "step.json").read_text(), parse_constant=refuse)


def test_a_run_of_old_with_nan_and_infinity_is_read_the_same(tmp_path):
    folder = RunFolder.open(tmp_path / "run", {"plan": {}}, False)
    old = '{"seconds": 1, "found": {"a": NaN, "b": [Infinity, -Infinity]}}'
    (tmp_path / "run" / "steps" / "step.json").write_text(old)
    assert folder.found("step") == {"a": None, "b": ["inf", "-inf"]}


def without(found, keys=("low", "high")):
    """The same, where one group gave no interval."""
    if isinstance(found, dict):
        return {k: None if k in keys else without(v, keys) for k, v in found.items()}
    return [without(v, keys) for v in found] if isinstance(found, list) else found


def test_a_run_whose_intervals_and_kappas_cannot_be_had_still_has_a_report(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    for file in (copy / "steps").glob("*.json"):
        step = json.loads(file.read_text())
        bins = step["found"].pop("reliability", None) if isinstance(step["found"], dict) else None
        step["found"] = without(step["found"])
        if bins is not None:
            empty = {key: [None] * len(bins["cnn"]["low"]) for key in ("low", "high")}
            step["found"]["reliability"] = {net: r | empty for net, r in bins.items()}
        if "ways" in step["found"]:
            step["found"]["ways"]["learned"]["how"]["sharpness"] = "inf"
            step["found"]["ways"]["mean"]["scores"]["Hand"]["kappa"]["value"] = None
        file.write_text(json.dumps(step))
    write_report(copy)
    page = (copy / "report.html").read_text()
    words = re.sub(r"data:image/png;base64,[^\"]*|<[^>]*>", " ", page)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", words)
    assert "no interval" in words and "sharpness ∞" in words
    assert "no interval can be had" in words
    done = subprocess.run([sys.executable, "-m", "layerscope", "see", str(copy)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "│ –" in done.stdout
    assert "nan" not in done.stdout


def test_the_command_judges_one_group_and_writes_json(tmp_path):
    table = tmp_path / "one.csv"
    table.write_text("id,group,target,p(a),p(b)\n1,7,a,0.9,0.1\n2,7,a,0.2,0.8\n")
    command = [sys.executable, "-m", "layerscope", "judge", str(table), "--out", str(tmp_path / "scores.json")]
    done = subprocess.run([*command, "--against", str(table)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "nan" not in done.stdout.replace("nan: ", "")
    kept = json.loads((tmp_path / "scores.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert kept["accuracy"]["value"] == 0.5 and kept["accuracy"]["low"] is None


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


def test_the_command_reads_a_copy_of_mura_and_writes_the_report(tmp_path):
    copy, out = tmp_path / "MURA-v1.1.zip", tmp_path / "run"
    write(draw(patients=100), copy)
    command = [sys.executable, "-m", "layerscope", "run", "mura", "--data", str(copy), "--quick", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "By case: what a reader decides about" in page
    assert "radiologist 3" in page and "the hidden test set" in page  # published figures, and where they were measured
    ways = json.loads((out / "metrics.json").read_text())["clean"]["cases"]["ways"]
    assert {"all", "WRIST", "SHOULDER"} <= set(ways["mean"]["scores"])


def test_without_a_copy_of_mura_the_command_says_how_to_get_one():
    done = subprocess.run([sys.executable, "-m", "layerscope", "run", "mura"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "--data" in done.stderr and "layerscope run xrays" in done.stderr and "Traceback" not in done.stderr
