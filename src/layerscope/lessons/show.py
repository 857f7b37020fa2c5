"""Output that reads well in a notebook, and plainly elsewhere: computed prose, notes, progress."""

import html
import json
import sys
from time import monotonic

from layerscope.data.loaded import Loaded
from layerscope.progress import Progress, silent

EVERY = 0.2  # seconds between two updates of a bar


def in_notebook() -> bool:
    """Whether output can be more than plain text."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


def say(text: str) -> None:
    """Prose with computed numbers, as Markdown."""
    if in_notebook():
        from IPython.display import Markdown, display

        display(Markdown(text))
    else:
        sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A remark set apart, such as that the images are phantoms."""
    say(f"> ℹ️ {text}")


def bar() -> Progress:
    """Progress as one line of HTML that is updated: unlike a widget, it stays readable in a saved notebook."""
    if not in_notebook():
        return silent
    from IPython.display import HTML, display

    shown: dict[str, tuple] = {}  # what -> its display, when it began, when it was last updated

    def report(what: str, done: int, total: int | None, unit: str) -> None:
        now = monotonic()
        if what not in shown:
            shown[what] = (display(HTML(""), display_id=True), now, 0.0)
        handle, began, last = shown[what]
        if handle is None or (now - last < EVERY and done != total):
            return
        shown[what] = (handle, began, now)
        handle.update(HTML(_line(what, done, total, unit, now - began)))

    return report


def _line(what: str, done: int, total: int | None, unit: str, seconds: float) -> str:
    of = "" if not total else f" of {total / 1e6:,.1f}" if unit == "bytes" else f" of {total:,}"
    filled = f' value="{done}" max="{total}"' if total else ""  # without them the browser shows that it is busy
    amount = f"{done / 1e6:,.1f}{of} MB" if unit == "bytes" else html.escape(f"{done:,}{of} {unit}")
    return (
        f'<small>{html.escape(what)} <progress{filled} style="width:12em"></progress> {amount}, {seconds:.1f} s</small>'
    )


def mednist_or_phantoms(progress: Progress = silent) -> Loaded:
    """MedNIST where it can be had, else the phantoms, and it says which."""
    from layerscope.data import DATASETS
    from layerscope.data.available import first_available

    name, why = first_available(progress)
    loaded = DATASETS[name].load(progress=progress)
    if why:
        note(why)
    else:
        dataset = loaded.dataset
        note(f"{dataset.source.title}: {len(dataset):,} images, {loaded.origin}. Licence: {dataset.source.license}.")
    return loaded


def measured() -> None:
    """What this lesson used so far, as JSON for tools/nb.py."""
    from layerscope.fetch import used
    from layerscope.study.facts import peak_memory

    sys.stdout.write(json.dumps({"memory": peak_memory(), "download": sum(used().values())}))
