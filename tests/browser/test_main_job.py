"""The main job from end to end, by its command, and its report in a real browser."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser

import numpy as np
import pytest
from chromium import needs_chromium, quiet_page

from layerscope.data.phantoms import draw, write
from layerscope.predictions import Predictions

INSTALLED = os.environ.get("LAYERSCOPE_COMMAND")  # that of an environment of its own, as .ci/run makes one
COMMAND = [INSTALLED] if INSTALLED else [sys.executable, "-m", "layerscope"]


def command(*words, env=None, check=True):
    process = subprocess.run([*COMMAND, *words], capture_output=True, text=True, env=env or os.environ)
    if check:
        assert process.returncode == 0, process.stdout + process.stderr
    return process


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A quick run on phantoms that is killed once on its way, and goes on."""
    out = tmp_path_factory.mktemp("runs") / "phantoms"
    words = ["run", "phantoms", "--quick", "--out", str(out)]
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (out / "steps" / "trained-clean-cnn-0.json").exists():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    refused = command(*words, check=False)
    assert refused.returncode == 1
    assert "holds a run already. Give --resume" in refused.stderr
    first = (out / "steps" / "trained-clean-cnn-0.json").stat().st_mtime_ns
    done = command(*words, "--resume")
    assert done.stdout.strip().splitlines()[-1] == f"Report: {out / 'report.html'}"
    assert (out / "steps" / "trained-clean-cnn-0.json").stat().st_mtime_ns == first, "a finished step is not done again"
    return out


def test_the_run_folder_is_complete(run):
    names = {p.name for p in run.iterdir()}
    assert {"model", "model-wild", "predictions.csv", "metrics.json", "run.json", "report.html"} <= names
    assert {p.name for p in (run / "model").iterdir()} == {"weights.safetensors", "config.json", "card.md"}
    assert not [p for p in run.rglob("*") if p.suffix in (".pt", ".pkl", ".pickle", ".part")]
    metrics = json.loads((run / "metrics.json").read_text())
    found = Predictions.from_csv(run / "predictions.csv")
    assert metrics["clean"]["scores"]["cnn"]["accuracy"]["value"] == pytest.approx(
        (found.guess == found.targets).mean()
    )


def test_the_network_learned_and_its_layers_show_it(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["clean"]["scores"]["cnn"]["accuracy"]["value"] > 0.97
    layers = json.loads((run / "steps" / "layers-wild-cnn-0.json").read_text())["found"]
    best = {
        kind: max(r["probe"]["value"] for r in layers[kind] if r["stage"].startswith("block"))
        for kind in ("trained", "untrained")
    }
    assert best["trained"] > best["untrained"] + 0.05
    assert abs(layers["trained"][-1]["shuffled"]["value"] - 1 / 6) < 0.1


def test_the_saved_network_predicts_what_the_csv_says(run):
    from layerscope.checkpoint import load_model
    from layerscope.data import DATASETS
    from layerscope.progress import silent
    from layerscope.study.data import prepare
    from layerscope.study.plan import Plan
    from layerscope.train import predict

    data = prepare(Plan("phantoms", "groups", quick=True), DATASETS["phantoms"].load(), silent)
    model, classes = load_model(run / "model")
    found, kept = predict(model, data.worlds["clean"]["test"]), Predictions.from_csv(run / "predictions.csv")
    assert classes == found.classes == kept.classes
    np.testing.assert_allclose(found.probs, kept.probs, atol=1e-5)


def test_other_commands_read_the_run(run, tmp_path):
    assert "Accuracy" in command("judge", str(run / "predictions.csv"), "--out", str(tmp_path / "scores.json")).stdout
    assert json.loads((tmp_path / "scores.json").read_text())["accuracy"]["value"] > 0.9
    assert (
        "minus that of"
        in command("judge", str(run / "predictions.csv"), "--against", str(run / "predictions.csv")).stdout
    )
    seen = command("see", str(run)).stdout
    assert "block4" in seen
    assert "untrained" in seen
    before = (run / "report.html").read_text()
    command("report", str(run))
    assert (run / "report.html").read_text() == before, "the same run gives the same page, byte for byte"


def test_the_atlas_of_a_run_shows_its_moments_and_keeps_pictures_out_when_asked(run, tmp_path):
    page = (run / "atlas.html").read_text()
    assert "image/webp" in page
    assert '"step 0"' in page
    assert '"MLP"' in page
    out = tmp_path / "other.html"
    words = (
        "atlas",
        str(run),
        "--net",
        "mlp",
        "--world",
        "clean",
        "--samples",
        "60",
        "--no-pictures",
        "--out",
        str(out),
    )
    assert command(*words).stdout.strip().endswith(f"Atlas: {out}")
    other = out.read_text()
    assert "image/webp" not in other
    assert "MLP on" in other
    refused = command("atlas", str(run), "--net", "gnn", check=False)
    assert "no network of a run is called 'gnn'. There are: cnn, mlp." in refused.stderr


@needs_chromium
def test_the_small_atlas_of_the_report_can_be_walked_through(run):
    with quiet_page() as page:
        page.goto((run / "report.html").as_uri())
        page.locator("iframe.atlas").scroll_into_view_if_needed()
        frame = page.frame_locator("iframe.atlas")
        frame.locator("html[data-ready]").wait_for()
        frame.locator("[data-go=next]").click()
        assert frame.locator("#tour h2").text_content().startswith("2/5")
        link = page.locator("a[href='atlas.html']")
        assert link.count() == 1


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images, self.links, self.ids, self.headings = [], [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "img" or (tag == "svg" and attributes.get("role") == "img"):
            self.images.append(attributes.get("alt") or attributes.get("aria-label"))
        self.links += [v for k, v in attrs if k in ("src", "href") and v]
        self.ids += [v for k, v in attrs if k == "id"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def test_the_page_is_self_contained_and_every_picture_has_words(run):
    text = (run / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert all(page.images)
    assert len(page.images) > 60
    assert all(link.startswith(("#", "data:image/png")) or link == "atlas.html" for link in page.links)
    text = text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert "http://" not in text
    assert "https://" not in text
    assert len(page.ids) == len(set(page.ids)), "two elements have one id"
    assert page.headings[0] == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    assert len(text) < 3_000_000
    assert 'id="cases"' not in text, "no case is spoken of where every image stands alone"


@needs_chromium
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_chromium_it_opens_without_error_or_request_at_any_width(run, scheme):
    with quiet_page(color_scheme=scheme) as page:
        page.goto((run / "report.html").as_uri())
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
        contrast = page.evaluate(CONTRAST)
    assert contrast >= 4.5


CONTRAST = """() => {
  const rgb = v => { const c = document.createElement('canvas').getContext('2d');
    c.fillStyle = v; c.fillRect(0,0,1,1);
    return [...c.getImageData(0,0,1,1).data].slice(0,3).map(x => x / 255)
      .map(x => x <= .03928 ? x/12.92 : ((x+.055)/1.055)**2.4) };
  const light = v => { const [r,g,b] = rgb(v); return .2126*r + .7152*g + .0722*b };
  const style = getComputedStyle(document.documentElement), at = n => style.getPropertyValue('--' + n).trim();
  const page = light(at('page'));
  const ratio = l => (Math.max(l,page)+.05)/(Math.min(l,page)+.05);
  return Math.min(...['ink','soft','blue','orange'].map(n => ratio(light(at(n)))));
}"""


def test_markup_in_the_name_of_a_skipped_file_stays_text(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    facts = json.loads((copy / "run.json").read_text())
    facts["skipped"] = [["Hand/<script>alert(1)</script>.jpeg", "truncated & broken"]]
    (copy / "run.json").write_text(json.dumps(facts))
    command("report", str(copy))
    text = (copy / "report.html").read_text()
    assert "<script>" not in text
    assert "Hand/&lt;script&gt;alert(1)&lt;/script&gt;.jpeg" in text


def test_the_real_loader_reads_phantoms_in_mednist_s_layout_and_lists_what_it_skips(tmp_path):
    from layerscope.data.mednist import read
    from layerscope.source import DataError

    drawn = draw(120, seed=3)
    write(drawn, tmp_path / "archive")
    (broken,) = (tmp_path / "archive").rglob("Hand/000003.jpeg")
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(DataError, match=r"Hand/000003.jpeg.*\n?.*--skip-bad"):
        read(tmp_path / "archive", tmp_path / "a", "test", "test")
    loaded = read(tmp_path / "archive", tmp_path / "b", "test", "test", skip_bad=True)
    assert len(loaded.dataset) == 119
    assert [name.endswith("Hand/000003.jpeg") for name, _ in loaded.skipped] == [True]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["run", "nosuch"],
            "no data set is called 'nosuch'. There are: bace, bbbp, clintox, diseases, esol, freesolv, gad, hallmarks, "
            "hiv, lipophilicity, mednist, mura, nci, phantoms, phenotypes, pubmed_rct, tox21, xrays.",
        ),
        (["run", "phantoms", "--split", "x"], "no split is called 'x'"),
        (["run", "mednist", "--data", "nowhere.tar.gz"], "nowhere.tar.gz"),
        (["report", "nowhere"], "nowhere is not a run folder"),
        (["judge", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_a_mistake_is_told_in_words_and_ends_with_1(words, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    process = command(*words, check=False)
    assert process.returncode == 1
    assert text in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.mednist
def test_the_main_job_on_the_real_mednist(mirror, tmp_path):
    out = tmp_path / "mednist"
    done = command("run", "--quick", "--out", str(out))
    assert "Data: MedNIST, 58,954 images" in done.stdout
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["clean"]["scores"]["cnn"]["accuracy"]["value"] > 0.98
    assert metrics["wild"]["scores"]["cnn"]["accuracy"]["value"] > 0.9
    found = json.loads((out / "steps" / "flattered.json").read_text())["found"]
    assert found["twins"]["random"]["BreastMRI"] > 0.25  # of so many images fewer have a twin than of all
    assert found["twins"]["blocks"]["BreastMRI"] < found["twins"]["random"]["BreastMRI"] / 2


def test_without_mednist_it_takes_phantoms_and_says_so_first(tmp_path):
    env = {**os.environ, "LAYERSCOPE_CACHE": str(tmp_path / "cache"), "LAYERSCOPE_MIRROR": str(tmp_path)}
    code = (
        "import layerscope.data.mednist as m, dataclasses;"
        "m.SOURCE = dataclasses.replace(m.SOURCE, urls=('http://127.0.0.1:9/MedNIST.tar.gz',));"
        "from layerscope.data.available import first_available;"
        "print(*first_available())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True).stdout
    assert said.startswith("phantoms MedNIST cannot be had here, so this is on PHANTOMS: synthetic images")
