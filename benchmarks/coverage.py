"""How often do the intervals hold the truth? Nominal 95 %, by simulation of groups whose rows resemble each other.

    python benchmarks/coverage.py [--simulations 300] [--out coverage.json]

First accuracy, for several numbers of groups and true accuracies: the interval of `layerscope.judge`, the percentile
bootstrap over groups, that over samples, and Wilson's over samples. Then every metric, on simulated probabilities.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from layerscope.judge import METRICS, score, scores, wilson
from layerscope.predictions import Predictions

GROUPS = (5, 10, 20, 50, 200)
ACCURACIES = (0.8, 0.95, 0.99, 0.999)
RESEMBLANCE = 0.2  # correlation of right and wrong within a group
ROWS = 20  # in a group, on average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where to write the table as JSON")
    options = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(options.seed)
    accuracy = [coverage_of_accuracy(g, p, options.simulations, rng) for g in GROUPS for p in ACCURACIES]
    print(f"Share of {options.simulations} simulations whose 95 % interval holds the true accuracy (mean width)")
    show(accuracy)
    others = [row for g in (10, 30, 100) for row in coverage_of_all(g, max(options.simulations // 3, 50), rng)]
    print(f"\nThe same for every metric, {max(options.simulations // 3, 50)} simulations, four classes")
    show(others)
    seconds = time.perf_counter() - start
    print(f"\n{seconds:.0f} s")
    if options.out:
        settings = {"simulations": options.simulations, "seed": options.seed, "icc": RESEMBLANCE, "rows": ROWS}
        table = {"settings": settings, "seconds": seconds, "accuracy": accuracy, "all metrics": others}
        options.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def coverage_of_accuracy(groups: int, truth: float, simulations: int, rng: np.random.Generator) -> dict:
    tried: dict[str, list[tuple[float, float]]] = {}
    for seed in range(simulations):
        size = 1 + rng.poisson(ROWS - 1, groups)
        strength = 1 / RESEMBLANCE - 1
        right = rng.binomial(size, rng.beta(truth * strength, (1 - truth) * strength, groups))
        for name, interval in intervals(size, right, seed, rng).items():
            tried.setdefault(name, []).append(interval)
    return {"groups": groups, "truth": truth} | {name: held(ends, truth) for name, ends in tried.items()}


def intervals(
    size: np.ndarray, right: np.ndarray, seed: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    ours = score(METRICS["accuracy"], as_predictions(size, right), resamples=1000, seed=seed)
    n, k = int(size.sum()), int(right.sum())
    counts = rng.multinomial(len(size), np.full(len(size), 1 / len(size)), 1000)
    over_groups = np.quantile((counts @ right) / (counts @ size), (0.025, 0.975))
    over_samples = np.quantile(rng.binomial(n, k / n, 1000) / n, (0.025, 0.975))
    return {
        "layerscope": (ours.low, ours.high),
        "percentile over groups": tuple(over_groups.tolist()),
        "percentile over samples": tuple(over_samples.tolist()),
        "Wilson over samples": wilson(k, n),
    }


def as_predictions(size: np.ndarray, right: np.ndarray) -> Predictions:
    """Both classes in every group, the first `right` rows of each answered rightly."""
    owners = np.repeat(np.arange(len(size)), size)
    number = np.arange(len(owners)) - np.repeat(np.cumsum(size) - size, size)
    targets = number % 2
    guess = np.where(number < right[owners], targets, 1 - targets)
    return Predictions(np.eye(2)[guess], targets, owners, np.arange(len(owners)).astype(str), ("no", "yes"))


def coverage_of_all(groups: int, simulations: int, rng: np.random.Generator) -> list[dict]:
    """Rows of a group share their class and a shift of their scores; the probabilities are nearly calibrated."""
    large = simulated(8000, rng)
    truth = {name: metric(large) for name, metric in METRICS.items()}
    tried: dict[str, list[tuple[float, float]]] = {name: [] for name in METRICS}
    for seed in range(simulations):
        for name, s in scores(simulated(groups, rng), resamples=1000, seed=seed).items():
            tried[name].append((s.low, s.high))
    return [
        {"groups": groups, "metric": name, "truth": truth[name], "layerscope": held(ends, truth[name])}
        for name, ends in tried.items()
    ]


def simulated(groups: int, rng: np.random.Generator, classes: int = 4, shift: float = 0.5) -> Predictions:
    owners = np.repeat(np.arange(groups), 1 + rng.poisson(ROWS - 1, groups))
    targets = rng.permutation(np.arange(groups) % classes)[owners]
    seen = rng.normal(size=(len(owners), classes)) + shift * rng.normal(size=(groups, classes))[owners]
    logits = (seen + 3 * np.eye(classes)[targets]) * 3 / (1 + shift**2)
    probs = np.exp(logits - logits.max(1, keepdims=True))
    probs /= probs.sum(1, keepdims=True)
    return Predictions(probs, targets, owners, np.arange(len(owners)).astype(str), tuple("abcdefgh"[:classes]))


def held(ends: list[tuple[float, float]], truth: float) -> dict[str, float]:
    low, high = np.array(ends).T
    inside = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    return {"coverage": float(inside.mean()), "width": float((high - low).mean())}


def show(rows: list[dict]) -> None:
    print(" ".join(f"{name:>24}" if isinstance(value, dict) else f"{name:>18}" for name, value in rows[0].items()))
    for row in rows:
        print(" ".join(cell(value) for value in row.values()))


def cell(value: dict | float | int | str) -> str:
    if isinstance(value, dict):
        return f"{100 * value['coverage']:16.1f} ({value['width']:.3f})"
    return f"{value:>18.4g}" if isinstance(value, float) else f"{value:>18}"


if __name__ == "__main__":
    main()
