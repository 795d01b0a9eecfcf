"""The scanning service: receives a message over HTTP, decodes, inspects, judges, and answers a verdict."""

__version__ = "0.1.0"
