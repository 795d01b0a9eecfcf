"""The long proofs: what a day of restarts, kills, leaks and strange bytes would show, in less than an hour."""
