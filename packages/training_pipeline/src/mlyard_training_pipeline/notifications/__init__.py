"""Messages to people and programs: a training failed, the gate held a version, a champion moved.

`events` (what is told), `outbox` (kept until it is told, once each), `webhook` and `mail` (how; `receiver` is what both
have in common), `telling` (the entry).
"""
