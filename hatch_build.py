"""Slides in the wheel, where they have been built (make slides): `layerscope class` hands them to the teacher."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KINDS = (".html", ".pdf")  # and no pictures: the pages hold theirs


class Slides(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":  # a clone finds them in its own build folder
            built = Path(self.root) / "build" / "slides"
            found = sorted(file for file in built.glob("*") if file.suffix in KINDS)
            build_data["force_include"] |= {str(file): f"layerscope/classroom/slides/{file.name}" for file in found}
