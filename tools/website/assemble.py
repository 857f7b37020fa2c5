"""All that Sphinx reads, gathered in one folder, and Sphinx run on it."""

import re
import shutil
import subprocess
import sys
from html import escape, unescape
from pathlib import Path

from website import DOCS, ROOT, SITE, SOURCE, Files, api, bench, cards, command, facts, lessons, live, teach

LEFT_OUT = ("node_modules", "package.json", "package-lock.json", "results", "__pycache__")
MATHJAX = DOCS / "node_modules" / "mathjax" / "es5" / "tex-svg.js"


def build(mode: str, data: str | None = None, run: bool = True, quiet: bool = True) -> Path:
    """The whole site: `mode` says which runs of the lessons to take, `data` what the start page walks through."""
    if run:
        lessons.run(mode)
    write(everything(mode, data), SOURCE)
    sphinx(SOURCE, SITE, quiet)
    return SITE


def everything(mode: str, data: str | None = None) -> Files:
    page, title = live.start_atlas(data)
    return {
        **pages(title),
        **vendor(),
        **lessons.pages(mode),
        **slides(ROOT / "build" / "slides", ROOT / "slides"),
        "_extra/atlas/start.html": page,
        "_extra/.nojekyll": "",  # GitHub's own generator would drop folders that begin with _
    }


def unrun() -> Files:
    """All pages without what takes long, for their links: lessons as they are written, neither atlas nor slides."""
    files = pages("") | lessons.pages("unrun")
    return {path: file for path, file in files.items() if not path.startswith("_extra/")}


def pages(start_data: str) -> Files:
    """What people wrote, and what is made in no time."""
    made = [cards, api, bench, teach, command]
    files = written(DOCS) | facts.pages(start_data)
    return files | {path: file for one in made for path, file in one.pages().items()}


def written(folder: Path) -> Files:
    """What people wrote."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".in"]
    paths = [(file.relative_to(folder), file) for file in files]
    return {str(path): file for path, file in paths if not set(path.parts) & set(LEFT_OUT)}


def vendor() -> Files:
    """MathJax, as docs/package-lock.json names it."""
    if not MATHJAX.exists():
        raise SystemExit(f"{MATHJAX.relative_to(ROOT)} is not there. It is fetched with: npm ci --prefix docs")
    return {"_static/vendor/tex-svg.js": MATHJAX, "_static/vendor/LICENSE-mathjax": MATHJAX.parents[1] / "LICENSE"}


FORMS = {".html": "slides", ".pdf": "PDF", "-notes.html": "speaker's notes"}


def slides(folder: Path, sources: Path) -> Files:
    """The decks that `make slides` has left, and a list of them. What was not built, or before a change, is said."""
    decks = [deck for deck in sorted(folder.glob("*.html")) if not deck.stem.endswith("-notes")]
    files: Files = {}
    rows, notes = [], []
    for deck in decks:
        named = re.search(r"<title>(.+?)</title>", deck.read_text(encoding="utf-8"), re.DOTALL)
        links = []
        for ending, form in FORMS.items():
            if (file := folder / f"{deck.stem}{ending}").exists():
                files[f"_extra/slides/{file.name}"] = file
                links.append(f'<a href="slides/{escape(file.name)}">{form}</a>')
        title = unescape(named[1]) if named else deck.stem
        rows.append(f"<li><strong>{escape(title)}</strong>: {', '.join(links)}</li>")
        if older(deck, sources):
            notes.append(f"*{title}* was built before its text, its figures or its numbers were last changed.")
    for source in sorted(sources.glob("part*.md")):
        if source.stem not in [deck.stem for deck in decks]:
            notes.append(f"`slides/{source.name}` was not built when this site was made, so it is missing here.")
    if notes:
        print(*notes, sep="\n", flush=True)
        how = "In the repository, `make slides` builds the slides, and the next `make site` puts them on this page."
        notes = [":::{note}", *notes, how, ":::"]
    files["_made/slides.md"] = "\n".join([f"<ul>{''.join(rows)}</ul>\n" if rows else "", *notes, ""])
    return files


def older(deck: Path, sources: Path) -> bool:
    """Whether a deck was built before one of the files that it is made of was changed."""
    own = [f"{deck.stem}.md", "theme.css", f"figures/{deck.stem}*.py", "figures/shared.py", "results/*"]
    files = [file for form in own for file in sources.glob(form)]
    return any(file.stat().st_mtime > deck.stat().st_mtime for file in files)


def write(files: Files, folder: Path) -> None:
    """Only what has changed is written, so that Sphinx reads only that again; what is no more goes away."""
    there = {path for path in folder.rglob("*") if path.is_file()} if folder.exists() else set()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.read_bytes() if isinstance(content, Path) else content
        data = data.encode("utf-8") if isinstance(data, str) else data
        if path not in there or path.read_bytes() != data:
            path.write_bytes(data)
        there.discard(path)
    for path in there:
        path.unlink()


def sphinx(source: Path, site: Path, quiet: bool = True) -> None:
    """A warning is an error. What the last build left behind goes first; the cache of what was read stays."""
    shutil.rmtree(site, ignore_errors=True)
    trees = source.parent / f"{source.name}-trees"
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "-d", str(trees)]
    done = subprocess.run([*words, *["-q"] * quiet, str(source), str(site)])
    if done.returncode:
        raise SystemExit(f"Sphinx found fault with the pages in {source}: see above.")
    (site / ".buildinfo").unlink(missing_ok=True)
    (site / ".buildinfo.bak").unlink(missing_ok=True)
