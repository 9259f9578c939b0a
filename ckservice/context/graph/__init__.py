"""What is linked to what, and how to show it."""
