#!/usr/bin/env bash
# Checks the manifests in k8s/: each object against Kubernetes' own schemas, strictly, and the rights in rbac.yaml and
# the pods' security settings against what the agent asks for.
#
#   scripts/check-manifests.sh [VERSION...]
#
# The schemas come inside PyPI's package kubernetes-validate; VERSIONs are Kubernetes' minor versions, otherwise the
# oldest, the middle one and the newest that the package holds.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! python3 -c 'import kubernetes_validate, yaml' 2>/dev/null; then
  echo "check-manifests.sh: kubernetes-validate is missing: pip install kubernetes-validate" >&2
  exit 1
fi
python3 scripts/check-manifests.py "$@"
