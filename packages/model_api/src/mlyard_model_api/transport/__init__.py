"""HTTP on a connection, as RFC 9112 has it, and its time limits. Read `connection`, then `exchange` and `peer`."""
