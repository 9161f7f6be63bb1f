#!/bin/sh
# Starts PostgreSQL on a folder of its release in the volume: the images of release 18 and later want the volume mounted
# above the data, and two releases find room beside each other while one takes over. Then the image's own entry point runs.
set -eu
home=/var/lib/postgresql
release=$(postgres --version | awk '{print $3}')
release=${release%%.*}
PGDATA=$home/$release/data
export PGDATA

if [ -s "$home/PG_VERSION" ]; then # up to 0.2.0 the volume was the data folder itself; this file goes last, as a kill may come
  former=$(cat "$home/PG_VERSION")
  mkdir -p "$home/$former/data"
  chmod 700 "$home/$former/data"
  find "$home" -mindepth 1 -maxdepth 1 ! -name PG_VERSION ! -name data ! -name "$former" -exec mv -t "$home/$former/data" {} +
  mv "$home/PG_VERSION" "$home/$former/data/"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  for other in "$home"/*/data/PG_VERSION; do
    [ -s "$other" ] && [ "$other" = "$home/$(cat "$other")/data/PG_VERSION" ] || continue
    echo "the volume holds the data of PostgreSQL $(cat "$other"), which release $release cannot read: set" \
      "MLYARD_POSTGRES_IMAGE to the former image, or move the data as docs/operations.md says" >&2
    exit 1
  done
fi
exec docker-entrypoint.sh postgres "$@"
