"""The numbers of part 1, as they are read on its slides. Each comes from a result; none is typed."""

import numpy as np

from figures.part1_learning import steepest
from figures.part1_plane import EARLY, best_cut, networks
from figures.part1_trust import ppv
from figures.shared import percent, results
from layerscope.judge.interval import wilson


def numbers() -> dict[str, str]:
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
        "best_cut": percent(best_cut()[0]),
        "line_plane": percent(curves["trained"][0]),
        "radius_cut": percent(lesson["radius"], 1),
        "no_bend": percent(lesson["without_bend"]),
        "one_unit": percent(chosen["1"]),
        "two_units": percent(chosen["2"]),
        "three_units": percent(chosen["3"], 1),
        "stuck_unit": percent(min(starts["3"])),
        **{f"start_{i + 1}": percent(value, 1) for i, value in enumerate(starts["3"])},
        "trained_cut": percent(curves["trained"][2]),
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
        "nearest_clean": percent(clean["nearest neighbour"]["value"]),
        "line_wild": percent(wild["logistic regression"]["value"]),
        "nearest_wild": percent(wild["nearest neighbour"]["value"]),
        "shuffle_seeds": str(shuffled["seeds"]),
        "shuffle_train": f"{shuffled['train']:,}",
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
    wild, clean, twin, clean_twin = (curve(w, k) for k in ("trained", "untrained") for w in ("wild", "clean"))
    ten, ten_twin = (curve("wild", kind, "few") for kind in ("trained", "untrained"))
    blocks = [stage for stage in wild if stage.startswith("block")]
    maps = results("mednist")["maps"]["networks"]
    probes = dict(zip(maps[1]["stages"], (kept["probe"][0] for kept in maps[1]["slices"]), strict=True))
    read = {(row["asked"], row["learned"], row["stage"]): row["right"] for row in results("lesson1")["tasks"]}
    return {
        "wild_pixels": percent(wild["pixels"]),
        **{f"wild_{i + 1}": percent(wild[stage]) for i, stage in enumerate(blocks)},
        "wild_twin": percent(max(twin[stage] for stage in blocks)),
        "few_pixels": percent(ten["pixels"]),
        **{f"few_{i + 1}": percent(ten[stage]) for i, stage in enumerate(blocks)},
        "few_twin": percent(max(ten_twin[stage] for stage in blocks)),
        "clean_1": percent(min(clean[blocks[0]], clean_twin[blocks[0]])),
        "clean_twin": percent(max(clean_twin[stage] for stage in blocks), 1),
        "map_images": str(len(results("mednist")["maps"]["targets"])),
        "twin_best": percent(max(probes[stage] for stage in blocks)),
        "wild_words": " ".join(results("mednist")["words"]["wild"]),
        "task_own": percent(read["organ", "organ", "logits"]),
        "task_other": percent(read["turn", "organ", "logits"]),
    }


def few_labels() -> dict[str, str]:
    rows = results("mednist")["few"]["wild"]
    counts = sorted({row["labels"] for row in rows})

    def mean(method: str, labels: int) -> str:
        return percent(float(np.mean([r["accuracy"] for r in rows if (r["method"], r["labels"]) == (method, labels)])))

    return {
        "few_least": str(counts[0]),
        "few_most": str(counts[-1]),
        "few_draws": str(len({row["draw"] for row in rows})),
        **{
            f"few_{short}_{end}": mean(method, at)
            for short, method in (("cnn", "cnn"), ("nn", "nearest neighbour"))
            for end, at in (("least", counts[0]), ("most", counts[-1]))
        },
    }


def trust() -> dict[str, str]:
    """Leaks, shortcuts, units, thresholds."""
    job, mark, lesson2 = results("mednist"), results("shortcut"), results("lesson2")
    cnn, flattered = job["accuracy"]["wild"]["cnn"], job["flattered"]["accuracy"]["mlp"]
    low, high = wilson(round(cnn["value"] * cnn["samples"]), cnn["samples"])
    mlp_random, mlp_groups = (1 - flattered[how] for how in ("random", "honest"))
    always, nearly, never = (
        {test: percent(float(np.mean(right))) for test, right in mark["right"][how].items()}
        for how in ("always", "nearly", "never")
    )
    alone, together = list(lesson2["unit"].values())[:2]
    threshold, mistake = lesson2["threshold"], lesson2["study_mistake"]
    return {
        "twin_low": f"{np.floor(1000 * min(results('pictures')['alike'])) / 1000:.3f}",
        "twin_share": percent(job["flattered"]["twins"]["random"]["AbdomenCT"]),
        "mlp_random": percent(mlp_random, 2),
        "mlp_groups": percent(mlp_groups, 1),
        "mlp_low": percent(job["accuracy"]["clean"]["mlp"]["low"]),
        "mlp_high": percent(job["accuracy"]["clean"]["mlp"]["high"], 1),
        "mlp_factor": f"{mlp_groups / mlp_random:.0f}",
        "mark_each": str(mark["each"]),
        "mark_home": always["home"],
        "mark_none": always["none"],
        "mark_other": always["other"],
        "mark_never": never["none"],
        "mark_nearly": nearly["none"],
        "mark_exceptions": f"{100 * (1 - mark['nearly']):.0f}",
        "mark_seeds": str(mark["seeds"]),
        "unit_images": f"{cnn['samples']:,}",
        "cnn_wild": percent(cnn["value"], 2),
        "naive_low": percent(low, 2),
        "naive_high": percent(high, 2),
        "group_low": percent(cnn["low"]),
        "group_high": percent(cnn["high"], 2),
        "unit_factor": f"{(together['high'] - together['low']) / (alone['high'] - alone['low']):.1f}",
        "mistake_mixed": str(mistake["mixed"]),
        "mistake_studies": str(mistake["studies"]),
        "kappa_before": f"{mistake['before']:.2f}",
        "kappa_after": f"{mistake['after']:.2f}",
        "sensitivity": percent(threshold["sensitivity"]),
        "specificity": percent(threshold["specificity"]),
        "ppv_half": percent(ppv(0.5)),
        "ppv_few": percent(ppv(0.02)),
    }
