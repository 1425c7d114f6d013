"""What can be wrong with a strategy file, said so that its author can mend it."""


class StrategyError(ValueError):
    """A strategy file says something the language cannot: where, what was found, what is allowed.

    `line` is 1-based and `column` 1-based, as editors count.
    """

    def __init__(self, line: int, column: int, found: str, allowed: str) -> None:
        super().__init__(f"line {line}, column {column}: found {found}; allowed: {allowed}")
        self.line = line
        self.column = column
        self.found = found
        self.allowed = allowed


class ParameterError(ValueError):
    """A parameter is unknown or outside the range its strategy declares."""


class UnknownBackend(ValueError):
    """No such kernel backend."""
