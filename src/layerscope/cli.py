"""The command `layerscope`. What each command needs is imported inside it, so that --help answers at once."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from layerscope.cli_class import make_class
from layerscope.cli_data import data_app

app = typer.Typer(
    name="layerscope",
    help="Deep learning for biotechnology and medicine, layer by layer: train, judge honestly, look inside.",
    epilog="Begin with `layerscope run --quick`: minutes later a report shows what each layer has learned.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(data_app, name="data")

TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl")
Run = Annotated[Path, typer.Argument(help="A run folder, made by `layerscope run`.", show_default=False)]


@app.command()
def run(
    data: Annotated[
        str | None,
        typer.Argument(
            help="diseases, gad, hallmarks, mednist, mura, phantoms, phenotypes, pubmed_rct, xrays; molecules: "
            "bace, bbbp, clintox, esol, freesolv, hiv, lipophilicity, nci, tox21; or a table of your own (CSV, TSV, "
            "JSON Lines). Without: MedNIST where it can be had, else phantoms.",
            show_default=False,
        ),
    ] = None,
    path: Annotated[
        Path | None, typer.Option("--data", help="The archive or its unpacked folder, if you have it; mura needs it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder. Default: runs/<data>-<time>.", show_default=False)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped (the newest, or --out).")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A part of the samples, and less training: a few minutes.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of split, weights, batches and draws.", min=0)] = 0,
    labels: Annotated[
        int | None, typer.Option(help="Labels per class to learn from. Default: all.", min=1, show_default=False)
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="blocks, groups, published, given, random or course2021. Default: the data set's own honest one.",
            show_default=False,
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out images that cannot be read, and list them.")
    ] = False,
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
    text: Annotated[str | None, typer.Option(help="Of a table: the column of texts.", show_default=False)] = None,
    label: Annotated[str | None, typer.Option(help="Of a table: the column of classes.", show_default=False)] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Of a table: the column of patients, or what else belongs together.", show_default=False),
    ] = None,
    id: Annotated[str | None, typer.Option(help="Of a table: the column of names.", show_default=False)] = None,
    smiles: Annotated[str | None, typer.Option(help="Of molecules: the column of SMILES.", show_default=False)] = None,
    target: Annotated[list[str] | None, typer.Option(help="Of molecules: a column of answers; once for each.")] = None,
    unit: Annotated[str | None, typer.Option(help="Of molecules: that of a measurement.", show_default=False)] = None,
    kind: Annotated[str | None, typer.Option(help="Of molecules: class or number.", show_default=False)] = None,
    network: Annotated[
        str, typer.Option(help="For texts, the pretrained network: minilm, pubmedbert, a folder or a name of the hub.")
    ] = "minilm",
    tokens: Annotated[
        int | None,
        typer.Option(
            help="Of texts, read so many tokens at most. Default: 256; 512 of hallmarks; 128 with --quick.",
            min=8,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train, judge and open up networks; ends with the path of report.html."""
    from layerscope.main_job import main_job, molecule_job, refuse, table_job
    from layerscope.terminal import progress_bar, say

    with progress_bar() as progress:
        columns = {"text": text, "label": label, "group": group, "id": id}
        common = (precision, network, tokens, progress, say)
        of_molecules = {"smiles": smiles, "target": target, "unit": unit, "kind": kind}
        if data and (smiles or target) and Path(data).suffix.lower() in TABLES:
            refuse({"--data": path, "--split": split}, "for a data set that has a name")
            refuse({"--text": text, "--label": label, "--labels": labels, "--tokens": tokens}, "for texts")
            refuse({"--network": network if network != "minilm" else None}, "for texts")
            columns = of_molecules | {"group": group, "id": id}
            page = molecule_job(Path(data), columns, out, resume, quick, seed, skip_bad, precision, progress, say)
        elif data and Path(data).suffix.lower() in TABLES:
            refuse({"--data": path, "--split": split, "--skip-bad": skip_bad}, "for a data set that has a name")
            refuse({"--unit": unit, "--kind": kind}, "for molecules")
            page = table_job(Path(data), columns, out, resume, quick, seed, labels, *common)
        else:
            given = {f"--{name}": column for name, column in (columns | of_molecules).items()}
            refuse(given, "for a table of your own")
            page = main_job(data, path, out, resume, quick, seed, labels, split, skip_bad, *common)
    typer.echo(f"\nReport: {page}")


@app.command()
def judge(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="CSV: one row per sample with the true class and the class probabilities; or the true and the "
            "predicted number; or, of several labels, 1, 0 or nothing (label) and a probability, p(label).",
            show_default=False,
        ),
    ],
    target: Annotated[str | None, typer.Option(help="Column of the true class or number.", show_default=False)] = None,
    group: Annotated[
        str | None, typer.Option(help="Column of the patient, or what else belongs together.", show_default=False)
    ] = None,
    id: Annotated[str | None, typer.Option(help="Column that names the sample.", show_default=False)] = None,
    against: Annotated[
        Path | None, typer.Option(help="Other predictions of the same samples, to compare with.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the scores to this JSON file.", show_default=False)
    ] = None,
) -> None:
    """Score predictions, also those of other tools, with 95 % intervals over groups."""
    from layerscope.terminal import print_judgement

    print_judgement(predictions, target, group, id, against, out)


@app.command()
def see(
    network: Annotated[
        str, typer.Argument(help="A run folder; with --transfer also efficientnet_lite0.", show_default=False)
    ],
    transfer: Annotated[
        str | None,
        typer.Option(
            help="A folder CLASS/IMAGE or CLASS/PATIENT/IMAGE of your own, or a data set: which layer to take for it?",
            show_default=False,
        ),
    ] = None,
) -> None:
    """What can be read from each layer of the networks of a run, beside the controls."""
    from layerscope.terminal import print_layers, print_transfer

    if transfer is None:
        print_layers(Path(network))
    else:
        print_transfer(network, transfer)


@app.command()
def atlas(
    run: Run,
    world: Annotated[str, typer.Option(help="wild or clean.")] = "wild",
    net: Annotated[str, typer.Option(help="cnn or mlp.")] = "cnn",
    against: Annotated[
        str | None, typer.Option(help="Another network beside it: cnn or mlp.", show_default=False)
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples shown, at most.", min=50, max=5000)] = 2000,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="The page holds the images: think of patients.")
    ] = True,
    data: Annotated[
        Path | None, typer.Option("--data", help="The images of the run, if it was given them.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Default: RUN/atlas.html.", show_default=False)] = None,
) -> None:
    """Write the atlas of a run: walk through the layers and the training of a network, in one page."""
    from layerscope.study.atlas import check_names, open_study, run_atlas
    from layerscope.study.folder import ATLAS
    from layerscope.terminal import progress_bar

    check_names(world, net, against)
    with progress_bar() as progress:
        made = run_atlas(open_study(run, data, progress), world, net, against, samples, pictures=pictures)
    typer.echo(f"Atlas: {made.write(out or run / ATLAS)}")


@app.command()
def predict(
    run: Run,
    texts: Annotated[list[str], typer.Argument(help="Texts or SMILES in quotes; or one table (CSV, TSV, JSON Lines).")],
    text: Annotated[str | None, typer.Option(help="Of a table: the column of texts, or SMILES.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Of a table: write here. Default: predictions-<its name>.csv.")
    ] = None,
) -> None:
    """Read new texts with the fine-tuned network of a run on texts, or SMILES with that of a run on molecules."""
    from layerscope.main_job import refuse
    from layerscope.terminal import print_answers, write_answers

    if len(texts) == 1 and Path(texts[0]).suffix.lower() in TABLES:
        if text is None:
            raise ValueError(f"{texts[0]} is a table: say which column holds the texts, such as --text abstract.")
        table = Path(texts[0])
        typer.echo(f"Predictions: {write_answers(run, table, text, out or Path(f'predictions-{table.stem}.csv'))}")
    else:
        refuse({"--text": text, "--out": out}, "for a table")
        print_answers(run, texts)


@app.command()
def search(
    data: Annotated[str, typer.Argument(help="phenotypes, the terms of the Human Phenotype Ontology.")],
    query: Annotated[str, typer.Argument(help='In your own words, such as "wobbly walk".')],
    top: Annotated[int, typer.Option(help="Terms shown.", min=1)] = 10,
    layer: Annotated[
        str | None,
        typer.Option(
            help="embedding, block1, ... Default: the one that finds held-out synonyms best.", show_default=False
        ),
    ] = None,
    network: Annotated[str, typer.Option(help="minilm, pubmedbert, a folder or a name of the hub.")] = "minilm",
    path: Annotated[Path | None, typer.Option("--data", help="The file hp.obo, if you have it.")] = None,
) -> None:
    """Find terms by meaning; the first time, names and synonyms are read, which takes minutes."""
    if data != "phenotypes":
        raise ValueError(f"search needs terms with names and synonyms; only phenotypes has them. Got {data!r}.")
    if not query.strip():
        raise ValueError('a query needs at least one word, such as "wobbly walk". Got an empty one.')
    from layerscope.terminal import print_search

    print_search(query, top, layer, network, path)


@app.command()
def report(run: Run) -> None:
    """Write report.html of a run again."""
    from layerscope.report import write_any_report

    typer.echo(f"Report: {write_any_report(run)}")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    verify: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Read the files of these data sets and weights and check them: mednist,minilm. Default: only look.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """What is installed, which device, which data; and what to do about what is missing."""
    from layerscope.doctor import as_text, examine
    from layerscope.terminal import print_findings, progress_bar

    names = verify.replace(",", " ").split()
    if as_json:
        typer.echo(as_text(examine(names)))
    else:
        with progress_bar() as progress:
            findings = examine(names, progress)
        print_findings(findings)


app.command("class")(make_class)


def main() -> None:
    """Errors that a user can mend are told in words, without a traceback; LAYERSCOPE_DEBUG=1 shows it."""
    # Waiting threads sleep rather than spin: beside another busy process training is then two to three times as fast
    # (benchmarks/run.py, busy). Must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        if os.environ.get("LAYERSCOPE_DEBUG"):
            raise
        sys.exit(f"Error: {error}")
