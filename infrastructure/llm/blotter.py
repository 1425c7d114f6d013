"""Takes secrets out of whatever a server sent, before any of it is cut, read or kept."""

from collections.abc import Iterable

SHORTEST = 8  # characters: shorter secrets stand in ordinary text by chance
REDACTED = "[redacted]"


class Blotter:
    """Knows some secrets, and nothing else."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {str(secret) for secret in secrets if len(secret) >= SHORTEST}
        self._secrets = sorted(known, key=lambda secret: (-len(secret), secret))

    def held_by(self, text: str) -> bool:
        """Tell whether a secret stands in a text."""
        return any(secret in text for secret in self._secrets)

    def blotted(self, text: str) -> str:
        """Give a text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text

    def blotted_bytes(self, raw: bytes) -> bytes:
        """Give bytes without secrets, nor the beginning of one where they were cut."""
        for secret in self._secrets:
            raw = raw.replace(secret.encode(), REDACTED.encode())
        for secret in self._secrets:
            begun = secret.encode()
            for length in range(len(begun) - 1, SHORTEST - 1, -1):
                if raw.endswith(begun[:length]):
                    raw = raw[:-length] + REDACTED.encode()
                    break
        return raw
