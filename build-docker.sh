#!/usr/bin/env bash
# Builds the container image with Docker Buildx.
#
#   ./build-docker.sh [--arch amd64|arm64|all] [--tag TAG] [--registry REGISTRY] [--prebuilt] [--push] [--help]
#
#   --arch       architecture, default all; an image of several architectures has to be pushed
#   --tag        tag, default latest
#   --registry   registry and user before the name, docker.io/username for example
#   --prebuilt   takes the binaries that ./build.sh left in dist/ instead of building them in the image
#   --push       push the image; without it, one of a single architecture is loaded into the local engine
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; }
fail() { echo "build-docker.sh: $1" >&2; exit "${2:-1}"; }

arch=all tag=latest registry='' push='' prebuilt=''
while [ $# -gt 0 ]; do
  case "$1" in
    --arch) arch=${2:-}; shift 2 || fail "--arch takes amd64, arm64 or all" 2 ;;
    --tag) tag=${2:-}; shift 2 || fail "--tag needs a tag" 2 ;;
    --registry) registry=${2:-}; shift 2 || fail "--registry needs a registry" 2 ;;
    --prebuilt) prebuilt=1; shift ;;
    --push) push=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown option $1" 2 ;;
  esac
done

case "$arch" in
  amd64 | arm64) archs=("$arch") ;;
  all) archs=(amd64 arm64) ;;
  *) fail "--arch takes amd64, arm64 or all, not \"$arch\"" 2 ;;
esac
[ -n "$tag" ] || fail "--tag needs a tag" 2
docker buildx version >/dev/null 2>&1 || fail "Docker Buildx is missing; see https://docs.docker.com/build/"

platforms=$(printf 'linux/%s,' "${archs[@]}")
platforms=${platforms%,}
image=${registry:+${registry%/}/}openagent:$tag
options=(--platform "$platforms" --tag "$image")
if commit=$(git rev-parse HEAD 2>/dev/null); then options+=(--build-arg "OPENAGENT_COMMIT=$commit"); fi
if [ -n "$prebuilt" ]; then
  for one in "${archs[@]}"; do
    [ -x "dist/openagent-linux-$one" ] || fail "dist/openagent-linux-$one is missing; make it with ./build.sh --arch $one"
  done
  options+=(--target prebuilt)
fi
if [ -n "$push" ]; then
  options+=(--push)
elif [ "${#archs[@]}" = 1 ]; then
  options+=(--load)
else
  echo "an image of several architectures cannot be loaded locally; it stays in the build cache (--push sends it off)" >&2
fi
docker buildx build "${options[@]}" .
echo "built $image for $platforms"
