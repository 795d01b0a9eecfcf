"""On the mail host: Courier's filter protocol on one side, the scanning service on the other."""

__version__ = "0.1.0"
