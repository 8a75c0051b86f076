#!/usr/bin/env bash
# Lays out what the container image holds beside the binary, in dist/rootfs: the CA certificates of this machine, the
# shipped scrape_config.yaml, an empty whatap.conf and the folder of the logs.
#
#   scripts/rootfs.sh
#
# CA_BUNDLE names another file of certificates.
set -euo pipefail
cd "$(dirname "$0")/.."

bundle=${CA_BUNDLE:-}
for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -z "$bundle" ] && [ -r "$file" ]; then bundle=$file; fi
done
if [ -z "$bundle" ] || ! grep -q 'BEGIN CERTIFICATE' "$bundle"; then
  echo "rootfs.sh: no CA certificates on this machine; install ca-certificates or name a file in CA_BUNDLE" >&2
  exit 1
fi

root=dist/rootfs
rm -rf "$root"
install -D -m 0644 "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
install -D -m 0644 scrape_config.yaml "$root/app/scrape_config.yaml"
install -D -m 0644 /dev/null "$root/app/whatap.conf"
install -d -m 0755 "$root/app/logs"
echo "laid out $root with $(grep -c 'BEGIN CERTIFICATE' "$bundle") certificates of $bundle"
