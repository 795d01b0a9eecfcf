"""ACT: carry out what was judged: keep a message, record a verdict."""
