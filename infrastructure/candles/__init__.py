"""Candle files: their names, their rows, their checks."""
