"""Makes the README's picture and its numbers from a run: `make figure RUN=runs/...` (default: the newest of MedNIST).

The picture is the report's own layer curve of the CNN; the table in the README stands between two markers.
"""

import sys
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from layerscope.draw.layers import draw_layers
from layerscope.draw.style import name, style
from layerscope.numbers import share
from layerscope.report.words import interpret
from layerscope.study.folder import RunFolder

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- figure.py begins -->", "<!-- figure.py ends -->"


def newest() -> Path:
    runs = sorted((ROOT / "runs").glob("mednist-*/report.html"), key=lambda file: file.stat().st_mtime)
    if not runs:
        sys.exit("No finished run of MedNIST in runs/. Make one: layerscope run mednist")
    return runs[-1].parent


def picture(folder: RunFolder, out: Path) -> None:
    matplotlib.use("agg")
    with style():
        figure = Figure(figsize=(9.4, 3.1), layout="constrained", facecolor="white", dpi=110)
        for ax, world, title in zip(
            figure.subplots(1, 2), ("clean", "wild"), ("Clean images", "In the wild"), strict=True
        ):
            draw_layers(folder.layers(world, "cnn"), ax=ax)
            ax.set_title(f"MedNIST, {title.lower()}: read by a straight line")
        figure.savefig(out, facecolor="white")


def words(folder: RunFolder) -> str:
    judged = {world: folder.found(f"judged-{world}")["scores"] for world in ("clean", "wild")}
    flattered = folder.found("flattered")["accuracy"]
    rows = ["| method | clean [95 %] | in the wild [95 %] | clean, by random split |", "|---|---|---|---|"]
    for key in judged["clean"]:
        cells = [judged[world][key]["accuracy"] for world in judged]
        shown = [f"{share(s['value'])} [{share(s['low'])}, {share(s['high'])}]" for s in cells]
        rows.append(f"| {name(key)} | {shown[0]} | {shown[1]} | {share(flattered[key]['random'])} |")
    first, second = interpret("cnn", "wild", folder.layers("wild", "cnn"))
    run = folder.run
    made = (
        f"Made by `layerscope run {run['plan']['data']} --seed {run['plan']['seed']}` in {run['seconds']:.0f} s "
        f"on {run['device']}, {run['peak_memory'] / 1e9:.1f} GB at its peak; intervals over groups of the test set."
    )
    return "\n".join([BEGIN, f"*{first} {second}*", "", *rows, "", made, END])


def main() -> None:
    folder = RunFolder(Path(sys.argv[1]) if len(sys.argv) > 1 else newest())
    (ROOT / "docs").mkdir(exist_ok=True)
    picture(folder, ROOT / "docs" / "layers.png")
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    readme.write_text(before + words(folder) + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
