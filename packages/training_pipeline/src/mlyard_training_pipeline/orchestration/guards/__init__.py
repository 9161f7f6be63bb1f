"""What stands between a request and Airflow's API server, in the order that a request meets it.

`origin` (pages of other sites), `sign_in` with `credentials` and `turns`. Each is plain ASGI (`asgi`).
`simple` and `fab` are Airflow's auth managers with these in front of the whole server.
"""
