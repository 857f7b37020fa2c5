"""Intervals over groups of what several labels a sample are judged by, and paired differences. NumPy only.

Axes: s samples, k classes, g groups, r resamples, c the metrics of `scores`, m all classes together and then each.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from layerscope.judge.compare import Difference
from layerscope.judge.interval import SAME, Score, bounds, check_settings
from layerscope.judge.multilabel import MultiLabel, Threshold, counts, curves_of, mean_of_present
from layerscope.judge.resample import CACHED, Design, typical
from layerscope.judge.statistics import ratio
from layerscope.source import DataError

Weigh = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # weights of seen, wrong, right groups to (r, c)


def scores(
    p: MultiLabel, threshold: Threshold, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """Each metric with its interval over groups: the three means, then `f1(class)` and `average_precision(class)`.

    Made as by `judge.scores`: the widest of three bootstraps over groups, of those seen and with one unseen that is
    answered worse, or better. A class counts the groups in which it is true, so that of a rare one little is promised.

    Raises:
        ValueError: if level or resamples make no sense.
    """
    found = _scored(p, p.guess(threshold), level, resamples, seed)
    return {name: found[name] for name in _names(p) if name not in _ranking_names(p)}


def ranking_scores(p: MultiLabel, *, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> dict[str, Score]:
    """`macro_auroc` and `macro_average_precision` over the labels that can be judged, then `auroc(class)` of each.

    No threshold is needed. `method` of the two means says how many labels were left out; `left_out` says which and why.

    Raises:
        ValueError: if level or resamples make no sense.

    Reference: labels that nobody looked for are left out, as of Tox21: Wu et al. 2018, doi:10.1039/C7SC02664A.
    """
    found = _scored(p, p.guess(0.5), level, resamples, seed)
    return {name: found[name] for name in _ranking_names(p)}


def _scored(p: MultiLabel, guess: Bool[np.ndarray, "s k"], level: float, resamples: int, seed: int) -> dict[str, Score]:
    check_settings(level, resamples)
    weigh, true_or_guessed = _weigher(p, guess), guess | p.targets
    worse = _typical(p, guess != p.targets, true_or_guessed)
    better = 1 - _typical(p, guess & p.targets, true_or_guessed)
    tried = _trials(p, weigh, [worse, better], resamples, seed)
    value, *ends = (_if_unseen(p, weigh, level, *how) for how in ((0, 0), (1, 0), (0, 1)))
    return {name: Score(*found) for name, found in _intervals(p, value, tried, ends, level).items()}


def compare(
    a: MultiLabel,
    b: MultiLabel,
    of_a: Threshold,
    of_b: Threshold,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Each metric of a, decided at thresholds `of_a`, less that of b: the same rows, the same resampled groups.

    Raises:
        DataError: if the two are not about the same samples, targets, groups and classes, in the same order.
        ValueError: if level or resamples make no sense.
    """
    found = _compared(a, b, a.guess(of_a), b.guess(of_b), level, resamples, seed)
    return {name: found[name] for name in _names(a) if name not in _ranking_names(a)}


def compare_rankings(
    a: MultiLabel, b: MultiLabel, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> dict[str, Difference]:
    """The metrics of `ranking_scores` of a, less those of b: the same rows, the same resampled groups.

    Raises:
        DataError: if the two are not about the same samples, targets, groups and classes, in the same order.
        ValueError: if level or resamples make no sense.
    """
    found = _compared(a, b, a.guess(0.5), b.guess(0.5), level, resamples, seed)
    return {name: found[name] for name in _ranking_names(a)}


def _compared(
    a: MultiLabel,
    b: MultiLabel,
    guess: Bool[np.ndarray, "s k"],
    other_guess: Bool[np.ndarray, "s k"],
    level: float,
    resamples: int,
    seed: int,
) -> dict[str, Difference]:
    check_settings(level, resamples)
    columns = ("ids", "classes", "targets", "groups", "groups_known", "known")
    if other := [name for name in columns if not np.array_equal(getattr(a, name), getattr(b, name))]:
        raise DataError(f"needed the same samples in the same order. The two differ in {', '.join(other)}.")
    first, second = _weigher(a, guess), _weigher(b, other_guess)
    differ = _typical(a, guess != other_guess, guess | other_guess | a.targets)
    none = np.zeros_like(differ)
    tried = _trials(a, first, [differ, none], resamples, seed) - _trials(b, second, [none, differ], resamples, seed)
    value, *ends = (
        _if_unseen(a, first, level, wrong, right) - _if_unseen(b, second, level, right, wrong)
        for wrong, right in ((0, 0), (1, 0), (0, 1))
    )
    return {name: Difference(*found) for name, found in _intervals(a, value, tried, ends, level, "paired ").items()}


def weighted(p: MultiLabel, threshold: Threshold, weights: Float[np.ndarray, "r g"]) -> dict[str, np.ndarray]:
    """Each metric for each row of group weights; a group of weight 2 counts as two such groups."""
    none = np.zeros((len(weights), 1 + len(p.classes)))
    found = dict(zip(_names(p), _weigher(p, p.guess(threshold))(weights, none, none).T, strict=True))
    return {name: values for name, values in found.items() if name not in _ranking_names(p)}


def _names(p: MultiLabel) -> list[str]:
    means = ["micro_f1", "macro_f1", "mean_average_precision"]
    by_class = (f"{metric}({name})" for metric in ("f1", "average_precision", "auroc") for name in p.classes)
    return [*means, *by_class, *_ranking_names(p)[:2]]


def _ranking_names(p: MultiLabel) -> list[str]:
    return ["macro_auroc", "macro_average_precision", *(f"auroc({name})" for name in p.classes)]


def _weigher(p: MultiLabel, guess: Bool[np.ndarray, "s k"]) -> Weigh:
    """All metrics of the seen groups, and of two more that are copies of all rows, answered wrongly and rightly.

    Wrongly is: every label missed, and as many guessed where they are not, namely where the network came nearest to it.
    The copies are as confident as the seen rows are on average.
    """
    (owners, groups), (samples, k) = p.owners, p.targets.shape
    tempting = np.where(p.absent, -p.probs, np.inf).argsort(axis=0, kind="stable").argsort(axis=0)
    wrong = p.absent & (tempting < p.targets.sum(0))
    # rounded, so that the order of rows does not decide whether a mean is equal to a probability
    unguessed = ~guess if p.known is None else p.known & ~guess
    mean = [ratio((p.probs * of).sum(0), of.sum(0)).round(9) for of in (guess, unguessed)]
    yes, no = np.nan_to_num(mean[0], nan=1), np.nan_to_num(mean[1], nan=0)
    probs = np.vstack([p.probs, *(np.where(answer, yes, no) for answer in (wrong, p.targets))])
    true, guessed = np.tile(p.targets, (3, 1)), np.vstack([guess, wrong, p.targets])
    owners = np.concatenate([owners, np.repeat([groups, groups + 1], samples)])
    hits, marks = (_by_group(cells, owners, groups + 2) for cells in counts(true, guessed))
    curves = curves_of(true, probs, owners, groups + 2, None if p.known is None else np.tile(p.known, (3, 1)))
    judged = p.judged

    def weigh(seen: np.ndarray, wrong: np.ndarray, right: np.ndarray) -> np.ndarray:
        every, *by_class = [np.hstack([seen, wrong[:, [m]], right[:, [m]]]) for m in range(1 + k)]
        micro = ratio(every @ hits.sum(1), every @ marks.sum(1))
        f1s = np.stack([ratio(w @ hits[:, c], w @ marks[:, c]) for c, w in enumerate(by_class)], axis=1)
        ranked = np.stack([curve(w) for curve, w in zip(curves, by_class, strict=True)], axis=2)
        areas, precisions = ranked[:, 0], ranked[:, 1]
        means = [micro, mean_of_present(f1s, p), mean_of_present(precisions, p)]
        of_judged = [ratio(of[:, judged].sum(1), np.full(len(of), judged.sum())) for of in (areas, precisions)]
        return np.column_stack([*means, f1s, precisions, areas, *of_judged])

    return weigh


def _by_group(cells: Shaped[np.ndarray, "s m"], owners: Int[np.ndarray, " s"], groups: int) -> Float[np.ndarray, "g m"]:
    sums = np.zeros((groups, cells.shape[1]))
    np.add.at(sums, owners, cells)
    return sums


def _typical(p: MultiLabel, cells: Bool[np.ndarray, "s k"], of: Bool[np.ndarray, "s k"]) -> Float[np.ndarray, " m"]:
    """Share of such cells to expect in a group that is unseen."""
    some, every = (_by_group(np.column_stack([x.sum(1), x]), *p.owners) for x in (cells, of))
    return np.array([typical(share) for share in np.nan_to_num(ratio(some, every)).T])


def _reach(p: MultiLabel) -> Int[np.ndarray, " m"]:
    """All groups, and those in which each class is true."""
    return np.array([p.owners.groups, *(_by_group(p.targets, *p.owners) > 0).sum(0).clip(min=1)])


def _trials(p: MultiLabel, weigh: Weigh, wrong: list, resamples: int, seed: int) -> Float[np.ndarray, "v r c"]:
    """Every metric on every resample: without an unseen group, then with one in which such shares are wrong."""
    for_seen, for_unseen = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    size, reach, parts = max(4, CACHED // (3 * len(p))), _reach(p), []
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        seen = for_seen.standard_exponential((rows, p.owners.groups))
        once = for_unseen.standard_exponential((rows, 1)) / reach
        unseen = [(0 * once, 0 * once), *((once * share, once * (1 - share)) for share in wrong)]
        parts.append(np.stack([weigh(seen, *answers) for answers in unseen]))
    return np.concatenate(parts, axis=1)


def _if_unseen(p: MultiLabel, weigh: Weigh, level: float, wrong: int, right: int) -> Float[np.ndarray, " c"]:
    """The metrics if as many groups were unseen, all answered so, as Clopper and Pearson's bound allows."""
    seen = ((1 - level) / 2) ** (1 / _reach(p)[None])
    unseen = (1 - seen) / seen
    return weigh(np.ones((1, p.owners.groups)), unseen * wrong, unseen * right)[0]


def _intervals(
    p: MultiLabel, values: np.ndarray, tried: np.ndarray, ends: Sequence[np.ndarray], level: float, paired: str = ""
) -> dict[str, tuple[float, float, float, int, int, str]]:
    """Value, low, high, samples, groups and method of each metric."""
    every, *by_class = _reach(p).tolist()
    over = f"{every} {'groups' if p.groups_known else 'samples (no groups given)'}"
    without = f"; {(~p.judged).sum()} of {len(p.classes)} labels left out" if not p.judged.all() else ""
    found = {}
    for c, (name, groups) in enumerate(zip(_names(p), [every] * 3 + by_class * 3 + [every] * 2, strict=True)):
        value, low, high = float(values[c]), np.nan, np.nan
        if np.isnan(value):
            needs = "samples with and without the label must be known" if "auroc" in name else "no sample has the label"
            method = f"undefined: {needs}"
        elif every == 1:
            method = "one group: no interval"
        elif np.ptp(tried[0, :, c]) < SAME:
            method, (low, high) = f"conservative: no spread between {over}", (float(end[c]) for end in ends)
        else:
            method = f"{paired}bootstrap over {over}"
            low, high = bounds(tried[:, :, c], Design(np.ones((groups, 1))), level)
        method += without if name in ("macro_auroc", "macro_average_precision") else ""
        found[name] = (value, min(low, high, value), max(low, high, value), len(p), every, method)
    return found
