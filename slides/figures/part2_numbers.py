"""The numbers of part 2, as they are read on its slides. Each comes from a result; none is typed."""

from figures.shared import percent, results


def numbers() -> dict[str, str]:
    return molecules() | texts() | judged() | speed()


def molecules() -> dict[str, str]:
    lesson, runs = results("part2")["lesson4"], results("part2")["runs"]
    test, trap, esol = lesson["test"], lesson["trap"], runs["esol"]["calibrated"]
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
        "esol_reach": f"{esol['reach']['radius']:.1f}",
        "esol_level": percent(esol["reach"]["level"]),
        "esol_held": percent(esol["held"]["coverage"]["value"]),
        "esol_low": percent(esol["held"]["coverage"]["low"]),
        "esol_high": percent(esol["held"]["coverage"]["high"]),
        "far_auroc": f"{runs['bbbp']['domain']['bins'][0]['score']['value']:.2f}",
        "deep_replace": f"{lesson['blocks']['12']['each replaces what was there']['value']:.2f}",
        "deep_add": f"{lesson['blocks']['12']['each adds to it']['value']:.2f}",
        "disease_alone": percent(lesson["one_graph"]["network, the disease alone"]["right, new groups"]["value"]),
        "disease_near": percent(lesson["one_graph"]["network, with its neighbours"]["right, new groups"]["value"]),
        "disease_words": percent(lesson["one_graph"]["counted words of its phenotypes"]["right, new groups"]["value"]),
    }


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
    import numpy as np

    y, x = np.mgrid[-40:41, -40:41]
    one, other = x**2 + y**2 <= radius**2, (x - 2) ** 2 + y**2 <= radius**2
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def speed() -> dict[str, str]:
    found = results("speed")
    return {
        "course_seconds": f"{found['course seconds']:.0f}",
        "fast_seconds": f"{found['summary']['fast from archive']['seconds'][0]:.0f}",
        "conv_share": percent(results("profile")["fast"]["shares"]["convolution"]),
    }
