"""Which files of a repository are indexed, and what is read in them."""
