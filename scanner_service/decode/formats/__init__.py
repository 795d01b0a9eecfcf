"""How each kind of container is opened: one file a kind. They run in the caged child process only."""
