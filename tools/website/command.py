"""The command line as it says it itself: every command, argument and option."""

from typing import Any

from website import Files
from website.docstrings import plain


def pages() -> Files:
    import typer

    from layerscope.cli import app

    root = typer.main.get_command(app)
    lines = ["# The command", "", plain(root.help or ""), "", plain(str(root.epilog or "")), ""]
    for words, command in _commands(root, ["layerscope"]):
        lines += [
            f"## {' '.join(words)}",
            "",
            plain(" ".join((command.help or "").split())),
            "",
            *_usage(words, command),
            "",
        ]
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            lines += ["| option | what it does |", "|---|---|", *rows, ""]
    return {"use/command.md": "\n".join(lines)}


def _commands(command: Any, words: list[str]) -> list[tuple[list[str], Any]]:
    if not hasattr(command, "commands"):
        return [(words, command)]
    return [found for name, inner in command.commands.items() for found in _commands(inner, [*words, name])]


def _usage(words: list[str], command: Any) -> list[str]:
    arguments = [_metavar(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    options = ["[OPTIONS]"] * any(parameter.param_type_name == "option" for parameter in command.params)
    return ["```sh", " ".join([*words, *options, *arguments]), "```"]


def _metavar(parameter: Any) -> str:
    name = parameter.name.upper() + "..." * (parameter.nargs == -1)
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    if parameter.param_type_name == "argument":
        names = f"`{parameter.name.upper()}`"
    said = plain(" ".join((getattr(parameter, "help", "") or "").split()))
    value = parameter.default
    usual = f" Default: `{value}`." if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    stop = "." if said and said[-1] not in ".?" else ""
    return f"| {names} | {said}{stop}{usual} |"
