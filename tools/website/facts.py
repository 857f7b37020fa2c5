"""Numbers and names for the prose: `{{ lessons }}` in a page is what is counted here."""

import json
import math
import tomllib

import nb

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
        "most_minutes": f"{max((m['seconds'] for m in measured.values()), default=0) / 60:.0f} minutes",
        "most_download": f"{max((m['download'] for m in measured.values()), default=0) / 1e6:.0f} MB",
        "start_data": start_data,
        "terms": str(len(terms((DOCS / "glossary.md").read_text(encoding="utf-8")))),
    }


def terms(glossary: str) -> list[str]:
    """The terms that a glossary explains."""
    inside = glossary.split("```{glossary}\n")[1].split("\n```")[0]
    return [line for line in inside.splitlines() if line[:1].strip()]
