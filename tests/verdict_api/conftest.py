"""Hypothesis for a machine that is busy with other things: no time limit for a single example."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
