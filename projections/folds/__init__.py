"""One module per group of read models: how events become rows.

A fold is total (it never refuses what the log holds) and deterministic: equal events give equal
rows however they are cut into batches. It keeps in memory only what is still changing.
"""
