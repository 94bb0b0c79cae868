#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Packs the kernel and GRUB into one image that boots on BIOS and on UEFI, from a CD or a USB stick.
#
# usage: tools/mkiso.sh OUT.iso KERNEL.elf EPOCH
#
# The same kernel, GRUB and EPOCH (seconds since 1970) give the same bytes: every time in the image
# is EPOCH, the volume's and the partitions' identifiers come from it, the FAT serial is a constant.
# xorriso 1.5.4 and mtools 4.0.32 take SOURCE_DATE_EPOCH for most of that; other versions are told.
# An ISO is written whole or not at all.
# Exit status: 0, or 2 after one line that says what is wrong.
set -euo pipefail

# What boot/grub.cfg uses; grub-mkrescue adds what these need. Each must exist for both platforms,
# so all_video, never loaded, stands for the efi_gop that it needs on UEFI. The part_ ones are what
# grub-mkrescue's own start script loads: without them it shows eight errors and loses 100 ms.
MODULES="normal configfile keystatus test multiboot2 all_video part_acorn part_amiga part_bsd
	part_dfly part_dvh part_plan part_sun part_sunpc"
FAT_SERIAL='\x4b\x54\x58\x21'

die() {
	echo "mkiso.sh: $*" >&2
	exit 2
}

need() {
	command -v "$1" >/dev/null || die "$1 is missing: install $2, or run 'make deps iso'"
}

stage() { # DIR: the files of the image beside GRUB's own
	mkdir -p "$1/boot/grub" "$1/boot/xtk"
	cp "$elf" "$1/boot/xtk.elf"
	cp "$here/../boot/grub.cfg" "$1/boot/grub/grub.cfg"
	# One 2048-byte sector, found by its first line and overwritten by tools/iso-words.sh.
	printf '%-2048s' "#xtk-words-v1"$'\n'"set words=''"$'\n' >"$1/boot/xtk/words.cfg"
	find "$1" -type d -exec chmod 755 {} + -o -exec chmod 644 {} +
}

# ISO: mformat draws a random serial for efi.img; in a FAT it stands 15 bytes before "FAT12".
set_fat_serial() {
	local at
	at=$(LC_ALL=C grep -abo -m1 'FAT12   ' "$1" | head -n 1 | cut -d: -f1)
	[ -n "$at" ] || die "$1: no FAT image found in it: is grub-efi-amd64-bin installed?"
	# shellcheck disable=SC2059 # the format is the four bytes
	printf "$FAT_SERIAL" | dd of="$1" bs=1 seek=$((at - 15)) conv=notrunc status=none
}

[ $# -eq 3 ] || die "usage: tools/mkiso.sh OUT.iso KERNEL.elf EPOCH"
out=$1 elf=$2 epoch=$3
here=$(cd "$(dirname "$0")" && pwd)
[[ $epoch =~ ^[0-9]+$ ]] || die "$epoch: EPOCH is a number of seconds, as from 'date +%s'"
[ -r "$elf" ] || die "$elf: cannot read the kernel: run 'make' first"
need grub-mkrescue grub-common
need xorriso xorriso
need mformat mtools
for platform in i386-pc:grub-pc-bin x86_64-efi:grub-efi-amd64-bin; do
	[ -d "/usr/lib/grub/${platform%%:*}" ] ||
		die "no GRUB for ${platform%%:*}: install ${platform#*:}, or run 'make deps iso'"
done

rm -f "$out"
export SOURCE_DATE_EPOCH=$epoch TZ=UTC LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp" "$out.tmp"' EXIT
stage "$tmp/root"
stamp=$(date --date="@$epoch" +%Y%m%d%H%M%S00)
grub-mkrescue --output="$out.tmp" --modification-date="$stamp" \
	--install-modules="$MODULES" --fonts= --locales= --themes= "$tmp/root" -- \
	-volid XTK -volume_date all_file_dates "=$epoch" -volume_date uuid "$stamp" \
	-boot_image any gpt_disk_guid=volume_date_uuid -hfsplus off >"$tmp/log" 2>&1 ||
	die "$out: grub-mkrescue failed: $(tail -n 1 "$tmp/log")"
set_fat_serial "$out.tmp"
mv "$out.tmp" "$out"
