"""One Python environment for each peer, made once, from pinned versions.

Peers need versions of numpy and pandas that fight with ours and with each other, so none of them
is ever installed beside the program. An environment is made whole or not at all: it counts only
once its last file, `complete`, is written, and a lock keeps two benches from making it at once.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PINS = Path(__file__).parent / "pins"
PEERS = (
    "vectorbt",
    "vectorbt_rust",
    "backtesting",
    "nautilus_trader",
    "backtrader",
    "numpy_loop",
)
OWN = ("numpy_loop",)  # run by the program's own Python: it needs nothing else
TAIL = 600  # characters of what pip said that are worth repeating


class PeerUnavailable(Exception):
    """A peer's environment cannot be made here; the text says why."""


def cache_directory() -> Path:
    """Where peers live: below PERPETUA_CACHE, else ~/.cache/perpetua."""
    named = os.environ.get("PERPETUA_CACHE")
    base = Path(named) if named else Path.home() / ".cache" / "perpetua"
    return base / f"peers-{digest()}"


def digest() -> str:
    """Name of all pins and of the Python they are for."""
    text = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for pins in sorted(PINS.glob("*.txt")):
        text.update(pins.name.encode() + b"\0" + pins.read_bytes())
    return text.hexdigest()[:12]


def python_of(peer: str) -> Path:
    """Return the peer's own Python, making its environment where there is none.

    Raises ValueError for a name that is none of PEERS, PeerUnavailable where it cannot be made.
    """
    if peer not in PEERS:
        raise ValueError(f"peer was {peer!r}, must be one of {', '.join(PEERS)}")
    if peer in OWN:
        return Path(sys.executable)
    try:
        folder = cache_directory()
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{peer}.lock"):
            made = (folder / peer / "complete").is_file()
            if not (made and (folder / peer / "bin" / "python").exists()):
                make(folder / peer, PINS / f"{peer}.txt")
    except OSError as error:
        raise PeerUnavailable(f"{peer}: {error}") from error
    return folder / peer / "bin" / "python"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; it is free again when its holder ends, however it ends."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(folder: Path, pins: Path) -> None:
    """Make an environment of the pinned versions, in place of any that was left half made."""
    if folder.exists():
        shutil.rmtree(folder)
    told(folder.name, [sys.executable, "-m", "venv", str(folder)])
    install = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", "--only-binary"]
    python = str(folder / "bin" / "python")
    told(folder.name, [python, *install, ":all:", "--requirement", str(pins)])
    (folder / "complete").touch()


def told(peer: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-TAIL:]
        raise PeerUnavailable(f"{peer} cannot be installed: {said}")
