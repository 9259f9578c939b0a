"""What the command line does beside serving; one file for each command."""
