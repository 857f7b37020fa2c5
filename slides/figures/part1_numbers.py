"""The numbers of part 1, as they are read on its slides. Each comes from a result; none is typed."""

import numpy as np

from figures.part1_layers import best_block, few_reach, points
from figures.part1_learning import steepest
from figures.part1_plane import EARLY, networks
from figures.part1_trust import alarms_right
from figures.shared import percent, results, span
from layerscope.judge.interval import wilson
from layerscope.models import MLPConfig

WORDS = ("none", "one", "two", "three", "four", "five", "six")


def numbers() -> dict[str, str]:
    check_titles()
    return {"level": percent(0.95)} | plane() | images() | layers() | few_labels() | trust()


def power(value: float) -> str:
    """7 × 10⁻¹⁵, which never breaks at the end of a line."""
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10<sup>{str(int(exponent)).replace('-', '−')}</sup>"


def plane() -> dict[str, str]:
    """Lesson 0."""
    lesson = results("lesson0")
    starts, chosen, curves = lesson["widths"]["starts"], lesson["widths"]["chosen"], lesson["curves"]
    early, end = networks()[EARLY], networks()[-1]
    return {
        "cut_people": percent(lesson["line"]["people"]),
        "cut_new": percent(lesson["line"]["new"]),
        "cut_many": percent(lesson["line"]["best_of_many"]),
        "many": f"{lesson['line']['many']:,}",
        "line_plane": percent(curves["trained"][0]),
        "radius_cut": percent(lesson["radius"]["new"], 1),
        "new_people": f"{lesson['new_people']:,}",
        "no_bend": percent(lesson["without_bend"]),
        "one_unit": percent(chosen["1"]),
        "two_units": percent(chosen["2"]),
        "three_units": percent(chosen["3"], 1),
        "stuck_unit": percent(min(starts["3"])),
        **{f"start_{i + 1}": percent(value, 1) for i, value in enumerate(starts["3"])},
        "trained_cut": percent(curves["trained"][2], 1),
        "untrained_cut": percent(curves["untrained"][2]),
        "trained_new": percent(end["right"], 1),
        "steps": f"{lesson['steps']:,}",
        "rate": f"{lesson['rate']:g}",
        "people": str(len(lesson["sick"])),
        "smaller": "smaller" if steepest()[2] > 0 else "larger",
        "early": f"{early['step']:,}",
        "weights": str(sum(np.size(p) for p in end["weights"])),
        "log2": f"{np.log(2):.2f}",
        "bump": f"{(3.01 * 2 + 1 - 5) ** 2 - 4:.4f}",
        "computations": str(lesson["gradients"]["computations"]),
        "difference": power(lesson["gradients"]["from_pytorch"]),
        "machine": results("measured")["DL-Example-1-MedNIST-using-PyTorch"]["machine"],
    }


def images() -> dict[str, str]:
    """The main job, clean and in the wild, and pixels in a new order."""
    job, shuffled = results("mednist"), results("shuffled")
    clean, wild = job["accuracy"]["clean"], job["accuracy"]["wild"]
    moved = results("lesson1")["shift"]["right"]
    mean = {key: percent(float(np.mean(found))) for key, found in shuffled["right"].items()}
    return {
        "samples": f"{job['job']['samples']:,}",
        "groups": f"{job['job']['groups']:,}",
        "majority_clean": percent(clean["majority"]["value"]),
        "mean_clean": percent(clean["class mean"]["value"]),
        "line_clean": percent(clean["logistic regression"]["value"]),
        "test": f"{clean['cnn']['samples']:,}",
        "test_groups": f"{clean['cnn']['groups']:,}",
        "nearest_clean": percent(clean["nearest neighbour"]["value"]),
        "nearest_reach": span(clean["nearest neighbour"]),
        "line_wild": percent(wild["logistic regression"]["value"]),
        "nearest_wild": percent(wild["nearest neighbour"]["value"]),
        "shuffle_seeds": str(shuffled["seeds"]),
        "shuffle_train": f"{shuffled['train']:,}",
        "shuffle_test": f"{shuffled['test']:,}",
        "mlp_ordered": mean["mlp, as they are"],
        "mlp_shuffled": mean["mlp, shuffled"],
        "cnn_ordered": mean["cnn, as they are"],
        "cnn_shuffled": mean["cnn, shuffled"],
        "shift_cnn": percent(moved["cnn"][-1]),
        "shift_mlp": percent(moved["mlp"][-1]),
    }


def curve(world: str, kind: str, probe: str = "probe") -> dict[str, float]:
    """What a straight line reads from each stage, mean over seeds; `few`: given ten labels per class."""
    seeds = results("mednist")["layers"][f"{world}-cnn"]
    stages = [reading["stage"] for reading in seeds[0][kind]]
    return {s: float(np.mean([seed[kind][i][probe]["value"] for seed in seeds])) for i, s in enumerate(stages)}


def layers() -> dict[str, str]:
    """Layer curves of the CNN, the maps, and what is good for which task."""
    job = results("mednist")
    wild, twin, clean_twin = (
        curve(*which) for which in (("wild", "trained"), ("wild", "untrained"), ("clean", "untrained"))
    )
    ten = curve("wild", "trained", "few")
    blocks = [stage for stage in wild if stage.startswith("block")]
    raw, last, best_twin = (
        few_reach("wild", *which)
        for which in (
            ("trained", "pixels"),
            ("trained", blocks[-1]),
            ("untrained", best_block("wild", "untrained", "few")),
        )
    )
    learned = job["learned"]["clean"][0]
    return {
        "probe_train": f"{job['probes']['val']:,}",
        "probe_test": f"{job['probes']['test']:,}",
        "job_seeds": str(len(job["job"]["seeds"])),
        "pixels_seen": f"{job['shapes']['pixels'][0]:,}",
        "wild_pixels": percent(wild["pixels"]),
        **{f"wild_{i + 1}": percent(wild[stage]) for i, stage in enumerate(blocks)},
        "wild_twin": percent(max(twin[stage] for stage in blocks)),
        "few_pixels": percent(ten["pixels"]),
        "few_pixels_reach": span(raw),
        **{f"few_{i + 1}": percent(ten[stage]) for i, stage in enumerate(blocks[:-1])},
        "few_last": percent(last["value"], 1),
        "few_last_reach": span(last, 1),
        "few_twin": percent(best_twin["value"]),
        "few_twin_reach": span(best_twin),
        "clean_twin": percent(max(clean_twin[stage] for stage in blocks), 1),
        "clean_learned": points(learned["ahead"]),
        "map_images": str(len(job["maps"]["targets"])),
        "wild_nought": nought(job["learned"]["wild"][0]["ahead"]),
        "wild_words": " ".join(job["words"]["wild"]),
        **tasks(),
    }


def tasks() -> dict[str, str]:
    """Three questions, read from the last layer of networks that learned one of them."""
    found = results("lesson1")["questions"]
    read = {(row["asked"], row["learned"]): row for row in found["read"]}
    lost = {name: read["negative", name]["ahead_of_nothing"] for name in ("organ", "turn")}
    return {
        "task_images": f"{found['read'][0]['samples']:,}",
        "task_groups": f"{found['read'][0]['groups']:,}",
        "task_seed": str(found["seed"]),
        **{f"negative_{name}": percent(read["negative", name]["value"]) for name in ("organ", "turn", "nothing")},
        **{f"negative_{name}_lost": points(difference) for name, difference in lost.items()},
        "task_own": percent(read["organ", "organ"]["value"]),
        "task_other": percent(read["turn", "organ"]["value"]),
    }


def few_labels() -> dict[str, str]:
    """Networks that learned from few labels, and what is left to win with all."""
    rows, ahead = results("mednist")["few"]["wild"], results("mednist")["ahead"]
    counts = sorted({row["labels"] for row in rows})

    def drawn(method: str, labels: int) -> list[float]:
        return [r["accuracy"] for r in rows if (r["method"], r["labels"]) == (method, labels)]

    cells = {
        f"few_{short}_{end}": drawn(method, at)
        for short, method in (("cnn", "cnn"), ("nn", "nearest neighbour"), ("mlp", "mlp"))
        for end, at in (("least", counts[0]), ("ten", 10), ("most", counts[-1]))
    }
    simple = {key: s for key, s in results("mednist")["accuracy"]["clean"].items() if key not in ("cnn", "mlp")}
    best = max(simple, key=lambda key: simple[key]["value"])
    return {
        "few_least": str(counts[0]),
        "few_most": str(counts[-1]),
        "few_draws": str(len({row["draw"] for row in rows})),
        "mlp_layers": WORDS[len(MLPConfig(1, 2).hidden)],
        **{name: percent(float(np.mean(cell))) for name, cell in cells.items()},
        **{f"{name}_drawn": span({"low": min(cell), "high": max(cell)}) for name, cell in cells.items()},
        "simple_best": best,
        "simple_errors": percent(1 - simple[best]["value"]),
        "ahead_clean": points(ahead["clean"][best]),
        "ahead_wild": points(ahead["wild"][best]).replace(" points", ""),
        "ahead_line": points(ahead["wild"]["logistic regression"]),
        "ahead_nought": nought(ahead["wild"][best]),
    }


def trust() -> dict[str, str]:
    """Leaks, shortcuts, units, thresholds."""
    job, mark, lesson2 = results("mednist"), results("shortcut"), results("lesson2")
    cnn, flattered = job["accuracy"]["wild"]["cnn"], job["flattered"]["accuracy"]
    low, high = wilson(round(cnn["value"] * cnn["samples"]), cnn["samples"])
    gains = {method: right["random"] - right["honest"] for method, right in flattered.items() if method != "majority"}
    kinds = job["job"]["parts"]["test"]["classes"]
    fewest = min(kinds, key=lambda kind: kinds[kind]["groups"])
    always, nearly, never = (
        {test: percent(float(np.mean(right))) for test, right in mark["right"][how].items()}
        for how in ("always", "nearly", "never")
    )
    alone, together = list(lesson2["unit"].values())[:2]
    threshold, mistake = lesson2["threshold"], lesson2["study_mistake"]
    return {
        "twin_low": f"{np.floor(1000 * min(results('pictures')['alike'])) / 1000:.3f}",
        "twin_share": percent(job["flattered"]["twins"]["random"]["AbdomenCT"]),
        "mlp_random": percent(1 - flattered["mlp"]["random"], 2),
        "mlp_random_reach": span(errors(job["flattered"]["as_reported"]["mlp"]), 2),
        "mlp_groups": percent(1 - flattered["mlp"]["honest"], 1),
        "mlp_groups_reach": span(errors(job["accuracy"]["clean"]["mlp"]), 1),
        "flattered_methods": WORDS[len(gains)],
        "flattered_better": WORDS[sum(gain > 0 for gain in gains.values())],
        "mark_each": str(mark["each"]),
        "mark_home": always["home"],
        "mark_none": always["none"],
        "mark_other": always["other"],
        "mark_never": never["none"],
        "mark_nearly": nearly["none"],
        "mark_exceptions": f"{100 * (1 - mark['nearly']):.0f}",
        "mark_seeds": str(mark["seeds"]),
        "mark_test": f"{mark['test']:,}",
        "unit_images": f"{cnn['samples']:,}",
        "fewest_class": fewest,
        "fewest_groups": f"{kinds[fewest]['groups']:,}",
        "fewest_images": f"{kinds[fewest]['samples']:,}",
        "cnn_wild": percent(cnn["value"], 2),
        "naive_low": percent(low, 2),
        "naive_high": percent(high, 2),
        "group_low": percent(cnn["low"]),
        "group_high": percent(cnn["high"], 2),
        "unit_factor": f"{(together['high'] - together['low']) / (alone['high'] - alone['low']):.1f}",
        "mistake_mixed": str(mistake["mixed"]),
        "mistake_studies": str(mistake["studies"]),
        **{f"kappa_{when}": f"{mistake[when]['value']:.2f}" for when in ("before", "after")},
        **{f"kappa_{when}_reach": decimals(mistake[when]) for when in ("before", "after", "difference")},
        "kappa_difference": f"{mistake['difference']['value']:+.2f}",
        "sensitivity": percent(threshold["sensitivity"]["value"]),
        "specificity": percent(threshold["specificity"]["value"]),
        "sensitivity_reach": span(threshold["sensitivity"]),
        "specificity_reach": span(threshold["specificity"]),
        **{name: str(threshold[name]) for name in ("abnormal", "normal", "patients")},
        **{f"ppv_{name}": percent(alarms_right(at)["value"]) for name, at in (("half", 0.5), ("few", 0.02))},
        **{f"ppv_{name}_reach": span(alarms_right(at)) for name, at in (("half", 0.5), ("few", 0.02))},
    }


def nought(difference: dict[str, float]) -> str:
    return "holds nought" if difference["low"] <= 0 <= difference["high"] else "does not hold nought"


def check_titles() -> None:
    """What titles say in words, held against the results: after a new measurement it may be wrong."""
    job, lesson = results("mednist"), results("lesson0")
    few = {kind: list(curve("wild", kind, "few").values())[:5] for kind in ("trained", "untrained")}
    read = {(row["asked"], row["learned"]): row["value"] for row in results("lesson1")["questions"]["read"]}
    asked, mlp = ("organ", "turn", "negative"), job["accuracy"]["clean"]["mlp"]
    flattered = job["flattered"]["accuracy"]
    gains = {m: right["random"] - right["honest"] for m, right in flattered.items() if m != "majority"}
    drawn: dict[tuple[int, int], dict[str, float]] = {}
    for row in job["few"]["wild"]:
        drawn.setdefault((row["labels"], row["draw"]), {})[row["method"]] = row["accuracy"]
    most = max(labels for labels, _ in drawn)
    held = {
        "no line tells more than two thirds": max(lesson["line"][of] for of in ("new", "best_of_many")) < 2 / 3,
        "one start of three got stuck": sum(right < 0.95 for right in lesson["widths"]["starts"]["3"]) == 1,
        "a line reads more after each block": few["trained"] == sorted(few["trained"]),
        "without learning, not beyond the first": max(few["untrained"]) - few["untrained"][1] < 0.01,
        "who learned it reads it best": all(max(asked, key=lambda n, a=a: read[a, n]) == a for a in asked),
        "the CNN is ahead from the first label on": all(
            max(d, key=lambda k, d=d: d[k]) == "cnn" for d in drawn.values()
        ),
        "depth alone is not enough": all(
            d["mlp"] < d["nearest neighbour"] for (labels, _), d in drawn.items() if labels == most
        ),
        "too few groups to say that the CNN beats the neighbour": all(
            ahead["nearest neighbour"]["low"] <= 0 for ahead in job["ahead"].values()
        ),
        "it flatters the fully connected network most": max(gains, key=lambda m: gains[m]) == "mlp",
        "a random split hides most errors": job["flattered"]["as_reported"]["mlp"]["low"] > mlp["high"]
        and 1 - flattered["mlp"]["random"] < (1 - mlp["value"]) / 2,
    }
    if wrong := [said for said, true in held.items() if not true]:
        raise SystemExit(f"part1.md says what the results do not: {'; '.join(wrong)}")


def errors(s: dict[str, float]) -> dict[str, float]:
    return {"low": 1 - s["high"], "high": 1 - s["low"]}


def decimals(s: dict[str, float]) -> str:
    """0.23 to 0.49, which never breaks at the end of a line."""
    return f"{s['low']:.2f} to {s['high']:.2f}".replace("-", "\N{MINUS SIGN}").replace(" ", "\N{NO-BREAK SPACE}")
