#!/bin/sh
# Runs `ensure`, and as a part of `up` ends with its exit code no sooner than a minute after the stack's last start: for
# `up --wait` a container that has ended is a failure, whatever its exit code, and it looks once everything is started. The
# secrets' initialiser, which each start begins with, sets the time of the folder. `run` gives a standard input.
if [ "${1:-}" != ensure ] || [ ! "/proc/$$/fd/0" -ef /dev/null ]; then
  exec mlyard-training-pipeline "$@"
fi
stopped=
mlyard-training-pipeline "$@" &
child=$!
trap 'stopped=yes; kill -TERM "$child" 2>/dev/null' TERM INT
wait "$child"
code=$?
if [ -n "$stopped" ]; then
  wait "$child"
  exit $?
fi
while [ -z "$stopped" ] && [ $(($(date +%s) - $(stat -c %Y /run/secrets/mlyard))) -lt 60 ]; do
  sleep 1
done
exit "$code"
