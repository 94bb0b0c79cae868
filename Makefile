# SPDX-License-Identifier: MIT
#
# One Makefile, no configure. `make help` lists the goals.

VERSION := 0.1.0
# The time stamp of everything that is built: the release's date, so that a tarball builds the same bytes as a checkout.
EPOCH   := 1795219200
CC      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
NASM    ?= nasm
LD      ?= ld
OBJCOPY ?= objcopy
BUILD   ?= build

# `make V=1` shows the commands.
Q   := $(if $(V),,@)
SAY := $(if $(V),:,printf '  %-8s%s\n')

# `make deps GOAL…` installs first and then makes the goals, in this order also under -j.
GOALS := $(filter-out deps,$(MAKECMDGOALS))
ifneq (,$(filter deps,$(MAKECMDGOALS)))
.PHONY: deps $(GOALS)
deps:
	tools/deps.sh $(GOALS)
ifneq (,$(GOALS))
$(firstword $(GOALS)): deps
	+$(MAKE) $(GOALS)
$(wordlist 2,$(words $(GOALS)),$(GOALS)): $(firstword $(GOALS))
	@:
endif
else

WARN := -Wall -Wextra -Werror -Wundef -Wshadow -Wvla -Wswitch-enum -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-align -Wformat=2
# No frame, pad or table of the compiler's own may show in what is tested; paths do not show in what is built.
FREESTANDING := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only \
	-fcf-protection=none -fno-stack-protector -fno-omit-frame-pointer -fno-asynchronous-unwind-tables \
	-fno-jump-tables -fno-strict-aliasing -fno-common -ffile-prefix-map=$(CURDIR)=. -MMD -MP
CFLAGS := $(FREESTANDING) $(WARN) -Ikernel/include -Ilib -DXTK_VERSION='"$(VERSION)"'
NFLAGS := -f elf64 -g -F stabs -w+all -Ikernel/ -I$(BUILD)/

KERNEL_SRC := $(wildcard kernel/*.c kernel/*.asm kernel/ist/*.c kernel/ist/*.asm $(DESIGNS:%=%/*.c) $(DESIGNS:%=%/*.asm))
SRC  := boot/multiboot.asm $(filter-out kernel/asm-offsets.c,$(KERNEL_SRC)) $(wildcard lib/*.c tests/*.c tests/*.asm tests/rules/*.c tests/ist/*.c tests/ist/*.asm)
OBJ  := $(SRC:%=$(BUILD)/%.o) $(BUILD)/path-table.o $(BUILD)/ist-table.o $(BUILD)/rule-sections.o
# The objects in which the tests inject at every instruction: their disassembly goes into the kernel.
PATH_OBJ := $(addprefix $(BUILD)/,kernel/switch.asm.o kernel/lazy.asm.o kernel/lazy.c.o lib/xsave.c.o)
IST_OBJ  := $(patsubst %,$(BUILD)/%.o,$(filter kernel/ist/% $(DESIGNS:%=%/%),$(KERNEL_SRC)) tests/ist/window.asm)

.DELETE_ON_ERROR:
.PHONY: all iso xstate lib run test lint matrix ist emulators gdb dist bench prove fuzz mutants coverage clean help
all: $(BUILD)/xtk.elf $(BUILD)/xtk.elf32          ## the kernel: ELF64 (multiboot 2, PVH) and ELF32 (multiboot 1)
iso: $(BUILD)/xtk.iso                             ## the bootable image, for BIOS and UEFI
xstate: $(BUILD)/xstate                           ## the inspector of images and core files
lib: $(BUILD)/libxsave.a $(BUILD)/xsave.pc        ## the library for other programs

# One line for a tool that is missing, in the place of one from every recipe that wants it.
$(OBJ) $(BUILD)/asm-offsets.inc: | $(BUILD)/tools-found
$(BUILD)/tools-found:
	@for tool in $(firstword $(CC)) $(NASM) $(LD) $(OBJCOPY) objdump awk; do command -v $$tool >/dev/null || \
		{ echo "make: $$tool is missing: run 'make deps all'" >&2; exit 2; }; done
	@mkdir -p $(@D) && touch $@
$(BUILD)/%.c.o: %.c
	@mkdir -p $(@D)
	@$(SAY) CC $<
	$(Q)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<
$(BUILD)/lib/%.c.o: EXTRA_CFLAGS := -Wconversion
# No pad inside a function: every instruction of the disassembly can then be reached.
$(BUILD)/lib/xsave.c.o $(BUILD)/kernel/lazy.c.o: EXTRA_CFLAGS += -falign-loops=1 $(if $(findstring clang,$(CC)),,-falign-jumps=1 -falign-labels=1)

# The hosted half: the same library without the kernel's flags, and what is built on it.
HOST_OBJ := $(patsubst %,$(BUILD)/host/%.o,$(wildcard lib/*.c tools/xstate/*.c))
$(BUILD)/host/%.c.o: %.c
	@mkdir -p $(@D)
	@$(SAY) HOSTCC $<
	$(Q)$(CC) -std=gnu11 -O2 -g $(WARN) -Ilib -DXTK_VERSION='"$(VERSION)"' -ffile-prefix-map=$(CURDIR)=. -MMD -MP \
		$(EXTRA_CFLAGS) -c -o $@ $<
$(BUILD)/host/lib/%.c.o: EXTRA_CFLAGS := -Wconversion -fPIC
$(BUILD)/libxsave.a: $(filter $(BUILD)/host/lib/%,$(HOST_OBJ))
	@$(SAY) AR $@
	$(Q)rm -f $@ && $(AR) rcsD $@ $^
# It names its own directory, so that the whole may be moved.
$(BUILD)/xsave.pc: lib/xsave.pc.in $(wildcard lib/*.h lib/xsave/*.h)
	$(Q)mkdir -p $(BUILD)/include/xsave && cp lib/xsave.h $(BUILD)/include/ && cp lib/xsave/*.h $(BUILD)/include/xsave/
	$(Q)sed 's/@VERSION@/$(VERSION)/' $< > $@
$(BUILD)/xstate: $(filter $(BUILD)/host/tools/%,$(HOST_OBJ)) $(BUILD)/libxsave.a
	@$(SAY) LINK $@
	$(Q)$(CC) -o $@ $^
$(BUILD)/%.asm.o: %.asm $(BUILD)/asm-offsets.inc
	@mkdir -p $(@D)
	@$(SAY) NASM $<
	$(Q)$(NASM) $(NFLAGS) -MD $(@:.o=.d) -MQ $@ -o $@ $<
$(BUILD)/asm-offsets.inc: kernel/asm-offsets.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $(BUILD)/asm-offsets.d -MT $@ -S -o $(BUILD)/asm-offsets.s $<
	$(Q)sed -n 's/^.*"->\([A-Za-z0-9_]*\) \$$*\(-\{0,1\}[0-9]*\)".*/%define \1 \2/p' $(BUILD)/asm-offsets.s > $@
$(BUILD)/path-table.o: $(PATH_OBJ)
$(BUILD)/ist-table.o: $(IST_OBJ)
$(BUILD)/%-table.o: tools/path-table.awk
	$(Q)objdump -t -d -w $(filter %.o,$^) | awk -v table=$* -f tools/path-table.awk > $(@:.o=.asm)
	$(Q)$(NASM) -f elf64 -o $@ $(@:.o=.asm)
$(BUILD)/rule-sections.o: docs/rules.md tools/rule-sections.awk
	$(Q)awk -f tools/rule-sections.awk $< | $(CC) $(CFLAGS) -xc -c -o $@ -
$(BUILD)/xtk.elf: $(OBJ) linker.ld
	@$(SAY) LD $@
	$(Q)$(LD) -nostdlib -static --build-id=none -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments \
		-T linker.ld -o $@ $(OBJ)
$(BUILD)/xtk.elf32: $(BUILD)/xtk.elf boot/multiboot1.asm
	$(Q)$(NASM) -f bin -o $(BUILD)/multiboot1.bin boot/multiboot1.asm
	@$(SAY) OBJCOPY $@
	$(Q)$(OBJCOPY) -O elf32-i386 --update-section .multiboot1=$(BUILD)/multiboot1.bin $< $@
$(BUILD)/xtk.iso: $(BUILD)/xtk.elf boot/grub.cfg tools/mkiso.sh
	@$(SAY) ISO $@
	$(Q)tools/mkiso.sh $@ $< $(EPOCH)
# What follows runs programs, which find what was built by this.
export XTK_BUILD := $(abspath $(BUILD))
run: iso                                          ## boot the ISO through GRUB in QEMU; exits with the verdict
	tools/xtk run
test: lint all iso xstate lib                     ## everything that CI checks
	tests/host/run.py
	rm -rf $(BUILD)/quick && tools/xtk matrix --quick -o $(BUILD)/quick
	tools/xtk list --rules --check $(BUILD)/quick
lint: all                                         ## formatter, static analysis, directions, no vector register in C
	tools/lint/run.sh $(BUILD)
matrix: all iso                                   ## every platform of tools/platforms.json; a page of what they did
	tools/xtk matrix; status=$$?; tools/xtk report $(BUILD)/matrix && exit $$status
ist: all iso                                      ## the laboratory: every entry design, every nesting, on QEMU and Bochs
	tools/ist.sh $(BUILD) $(DESIGNS)
emulators:                                        ## newer QEMU and Bochs, unpacked beside the machine's own
	tools/emulators.sh
gdb: all xstate                                   ## QEMU in gdb, before its first instruction
	gdb -q -x tools/gdb/xtk.py -ex xtk-boot $(BUILD)/xtk.elf
dist: all iso xstate lib                          ## a release that needs no build
	tools/dist.sh $(BUILD) $(VERSION) $(EPOCH)
bench: all iso lib                                ## figures: boot, exit, instructions a switch and an entry design, cycles of the library
	CC='$(CC)' tools/bench.py
prove:                                            ## CBMC: no access out of bounds for any input
	tests/proof/run.py
fuzz:                                             ## libFuzzer on the library and xstate, SECONDS=30 of each target
	tests/fuzz/run.py $(SECONDS)
mutants:                                          ## single faults in the software model: which rule table notices
	tests/host/mutants.py
coverage:                                         ## lines and branches of lib/ that the host tests reach
	tests/host/coverage.py
clean:                                            ## remove what was built; rm -r build/ takes the downloads, too
	[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name emulators ! -name suites -exec rm -rf {} +
help:                                             ## this list
	@echo 'make [CC=clang] GOAL…   (xtk $(VERSION))'
	@echo '  deps      install the packages that the other goals on the line need (Debian, Ubuntu)'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{ printf "  %-9s %s\n", $$1, $$2 }'
-include $(OBJ:.o=.d) $(HOST_OBJ:.o=.d) $(BUILD)/asm-offsets.d
endif
