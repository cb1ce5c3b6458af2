#!/bin/sh
set -e
[ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ] || exit 0
case "$1" in
# Debian's word and RPM's number for a removal that is no update.
remove | 0) systemctl --no-reload disable --now nbu-exporter.socket nbu-exporter.service ;;
esac
