"""Serves registered models over HTTP.

Read in the order of the flow: `cli`, `settings`, `server` and `app`; how a version comes to serve (`poller`,
`deployment`, `cache`, `version`, `engine`, `models`); how a request is answered (`security`, `routes`, `worker`,
`prediction`, `document`, `rows`, `answers`, `errors`, `responses`).
"""
