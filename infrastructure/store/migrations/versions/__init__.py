"""Alembic revisions of the log file. A landed revision is never edited: add the next one."""
