"""The stack without containers: `hatch run up`, `down`, `ps` and `logs`.

Reading order: `settings`, `inventory`, `state`, `lock` and `secrets` (what is on disk); `environments`, `services` and
`readiness` (what runs); `supervision`, `processes` and `keeper` (who runs it and stops it); `startup`, `foreground`,
`up` and `summary` (what `up` does); `down`, `logs`, `cli`.
"""
