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
HOST="gcc binutils libc6-dev"
SUITES="debootstrap debian-archive-keyring" # Ubuntu's debootstrap brings its own keys only
PROVE="gcc python3 $SUITES"
FUZZ="clang libclang-rt-dev libc6-dev python3"
FOREIGN="gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross"
FOREIGN+=" qemu-user-static"
MATRIX="$HOST bochs bochsbios vgabios ovmf"
REPORT="chromium chromium-driver libxml2-utils perl python3-yaml"
TEST="$HOST $PROVE $FUZZ $FOREIGN $MATRIX $REPORT g++ gdb groff-base patch pkg-config xxd"
# Not every release has a package of that name; what wants it then says so and is skipped.
OPTIONAL=" libclang-rt-dev chromium chromium-driver "

die() {
	echo "deps.sh: $*" >&2
	exit 2
}

packages() { # GOAL
	case $1 in
	deps | help | clean) ;;
	iso) echo "$BUILD $ISO" ;;
	dist) echo "$BUILD $ISO $HOST" ;;
	run) echo "$BUILD $ISO $RUN" ;;
	gdb) echo "$BUILD $RUN $HOST gdb" ;;
	matrix | ist) echo "$BUILD $ISO $RUN $MATRIX" ;;
	emulators) echo "$SUITES" ;;
	bench) echo "$BUILD $ISO $RUN $HOST" ;;
	xstate | lib) echo "$HOST" ;;
	coverage) echo "$HOST python3" ;;
	mutants) echo "$HOST nasm python3" ;;
	prove) echo "$PROVE" ;;
	fuzz) echo "$FUZZ" ;;
	lint) echo "$BUILD $LINT $HOST" ;;
	test) echo "$BUILD $ISO $RUN $LINT $TEST" ;;
	*) echo "$BUILD" ;; # all, and a single file
	esac
}

# Before Debian 12 libFuzzer comes with clang, and libclang-rt-dev is the name of no package.
has_fuzzer() {
	[ -e "$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a" 2>/dev/null)" ]
}

missing() { # PACKAGE...: those of them that are not installed
	local package status
	for package; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || true
		[ "$status" = installed ] || { [ "$package" = libclang-rt-dev ] && has_fuzzer; } ||
			echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

install() { # PACKAGE...
	local package names=()
	for package; do
		# apt fails for a name that it does not know, but not for a pattern that matches nothing.
		case $OPTIONAL in *" $package "*) package="?exact-name($package)" ;; esac
		names+=("$package")
	done
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
		"${names[@]}"
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
