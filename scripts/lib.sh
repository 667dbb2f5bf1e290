# shellcheck shell=bash
# What the scripts share. Sourced, never run.
set -euo pipefail

CALLER_DIR="$PWD"
SCRIPT="$(cd "$(dirname "$0")" && pwd)/${0##*/}"
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export CALLER_DIR  # paths that the user gives are relative to it
readonly SCRIPT ROOT
cd "$ROOT"

say() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "${SCRIPT#"$ROOT"/}" "$*" >&2
  exit 1
}

# A script's help is the comment at its top: everything after "#!" up to the first line that is no comment.
show_help() {
  sed -n '2,/^[^#]/ { /^#/ { s/^# \{0,1\}//; p; }; }' "$SCRIPT"
  exit 0
}

unknown_argument() { die "unknown argument '$1'; --help lists what there is"; }

# need_value OPTION "$#": an option that takes a value was given one.
need_value() { [ "$2" -ge 2 ] || die "$1 wants a value"; }

# Some compilers' sanitizer runtimes cannot map their shadow memory under the kernel's widest address
# randomisation, so sanitized programs run without it, where that may be switched off.
without_randomised_addresses() {
  if setarch -R true 2>/dev/null; then
    setarch -R "$@"
  else
    "$@"
  fi
}

# The address that this machine takes Debian's packages from, or what DEBIAN_MIRROR says.
debian_mirror() {
  local mirror
  # shellcheck disable=SC2016  # apt's own syntax
  mirror="${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
    grep -m 1 -E '/debian/?$' || true)}"
  [ -n "$mirror" ] || die "apt knows no Debian archive: run apt-get update, or set DEBIAN_MIRROR"
  printf '%s\n' "$mirror"
}

# Leaves in own_apt the options with which apt-get and apt-cache have sources, package lists, cache and state of their
# own in FOLDER, and fetches the lists: the system's are left alone. TYPE is deb or deb-src.
own_package_lists() {  # own_package_lists FOLDER TYPE SUITE...
  local folder="$1" type="$2" suite mirror
  shift 2
  mirror="$(debian_mirror)"
  mkdir -p "$folder/lists/partial" "$folder/archives/partial"
  : >"$folder/status"
  for suite in "$@"; do
    printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$type" "$mirror" "$suite"
  done >"$folder/sources.list"
  own_apt=(-o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o "Dir::State::Lists=$folder/lists" -o "Dir::State::status=$folder/status"
    -o "Dir::Cache=$folder" -o "Dir::Cache::archives=$folder/archives"
    -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin
    -o Acquire::Languages=none -o Acquire::PDiffs=false -o APT::Sandbox::User=root)
  apt-get "${own_apt[@]}" --quiet --error-on=any update >"$folder/log" 2>&1
}
