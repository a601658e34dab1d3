#!/bin/sh
# Makes container images from this machine's Debian packages and pushes them into the registry on the loopback.
#   scripts/images.sh [--out DIR] [--registry HOST:PORT] [--no-push] [NAME…]
# See scripts/images.py for the list of images.
exec python3 "$(dirname "$0")/images.py" "$@"
