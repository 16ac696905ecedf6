"""A hook for mkdocs: pages and tables that are made of the program itself, so that they cannot be out of date.

`recipe.md`, `commands/index.md` and `commands/NAME.md` for each command are made where no such page was written by
hand; in the navigation `commands/` stands for them. In a page that was, a line `<!-- recipe -->` stands for the
recipe's tables, `<!-- options of NAME -->` for a command's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from typer.main import get_command

from batcountry.cli import application
from batcountry.cli.examples import EXAMPLES
from batcountry.dreams.cnn_vis_options import Aim, Penalties
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe
from batcountry.recipe.described import Described, described
from batcountry.recipe.fields import GROUPS

_RECIPE = """\
# The recipe

How to dream, as one value. Its fields are the keywords of `batcountry.dream` and its like, the options of
[`bat-country dream`](commands/dream.md) with dashes for underscores, and what a picture says of itself.
`Recipe.model_json_schema()` has the same for programs: `enum` or `examples`
for choices, `title`, `group`, `unit` and `level` for forms.

<!-- recipe -->
"""

_FIELDS: dict[str, dict[str, Described]] = {
    command: {each.name: each for model in models for each in described(model)}
    for command, models in {
        "": (Recipe,),
        "zoom": (Recipe, ZoomRecipe),
        "video": (Recipe, VideoRecipe),
        "visualize": (Recipe, Aim, Penalties),
    }.items()
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the commands' pages where the navigation says `commands/`."""
    _expand(config.nav or [])
    return config


def _expand(entries: list[Any]) -> None:
    """Put the commands' pages in the place of `commands/` in a part of the navigation."""
    for entry in entries:
        for title, target in entry.items() if isinstance(entry, dict) else ():
            if target == "commands/":
                entry[title] = [{"All": "commands/index.md"}, *({name: _path(name)} for name in _commands())]
            elif isinstance(target, list):
                _expand(target)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that nobody wrote by hand."""
    pages = {"recipe.md": _RECIPE}
    pages |= {_path(name): _command_page(name) for name in _commands()}
    pages["commands/index.md"] = _index()
    for path, text in pages.items():
        if files.get_file_from_path(path) is None:
            files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put tables in the place of the lines that stand for them."""
    markdown = re.sub(r"^<!-- recipe -->$", lambda _: _fields(Recipe), markdown, flags=re.M)
    return re.sub(r"^<!-- options of ([\w ]+) -->$", lambda found: _options(found[1]), markdown, flags=re.M)


def _path(name: str) -> str:
    return f"commands/{name.replace(' ', '-')}.md"


def _commands() -> dict[str, Any]:
    """Return the commands by name, those of `models` and `frames` too."""

    def within(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from within(command, f"{prefix}{name} ")
            else:
                yield prefix + name, command

    return dict(within(get_command(application()), ""))


def _command_page(name: str) -> str:
    command = _commands()[name]
    arguments = " ".join(_argument(each) for each in command.params if each.param_type_name == "argument")
    parts = [f"# bat-country {name}", command.help, f"    bat-country {name} {arguments} [OPTIONS]"]
    parts += [f"```sh\n# {what}\n{line}\n```" for line, what in EXAMPLES.get(name, ())]
    return "\n\n".join([*parts, f"<!-- options of {name} -->", ""])


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _index() -> str:
    """Return the page that lists the commands."""
    rows = [
        (f"[`{name}`]({name.replace(' ', '-')}.md)", command.help.split("\n\n")[0].replace("\n", " "))
        for name, command in _commands().items()
    ]
    return f"# Commands\n\n`bat-country COMMAND --help` has the same.\n\n{_table(('command', 'what it does'), rows)}\n"


def _options(name: str) -> str:
    """Return the tables of a command's arguments and options, panel by panel."""
    panels: dict[str, list[tuple[str, ...]]] = {}
    fields = _FIELDS.get(name, _FIELDS[""])
    for each in _commands()[name].params:
        if each.param_type_name == "argument":
            panels.setdefault("Arguments", []).append((f"`{_argument(each)}`", "", "", each.help or ""))
        elif not each.hidden:
            panel = each.rich_help_panel or "Options"
            panels.setdefault(panel, []).append(_option(each, fields.get(each.name.removeprefix("no__"))))
    heads = ("", "value", "default", "what it does")
    return "\n\n".join(f"## {panel}\n\n{_table(heads, rows)}" for panel, rows in panels.items())


def _option(parameter: Any, field: Described | None) -> tuple[str, ...]:
    names = ", ".join(f"`{name}`" for name in sorted(parameter.opts, key=len, reverse=True))
    if field is None or field.flag.lstrip("-") not in " ".join(parameter.opts):
        default = "" if parameter.default in (None, False) else f"`{parameter.default}`"
        return names, (parameter.metavar or "").strip(), default, parameter.help or ""
    default = "" if field.kind is bool or field.default is None else f"`{field.default}`"
    return names, _value(field), default, _what(field, (field.facts.no if field.default is True else None))


def _fields(model: type[BaseModel]) -> str:
    """Return the tables of a recipe's fields, group by group."""
    heads = ("field", "value", "default", "what it does")
    rows: dict[str, list[tuple[str, ...]]] = {group: [] for group in GROUPS}
    for each in described(model):
        value = _value(each) + (", or `None`" if each.default is None else "")
        rows[each.facts.group].append((f"`{each.name}`", value, f"`{each.default!r}`", _what(each)))
    return "\n\n".join(f"## {group}\n\n{_table(heads, found)}" for group, found in rows.items() if found)


def _value(field: Described) -> str:
    """Say what a field takes."""
    if field.choices:
        return ", ".join(f"`{each}`" for each in field.choices)
    kind = {bool: "yes or no", int: "whole number", float: "number", str: "text"}[field.kind]
    if field.kind in (int, float) and field.facts.unit != "none":
        kind += f" of {field.facts.unit}"
    return f"{'file' if field.facts.path else kind}{f', {field.range}' if field.range else ''}"


def _what(field: Described, instead: str | None = None) -> str:
    see = f" See `{field.facts.see}`." if field.facts.see else ""
    return (instead or field.description) + see


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    used = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    line: Callable[[tuple[str, ...]], str] = lambda row: (  # noqa: E731
        "| " + " | ".join(row[i].replace("|", "\\|") for i in used) + " |"
    )
    return "\n".join([line(heads), "|" + " --- |" * len(used), *map(line, rows)])
