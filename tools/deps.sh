#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs the Debian or Ubuntu packages that make's goals need, and nothing when all are there.
#
# usage: tools/deps.sh [GOAL...]      without a GOAL: what 'make test' needs, which is everything
#
# CC=clang in the environment adds clang. Exit status: 0, or 2 after a line that says what is wrong.
set -euo pipefail

BUILD="gcc binutils nasm"
ISO="grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools"
RUN="qemu-system-x86 python3"
LINT="clang clang-format clang-tidy cppcheck shellcheck python3"
TEST="libc6-dev ovmf"

die() {
	echo "deps.sh: $*" >&2
	exit 2
}

packages() { # GOAL
	case $1 in
	deps | help | clean | distclean) ;;
	iso | dist) echo "$BUILD $ISO" ;;
	run | bench | gdb) echo "$BUILD $ISO $RUN" ;;
	lint | format) echo "$BUILD $LINT" ;;
	test | check | matrix) echo "$BUILD $ISO $RUN $LINT $TEST" ;;
	*) echo "$BUILD" ;; # all, and a single file
	esac
}

missing() { # PACKAGE...: those of them that are not installed
	local package status
	for package; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || true
		[ "$status" = installed ] || echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install --yes --no-install-recommends "$@"
}

[ $# -gt 0 ] || set -- test
# CC may be a path and carry options or a version: "ccache clang-14 -m64".
case ${CC:-} in *clang*) compiler=clang ;; *) compiler= ;; esac
mapfile -t wanted < <(for goal; do packages "$goal"; done | tr ' ' '\n' | sort -u)
[ ${#wanted[@]} -eq 0 ] || wanted+=(${compiler:+"$compiler"})

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	die "no apt here: install these by your system's means and leave 'deps' out: ${wanted[*]}"
fi
mapfile -t lacking < <(missing "${wanted[@]}")
[ ${#lacking[@]} -gt 0 ] || exit 0

echo "deps: installing ${lacking[*]} (apt-get, no recommended packages)"
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
	die "must be root, or have sudo, to install: ${lacking[*]}"
# Package lists that are absent or outdated show as unknown packages or as failed downloads.
if ! apt-get install --simulate "${lacking[@]}" >/dev/null 2>&1 || ! install "${lacking[@]}"; then
	echo "deps: updating the package lists first"
	as_root apt-get update || die "apt-get update failed: see above; is the network reachable?"
	install "${lacking[@]}" || die "apt-get could not install ${lacking[*]}: see above"
fi
