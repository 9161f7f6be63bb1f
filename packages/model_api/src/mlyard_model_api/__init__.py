"""Serves registered models over HTTP.

Read in the order of the flow: `cli`, `settings`, `server` and `app`; how a version comes to serve (`serving`); how a
request is answered (`access`, `routes`, `protocols`, `prediction`); what can go wrong (`errors`).
"""
