#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Unpacks the emulators of newer Debian suites beside the machine's own, for tools/platforms.json,
# whose "suite" names one of the directories. Nothing is installed; rm -r DIR takes it all back.
#
# usage: tools/emulators.sh [DIR]      default: emulators/ in build/, or in what XTK_BUILD names
#
# DIR/NAME/bin/PROGRAM   starts the program with its own loader, libraries and firmware
# DIR/NAME/versions      what each program says of itself
#
# What is there already is not fetched again. Exit status: 0, or 2 after a line for each suite that
# this machine cannot have; the others are unpacked all the same.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")

# What the emulators' dependencies bring and they do not need: nearly half of the bytes.
prune() { # ROOT
	find "$1/usr/bin" -mindepth 1 ! -name qemu-system-x86_64 ! -name bochs-bin -delete
	find "$1/usr/share" -mindepth 1 -maxdepth 1 ! -name qemu ! -name seabios ! -name bochs \
		! -name vgabios -exec rm -rf {} +
}

# What makes a program find its own firmware and plug-ins, and not those of the machine.
own_files() { # PROGRAM
	case $1 in
	qemu-*)
		cat <<-'END'
			QEMU_MODULE_DIR=$(echo "$root"/lib/*/qemu)
			export QEMU_MODULE_DIR
			set -- -L "$root/share/qemu" -L "$root/share/seabios" -L "$root/lib/ipxe/qemu" "$@"
		END
		;;
	bochs-*)
		cat <<-'END'
			LTDL_LIBRARY_PATH=$(echo "$root"/lib/*/bochs/plugins)
			BXSHARE=$root/share/bochs
			export LTDL_LIBRARY_PATH BXSHARE
		END
		;;
	esac
}

wrap() { # DIR PROGRAM
	mkdir -p "$1/bin"
	cat >"$1/bin/$2.new" <<-END
		#!/bin/sh
		# usage: as $2
		dir=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
		root=\$dir/root/usr
		$(own_files "$2")
		exec "\$dir/run" $2 "\$@"
	END
	chmod +x "$1/bin/$2.new"
	mv "$1/bin/$2.new" "$1/bin/$2"
}

version() { # PROGRAM: the line of its help that says so
	{ "$1" --help 2>&1 </dev/null || true; } |
		grep -o -m 1 -E '(QEMU emulator version|Bochs x86 Emulator) [0-9].*' ||
		{ echo "emulators.sh: $1 does not start: see $1 --help" >&2 && return 2; }
}

suite() { # NAME SUITE PROGRAM=PACKAGE[,PACKAGE...]...
	local dir=$base/$1 name=$2 packages program
	shift 2
	IFS=, read -ra packages < <(printf '%s,' "${@#*=}")
	"$here/unpack-suite.sh" "$name" "$dir" "${packages[@]}" || return 2
	prune "$dir/root" || return 2
	for program in "${@%%=*}"; do
		wrap "$dir" "$program"
		version "$dir/bin/$program" || return 2
	done >"$dir/versions"
	sed "s|^|$dir: |" "$dir/versions"
}

base=$(readlink -m "${1:-${XTK_BUILD:-$here/../build}/emulators}")
status=0
suite debian13 trixie qemu-system-x86_64=qemu-system-x86 bochs-bin=bochs || status=2
suite debian13-backports trixie-backports qemu-system-x86_64=qemu-system-x86 || status=2
exit $status
