"""Links to other places, fetched by Sphinx's linkcheck (`make links`), which knows retries, rate limits and anchors.

Whatever is linked to from a page of the site or from a slide is asked for, once. Nothing is run for it: the lessons
stand there without their outputs. docs/conf.py says what is asked of whom.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import slidesource

from website import BUILD, ROOT, Files, assemble

SOURCE, FOUND = BUILD / "links-src", BUILD / "links"
REFUSES = re.compile("(403|405|418|429) ")  # a server that wants no programs; its page is there for people


def check() -> list[str]:
    """What is linked to and does not answer, one line each."""
    assemble.write(assemble.unrun() | decks(ROOT / "slides"), SOURCE)
    return linkcheck(SOURCE, FOUND)


def linkcheck(source: Path, out: Path) -> list[str]:
    report = out / "output.json"
    report.unlink(missing_ok=True)
    words = [sys.executable, "-m", "sphinx", "-q", "-b", "linkcheck", "-d", f"{source}-trees", str(source), str(out)]
    done = subprocess.run(words, capture_output=True, text=True)  # it fails if a link does: the report says which
    if not report.exists():
        raise SystemExit(f"Sphinx could not look at the links:\n{done.stderr}")
    return dead(report.read_text(encoding="utf-8"))


def dead(report: str) -> list[str]:
    rows = [json.loads(line) for line in report.splitlines()]
    print(f"{len(rows)} links, {sum(row['status'] == 'ignored' for row in rows)} of them not asked for", flush=True)
    return [
        f"{row['uri'].replace('//doi.org/api/handles/', '//doi.org/')}: {row['info']} (linked from {row['filename']})"
        for row in rows
        if row["status"] in ("broken", "timeout") and not REFUSES.match(row["info"])
    ]


def decks(folder: Path) -> Files:
    """The references of the slides, in place of the slides."""
    found = [address for deck in sorted(folder.glob("part*.md")) for address in slidesource.addresses(deck)]
    return {"_made/slides.md": "\n".join(f"- <{address}>" for address in dict.fromkeys(found))}
