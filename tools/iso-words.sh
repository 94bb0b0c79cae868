#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Copies a bootable image and writes the words for the kernel into the one sector that
# tools/mkiso.sh leaves for them.
#
# usage: tools/iso-words.sh IMAGE COPY LINE
#
# LINE: the words with blanks between, without quotes, at most 1023 characters, which the kernel takes.
# Exit status: 0, or 2 after one line that says what is wrong.
set -euo pipefail
export LC_ALL=C # bytes are bytes

MARKER='#xtk-words-v1'

die() {
	echo "iso-words.sh: $*" >&2
	exit 2
}

[ $# -eq 3 ] || die "usage: iso-words.sh IMAGE COPY LINE"
image=$1 copy=$2 line=$3
[ ${#line} -le 1023 ] || die "the words take ${#line} characters, over 1023: choose tests by glob"
at=$(grep -abo "$MARKER" "$image" | cut -d: -f1) || true
[[ $at =~ ^[0-9]+$ ]] || die "$image: has no sector for words: rebuild it with 'make iso'"
cp --reflink=auto "$image" "$copy" 2>/dev/null || die "$copy: cannot write it: disk full?"
chmod u+w "$copy" # whatever the image allows
printf '%-2048s' "$MARKER"$'\n'"set words='$line'"$'\n' |
	dd of="$copy" bs=2048 seek=$((at / 2048)) iflag=fullblock conv=notrunc status=none
