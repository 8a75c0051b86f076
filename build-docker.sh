#!/usr/bin/env bash
# Builds the container image with Docker Buildx.
#
#   ./build-docker.sh [--arch amd64|arm64|all] [--tag TAG] [--registry REGISTRY] [--push] [--help]
#
#   --arch       architecture, default all; an image of several architectures has to be pushed
#   --tag        tag, default latest
#   --registry   registry and user before the name, docker.io/username for example
#   --push       push the image; without it it is loaded into the local engine
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }

arch=all tag=latest registry= push=
while [ $# -gt 0 ]; do
  case "$1" in
    --arch) arch=${2:?--arch needs amd64, arm64 or all}; shift 2 ;;
    --tag) tag=${2:?--tag needs a tag}; shift 2 ;;
    --registry) registry=${2:?--registry needs a registry}; shift 2 ;;
    --push) push=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "build-docker.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done

case "$arch" in
  amd64 | arm64) platforms=linux/$arch ;;
  all) platforms=linux/amd64,linux/arm64 ;;
  *) echo "build-docker.sh: --arch takes amd64, arm64 or all, not $arch" >&2; exit 2 ;;
esac

image=${registry:+$registry/}openagent:$tag
if [ -n "$push" ]; then
  output=--push
elif [ "$arch" = all ]; then
  echo "build-docker.sh: an image of several architectures cannot be loaded locally; it is built and kept in the cache (add --push)" >&2
  output=
else
  output=--load
fi
# shellcheck disable=SC2086 # an empty $output must vanish
docker buildx build --platform "$platforms" --tag "$image" $output .
echo "built $image for $platforms"
