"""The kernel: JSON-RPC 2.0 on two file descriptors. It knows no domain.

`method` declares what exists, `messages` tells lines apart, `connection` gives every request exactly
one answer, `outbox` gets the answers to the host in order, `stdio` owns the descriptors.
"""
