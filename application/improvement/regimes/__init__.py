"""Regimes told by classifiers from outside, and how well these agree."""
