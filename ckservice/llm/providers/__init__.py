"""The providers: one file each, and what they share."""
