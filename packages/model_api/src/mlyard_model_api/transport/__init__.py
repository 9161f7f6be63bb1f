"""HTTP on a connection, as RFC 9112 has it, and its limits.

Read `connection`, then `parsing`, `exchange`, `shared` and `peer`.
"""
