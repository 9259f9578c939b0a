"""What a repository is like: how much is in it, what is missing, what to do next."""
