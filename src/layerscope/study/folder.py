"""A run folder: what each step found, written once, so that a killed run can go on."""

import json
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from layerscope.checkpoint import write_text
from layerscope.source import DataError

ATLAS = "atlas.html"
SMALL_ATLAS = "steps/atlas.html"  # the one that stands in the report


class RunFolder:
    """run.json says what was run; steps/*.json what each step found; steps/pictures.npz the images to look at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "run.json").is_file():
            raise DataError(f"{path} is not a run folder: needed a run.json there. `layerscope run` makes one.")

    @staticmethod
    def open(path: Path, facts: dict[str, Any], resume: bool) -> "RunFolder":
        """A new folder, or one whose run was begun with the same plan and data.

        Raises:
            DataError: if the folder holds another run, or one that was not asked to be resumed.
        """
        if not (path / "run.json").exists():
            (path / "steps").mkdir(parents=True, exist_ok=True)
            write_text(path / "run.json", dump(facts))
            return RunFolder(path)
        folder = RunFolder(path)
        if not resume:
            raise DataError(f"{path} holds a run already. Give --resume to go on with it, or another --out.")
        begun, wanted = folder.run["plan"], _plain(facts["plan"])
        differs = [
            f"{key} {begun.get(key)!r} there, {value!r} now" for key, value in wanted.items() if begun.get(key) != value
        ]
        if folder.run["identity"] != facts["identity"]:
            differs.append("other images")
        if differs:
            raise DataError(f"{path} holds another run: {'; '.join(differs)}. Give another --out.")
        return folder

    @property
    def run(self) -> dict[str, Any]:
        return _load(self.path / "run.json")

    def update(self, facts: dict[str, Any]) -> None:
        self.write("run.json", self.run | facts)

    def write(self, name: str, facts: Any) -> None:
        write_text(self.path / name, dump(facts))

    def once(self, step: str, work: Callable[[], Any]) -> Any:
        """What the step found: read from its file if it was finished before, else computed and written."""
        if (found := self.found(step)) is not None:
            return found
        start = perf_counter()
        found = work()
        write_text(self._file(step), dump({"seconds": perf_counter() - start, "found": found}))
        return self.found(step)

    def found(self, step: str) -> Any:
        """What a finished step found; None if it has not been done."""
        file = self._file(step)
        return _load(file)["found"] if file.exists() else None

    def layers(self, world: str, net: str) -> list[dict[str, Any]]:
        """The layer curves of every training seed.

        Raises:
            DataError: if the run is so old that its readings have no intervals.
        """
        seeds = self.run["plan"]["seeds"]
        found = [self.found(f"layers-{world}-{net}-{seed}") for seed in seeds]
        curves = [curve for curve in found if curve is not None]
        if any(not isinstance(curve["trained"][0]["neighbours"], dict) for curve in curves):
            made = self.run.get("versions", {}).get("layerscope", "unknown")
            raise DataError(
                f"{self.path} was made by an older version of layerscope ({made}), whose readings of layers have no "
                "intervals. Run it again with another --out."
            )
        return curves

    def seconds(self) -> dict[str, float]:
        return {file.stem: _load(file)["seconds"] for file in sorted((self.path / "steps").glob("*.json"))}

    def text(self, name: str) -> str | None:
        """A file of the run; None if it is not there."""
        file = self.path / name
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def pictures(self, columns: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
        """The images that the report shows; given columns, they are written first."""
        file = self.path / "steps" / "pictures.npz"
        if columns is not None:
            part = file.with_name("pictures.part.npz")
            np.savez_compressed(part, allow_pickle=False, **columns)  # pyright: ignore[reportArgumentType]
            part.replace(file)
        with np.load(file, allow_pickle=False) as kept:
            return dict(kept)

    def _file(self, step: str) -> Path:
        return self.path / "steps" / f"{step}.json"


def dump(facts: Any) -> str:
    """As JSON, which has no word for these: nan becomes null, infinity the text "inf" or "-inf"."""
    return json.dumps(_plain(facts), indent=1, allow_nan=False) + "\n"


def _load(file: Path) -> Any:
    """Runs of old hold NaN and Infinity, which are no JSON; they are read as `dump` writes them now."""
    said = {"NaN": None, "Infinity": "inf", "-Infinity": "-inf"}
    return json.loads(file.read_text(encoding="utf-8"), parse_constant=said.__getitem__)


def _plain(value: Any) -> Any:
    """What our values are made of, as what JSON is made of; named tuples by name."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
