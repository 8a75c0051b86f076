# shellcheck shell=bash
# What .ci/run and .ci/packaging share: how they install what they need.

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

# Installs the Debian packages that are not there yet; the services they bring are not started.
install_packages() { # install_packages PACKAGE...
  local missing=() one policy=/usr/sbin/policy-rc.d made_policy=
  for one in "$@"; do
    dpkg-query --show --showformat '${Status}\n' "$one" 2>/dev/null | grep -q ' installed$' || missing+=("$one")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${missing[*]}"
  case "${missing[*]}" in *:arm64*) $sudo dpkg --add-architecture arm64 ;; esac
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod +x $policy
    made_policy=1
  fi
  $sudo apt-get -o Acquire::Retries=3 update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
  [ -z "$made_policy" ] || $sudo rm $policy
}

# Makes a Python environment that holds exactly these packages, unless it does already; one that was left half made, or
# moved, is made anew.
install_tools() { # install_tools FOLDER PACKAGE==VERSION...
  local folder=$1 wanted
  shift
  wanted=$(printf '%s\n' "$(realpath -m "$folder")" "$@")
  if [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && "$folder/bin/python" -c ''; then return 0; fi
  echo "installing $* in $folder"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --retries 5 "$@"
  printf '%s\n' "$wanted" >"$folder/installed"
}
