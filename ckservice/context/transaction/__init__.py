"""Files of a repository that change together: all of them or none, one writer at a time, whatever ends the process.

It knows files and bytes, and nothing of what stands in them.
"""
