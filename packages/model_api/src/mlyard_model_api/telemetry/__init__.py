"""What can be seen of the service from outside: `metrics` for Prometheus, `logs`, and what ties both to one request
(`observation`).
"""
