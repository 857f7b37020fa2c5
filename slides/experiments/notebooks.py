"""What executed lessons have printed: their tables, found by the head of their columns, and numbers in their words."""

import json
import re
import sys
from pathlib import Path
from typing import Any

SCORE = re.compile(r"([+-]?\d[\d.,]*)(%?) [\[(]([+-]?[\d.]+)%?(?:,| to) ([+-]?[\d.]+)%?[\])]")

Row = dict[str, Any]


def printed(notebook: Path) -> str:
    """All that an executed notebook says in Markdown."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(
        "".join(output["data"]["text/markdown"])
        for cell in cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    )


def take3(notebook: Path) -> dict[str, Any]:
    """Lesson 3: few labels, the test, the tree, negation, and what explanations find."""
    text = printed(notebook)
    read, rightly, commonest = numbers(text, r"has read ([\d,]+) texts without.*?\*\*([\d.]+)%\*\*.*?about ([\d.]+)%")
    return {
        "systems": table(text, "| organ system | texts |"),
        "parts": table(text, "| part | texts |"),
        "test": table(text, "| method | test texts right |"),
        "few": {"labels": numbers(text, r"With (\d+) labels per organ system")[0], "right": named(few(text))},
        "reading": {
            "texts": read,
            "rightly": rightly / 100,
            "commonest": commonest / 100,
            "gains": gains(said(text, r"Filling in words changed the transformer by (.*?)\. ")),
        },
        "tree": {
            "terms": numbers(text, r"([\d,]+) terms; intervals over groups")[0],
            "layers": table(text, "| layer | pretrained | fine-tuned | untrained |"),
            "words": cell(said(text, r"words in common alone, without any network, (.*?\])")),
        },
        "negation": table(text, "| | new findings, known wordings |"),
        "findings": numbers(text, r"first column rests on (\d+) findings")[0],
        "deletion": table(text, "| score | gain |"),
        "behind": {
            "best": said(text, r"The best but attention is \*(.*?)\*"),
            "by": cell(said(text, r"attention is behind it by (.*?\])")),
        },
    }


def few(text: str) -> str:
    """The lesson draws its curve of few labels twice; the second time all methods are on it."""
    return said(text[text.rindex("labels per organ system: ") :], r"system: (.*?)\. Best here")


def named(text: str) -> dict[str, float]:
    """`letters 26.0%, MiniLM, frozen 50.7%` as shares by name."""
    return {name.strip(", "): float(value) / 100 for name, value in re.findall(r"(.*?) ([\d.]+)%", text)}


def gains(text: str) -> dict[str, float]:
    """`-8.7 points (3 labels)` as shares by the number of labels."""
    return {labels: float(points) / 100 for points, labels in re.findall(r"([+-][\d.]+) points \((\d+) labels\)", text)}


def take4(notebook: Path) -> dict[str, Any]:
    """Lesson 4: methods, sizes, splits, depth, what explanations find, and the trap."""
    text = printed(notebook)
    surroundings = said(text, r"Different surroundings in paracetamol: (.*)\.")
    return {
        "test": table(text, "| method | AUROC, test |"),
        "sizes": table(text, "| molecules | ECFP4 + forest |"),
        "splits": table(text, "| test part | ECFP4 + forest |"),
        "blocks": table(text, "| blocks | each replaces"),
        "attribution": table(text, "| score | carboxylic acid |"),
        "trap": table(text, "| column | cross-validation says |"),
        "one_graph": table(text, "| method | right, new groups |"),
        "parts": table(text, "| part | molecules |"),
        "surroundings": [int(found) for found in re.findall(r"(\d+) after", surroundings)],
    }


def said(text: str, pattern: str) -> str:
    """What stands in a sentence that the lesson prints, as the pattern's group."""
    return find(text, pattern)[1]


def numbers(text: str, pattern: str) -> list[float]:
    """The numbers that stand in a sentence, as the pattern's groups."""
    return [float(found.replace(",", "")) for found in find(text, pattern).groups()]


def find(text: str, pattern: str) -> re.Match[str]:
    found = re.search(pattern, text, re.DOTALL)
    if not found:
        sys.exit(f"The lesson has no sentence like {pattern!r}")
    return found


def table(text: str, head: str) -> dict[str, Row]:
    """A Markdown table: rows by their first cell, numbers as numbers.

    A cell such as `0.917 [0.844, 0.958]` becomes value, low and high; `99%` becomes 0.99.
    """
    start = text.find(head)
    if start < 0:
        sys.exit(f"The lesson has no table that begins with {head!r}")
    lines = [line for line in text[start:].split("\n\n")[0].splitlines() if line.startswith("|")]
    columns, *rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if "---" not in line
    ]
    return {row[0]: {name: cell(one) for name, one in zip(columns[1:], row[1:], strict=False)} for row in rows}


def cell(text: str) -> Any:
    found = SCORE.match(text)
    if found:
        scale = 100 if found[2] else 1
        value, low, high = (float(found[i].replace(",", "")) / scale for i in (1, 3, 4))
        return {"value": value, "low": low, "high": high}
    plain = text.replace(",", "")
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", plain):
        return float(plain)
    return float(plain[:-1]) / 100 if re.fullmatch(r"\d+(\.\d+)?%", plain) else text
