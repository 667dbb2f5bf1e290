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
