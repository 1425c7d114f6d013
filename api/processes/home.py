"""Where a home keeps what.

Everything of one run lives in one directory, so that copying it copies the run and removing it
removes the run. Only `log.db`, the bars and the blobs in the log are irreplaceable.
"""

from pathlib import Path


class HomeUnused(FileNotFoundError):
    """There is no log in the home yet."""


class Home:
    """Paths inside one home directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.log = self.directory / "log.db"
        self.views = self.directory / "views.db"
        self.bars = self.directory / "bars"
        self.calls = self.directory / "llm-calls.jsonl"
        self.lock = self.directory / "lock"
        self.socket = self.directory / "engine.sock"
        self.reader = self.directory / "reader.json"
        self.logs = self.directory / "logs"

    def create(self) -> None:
        """Make the directory, for this user alone. May be called twice."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def used(self) -> bool:
        """Whether a log was ever begun here."""
        return self.log.exists()
