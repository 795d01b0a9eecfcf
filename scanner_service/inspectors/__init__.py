"""INSPECT: one file for each way to look; they say what they saw and decide nothing."""
