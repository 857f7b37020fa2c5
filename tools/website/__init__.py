"""The website, made from the same source as the code: see tools/site.py."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BUILD = ROOT / "build"
SOURCE, SITE, KEPT = BUILD / "site-src", BUILD / "site", BUILD / "site-kept"
RESULTS = DOCS / "results" / "data.json"

if str(ROOT / "tools") not in sys.path:
    sys.path.insert(0, str(ROOT / "tools"))  # for nb

Files = dict[str, str | bytes | Path]  # path within the site's source -> what is there; a Path is copied
