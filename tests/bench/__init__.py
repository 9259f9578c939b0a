"""Benchmarks of ckservice beside its peers, from a Node parent over real pipes: `python -m tests.bench --help`."""
