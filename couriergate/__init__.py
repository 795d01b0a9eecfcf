"""The operator's command: it asks the scanning service over its HTTP interface, as anybody could."""

__version__ = "0.1.0"
