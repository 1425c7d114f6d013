"""Where bars come from: recorded files, a generator, a venue; each a `Feed`."""
