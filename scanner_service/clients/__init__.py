"""The programs that the service asks."""
