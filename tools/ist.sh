#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The whole laboratory: every entry design against every nesting at full depth, on QEMU and on Bochs, in parts that run side by
# side; then the table, and the page.
#
# usage: tools/ist.sh BUILD [DIRECTORY…]     BUILD holds the kernel and the ISO; DIRECTORY: designs outside the tree that are in it
# Status: the worst of the runs, as `xtk matrix` has it.
set -euo pipefail

if [ $# -lt 1 ] || [ ! -f "$1/xtk.iso" ]; then
	echo "ist: usage: tools/ist.sh BUILD [DIRECTORY…], after 'make all iso'" >&2
	exit 2
fi
build=$1
shift
parts=4
words=()
for folder in kernel/ist "$@"; do
	for asm in "$folder"/*.asm; do
		for ((part = 1; part <= parts; part++)); do
			words+=(--words "ist=$(basename "$asm" .asm) shard=$part/$parts")
		done
	done
done
rm -rf "$build/ist"
status=0
tools/xtk matrix -p qemu-tcg bochs-3.0-tigerlake -o "$build/ist" "${words[@]}" \
	-- 'tests=ist/*,boot/*' depth=full || status=$? # boot/*: a design that the CPU lacks runs no check
tools/xtk ist -o "$build/ist" || true
tools/xtk report -o "$build/ist" "$build/ist"
exit $status
