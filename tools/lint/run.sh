#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# All that `make lint` checks: each check runs, says what it found, and one red makes all red.
#
# usage: tools/lint/run.sh BUILD     from the root, after the kernel was built into BUILD
set -uo pipefail

build=${1:-}
if [ ! -d "$build" ] || [ ! -d kernel ]; then
	echo "lint: usage: tools/lint/run.sh BUILD, from the root, after 'make'" >&2
	exit 2
fi
mapfile -t c < <(find kernel lib tests tools -name '*.c' -o -name '*.h' | sort)
# A sabotage includes the file that it breaks; what is wrong with it is its purpose.
mapfile -t guest < <(find kernel lib tests -name '*.c' -not -path 'tests/host/*' \
	-not -path 'tests/sabotage/*' -not -path 'tests/fuzz/*' -not -path 'tests/proof/*' | sort)
# With a C library. The proofs are in CBMC's dialect, which no other tool reads.
mapfile -t hosted < <(find tools tests/fuzz -name '*.c' | sort)
mapfile -t shell < <(grep -rlE '^#!.*\b(ba)?sh$' run-qemu.sh .ci tests tools --exclude='*.py')
mapfile -t objects < <(find "$build/kernel" "$build/lib" "$build/tests" -name '*.c.o' \
	-not -path '*/host/*' 2>/dev/null | sort)
flags=(-std=gnu11 -Ilib '-DXTK_VERSION="lint"')
red=0

for tool in clang-format cppcheck clang-tidy shellcheck; do
	command -v "$tool" >/dev/null || {
		echo "lint: $tool is missing: run 'make deps lint'" >&2
		exit 2
	}
done

check() { # NAME COMMAND…
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "lint: ok      $name"
	else
		printf '%s\n' "$output"
		echo "lint: FAILED  $name"
		red=1
	fi
}

tidy() { # FLAG... and, on stdin, files
	xargs -P "$(nproc)" -I '{}' clang-tidy --quiet --config-file=tools/lint/clang-tidy.yaml '{}' \
		-- "${flags[@]}" "$@"
}

tidy_guest() {
	printf '%s\n' "${guest[@]}" | tidy -ffreestanding -mgeneral-regs-only -Ikernel/include
}

tidy_hosted() {
	printf '%s\n' "${hosted[@]}" | tidy -Itools/xstate
}

# comparePointers: the linker's __start_SET and __stop_SET are two objects to cppcheck.
# ctunullpointer, ctuuninitvar: follow calls, but neither the conditions between them nor assignments to
# single members; clang-tidy sees all.
cppcheck_all() { # ARGUMENT...
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 \
		--suppress=missingIncludeSystem --suppress=comparePointers --suppress=ctunullpointer --suppress=ctuuninitvar \
		-Ilib "$@"
}

check "clang-format" clang-format --dry-run -Werror "${c[@]}"
# --force: every combination of what is not said to be defined, in spite of -D.
check "cppcheck" cppcheck_all --force -D__x86_64__ -D__LP64__ -Ikernel/include "${guest[@]}"
check "cppcheck, hosted" cppcheck_all -Itools/xstate "${hosted[@]}"
check "clang-tidy" tidy_guest
check "clang-tidy, hosted" tidy_hosted
check "shellcheck" shellcheck "${shell[@]}"
check "dependency directions" tools/lint/directions.py "$build"
check "no vector register in C" tools/lint/vectors.sh "${objects[@]}"
[ $red = 0 ] || exit 1
