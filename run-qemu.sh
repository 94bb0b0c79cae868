#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# One boot in QEMU: streams the serial line, keeps it in a log, and exits with the log's verdict.
# Raw: a rule that the engine breaks is a failure; tests/expect/ is for tools/xtk.
set -uo pipefail
export LC_ALL=C # bytes are bytes, and QEMU's messages are English

usage() {
	cat <<-'EOF'
	usage: run-qemu.sh [OPTION...] [-- WORD...]      WORDs go to the kernel's command line

	  --iso | --kernel | --uefi  the ISO by BIOS (default), the ELF directly, the ISO by OVMF
	  --image FILE    boot FILE (default: build/xtk.iso, build/xtk.elf; XTK_BUILD names build/)
	  --cpu MODEL     CPU model, as QEMU's -cpu (default: max)
	  --machine M     machine type (default: q35; --kernel: microvm)
	  --accel A       tcg (default) or kvm
	  --qemu PATH     the QEMU binary (default: qemu-system-x86_64)
	  --smp N         number of CPUs (default: 1)
	  --timeout S     seconds before the run is killed (default: 120; none with --gdb)
	  --log FILE      where the serial text goes (default: build/run-qemu.log)
	  --gdb           wait for gdb on port 1234 and say how to connect
	  --print         print the QEMU command line and leave
	  --exec DIR      become QEMU, without log, limit and verdict; what it reads is put into DIR

	Exit status: 0 passed, 1 failed, 2 usage or missing tool, 3 crash, 4 timeout, 5 error.
	EOF
}

die() {
	echo "run-qemu.sh: $*" >&2
	exit 2
}

number() { # OPTION VALUE
	[[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || die "$1 $2: not a number from 1 to 999999"
}

here=$(dirname "$(readlink -f "$0")")
build=${XTK_BUILD:-$here/build}
mode='' image='' machine='' cpu=max accel=tcg qemu=qemu-system-x86_64 smp=1 limit='' log=''
gdb='' print='' exec='' words=()
while [ $# -gt 0 ]; do
	case $1 in
	--iso | --kernel | --uefi) mode=${1#--} ;;
	--gdb) gdb=1 ;;
	--print) print=1 ;;
	--image | --cpu | --machine | --accel | --qemu | --smp | --timeout | --log | --exec)
		[ $# -ge 2 ] || die "$1: a value must follow; see --help"
		case $1 in
		--timeout) number "$1" "$2" && limit=$2 ;;
		--smp) number "$1" "$2" && smp=$2 ;;
		*) printf -v "${1#--}" %s "$2" ;;
		esac
		shift
		;;
	-h | --help) usage && exit 0 ;;
	--) shift && words=("$@") && break ;;
	*) die "$1: unknown option; see --help (words for the kernel follow '--')" ;;
	esac
	shift
done

# A word must mean the same on every boot path: what GRUB's script would change is refused.
for word in ${words[@]+"${words[@]}"}; do
	case $word in
	'' | *[!\!-~]* | *[\"\'\\]*)
		die "'$word': a word is printable ASCII without quotes, blanks and backslashes"
		;;
	esac
done
line=${words[*]-}
limit=${limit:-${gdb:+0}} # 0 is no limit to timeout(1)
limit=${limit:-120}
[ ${#line} -le 1023 ] || die "the words take ${#line} characters, over 1023: choose tests by glob"
case $accel in tcg | kvm) ;; *) die "--accel $accel: tcg or kvm" ;; esac
[ -n "$mode" ] || case $image in '' | *.iso) mode=iso ;; *) mode=kernel ;; esac
case $mode in
kernel) image=${image:-$build/xtk.elf} goal=all machine=${machine:-microvm} ;;
*) image=${image:-$build/xtk.iso} goal=iso machine=${machine:-q35} ;;
esac
command -v "$qemu" >/dev/null ||
	die "$qemu: no such program: run 'make deps run', or name one with --qemu"
[ -f "$image" ] || die "$image: no such image: run 'make $goal'"
[ -r "$image" ] || die "$image: cannot read the image: check its permissions"

elf=${image%.*}.elf # of the same link, if it is there: another one would name the wrong lines

tmp=$exec
if [ -z "$tmp" ]; then
	tmp=$(mktemp -d) || die "cannot make a temporary directory: check TMPDIR"
	trap 'rm -rf "$tmp"' EXIT
fi

find_ovmf() { # $OVMF alone when it is set: a wrong path must not pass for another firmware
	local f places=(/usr/share/OVMF/OVMF_CODE{_4M,}.fd /usr/share/ovmf/OVMF.fd)
	[ -z "${OVMF:-}" ] || places=("$OVMF")
	for f in "${places[@]}"; do
		[ -r "$f" ] && echo "$f" && return
	done
	return 1
}

# A comma inside a QEMU option value is written twice.
cmd=("$qemu" -machine "$machine" -accel "$accel" -cpu "$cpu" -smp "$smp" -display none -serial stdio
	-nic none -no-reboot -device "isa-debug-exit,iobase=0xf4,iosize=4")
case $mode in
kernel) cmd+=(-nodefaults -kernel "$image" ${line:+-append "$line"}) ;;
*)
	if [ -n "$line" ]; then
		copy=$tmp/words.iso
		[ -z "$print" ] || copy=$build/xtk-words.iso
		said=$("$here/tools/iso-words.sh" "$image" "$copy" "$line" 2>&1) ||
			die "${said#iso-words.sh: }"
		image=$copy
	fi
	cmd+=(-drive "media=cdrom,format=raw,readonly=on,file=${image//,/,,}")
	;;
esac
if [ "$mode" = uefi ]; then
	ovmf=$(find_ovmf) || die "no UEFI firmware${OVMF:+ $OVMF}: install ovmf ('make deps test')"
	cmd+=(-drive "if=pflash,format=raw,readonly=on,file=${ovmf//,/,,}")
fi
if [ -n "$gdb" ]; then
	cmd+=(-S -gdb tcp::1234)
	echo "run-qemu.sh: waiting for: gdb -ex 'target remote :1234' $elf" >&2
fi
if [ -n "$print" ]; then
	printf '%q ' "${cmd[@]}"
	echo
	exit 0
fi
[ -z "$exec" ] || exec "${cmd[@]}"

# "# bt 0x…" lines get symbol and file:line at once. Of the guest's text only hex is executed.
symbolise() {
	export XTK_ELF=$elf
	if [ -r "$XTK_ELF" ] && command -v addr2line >/dev/null; then
		# shellcheck disable=SC2016 # expanded by the shell that sed starts
		stdbuf -oL sed -E 's/^# bt (0x[0-9a-f]{1,16})\r?$/'\
'echo "# bt \1" $(addr2line -f -e "$XTK_ELF" \1)/e'
	else
		cat
	fi
}

# timeout(1) makes a process group of its own, so that a wrapper given as --qemu dies with its QEMU.
mkfifo "$tmp/serial"
tee -p "$tmp/log" <"$tmp/serial" | symbolise &
reader=$!
timeout -k 5 "$limit" "${cmd[@]}" >"$tmp/serial" 2>"$tmp/stderr" &
child=$!
trap 'kill "$child"; wait "$child" "$reader"; exit 130' INT TERM HUP
{ wait "$child"; } 2>/dev/null # where bash would tell of QEMU's signal
rc=$?
wait "$reader"

log=${log:-$build/run-qemu.log}
[ ! -d "$(dirname "$log")" ] || cp "$tmp/log" "$log" || die "$log: cannot write the log: see --log"
grep -v "TCG doesn't support requested feature" "$tmp/stderr" >"$tmp/said"

# QEMU's own words, and what to do: for a start that failed, told by silence on the serial line.
start_failed() {
	local said
	said=$(grep -v -m 1 'warning:' "$tmp/said")
	case $(cat "$tmp/said") in
	*"CPU model"* | *"-cpu."*) die "--cpu $cpu: $said; see '$qemu -cpu help'" ;;
	*KVM* | *kvm* | *accel*) die "--accel $accel: $said; use --accel tcg" ;;
	*"SMP CPUs"*) die "--smp $smp: $said" ;;
	*machine*) die "--machine $machine: $said; see '$qemu -machine help'" ;;
	*"${image##*/}"* | *kernel*) die "$image: $said; rebuild it with 'make $goal'" ;;
	*) die "$qemu: $said; see --print for the command" ;;
	esac
}
if [ ! -s "$tmp/log" ] && [ -s "$tmp/said" ] && [ $rc != 0 ] && [ $rc != 124 ]; then
	start_failed
fi
cat "$tmp/said" >&2

timed_out=0
if [ $rc = 124 ] || { [ $rc = 137 ] && [ -z "$gdb" ] && [ $SECONDS -ge "$limit" ]; }; then
	timed_out=1
fi
# Lines are cut behind the longest that is judged: awk may take quadratic time for one without end.
read -r status reason < <(tr '\0' '?' <"$tmp/log" | cut -b -65537 |
	awk -v timeout=$timed_out -f "$here/tools/verdict.awk")
[ "$status" = 0 ] || echo "run-qemu.sh: $reason" >&2
exit "${status:-3}"
