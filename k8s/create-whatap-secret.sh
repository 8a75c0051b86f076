#!/usr/bin/env bash
# Creates, or replaces, the secret with the WhaTap credentials.
#
#   ./create-whatap-secret.sh LICENSE HOST PORT [NAMESPACE]
set -euo pipefail

if [ $# -lt 3 ] || [ $# -gt 4 ]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
license=$1 host=$2 port=$3 namespace=${4:-whatap-monitoring}

# The values go in on standard input, so that the licence shows up in no process list.
encode() { printf '%s' "$1" | base64 | tr -d '\n'; }
kubectl apply -f - <<YAML
apiVersion: v1
kind: Secret
metadata:
  name: whatap-credentials
  namespace: $namespace
type: Opaque
data:
  license: $(encode "$license")
  host: $(encode "$host")
  port: $(encode "$port")
YAML
