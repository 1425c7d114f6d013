"""What all tables of the read models share: one collection, and how their rows begin."""

from collections.abc import Mapping

from sqlalchemy import Column, Integer, MetaData, Table, Text

Tables = Mapping[str, Table]  # by name in the views, whatever they are called in the file

VIEWS = MetaData()


def position_key() -> "Column[int]":
    """Key a row by the log position of the event that made it."""
    return Column("position", Integer, primary_key=True)


def owner() -> "list[Column[str]]":
    """Say whose account a row belongs to."""
    return [
        Column("account", Text, nullable=False),  # its stream
        Column("strategy", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("mode", Text, nullable=False),  # paper | live/sim
        Column("sleeve", Text, nullable=False),
    ]
