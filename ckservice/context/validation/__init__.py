"""What is wrong with a repository: every finding once, at its line."""
