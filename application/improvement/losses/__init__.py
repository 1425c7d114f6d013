"""What a version loses by: its trades with their context, and the patterns they share."""
