"""Breakers, limits and refusals recomputed from a log and its bars, apart from the kernel.

Everything here is `Decimal` over events and closes. It shares no code with the kernel, so that the
two can only agree by both being right.
"""
