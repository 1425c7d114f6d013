"""Alembic environment of the read-model file; the folder is its script location."""
