"""What stands between a request and MLflow, in the order that a request meets it.

`faults` (what storage cannot do, by its name), `origin` (pages of other sites), `readiness` (does it work), `sign_in`
with `credentials` and `passwords`, `read_only` (the reader's account), `pages` (what a browser gets).
`locations` closes MLflow's stores themselves. Each is plain ASGI (`asgi`), knows nothing of the others, and blocks no
event loop (`threads`).
"""
