"""What has changed, and what has to be looked at again because of it."""
