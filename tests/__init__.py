"""Tests go through the highest door: the real process, fed with real lines."""
