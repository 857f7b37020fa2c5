"""How often do the intervals of predicted numbers hold the truth? By simulation, as benchmarks/coverage.py for classes.

    python benchmarks/coverage_numbers.py [--simulations 400] [--out coverage_numbers.json]

First each measure with its 95 % interval over groups, beside the percentile bootstrap over groups and over samples.
Then conformal intervals, made on some groups and tried on others: what is promised and what is held, also where the
other groups are of another kind.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from coverage import held, show

from layerscope.judge.conformal import conformal
from layerscope.judge.regression import MEASURES, scores
from layerscope.predictions import Numbers

GROUPS = (5, 10, 30, 100)
LEVELS = (0.5, 0.8, 0.9)
ROWS = 6  # in a group, on average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where to write the table as JSON")
    options = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(options.seed)
    kinds = {"groups alike": 0.0, "errors differ by group": 0.5}
    measures = [
        row for kind in kinds.items() for g in GROUPS for row in of_measures(g, *kind, options.simulations, rng)
    ]
    print(f"Share of {options.simulations} simulations whose 95 % interval holds the truth (mean width)")
    show(measures)
    intervals = [of_intervals(g, level, options.simulations, rng) for g in (10, 30, 100) for level in LEVELS]
    print("\nOf one sample of a new group, how often a conformal interval holds the truth (groups that it was made on)")
    for row in intervals:
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()))
    seconds = time.perf_counter() - start
    print(f"\n{seconds:.0f} s")
    if options.out:
        settings = {"simulations": options.simulations, "seed": options.seed, "rows": ROWS}
        table = {"settings": settings, "seconds": seconds, "measures": measures, "conformal": intervals}
        options.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def simulated(groups: int, unlike: float, rng: np.random.Generator, shift: float = 1.0) -> Numbers:
    """Targets and errors of a group resemble each other; `unlike`: how much the size of errors differs by group."""
    owners = np.repeat(np.arange(groups), 1 + rng.poisson(ROWS - 1, groups))
    targets = 2 * rng.normal(size=groups)[owners] + 1.4 * rng.normal(size=len(owners))
    size = np.exp(unlike * rng.normal(size=groups))[owners]
    errors = 0.5 * rng.normal(size=groups)[owners] + 0.8 * size * rng.normal(size=len(owners))
    return Numbers(0.8 * targets + shift * errors, targets, owners, np.arange(len(owners)).astype(str))


def of_measures(groups: int, kind: str, unlike: float, simulations: int, rng: np.random.Generator) -> list[dict]:
    large = simulated(40_000, unlike, rng)
    truth = {name: measure(large) for name, measure in MEASURES.items()}
    ours, by_group, by_sample = ({name: [] for name in MEASURES} for _ in range(3))
    for seed in range(simulations):
        p = simulated(groups, unlike, rng)
        for name, s in scores(p, resamples=500, seed=seed).items():
            ours[name].append((s.low, s.high))
        for found, q in ((by_group, p), (by_sample, replace(p, groups=np.arange(len(p))))):
            units = q.owners.groups
            counts = rng.multinomial(units, np.full(units, 1 / units), 300)
            for name, measure in MEASURES.items():
                found[name].append(tuple(np.nanquantile(measure.weighted(q, counts), (0.025, 0.975)).tolist()))
    columns = {"layerscope": ours, "percentile over groups": by_group, "percentile over samples": by_sample}
    return [
        {"groups": groups, "kind": kind[:18], "measure": name, "truth": truth[name]}
        | {column: held(found[name], truth[name]) for column, found in columns.items()}
        for name in MEASURES
    ]


def of_intervals(groups: int, level: float, simulations: int, rng: np.random.Generator) -> dict[str, float]:
    """Each time new validation groups, and 20 new groups of which one sample each is asked."""
    kinds = {"held": 1.0, "held where errors are twice as large": 2.0}
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(simulations):
        made = conformal(simulated(groups, 0.5, rng), level)
        for name, shift in kinds.items():
            new = simulated(20, 0.5, rng, shift)
            one = made.around(new.rows(np.unique(new.groups, return_index=True)[1]))
            assert one.low is not None
            assert one.high is not None
            found[name].append(float(((one.low <= one.targets) & (one.targets <= one.high)).mean()))
    return {"groups": groups, "promised": level} | {name: float(np.mean(values)) for name, values in found.items()}


if __name__ == "__main__":
    main()
