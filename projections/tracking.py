"""Where the read models stand in the log, moved only from where it was expected to be."""

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select, update

from projections.tables import TRACKING

VIEWS_NAME = "views"


class LostRace(Exception):
    """The read models moved without this writer: another runner or a rebuild was there."""


class Place(Struct, frozen=True):
    """One row of the tracking table."""

    name: str
    position: int
    generation: int
    definition: str


def find(connection: Connection, name: str = VIEWS_NAME) -> Place | None:
    """Read where a projection stands; None where it was never begun, or the file is new."""
    row = connection.execute(select(TRACKING).where(TRACKING.c.name == name)).one_or_none()
    return None if row is None else Place(*row)


def begin(connection: Connection, place: Place) -> None:
    """Put down where a projection stands, whatever stood there before."""
    remove(connection, place.name)
    connection.execute(
        insert(TRACKING).values(
            name=place.name,
            position=place.position,
            generation=place.generation,
            definition=place.definition,
        )
    )


def remove(connection: Connection, name: str) -> None:
    connection.execute(delete(TRACKING).where(TRACKING.c.name == name))


def move(connection: Connection, expected: Place, position: int) -> Place:
    """Move from where it was expected to be to `position`.

    Raises LostRace, having written nothing, if it is not there.
    """
    moved = connection.execute(
        update(TRACKING)
        .where(
            TRACKING.c.name == expected.name,
            TRACKING.c.position == expected.position,
            TRACKING.c.generation == expected.generation,
        )
        .values(position=position)
    )
    if moved.rowcount != 1:
        raise LostRace(f"{expected.name} is no longer at position {expected.position}")
    return Place(expected.name, position, expected.generation, expected.definition)
