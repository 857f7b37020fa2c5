"""The atlas as one HTML file: data as JSON and compressed columns, styles and scripts inside."""

import gzip
import json
from base64 import b64encode
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

SCRIPTS = tuple(f"{name}.js" for name in ["decode", "state", "marks", "map", "curve", "lists", "hands", "tour", "page"])
ALONG = ("xy",)
KINDS = {b"\x89PNG": "png", b"RIFF": "webp", b"\xff\xd8\xff\xe0": "jpeg"}


def page(facts: dict[str, Any], columns: dict[str, np.ndarray], sprite: bytes | None) -> str:
    """The whole page as text; it asks for nothing from outside."""
    folder = files("layerscope") / "maps" / "page"
    environment = Environment(
        loader=PackageLoader("layerscope", "maps/page"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html.jinja").render(
        title=facts["title"],
        style=Markup((folder / "page.css").read_text("utf-8")),
        script=Markup("\n".join((folder / name).read_text("utf-8") for name in SCRIPTS)),
        facts=_json(facts),
        columns=_json({name: _packed(name, column) for name, column in columns.items()}),
        sprite=_json(sprite and f"data:image/{KINDS.get(sprite[:4], 'jpeg')};base64,{b64encode(sprite).decode()}"),
    )


def _packed(name: str, column: np.ndarray) -> dict[str, Any]:
    """Little endian, gzip, base64. What is much alike from slice to slice is written as differences, which wrap."""
    along = name in ALONG and len(column) > 1
    if along:
        column = np.concatenate([column[:1], np.diff(column, axis=0)])
    raw = np.ascontiguousarray(column, column.dtype.newbyteorder("<")).tobytes()
    data = b64encode(gzip.compress(raw, 6, mtime=0)).decode()
    return {"dtype": column.dtype.name, "shape": column.shape, "along": along, "data": data}


def _json(value: Any) -> Markup:
    """JSON that cannot end its script element, whatever the names and texts say."""
    text = json.dumps(value, allow_nan=False)  # ASCII: no U+2028 either
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
