r"""Makes texts from elsewhere safe to show.

Result files are made by others. A control character moves the cursor or starts an escape sequence
that can rewrite the screen or set the clipboard; a bidirectional override shows a text in another
order than it has; an invisible character makes two names look alike. All of them are shown as
their escapes, such as ``\x1b``, and never reach the terminal.
"""

from __future__ import annotations

_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_[]>|~#"} | {"<": "&lt;", "&": "&amp;"})
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # some spreadsheets take the wide ones too


def visible(text: str) -> str:
    """The text with everything that does not print as itself written as an escape.

    Python calls printable what is neither control, format, surrogate, private, unassigned, nor a
    separator other than the space; so lines and tabs are escaped too.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def shorten(text: str, length: int) -> str:
    """The text cut to ``length`` characters, the last of them an ellipsis if anything was cut."""
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def markdown(text: str) -> str:
    """The text as it must be written in a Markdown table to be shown literally, HTML included."""
    return visible(text).translate(_MARKDOWN)


def spreadsheet(text: str) -> str:
    """The text as a CSV cell that no spreadsheet takes for a formula."""
    text = visible(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
