"""The file that an index is kept in: its tables, what is written to them, and what is saved of a damaged one."""
