"""Serves registered models over HTTP.

Read in the order of the flow: `cli`, `settings`, `server` and `app`; how a version comes to serve (`serving`); how a
request is answered (`transport`, `routes`, `access`, `protocols`, `prediction`); what is seen of it all (`telemetry`);
what can go wrong (`errors`).
"""
