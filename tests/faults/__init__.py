"""What becomes of an infected message when something is wrong: the matrix of docs/explanation/faults.md."""
