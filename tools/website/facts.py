"""Numbers and names for the prose: `{{ lessons }}` in a page is what is counted here."""

import json
import math
import tomllib

import nb
from nbformat import NotebookNode

from layerscope.classroom.timing import hours, minutes, sections
from website import DOCS, ROOT, Files


def pages(start_data: str) -> Files:
    return {"_made/facts.json": json.dumps(facts(start_data), indent=1, sort_keys=True)}


def facts(start_data: str) -> dict[str, str]:
    from layerscope.data import DATASETS
    from layerscope.models import MODELS

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    notebooks = [nb.build(source, "student") for source in nb.LESSONS]
    count = {
        tag: sum(tag in nb.tags(cell) for notebook in notebooks for cell in notebook.cells)
        for tag in ("exercise", "guess")
    }
    measured = json.loads(nb.MEASURED.read_text(encoding="utf-8"))
    return {
        "version": settings["version"],
        "python": settings["requires-python"].removeprefix(">="),
        "repository": f"https://github.com/{nb.REPOSITORY}",
        "lessons": str(len(nb.LESSONS)),
        "exercises": str(count["exercise"]),
        "guesses": str(count["guess"]),
        "data_sets": str(len(DATASETS)),
        "networks": str(len(MODELS)),
        "most_memory": f"{max((m['memory'] for m in measured.values()), default=0) / 1e9:.1f} GB",
        "hub_limit": f"{math.ceil(1.25 * max((m['memory'] for m in measured.values()), default=0) / 1e9)}G",
        "hub_memory": hub_memory({nb.number(name): m["memory"] for name, m in measured.items()}),
        "all_data": f"{data_size() / 1e6:.0f} MB",
        "lesson_hours": lesson_hours(notebooks),
        "most_minutes": f"{max((m['seconds'] for m in measured.values()), default=0) / 60:.0f} minutes",
        "most_download": f"{max((m['download'] for m in measured.values()), default=0) / 1e6:.0f} MB",
        "start_data": start_data,
        "terms": str(len(terms((DOCS / "glossary.md").read_text(encoding="utf-8")))),
    }


LEARNERS = 30  # at the same time, in the example of the page on hubs


def hub_memory(memory: dict[str, int]) -> str:
    """For so many learners at once, and a quarter more: lesson 0 46 GB, lesson 1 94 GB."""
    each = [f"lesson {number} {1.25 * LEARNERS * peak / 1e9:.0f} GB" for number, peak in sorted(memory.items())]
    return f"{LEARNERS} learners at once: {', '.join(each)}"


def data_size() -> int:
    """Bytes of all data and weights that the lessons need, at most: not every card has the exact size."""
    from layerscope.classroom.course import needed
    from layerscope.data import DATASETS
    from layerscope.data.files import ways
    from layerscope.models.weights import WEIGHTS

    files = [WEIGHTS[name].files if name in WEIGHTS else (ways(DATASETS[name]) or [()])[0] for name in needed()]
    return sum(source.size for source in {source for sources in files for source in sources})


def lesson_hours(notebooks: list[NotebookNode]) -> str:
    """From the shortest to the longest, with a class."""
    took = sorted(minutes(sections(notebook)) for notebook in notebooks)
    return f"{hours(took[0])} to {hours(took[-1])}"


def terms(glossary: str) -> list[str]:
    """The terms that a glossary explains."""
    inside = glossary.split("```{glossary}\n")[1].split("\n```")[0]
    return [line for line in inside.splitlines() if line[:1].strip()]
