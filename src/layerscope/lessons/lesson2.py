"""Checks of lesson 2, MedNIST and MURA using fastai. The oracle is the library's own part."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from layerscope.data.square import squared
from layerscope.judge import METRICS, by_case, choose_threshold, decide_at
from layerscope.lessons.check import Check
from layerscope.lessons.lesson2_questions import QUESTIONS as QUESTIONS
from layerscope.predictions import Predictions

CLASSES = ("normal", "abnormal")

# What `use` goes on with where the learner's own answer does not pass yet.


def three_channels(grey: torch.Tensor) -> torch.Tensor:
    return grey.expand(3, -1, -1)


def split_patients(patients: np.ndarray, share: float, seed: int) -> np.ndarray:
    names = np.unique(patients)
    chosen = np.random.default_rng(seed).permutation(names)[: max(1, round(share * len(names)))]
    return np.isin(patients, chosen)


def pad(film: np.ndarray) -> np.ndarray:
    height, width = film.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side), film.dtype)
    square[top : top + height, left : left + width] = film
    return square


def mean_by_study(p: np.ndarray, studies: np.ndarray) -> np.ndarray:
    return np.array([p[studies == study].mean() for study in np.unique(studies)])


def noisy_or(p: np.ndarray, studies: np.ndarray) -> np.ndarray:
    return np.array([1 - np.prod(1 - p[studies == study]) for study in np.unique(studies)])


def kappa(truth: np.ndarray, answer: np.ndarray) -> float:
    observed = np.mean(truth == answer)
    expected = truth.mean() * answer.mean() + (1 - truth.mean()) * (1 - answer.mean())
    return float((observed - expected) / (1 - expected))


def best_threshold(p: np.ndarray, truth: np.ndarray) -> float:
    values = np.unique(p)
    between = (values[:-1] + values[1:]) / 2
    return float(max(between, key=lambda threshold: kappa(truth, p > threshold)))


def images_of(part: str, patient: str, study: str, paths: Sequence[str]) -> list[int]:
    folder = f"{part}/{patient}/{study}/"
    return [row for row, path in enumerate(paths) if folder in path]


def ppv(sensitivity: float, specificity: float, prevalence: float) -> float:
    ill, healthy = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    return ill / (ill + healthy)


# Tests: each on inputs that the learner has not seen.


def _three_channels(f: Callable) -> str:
    grey = torch.randint(0, 256, (1, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    got = f(grey)
    assert isinstance(got, torch.Tensor), f"a tensor was needed, got {type(got).__name__}. Is there a `return`?"
    assert tuple(got.shape) == (3, 5, 7), f"expected shape (3, 5, 7): channels, height, width. Got {tuple(got.shape)}."
    assert got.dtype == torch.uint8, f"expected uint8, 0 to 255. Got {got.dtype}: fastai makes floats of them later."
    assert all(torch.equal(channel, grey[0]) for channel in got), "each of the three channels must be the grey image."
    return "three equal channels: what a network of colour photographs expects."


def _split(f: Callable) -> str:
    patients = np.random.default_rng(3).integers(100, 160, 400)
    got = f(patients, 0.25, 7)
    assert isinstance(got, np.ndarray), f"an array was needed, got {type(got).__name__}. Is there a `return`?"
    assert got.shape == patients.shape, f"expected one answer for each image, shape (400,). Got {got.shape}."
    assert got.dtype == bool, f"expected True (validation) or False for each image. Got {got.dtype}."
    both = np.intersect1d(patients[got], patients[~got])
    assert len(both) == 0, f"{len(both)} of 60 patients are on both sides. Draw patients, not images."
    drawn = len(np.unique(patients[got]))
    assert drawn == 15, f"a quarter of 60 patients is 15. You drew {drawn}."
    assert np.array_equal(got, f(patients, 0.25, 7)), "the same seed must draw the same patients."
    assert not np.array_equal(got, f(patients, 0.25, 8)), "another seed must draw other patients."
    first = np.isin(patients, np.unique(patients)[:15])
    assert not np.array_equal(got, first), "you took the first patients: shuffle them, since numbers may follow time."
    return "every patient is on one side only."


def _pad(f: Callable) -> str:
    for height, width in ((9, 4), (3, 10), (6, 6)):
        film = np.random.default_rng(height).integers(1, 256, (height, width)).astype(np.uint8)
        before = film.copy()
        got = f(film)
        side = max(height, width)
        assert isinstance(got, np.ndarray), f"an array was needed, got {type(got).__name__}. Is there a `return`?"
        assert got.shape == (side, side), f"a film of {(height, width)} needs a square of {side}. Got {got.shape}."
        assert got.dtype == np.uint8, f"expected uint8, as the film. Got {got.dtype}."
        assert np.array_equal(film, before), "the film that was given was changed."
        assert got.sum(dtype=int) == film.sum(dtype=int), (
            "pixels of the film are lost or changed, or the rest is not 0."
        )
        down, up = squared(film, side), squared(film[::-1, ::-1], side)[::-1, ::-1]  # an odd margin is rounded
        assert np.array_equal(got, down) or np.array_equal(got, up), (
            "the film must lie in the middle, all in one piece."
        )
    return "the film keeps its shape: a bone stays as slim as it is."


def _studies(seed: int) -> tuple[np.ndarray, np.ndarray, Predictions]:
    """Probabilities of "abnormal" with the name of each image's study, in no order; and as the library holds them."""
    rng = np.random.default_rng(seed)
    studies = rng.permutation(np.repeat([f"WRIST/{n}" for n in range(12)], rng.integers(1, 5, 12)))
    p = rng.uniform(0.02, 0.98, len(studies))
    targets = np.array([int(name.rpartition("/")[2]) % 2 for name in studies])
    ids = np.arange(len(p)).astype(str)
    return p, studies, Predictions(np.stack([1 - p, p], 1), targets, np.arange(len(p)), ids, CLASSES, False)


def _vector(answer: object, length: int) -> np.ndarray:
    got = np.asarray(answer, dtype=float)
    assert got.shape == (length,), f"expected one number for each of {length} studies. Got shape {got.shape}."
    return got


def _mean(f: Callable) -> str:
    p, studies, predictions = _studies(1)
    got, want = _vector(f(p, studies), 12), by_case(predictions, studies, "mean").probs[:, 1]
    votes = mean_by_study(p.round(), studies)
    assert not np.allclose(got, votes), "average the probabilities, not the votes: votes can tie."
    assert np.allclose(np.sort(got), np.sort(want)), f"other means than the library's: {got[0]:.3f}, not {want[0]:.3f}."
    assert np.allclose(got, want), "the right means in another order: give them in the order of np.unique(studies)."
    return "the same as layerscope.judge.by_case(..., 'mean')."


def _noisy_or(f: Callable) -> str:
    p, studies, predictions = _studies(2)
    got, want = _vector(f(p, studies), 12), by_case(predictions, studies, "noisy-or").probs[:, 1]
    assert not np.allclose(got, 1 - want), "this is the chance that all images are normal: take it from 1."
    assert np.allclose(got, want), f"the first study gives {want[0]:.4f} in the library, {got[0]:.4f} with yours."
    return "the same as layerscope.judge.by_case(..., 'noisy-or')."


def _kappa(f: Callable) -> str:
    rng = np.random.default_rng(4)
    for share in (0.5, 0.2):
        truth = (rng.random(60) < share).astype(int)
        answer = np.where(rng.random(60) < 0.75, truth, 1 - truth)
        ids = np.arange(60).astype(str)
        want = METRICS["kappa"](Predictions(np.eye(2)[answer], truth, np.arange(60), ids, CLASSES))
        got = float(f(truth, answer))
        assert abs(got - np.mean(truth == answer)) > 1e-9, "this is the accuracy: take off what chance would reach."
        assert abs(got - want) < 1e-9, f"expected {want:.4f}, got {got:.4f}."
    assert abs(float(f(truth, truth)) - 1) < 1e-9, "a perfect reader has kappa 1."
    return "the same as the library's, and 1 for a perfect reader."


def _threshold(f: Callable) -> str:
    rng = np.random.default_rng(5)
    truth = (rng.random(80) < 0.3).astype(int)
    p = np.clip(rng.normal(0.2 + 0.2 * truth, 0.1), 0.01, 0.99)
    found = Predictions(np.stack([1 - p, p], 1), truth, np.arange(80), np.arange(80).astype(str), CLASSES)
    got = float(f(p, truth))
    assert 0 < got < 1, f"a threshold lies between 0 and 1. Got {got}."
    best = METRICS["kappa"](decide_at(found, choose_threshold(found, METRICS["kappa"])))
    reached = METRICS["kappa"](decide_at(found, got))
    assert reached > best - 1e-9, f"your threshold {got:.3f} gives kappa {reached:.3f}; {best:.3f} can be reached."
    return f"kappa {best:.2f}, where one half would give {METRICS['kappa'](found):.2f}."


def _trap(f: Callable) -> str:
    paths = [
        "valid/XR_WRIST/patient00007/study1_positive/image1.png",
        "valid/XR_HAND/patient00007/study1_positive/image1.png",
        "valid/XR_HAND/patient00007/study1_positive/image2.png",
        "valid/XR_HAND/patient00070/study1_positive/image1.png",
        "valid/XR_HAND/patient00007/study11_positive/image1.png",
        "valid/XR_HAND/patient00007/study1_negative/image1.png",
    ]
    hand = sorted(f("XR_HAND", "patient00007", "study1_positive", paths))
    assert 0 not in hand, (
        "asked for a study of a hand, it gives an image of a wrist: that patient has a study1 of each."
    )
    assert hand == [1, 2], f"the study of the hand has images 1 and 2 of the list. You found {hand}."
    assert list(f("XR_WRIST", "patient00007", "study1_positive", paths)) == [0], "the study of the wrist has image 0."
    assert list(f("XR_ELBOW", "patient00007", "study1_positive", paths)) == [], "this patient has no study of an elbow."
    return "a study is found by body part, patient and study. 2021 forgot the first, and every label still agreed."


def _ppv(f: Callable) -> str:
    for sensitivity, specificity, prevalence in ((0.9, 0.8, 0.5), (0.8, 0.95, 0.02), (0.6, 0.7, 0.3)):
        ill = round(1_000_000 * prevalence)
        right, false = ill * sensitivity, (1_000_000 - ill) * (1 - specificity)
        got, want = float(f(sensitivity, specificity, prevalence)), right / (right + false)
        assert abs(got - want) < 1e-9, (
            f"of 1,000,000 people {ill:,} are ill. {right:,.0f} of them get an alarm, and {false:,.0f} healthy people: "
            f"so {want:.4f} of the alarms are right. Yours says {got:.4f}."
        )
    return "counted in people, it is easy: right alarms over all alarms."


CHECKS = {
    "2.channels": Check(
        _three_channels,
        (
            "The network was trained on red, green and blue. A grey pixel has the same value in all three.",
            "A tensor of shape (1, h, w) can be seen as (3, h, w) without copying: `expand`.",
            "return grey.expand(3, -1, -1)",
        ),
        three_channels,
    ),
    "2.pad": Check(
        _pad,
        (
            "Make a black square as large as the longer side, then lay the film in its middle.",
            "The first row of the film stands at (side - height) // 2, the first column at (side - width) // 2.",
            "square = np.zeros((side, side), film.dtype); square[top : top + height, left : left + width] = film",
        ),
        pad,
    ),
    "2.split": Check(
        _split,
        (
            "Draw from the list of different patients (np.unique), not from the images.",
            "np.random.default_rng(seed).permutation(names) shuffles them; keep the first share of them.",
            "return np.isin(patients, chosen)",
        ),
        split_patients,
    ),
    "2.mean": Check(
        _mean,
        (
            "For each study: pick the probabilities of its images, and average them.",
            "np.unique(studies) gives the names in order; studies == name picks the images.",
            "return np.array([p[studies == study].mean() for study in np.unique(studies)])",
        ),
        mean_by_study,
    ),
    "2.noisy": Check(
        _noisy_or,
        (
            "A study is normal only if all of its images are normal.",
            "If images err independently, the chance that all are normal is the product of 1 - p.",
            "1 - np.prod(1 - p[studies == study])",
        ),
        noisy_or,
    ),
    "2.kappa": Check(
        _kappa,
        (
            "How often do they agree? And how often would they, if the answers were drawn at random?",
            "By chance both say 1 with mean(truth) * mean(answer), and both say 0 with the product of the rest.",
            "(observed - expected) / (1 - expected)",
        ),
        kappa,
    ),
    "2.threshold": Check(
        _threshold,
        (
            "Try every value between two neighbouring probabilities, and keep the one with the greatest kappa.",
            "np.unique(p) sorts them; the middles are (values[:-1] + values[1:]) / 2.",
            "max(middles, key=lambda threshold: kappa(truth, p > threshold))",
        ),
        best_threshold,
    ),
    "2.trap": Check(
        _trap,
        (
            "Look at the images that one study gets. Are they all of one body part?",
            "The same patient can have a study1_positive of the wrist and a study1_positive of the hand.",
            'folder = f"{part}/{patient}/{study}/"',
        ),
        images_of,
    ),
    "2.ppv": Check(
        _ppv,
        (
            "Imagine a million people. How many are ill, and how many of those get an alarm?",
            "Healthy people get a false alarm with 1 - specificity, and most people are healthy.",
            "prevalence * sensitivity / (prevalence * sensitivity + (1 - prevalence) * (1 - specificity))",
        ),
        ppv,
    ),
}
