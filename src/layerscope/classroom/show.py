"""What the commands for teachers print."""

from pathlib import Path

from rich.table import Table
from rich.text import Text

from layerscope.classroom import SHARE, TEACHER
from layerscope.classroom.answers import Tally
from layerscope.classroom.folder import SLIDES, Class
from layerscope.classroom.machines import Machines
from layerscope.classroom.mirror import Mirrored, left_out
from layerscope.classroom.summary import of, title
from layerscope.terminal import console, say


def print_mirror(folder: Path, made: list[Mirrored]) -> None:
    table = Table("", "name", "MB", "how", "licence", title=Text(f"Mirror: {folder}"), title_justify="left")
    for one in made:
        sign = "!" if one.failed else "ok" if one.files else "-"
        size = f"{one.size / 1e6:,.1f}" if one.files else ""
        table.add_row(sign, one.name, size, Text(one.how if one.files else one.how.splitlines()[0]), Text(one.license))
    console.print(table)
    for one in made:
        if one.failed:
            say(f"{one.name}: {one.how}\n")
    if any(one.files for one in made):
        say(f"On each machine: LAYERSCOPE_MIRROR={folder.absolute()}. Licences and names stand in README.md there.")


def print_class(made: Class) -> None:
    table = Table("lesson", "guesses", "exercises", "needs", title=Text(f"Class: {made.folder}"), title_justify="left")
    for lesson in made.lessons:
        table.add_row(lesson.title, str(lesson.guesses), str(lesson.checks), ", ".join(lesson.data + lesson.weights))
    console.print(table)
    if made.mirrored is None:
        say(f"No data was fetched. Later, the same without --no-mirror: layerscope class {made.folder}")
    else:
        print_mirror(made.folder / SHARE / "mirror", made.mirrored)
    if not made.slides:
        say(SLIDES)
    if made.kept:
        say(f"Left as they are, since they were changed after they were made: {', '.join(made.kept)}.")
        say("Delete one, and the same command writes it anew.")
    say(f"Hand out {made.folder / SHARE} ({made.size / 1e6:,.0f} MB). Keep {made.folder / TEACHER} to yourself.")
    say(f"What to do next: {made.folder / 'README.md'}")
    if missing := left_out(made.mirrored or []):
        raise RuntimeError(
            f"the folder is made, but not in its mirror: {', '.join(one.name for one in missing)}. The reasons stand "
            "above. Run the same command again when they are mended."
        )


def print_machines(found: Machines) -> None:
    table = Table("machine", "ready for lesson", title="The machines of the class", title_justify="left")
    for machine, ready in found.ready.items():
        table.add_row(Text(machine), "all" if set(found.lessons) <= set(ready) else ", ".join(ready) or "none")
    console.print(table)
    if found.missing:
        lacking = Table("missing", "on", "for lesson", "what to do", title_justify="left")
        for one in found.missing:
            names = _some(one.machines)
            on = Text(f"{len(one.machines)}: {names}")
            lacking.add_row(Text(one.what), on, ", ".join(one.lessons), Text(one.advice))
        console.print(lacking)
    if found.to_set:
        say(f"LAYERSCOPE_MIRROR was not set when these were checked (START.md, step 2): {_some(found.to_set)}.")
    if found.unmeasured:
        say(f"Memory could not be checked on: {_some(found.unmeasured)}.")
    if found.again:
        say(f"Checked for another version, or before a lesson was added; check again: {_some(found.again)}.")
    if found.unreadable:
        say(f"Cannot be read, check these machines again: {', '.join(found.unreadable)}.")
    say(f"{of(found.all_ready, len(found.ready))} machines are ready for lesson {', '.join(found.lessons)}.")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def print_summary(found: Tally, page: Path) -> None:
    for lesson in found.lessons:
        console.print(Text(f"{title(lesson.number)}: {lesson.sessions} sessions", style="bold"))
        if lesson.guessed:
            table = Table("question", "right", "first guesses", title_justify="left")
            for asked in lesson.guessed:
                guesses = "  ".join(f"{c.letter}{' ✓' if c.right else ''} {c.chosen}" for c in asked.choices)
                table.add_row(asked.name, of(asked.right, asked.sessions), guesses)
            console.print(table)
        if lesson.tried:
            table = Table("exercise", "passed", "at once", "most common mistake", title_justify="left")
            for tried in lesson.tried:
                mistake = f"{tried.mistakes[0][1]}: {tried.mistakes[0][0]}" if tried.mistakes else ""
                table.add_row(tried.name, of(tried.passed, tried.begun), str(tried.at_once), Text(mistake))
            console.print(table)
    say(f"Summary: {page}")
