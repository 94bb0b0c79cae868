#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Unpacks packages of another Debian suite, with all they depend on, into a directory, so that a
# program of that suite runs here. Nothing is installed on the machine and root is not needed.
#
# usage: tools/unpack-suite.sh SUITE DIR PACKAGE...
#        DIR/run PROGRAM [ARGUMENT...]      then runs a program of these packages
#
# SUITE: trixie, sid, or trixie-backports, which takes from trixie what it lacks itself. DIR is
# complete or as it was before; when it already has these packages, nothing is done. Downloads stay
# in debs/ beside DIR, for the next suite, and what debootstrap said in DIR.log. DIR.lock stays.
#
# The packages' own scripts do not run: a program that needs what they would set up says so itself.
#
# Exit status: 0, or 2 after a line that says what is wrong.
set -euo pipefail

die() {
	echo "unpack-suite.sh: $*" >&2
	exit 2
}

# The machine's own Debian mirror, else the one that is near everybody.
mirror() {
	local own=
	# shellcheck disable=SC2016 # apt-get expands it
	if command -v apt-get >/dev/null; then
		own=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' |
			grep '/debian/$' | head -n 1) || true
	fi
	echo "${own:-http://deb.debian.org/debian/}"
}

# The first suite that has a package gives it: backports go before what they are backported to.
# Of the base system, which debootstrap is made for, nothing is wanted: its script is told so.
download() { # TARGET
	local base=${suite%-backports} options=(--download-only --force-check-gpg)
	[ "$base" = "$suite" ] || options+=("--extra-suites=$base")
	cat >"$1.script" <<-'END'
		. /usr/share/debootstrap/scripts/sid
		work_out_debs() {
			required= base=
		}
	END
	local IFS=,
	debootstrap "${options[@]}" --include="${packages[*]}" --cache-dir="$cache" "$suite" "$1" \
		"$(mirror)" "$1.script" >"$log" 2>&1
}

can_write() {
	mkdir -p "$cache" && : >>"$dir.lock"
}

# No owner, no set-user-ID bit; the links that join / and /usr, which packages expect to find.
unpack() { # ARCHIVES ROOT
	local deb name
	for name in bin sbin lib lib64; do
		mkdir -p "$2/usr/$name"
		ln -s "usr/$name" "$2/$name"
	done
	for deb in "$1"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar --extract --directory "$2" --no-same-owner \
			--no-same-permissions --keep-directory-symlink || return
	done >>"$log" 2>&1
}

# A program of the suite needs the suite's loader and C library; other libraries may lie anywhere.
write_run() { # DIR
	local loader libs
	loader=$(cd "$1" && find root/usr/lib root/usr/lib64 -name 'ld-linux*.so.*' | sort | head -n 1)
	libs=$(cd "$1" && {
		find root/usr/lib -name libc.so.6
		find root/usr/lib -name 'lib*.so*' | sort
	} | sed "s|^|\$dir/|; s|/[^/]*\$||" | awk '!seen[$0]++' | paste -sd:)
	cat >"$1/run" <<-END
		#!/bin/sh
		# usage: run PROGRAM [ARGUMENT...]      a program of the suite unpacked here
		dir=\$(dirname "\$(readlink -f "\$0")")
		program=\$dir/root/usr/bin/\$1
		[ -x "\$program" ] || { echo "\$0: no program \$program" >&2; exit 127; }
		shift
		exec "\$dir/$loader" --library-path "$libs" "\$program" "\$@"
	END
	chmod +x "$1/run"
}

# All but the last step happens in a directory that nobody else sees and that does not stay.
unpack_suite() {
	local work=$dir.new package
	echo "unpack-suite.sh: ${packages[*]} of $suite into $dir"
	rm -rf "$work"
	trap 'rm -rf "$dir.new"' EXIT
	mkdir "$work"
	download "$work/get" || die "cannot download $suite ($(grep '^[EW]: ' "$log" | tail -n 1)):" \
		"is the network reachable? $log has all that debootstrap said"
	for package in "${packages[@]}"; do
		compgen -G "$work/get/var/cache/apt/archives/${package}_*.deb" >/dev/null ||
			die "$suite has no package $package"
	done
	mkdir "$work/new"
	unpack "$work/get/var/cache/apt/archives" "$work/new/root" ||
		die "cannot unpack: is the disk full? $log has what was said"
	write_run "$work/new"
	echo "$wanted" >"$work/new/unpacked"
	rm -rf "$dir"
	mv "$work/new" "$dir"
}

[ $# -ge 3 ] || die "usage: unpack-suite.sh SUITE DIR PACKAGE..."
suite=$1 dir=$(readlink -m "$2")
shift 2
packages=("$@")
cache=$(dirname "$dir")/debs log=$dir.log
wanted="$suite ${packages[*]}"
[[ $dir != *:* ]] || die "$dir: a ':' would cut the list of libraries: choose a place without one"
command -v debootstrap >/dev/null || die "debootstrap is missing: run 'apt-get install debootstrap'"
can_write 2>/dev/null || die "cannot write in $(dirname "$dir"): choose another place"
exec 9>>"$dir.lock"
flock 9 # another call for the same DIR is waited for
[ "$(cat "$dir/unpacked" 2>/dev/null)" = "$wanted" ] || unpack_suite
