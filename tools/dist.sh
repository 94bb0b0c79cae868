#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Packs what was built, and the tools that run it, into a release that needs no build.
#
# usage: tools/dist.sh BUILD VERSION EPOCH
#
# BUILD/dist/xtk-VERSION.tar.gz   tools/xtk, run-qemu.sh; images, library, xstate in build/; lib/
# BUILD/dist/xtk-VERSION.iso      the same image alone, for a USB stick or another emulator
# BUILD/dist/SHA256SUMS           of both; the archive has its own
#
# The same files give the same bytes: sorted names, EPOCH for all times, no owner, one mode.
# Exit status: 0, or 2 after one line that says what is wrong.
set -euo pipefail
export LC_ALL=C

TOOLS="xtk xtklib gdb iso-words.sh verdict.awk platforms.json emulators.sh unpack-suite.sh"
BUILT="xtk.iso xtk.elf xtk.elf32 xstate libxsave.a xsave.pc include"

die() {
	echo "dist.sh: $*" >&2
	exit 2
}

sums() { # DIR: of all files below it
	(cd "$1" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum) \
		>"$1/SHA256SUMS"
}

stage() { # DIR
	mkdir -p "$1/tools" "$1/build" "$1/tests" "$1/docs" "$1/man"
	cp "$here"/../{README.md,LICENSE,run-qemu.sh} "$1"
	for name in $TOOLS; do
		cp -R "$here/$name" "$1/tools"
	done
	cp -R "$here/../docs/." "$1/docs"
	cp -R "$here/../lib" "$1" # to be taken along, as its README says
	cp -R "$here/../tests/expect" "$here/../tests/judged.txt" "$1/tests"
	cp "$here/xstate/xstate.1" "$1/man"
	for name in $BUILT; do
		cp -R "$build/$name" "$1/build"
	done
	find "$1" -name __pycache__ -prune -exec rm -r {} +
}

[ $# -eq 3 ] || die "usage: tools/dist.sh BUILD VERSION EPOCH"
build=$1 version=$2 epoch=$3
here=$(cd "$(dirname "$0")" && pwd)
[[ $version =~ ^[0-9][0-9A-Za-z.+~-]*$ ]] || die "$version: VERSION is a number, as 0.1.0"
[[ $epoch =~ ^[0-9]+$ ]] || die "$epoch: EPOCH is a number of seconds, as from 'date +%s'"
for name in $BUILT; do
	[ -e "$build/$name" ] || die "$build/$name: no such file: run 'make dist'"
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
stage "$tmp/xtk-$version"
sums "$tmp/xtk-$version"
mkdir "$tmp/dist"
tar --create --directory="$tmp" --format=ustar --sort=name --mtime="@$epoch" --owner=0 --group=0 \
	--numeric-owner --mode=u=rwX,go=rX "xtk-$version" |
	gzip -9n >"$tmp/dist/xtk-$version.tar.gz" || die "$tmp: cannot write the archive: disk full?"
install -m 644 "$build/xtk.iso" "$tmp/dist/xtk-$version.iso"
sums "$tmp/dist"
rm -rf "$build/dist"
mv "$tmp/dist" "$build/dist"
