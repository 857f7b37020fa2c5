"""A card for each data set: what its module says, and what docs/results/data.json has measured."""

import json
from typing import Any

from website import RESULTS, ROOT, Files
from website.docstrings import markdown, plain

KINDS = {
    "images": "images",
    "texts": "texts, one class each",
    "labels": "texts, several labels each",
    "graphs": "molecules, as graphs",
}
PARTS = ("train", "val", "test")
FROM = {"download": "fetched and checked", "own copy": "your own copy", "drawn": "drawn by the library"}


def pages() -> Files:
    from layerscope.data import DATASETS

    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    made: Files = {f"data/{name}.md": card(name, module, found.get(name)) for name, module in DATASETS.items()}
    return made | {"data/index.md": index(DATASETS, found)}


def index(modules: dict[str, Any], found: dict[str, Any]) -> str:
    rows = ["| name | what it holds | kind | samples | groups | licence |", "|---|---|---|---:|---:|---|"]
    for name, module in modules.items():
        size, groups = (f"{found[name][key]:,}" if name in found else "" for key in ("samples", "groups"))
        kind, title = KINDS[module.KIND], plain(module.CARD.title)
        rows.append(f"| [{name}]({name}.md) | {title} | {kind} | {size} | {groups} | {plain(module.CARD.license)} |")
    intro = (ROOT / "docs" / "data.md.in").read_text(encoding="utf-8")
    return intro.format(table="\n".join(rows), links="\n".join(f"{name} <{name}>" for name in modules))


def card(name: str, module: Any, found: dict[str, Any] | None) -> str:
    parts = [f"# {name}: {plain(module.CARD.title)}", said(module), "## Card", facts(module, found)]
    parts += ["## Leaks found", leaks(module, found) if found else NOT_MEASURED[module.FROM]]
    parts += ["## Reference results", reference(name, module, found)]
    parts += ["## Use it", use(name, module)]
    return "\n\n".join(parts) + "\n"


NOT_MEASURED = {
    "own copy": "Not measured here: these data may not be handed on, so each user has a copy of their own. With yours, "
    "`layerscope run` reports them.",
    "download": "Not measured: the data could not be had where this site was made.",
    "drawn": "Not measured yet.",
}


def said(module: Any) -> str:
    """What the module's own text says; the sets of MoleculeNet share theirs."""
    import inspect

    text = inspect.getmodule(type(module)).__doc__ if not inspect.ismodule(module) else module.__doc__
    return markdown(text or "")


def facts(module: Any, found: dict[str, Any] | None) -> str:
    rows = [("source", f"{plain(module.CARD.citation)}"), ("licence", plain(module.CARD.license))]
    rows += [("a group is", plain(module.CARD.group)), ("kind", KINDS[module.KIND])]
    rows.append(("from", FROM[module.FROM] + (f": {address}" if (address := _addresses(module)) else "")))
    if getattr(module, "HOW", ""):
        rows.append(("how to get it", plain(module.HOW)))
    rows.append(("split", f"`{module.SPLIT}`: {split_words(module.SPLIT)}"))
    if found:
        rows.append(
            (
                "samples",
                f"{found['samples']:,} in {found['groups']:,} groups; the largest holds {found['largest group']:,}",
            )
        )
        parts = ", ".join(
            f"{part} {n['samples']:,} ({n['groups']:,} groups)" for part in PARTS if (n := found["parts"].get(part))
        )
        rows += [("parts", parts), (_asked(module, found), _known(found["known"]))]
        if found["skipped"]:
            rows.append(("left out", f"{found['skipped']:,} that cannot be read"))
    for column, why in getattr(module, "never", ()):
        rows.append(("never a feature", f"`{column}`: {plain(why)}"))
    table = "\n".join(f"| {what} | {words} |" for what, words in rows)
    return f":::{{container}} card-table\n\n| field | what it says |\n|---|---|\n{table}\n\n:::"


def split_words(split: str) -> str:
    from layerscope.data.splits import SPLITS
    from website.docstrings import first_sentence

    return first_sentence(SPLITS[split].__doc__).rstrip(".")


def _addresses(module: Any) -> str:
    source = getattr(module, "PIECE", None) or getattr(module, "SOURCE", None)
    return " or ".join(f"[{_short(url)}]({url})" for url in source.urls) if source else ""


def _short(url: str) -> str:
    """The file and the server: a whole address would be wider than a phone."""
    parts = url.split("/")
    return plain(f"{parts[-1]} at {parts[2]}")


def _asked(module: Any, found: dict[str, Any]) -> str:
    return (
        "values"
        if "spread" in found["known"]
        else "labels"
        if module.KIND == "labels" or _several(found)
        else "classes"
    )


def _several(found: dict[str, Any]) -> bool:
    return any(isinstance(n, dict) for n in found["known"].values())


def _known(known: dict[str, Any]) -> str:
    if "spread" in known:
        return "mean {mean:.2f}, standard deviation {spread:.2f}, from {least:.2f} to {most:.2f}".format(**known)
    if any(isinstance(n, dict) for n in known.values()):
        return ", ".join(f"{plain(name)} {n['there']:,} of {n['known']:,} known" for name, n in known.items())
    return ", ".join(f"{plain(name)} {n:,}" for name, n in known.items())


def leaks(module: Any, found: dict[str, Any]) -> str:
    """What a split by lot would have put on both sides, and what was found in the files."""
    own = dict(found["leaks"])
    share = own.pop("groups on both sides")
    lines = [
        f"If single samples were dealt to training and test by lot, **{percent(share)}** of the test samples would "
        f"have their group in training as well. The split `{module.SPLIT}` never divides a group.",
        "",
        "| what | found |",
        "|---|---:|",
    ]
    lines += [
        f"| {what} | {value:,} |" if isinstance(value, int) else f"| {what} | {percent(value)} |"
        for what, value in own.items()
    ]
    return "\n".join(lines if own else lines[:1])


def reference(name: str, module: Any, found: dict[str, Any] | None) -> str:
    from layerscope.data.published import PUBLISHED

    lines = []
    if found:
        own = found["reference"]
        samples, groups = own["rows"][0]["samples"], own["rows"][0]["groups"]
        lines += [
            "What methods reach that learn no feature. A network is worth its trouble if it is better than these.",
            "",
            f"| method | {own['metric']} | 95 % interval |",
            "|---|---:|---:|",
            *(f"| {row['method']} | {_number(row['value'], own)} | {_interval(row, own)} |" for row in own["rows"]),
            "",
            f"Learned from {own['learned from']:,} samples and judged on {samples:,} others, in {groups:,} groups; "
            f"intervals are over groups. Measured {found['date']} with layerscope {found['version']} by "
            f"`python tools/site.py measure {name}`.",
            *(["", remark] if (remark := getattr(module, "REMARK", "")) else []),
        ]
    else:
        lines.append(NOT_MEASURED[module.FROM])
    if published := PUBLISHED.get(module.CARD.name):
        lines += [
            "",
            "### Published",
            "",
            "| who | metric | all together | measured on | source |",
            "|---|---|---:|---|---|",
        ]
        lines += [
            f"| {plain(p.who)} | {p.metric} | {p.values['all']:.3f} | {plain(p.measured_on)} | {plain(p.citation)}"
            f"{f' ({plain(p.caveat)})' if p.caveat else ''} |"
            for p in published
        ]
    return "\n".join(lines)


def _number(value: float | None, own: dict[str, Any]) -> str:
    if value is None:
        return "not defined"
    return percent(value) if own["metric"] in ("accuracy", "balanced accuracy") else f"{value:.3f}"


def _interval(row: dict[str, Any], own: dict[str, Any]) -> str:
    return f"{_number(row['low'], own)} to {_number(row['high'], own)}" if row["low"] is not None else "none"


def percent(value: float) -> str:
    text = f"{100 * value:.1f}"
    return f"{'99.9' if text == '100.0' and value < 1 else text}\N{NO-BREAK SPACE}%"


def use(name: str, module: Any) -> str:
    own = (getattr(module, "FILE", "") or module.SOURCE.file) if module.FROM == "own copy" else ""
    data = f" --data {own}" if own else ""
    path = f'Path("{own}")' if own else ""
    return (
        f"```sh\nlayerscope data get {name}{data}\nlayerscope run {name}{data}\n```\n\n```python\n"
        f"{'from pathlib import Path' + chr(10) if own else ''}from layerscope import DATASETS, SPLITS\n\n"
        f'loaded = DATASETS["{name}"].load({path})\nparts = SPLITS["{module.SPLIT}"](loaded.dataset, seed=0)\n```'
    )
