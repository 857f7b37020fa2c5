"""The command line as it says it itself: every command, argument and option, in the words of `--help`."""

from typing import Any

from website import Files
from website.docstrings import plain


def pages() -> Files:
    import typer

    from layerscope.cli import app

    root = typer.main.get_command(app)
    lines = ["# The command", "", plain(root.help or ""), "", plain(str(root.epilog or "")), ""]
    for command, context in _commands(root, root.context_class(root, info_name="layerscope")):
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        said = plain(" ".join((command.help or "").split()))
        lines += [f"## {context.command_path}", "", said, "", "```sh", usage, "```", ""]
        records = [parameter.get_help_record(context) for parameter in command.params]
        rows = [_row(*record) for record in records if record]
        if rows:
            lines += ["| option | what it does |", "|---|---|", *rows, ""]
    return {"use/command.md": "\n".join(lines)}


def _commands(command: Any, context: Any) -> list[tuple[Any, Any]]:
    """Every command that does something, with its context."""
    if not hasattr(command, "commands"):
        return [(command, context)]
    inner = [(one, one.context_class(one, info_name=name, parent=context)) for name, one in command.commands.items()]
    return [found for one in inner for found in _commands(*one)]


def _row(names: str, said: str) -> str:
    return f"| `{names.replace('|', chr(92) + '|')}` | {plain(' '.join(said.split()))} |"
