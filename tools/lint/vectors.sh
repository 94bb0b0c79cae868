#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The compiler must provably not touch the state under test: no object made from C of the kernel, of
# the library or of the guest tests may name an x87, MMX, vector, mask, bound or tile register.
#
# usage: tools/lint/vectors.sh OBJECT...     status: 0, 1 with the instructions, 2 usage
#
# Instructions with memory operands only (XSAVE, FXRSTOR, LDMXCSR) and FNINIT name no register; they
# stand in the sources as inline assembly and are meant. So are the two functions of lib/selftest.c
# that fill and read the registers and do nothing else.
set -uo pipefail

REGISTERS='%(st|mm[0-7]|[xyz]mm[0-9]+|k[0-7]|bnd[0-3]|tmm[0-7])\b'

without_meant() { # OBJECT: its disassembly, from stdin, without what is meant
	case $1 in
	*lib/selftest.c.o) awk '/^[0-9a-f]+ </ { meant = / <(store|load)_registers>:$/ } !meant' ;;
	*) cat ;;
	esac
}

if [ $# = 0 ]; then
	echo "usage: tools/lint/vectors.sh OBJECT...: give the objects made from C" >&2
	exit 2
fi
bad=0
for object; do
	if ! listing=$(objdump --disassemble --no-show-raw-insn "$object"); then
		echo "$object: no object that objdump can read: run 'make' first" >&2
		exit 2
	fi
	if without_meant "$object" <<<"$listing" | grep -E "$REGISTERS"; then
		echo "$object: C code names a register of the state under test"
		bad=1
	fi
done
exit $bad
