"""What the command prints: bars while it works, tables when it is done."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from layerscope.progress import Progress as Report

console = Console(highlight=False)
if not console.is_terminal:
    console.width = max(console.width, 120)  # a file has room


def say(sentence: str, style: str | None = None) -> None:
    console.print(sentence, soft_wrap=True, markup=False, style=style)  # a label may be called [x]


@contextmanager
def progress_bar() -> Iterator[Report]:
    """A bar for each piece of work, kept when done; where output is not a terminal, a line for each instead."""
    if not console.is_terminal:
        yield _lines()
        return
    counts = (MofNCompleteColumn(), TextColumn("{task.fields[unit]}"), TimeElapsedColumn(), TimeRemainingColumn())
    sizes = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bars = {
        "bytes": Progress(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), *sizes, console=console),
        "": Progress(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), *counts, console=console),
    }
    current: list = []  # the bar on show, its task and what it is about

    def report(what: str, done: int, total: int | None, unit: str) -> None:
        bar = bars["bytes" if unit == "bytes" else ""]
        if not current or current[2] != what:
            if current:
                _finish(current[0], current[1])
            bar.start()
            current[:] = [bar, bar.add_task(what, total=total, unit=unit), what]
        current[0].update(current[1], completed=done, total=total)

    try:
        yield report
    finally:
        if current:
            _finish(current[0], current[1])


def _finish(bar: Progress, task) -> None:
    known = bar.tasks[-1]
    bar.update(task, completed=known.total or 1, total=known.total or 1)
    bar.stop()
    bar.remove_task(task)


def _lines() -> Report:
    start, last = time.perf_counter(), [""]

    def report(what: str, done: int, total: int | None, unit: str) -> None:
        if what != last[0]:
            last[0] = what
            console.print(f"[{time.perf_counter() - start:6.1f} s] {what}", soft_wrap=True, markup=False)

    return report


def print_judgement(
    predictions: Path, target: str | None, group: str | None, id: str | None, against: Path | None, out: Path | None
) -> None:
    from layerscope.checkpoint import write_text
    from layerscope.judge.files import judge_file
    from layerscope.numbers import number
    from layerscope.study.folder import dump

    found = judge_file(predictions, target, group, id, against)
    table = Table("metric", "value", "95 % interval", "method", title=str(predictions), title_justify="left")
    for key, s in found.scores.items():
        ends = f"{number(s.low, '.4f')} to {number(s.high, '.4f')}"
        table.add_row(escape(found.titles[key]), number(s.value, ".4f"), ends, s.method)
    console.print(table)
    if found.groups is not None:
        console.print(f"{found.samples:,} samples in {found.groups:,} groups; {found.about}.", markup=False)
    else:
        console.print(
            f"{found.samples:,} samples. No column says which belong together (patient, study), so each counts as "
            "independent: if they are not, the intervals are too narrow. Name the column with --group."
        )
    if (d := found.ahead) is not None:
        value, low, high = (number(part, "+.4f") for part in (d.value, d.low, d.high))
        interval = f"95 % interval {low} to {high}; {d.method}"
        console.print(f"{found.compared} minus that of {against}: {value} ({interval}).", markup=False)
    if out is not None:
        write_text(out, dump(found.scores))
        console.print(f"Scores: {out}")


def print_layers(run: Path) -> None:
    from layerscope.report.words import interpret
    from layerscope.study.folder import RunFolder

    folder = RunFolder(run)
    if folder.run.get("kind") in ("texts", "labels", "molecules"):
        _print_text_layers(folder)
        return
    for world in ("clean", "wild"):
        for net in ("cnn", "mlp"):
            seeds = folder.layers(world, net)
            if not seeds:
                continue
            title = (
                f"{net.upper()}, {world}: accuracy on unseen groups, with 95 % intervals (first of {len(seeds)} seeds)"
            )
            columns = (
                "layer",
                "features",
                "probe",
                "10 labels",
                "neighbours",
                "equal width",
                "shuffled",
                "untrained",
            )
            table = Table(*columns, title=title, title_justify="left")
            for a, b in zip(seeds[0]["trained"], seeds[0]["untrained"], strict=True):
                found = (a["probe"], a["few"], a["neighbours"], a["equal"], a["shuffled"], b["probe"])
                table.add_row(a["stage"], f"{a['features']:,}", *(_two_lines(s) for s in found))
            console.print(table)
            console.print(" ".join(interpret(net, world, seeds)) + "\n", soft_wrap=True)


def _print_text_layers(folder) -> None:
    from layerscope.report import layer_curves

    for curve in layer_curves(folder):
        columns = ("layer", "features", "probe", "neighbours", "equal width", "shuffled", "untrained")
        title = f"{curve.title}: {curve.metric} on unseen groups, with 95 % intervals"
        table = Table(*columns, title=title, title_justify="left")
        for a, b in zip(curve.trained, curve.untrained, strict=True):
            read = (a["probe"], a["neighbours"], a["equal"], a["shuffled"], b["probe"])
            table.add_row(a["stage"], f"{a['features']:,}", *(_two_lines(s) for s in read))
        console.print(table)
        say(curve.words + "\n")


def _two_lines(s: dict) -> str:
    from layerscope.numbers import NONE, number

    value, low, high = number(s["value"], ".3f"), number(s["low"]), number(s["high"])
    return f"{value}\n" + (NONE if low == NONE else f"{low}–{high}")


def print_transfer(network: str, data: str) -> None:
    from layerscope.see.transfer import recommendation
    from layerscope.study.transfer import transfer

    with progress_bar() as progress:
        found = transfer(network, data, 0, progress, say)

    some = found.readings[0].probe
    title = f"accuracy on {some.samples:,} unseen samples of {some.groups:,} groups, with 95 % intervals over groups"
    columns = ("layer", "features", "10 labels per class", "neighbours", "all labels", "untrained, 10 labels")
    table = Table(*columns, title=title, title_justify="left")
    for r in found.readings:
        mark = "[bold]" if r.stage == found.best else ""
        cells = [_two_lines(s._asdict()) for s in (r.few, r.neighbours, r.probe, found.twin[r.stage])]
        table.add_row(*(mark + text for text in (r.stage, f"{r.features:,}", *cells)))
    console.print(table)
    say(recommendation(found))


def print_answers(run: Path, texts: Sequence[str]) -> None:
    from rich.text import Text

    from layerscope.study.moleculeread import is_molecules, read_molecules, told
    from layerscope.study.read import read_texts

    if is_molecules(run):
        for line, loud in told(read_molecules(run, texts)):
            say(line, "bold" if loud else None)
        return
    found = read_texts(run, texts)
    table = Table("text", "answer", "how sure", title_justify="left")
    for text, probs, chosen in zip(texts, found.probs, found.chosen, strict=True):
        order = [k for k in (-probs).argsort() if chosen[k]]
        names, sure = (
            ", ".join(cells) for cells in ([found.classes[k] for k in order], [f"{probs[k]:.0%}" for k in order])
        )
        table.add_row(Text(text), Text(names or "none"), sure)
    console.print(table)
    _say_unread(found)


def write_answers(run: Path, path: Path, column: str, out: Path) -> Path:
    """Columns line, answer, p(class)..., a row for each text of a table."""
    import csv

    from layerscope.data.texttable import read_column
    from layerscope.study.moleculeread import is_molecules, write_molecules
    from layerscope.study.read import read_texts

    texts, lines = read_column(path, column)
    if is_molecules(run):
        return write_molecules(run, texts, lines, out)
    found = read_texts(run, texts)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", "answer", *(f"p({name})" for name in found.classes)])
        for line, probs, chosen in zip(lines, found.probs.tolist(), found.chosen, strict=True):
            answer = "; ".join(name for name, own in zip(found.classes, chosen, strict=True) if own)
            writer.writerow([line, answer, *probs])
    _say_unread(found)
    return out


def _say_unread(found) -> None:
    if found.cut:
        say(f"{found.cut:,} text(s) are longer than the network reads: it saw their beginning only.")
    say("These are what the network says, not a diagnosis; its report says how often it is right.")


def print_search(query: str, top: int, layer: str | None, network: str, data: Path | None) -> None:
    from layerscope.data.phenotypes import ontology
    from layerscope.models.encoder import pretrained_encoder
    from layerscope.study.search import open_index, search

    with progress_bar() as progress:
        known, net = ontology(data, progress), pretrained_encoder(1, network)
        index = open_index(known, net, layer, progress)
    print_hits(query, search(query, index, net, top), index, known)


def print_hits(query: str, hits: list, index, known) -> None:
    from rich.text import Text

    from layerscope.study.search import doubt, first_sentence, reliability

    table = Table("term", "name", "nearest text", "cosine", "definition", title=Text(query), title_justify="left")
    for hit in hits:
        term = known.terms[hit.id]
        cells = (term.name, hit.text, f"{hit.similarity:.2f}", first_sentence(term.definition))
        table.add_row(hit.id, *map(Text, cells))
    console.print(table)
    if warning := doubt(hits, index):
        say(warning, "bold")
    say(reliability(index))


def print_data() -> None:
    from layerscope.data import DATASETS
    from layerscope.doctor import whereabouts

    for name, module in DATASETS.items():
        card = module.CARD
        facts = Table(title=f"[bold]{name}[/bold]  {card.title}", title_justify="left", show_header=False, box=None)
        facts.add_column(style="dim", min_width=8)
        facts.add_column(overflow="fold")
        for label, text in (
            ("where", whereabouts(module)),
            ("licence", card.license),
            ("groups", card.group),
            ("citation", card.citation),
        ):
            facts.add_row(label, text)
        console.print(facts)
        console.print()


def print_findings(findings: list) -> None:
    table = Table("", "what", "found", "what to do", title="layerscope doctor", title_justify="left")
    for finding in findings:
        table.add_row({True: "ok", False: "!", None: "-"}[finding.good], finding.what, finding.found, finding.advice)
    console.print(table)
