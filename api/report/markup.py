"""Elements of a page whose text cannot become markup.

Whatever is no `Markup` is escaped when it becomes part of an element, attributes too, so a tag, a
parameter or a reason that looks like HTML is shown as it is written. JSON goes into a page with its
`<` spelled as an escape: no text in it can end the script.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

import msgspec

VOID = frozenset(("meta",))


class Markup(str):
    """Text that is markup already, made by this module or read from our own files."""

    __slots__ = ()


Content = str | int | None | Iterable["Content"]


def render(content: Content) -> Markup:
    """Turn content into markup; text is escaped, None is nothing."""
    if isinstance(content, Markup):
        return content
    if content is None:
        return Markup("")
    if isinstance(content, str | int):
        return Markup(escape(str(content)))
    return Markup("".join(map(render, content)))


def element(name: str, *content: Content, **attributes: str | int | float | bool | None) -> Markup:
    """Make an element. Attributes: `class_` is class, `data_row` data-row; None is left out."""
    spelled = "".join(attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{spelled}>")
    return Markup(f"<{name}{spelled}>{render(content)}</{name}>")


def attribute(key: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def embedded(identity: str, data: Any) -> Markup:
    """Make a script element that holds data as JSON."""
    text = msgspec.json.encode(data).decode().replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="{escape(identity)}">{text}</script>')
