"""Text that somebody else wrote, a model or a stranger, made safe to print on a terminal."""


def printable(text: str) -> str:
    """Leave lines and tabs as they are; replace what a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
