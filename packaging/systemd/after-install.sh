#!/bin/sh
set -e
# In the root of an image there is no systemd to tell.
[ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
# After an update the new program runs where the old one did.
systemctl try-restart nbu-exporter.service
