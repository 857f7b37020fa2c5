"""The numbers of part 2, as they are read on its slides. Each comes from a result; none is typed."""

import numpy as np

from figures.part2_text import few
from figures.shared import percent, results
from layerscope.judge.interval import wilson

ENDS = ("low", "high")


def numbers() -> dict[str, str]:
    return molecules() | layers() | promised() | texts() | lesson3() | judged() | speed()


def molecules() -> dict[str, str]:
    lesson, runs = results("part2")["lesson4"], results("part2")["runs"]
    test, trap = lesson["test"], lesson["trap"]
    forest, net = test["ECFP4 + forest"]["AUROC, test"], test["GIN with bonds"]["AUROC, test"]
    last = lesson["sizes"]["3,000"]
    ways = [row[name]["value"] for row in lesson["splits"].values() for name in ("ECFP4 + forest", "GIN with bonds")]
    nitro = lesson["attribution"]
    return {
        "forest_test": f"{forest['value']:.2f}",
        "net_test": f"{net['value']:.2f}",
        "train_molecules": f"{lesson['parts']['train']['molecules']:,.0f}",
        "test_groups": f"{lesson['parts']['test']['groups']:.0f}",
        "logp_net": f"{last['GIN with bonds']['value']:.2f}",
        "logp_forest": f"{last['ECFP4 + forest']['value']:.2f}",
        "nci_line": f"{results('part2')['told']['rmse']['value']:.4f}",
        "nci_net": f"{runs['nci']['judged']['scores']['graph network']['rmse']['value']:.2f}",
        "split_low": f"{min(ways):.2f}",
        "split_high": f"{max(ways):.2f}",
        "kinds_first": str(lesson["surroundings"][0]),
        "kinds_last": str(lesson["surroundings"][-1]),
        "trap_claimed": f"{trap['hers']['cross-validation says']['value']:.3f}",
        "trap_true": f"{trap['hers']['new scaffolds']['value']:.3f}",
        "trap_dealt": f"{trap['hers']['cross-validation, labels dealt at random']['value']:.3f}",
        "trap_mended": f"{trap['cross-fitted']['cross-validation says']['value']:.3f}",
        "trap_mended_true": f"{trap['cross-fitted']['new scaffolds']['value']:.3f}",
        "nitro_ig": percent(nitro["integrated gradients"]["nitro group"]["value"]),
        "acid_ig": percent(nitro["integrated gradients"]["carboxylic acid"]["value"]),
        "far_auroc": f"{runs['bbbp']['domain']['bins'][0]['score']['value']:.2f}",
        "deep_replace": f"{lesson['blocks']['12']['each replaces what was there']['value']:.2f}",
        "deep_add": f"{lesson['blocks']['12']['each adds to it']['value']:.2f}",
        "disease_alone": percent(lesson["one_graph"]["network, the disease alone"]["right, new groups"]["value"]),
        "disease_near": percent(lesson["one_graph"]["network, with its neighbours"]["right, new groups"]["value"]),
        "disease_words": percent(lesson["one_graph"]["counted words of its phenotypes"]["right, new groups"]["value"]),
    }


def layers() -> dict[str, str]:
    """What the layers of two networks of molecules read more than the best control, and the cliffs they tell apart."""
    found, pairs = results("part2")["runs"], results("part2")["cliffs"]
    said: dict[str, str] = {}
    for name in ("esol", "bbbp"):
        learned, cliffs = found[name]["layers"]["learned"], found[name]["cliffs"]
        ahead, write = learned["ahead"], plus if name == "esol" else points
        told = round(cliffs["told_apart"] * cliffs["cliffs"])
        low, high = wilson(told, cliffs["cliffs"])
        said |= {
            f"{name}_ahead": write(ahead["value"]),
            f"{name}_ahead_low": write(ahead["low"]),
            f"{name}_ahead_high": write(ahead["high"]),
            f"{name}_stage": learned["stage"].replace("block", "block "),
            f"{name}_rival": learned["rival"].replace("block", "block "),
            f"{name}_told": str(told),
            f"{name}_cliffs": str(cliffs["cliffs"]),
            f"{name}_series": str(pairs[name]["series"]),
            f"{name}_told_low": percent(low),
            f"{name}_told_high": percent(high),
            f"{name}_forest": str(round(pairs[name]["forest"] * pairs[name]["cliffs"])),
        }
    return said


def plus(value: float, digits: int = 2) -> str:
    """A difference with its sign."""
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def points(value: float) -> str:
    """A difference of shares, in points."""
    return plus(100 * value, 1)


def promised() -> dict[str, str]:
    """Intervals around solubility: promised and held, each group counting once, and each molecule."""
    esol = results("part2")["runs"]["esol"]["calibrated"]
    said = {"esol_reach": f"{esol['reach']['radius']:.1f}", "esol_level": percent(esol["reach"]["level"])}
    low = min(esol["levels"], key=float)
    for key, held in (("esol_held", esol["held"]), ("esol_least", esol["levels"][low])):
        for way, name in (("coverage_by_group", key), ("coverage", f"{key}_each")):
            said |= {name: percent(held[way]["value"])}
            said |= {f"{name}_{end}": percent(held[way][end]) for end in ("low", "high")}
    return said | {"esol_level_least": percent(float(low))}


def texts() -> dict[str, str]:
    found = results("text")
    read = found["inference"]
    return {
        **{
            f"{way}_weights": f"{found[f'adapting, {way}']['weights that learn']:,}"
            for way in ("frozen", "adapters", "full")
        },
        "changed": str(read["decisions changed"]["by length, 32, int8"]),
        "texts": f"{read['samples']:,}",
        "right_32": percent(read["accuracy"]["by length, 32"], 1),
        "right_8": percent(read["accuracy"]["by length, 32, int8"], 1),
        "changed_16": str(read["decisions changed"]["by length, 32, bf16"]),
    }


def lesson3() -> dict[str, str]:
    """Few labels, the tree, negation, and what explanations find in text."""
    found = results("part2")["lesson3"]
    tree, deletion, behind = found["tree"], found["deletion"], found["behind"]["by"]
    last = list(tree["layers"].values())[-1]
    curve = few()
    least, *_, most = curve["from scratch"]
    ways = {"MiniLM, frozen": "minilm", "bag of letters": "letters", "from scratch": "scratch"}
    attention = results("part2")["attention"]
    words, columns = np.array(attention["blocks"][-1]), attention["columns"]
    right = {name: row["test texts right"] for name, row in found["test"].items()}
    return {
        **{f"{name}_{n}": percent(float(np.mean(curve[way][n]))) for way, name in ways.items() for n in curve[way]},
        "labels_least": least,
        "draws": str(len(curve["from scratch"][least])),
        "labels_most": most,
        "read_texts": f"{found['reading']['texts']:,.0f}",
        "read_rightly": percent(found["reading"]["rightly"]),
        "read_commonest": percent(found["reading"]["commonest"]),
        "read_gains": ", ".join(points(gain) for gain in found["reading"]["gains"].values()),
        "texts_train": f"{found['parts']['train']['texts']:,.0f}",
        "all_tuned": percent(right["fine-tuned"]["value"]),
        "all_nearest": percent(right["frozen, nearest"]["value"]),
        "all_letters": percent(right["bag of letters"]["value"]),
        "tree_terms": f"{tree['terms']:,.0f}",
        "tree_words": plus(tree["words"]["value"]),
        "tree_words_low": plus(tree["words"]["low"]),
        "tree_words_high": plus(tree["words"]["high"]),
        **{
            f"tree_{name}": plus(last[key]["value"])
            for name, key in (("last", "pretrained"), ("twin", "untrained"), ("tuned", "fine-tuned"))
        },
        **{f"tree_last_{end}": plus(last["pretrained"][end]) for end in ("low", "high")},
        **{
            f"{name}_{test}": percent(found["negation"][way][column]["value"])
            for name, way in (("reader", "transformer"), ("bag", "bag of words"))
            for test, column in (("findings", "new findings, known wordings"), ("wordings", "new wordings"))
        },
        **{f"reader_wordings_{end}": percent(found["negation"]["transformer"]["new wordings"][end]) for end in ENDS},
        "negation_findings": f"{found['findings']:.0f}",
        "gain_attention": plus(deletion["attention"]["gain"]["value"]),
        **{f"gain_attention_{end}": plus(deletion["attention"]["gain"][end]) for end in ENDS},
        "gain_best": plus(deletion[found["behind"]["best"]]["gain"]["value"]),
        "best_way": found["behind"]["best"],
        "behind": f"{behind['value']:.2f}",
        "behind_low": f"{behind['low']:.2f}",
        "behind_high": f"{behind['high']:.2f}",
        "systems": str(len(found["systems"])),
        "heads": str(attention["heads"] * len(attention["blocks"])),
        "no_heard": percent(words[:, columns.index("no")].mean()),
        "start_heard": percent(words[:, columns.index("start sign")].mean()),
    }


def judged() -> dict[str, str]:
    unit, pointing = results("lesson2")["unit"], results("lesson2")["pointing"]
    (five,) = [row for row in results("coverage")["accuracy"] if (row["groups"], row["truth"]) == (5, 0.95)]
    return {
        "by_film": f"{unit['image, as if each were alone']['value']:.2f}",
        "by_patient": f"{unit['patient']['value']:.2f}",
        "level": percent(0.95),
        "five_samples": percent(five["percentile over samples"]["coverage"]),
        "five_groups": percent(five["percentile over groups"]["coverage"]),
        "grad_cam": percent(pointing["this network, Grad-CAM"]),
        "brightest": percent(pointing["the brightest pixel"]),
        "dice_large": f"{dice(20):.2f}",
        "dice_small": f"{dice(3):.2f}",
    }


def dice(radius: int) -> float:
    """Dice of a disc and the same disc two pixels to the right."""
    y, x = np.mgrid[-40:41, -40:41]
    one, other = x**2 + y**2 <= radius**2, (x - 2) ** 2 + y**2 <= radius**2
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def speed() -> dict[str, str]:
    found = results("speed")
    errors = {run["what"]: run["errors"] for run in found["runs"] if run["from"] == "archive"}
    return {
        "course_seconds": f"{found['course seconds']:.0f}",
        "usual_seconds": f"{found['summary']['default from archive']['seconds'][0]:.0f}",
        "fast_seconds": f"{found['summary']['fast from archive']['seconds'][0]:.0f}",
        **{f"{what}_errors": str(count) for what, count in errors.items()},
        "conv_share": percent(results("profile")["fast"]["shares"]["convolution"]),
    }
