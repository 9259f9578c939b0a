"""YAML as people write it: read with the place of every value, changed without touching anything else."""
