"""Git, through its own executable: bounded, without a shell, and deaf to what a repository tells it to run."""
