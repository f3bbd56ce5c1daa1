# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
# Folders are found, not listed: a tool is a folder in src/tools, a decoder or output a file in its
# stage's folder. What is built goes to build/, the program to ./weir.

MAKEFLAGS += -r
PREFIX  ?= /usr/local
DESTDIR ?=
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG   ?= clang
OBJCOPY ?= llvm-objcopy
CFLAGS  ?= -O2 -g
WERROR  ?= -Werror
B       := build

ARCH    := $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
JOBS    := $(shell nproc)
STAGES  := base catalog core ring event decode view out
WARN    := -Wall -Wextra $(WERROR)
INCS    := -Iinclude $(STAGES:%=-Isrc/%) -I$(B)/gen
# A debugger finds its way by the debug information, which is not shipped.
PLAIN   := -std=gnu11 -D_GNU_SOURCE -fno-asynchronous-unwind-tables $(INCS)
ALL     := $(PLAIN) $(WARN) $(CFLAGS)
BPF     := -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) $(WARN) -Wno-unused-parameter \
	   -Wno-unused-function -Iinclude -Ikernel
# libpcap's compiler of filters alone is used: as an archive, where there is one, it brings no D-Bus and
# systemd along, which each start would load.
PCAP    := $(if $(filter /%,$(shell $(CC) -print-file-name=libpcap.a)),-l:libpcap.a,-lpcap)
LIBS    := -lbpf -lelf -lz -ltraceevent -lncursesw -ltinfo -lhttp_parser -lnghttp2 $(PCAP)

TOOLS   := $(notdir $(patsubst %/,%,$(wildcard src/tools/*/)))
# A tool may have several BPF objects: a file each, of any name.
KERNEL  := $(patsubst %.bpf.c,%,$(notdir $(wildcard src/tools/*/*.bpf.c)))
TABLES  := $(B)/gen/tables.c
CATALOG := $(B)/gen/catalog.c
SOURCES := src/main.c $(foreach s,$(STAGES),$(wildcard src/$s/*.c)) $(TABLES) $(CATALOG) \
	   $(filter-out %.bpf.c,$(wildcard src/tools/*/*.c))
BPF_O   := $(KERNEL:%=$(B)/bpf/%.bpf.o)
EMBED_O := $(KERNEL:%=$(B)/obj/embed/%.o) $(B)/obj/embed/base.o
EMBED_O += $(B)/obj/embed/catalog.o $(B)/obj/embed/reason.o
EMBED_O += $(patsubst src/tools/%.rec,$(B)/obj/embed/%.rec.o,$(wildcard src/tools/*/*.rec))
# The objects of a kind of build: obj (the program), asan and fuzz (for tests).
objects  = $(patsubst %.c,$(B)/$1/%.o,$(patsubst $(B)/%,%,$(SOURCES)))
OBJS    := $(call objects,obj)
NO_MAIN  = $(filter-out %/src/main.o,$(call objects,$1)) $(EMBED_O)

ASAN    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNITS   := $(patsubst tests/unit/test_%.c,$(B)/test/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/test/fuzz/%,$(wildcard tests/fuzz/*.c))

# Code begins at any byte, which costs no instruction. What stands above the pipe is for size: what the tools
# do for each event, the stages do, but for connections, transactions of HTTP and packets that are written.
SMALL   := -ffunction-sections -fdata-sections -falign-functions=1 -falign-jumps=1 -falign-loops=1 -falign-labels=1
PER_ROW := src/core/table_columns.c src/core/conn_columns.c $(addprefix src/tools/,conns/conns.c packets/pcapng.c \
	   $(addprefix http/,stream.c heads.c conns.c transaction.c parsed.c http.c))
# Of the stages, what runs once an interval or once a run; match.c is replay's.
SELDOM  := src/main.c src/core/% src/catalog/% src/tools/% src/base/error.c src/base/suggest.c src/base/wrap.c \
	   src/view/histogram.c src/view/percentile.c src/view/sums.c src/event/match.c
for_size = $(if $(filter -O2,$(CFLAGS)),$(SMALL) $(if $(filter $(SELDOM),$(filter-out $(PER_ROW),$1)),-Os))

# Says what is made in one line; V=1 shows the commands.
say      = $(if $(V),,@printf '  %-5s %s\n' $1 $@;)

.PHONY: all demo test install uninstall static lint fmt fuzz bench bench-check clean help deps deps-test tests man
.DELETE_ON_ERROR:
.SECONDARY:

all: deps ## build ./weir (installs what the build needs)
	@$(MAKE) --no-print-directory -j$(JOBS) weir

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: all ## build, then watch a little network of weir's own
	@./weir demo

test: deps-test ## everything: unit, replay, kernel and emulated-kernel tests, fuzzers, lint, budgets
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@scripts/test

lint: deps-test ## format, shell scripts, licence lines, include arrows
	@scripts/lint

fuzz: deps-test ## fuzz for FUZZ seconds (600)
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@scripts/fuzz $(or $(FUZZ),600)

bench: deps-test ## measure the cost per event, write bench/RESULTS.md
	@scripts/packages bench
	@$(MAKE) --no-print-directory -j$(JOBS) weir weir-static
	bench/run
	scripts/readme-cost

bench-check: deps-test ## fail where a tool costs more than its budget (bench/budgets.txt)
	@$(MAKE) --no-print-directory -j$(JOBS) weir
	@bench/run --check

fmt: ## format all C files
	scripts/lint --files '*.c' '*.h' | xargs clang-format -i

deps:
	@scripts/packages build

deps-test:
	@scripts/packages build test

# The program

weir: $(OBJS) $(EMBED_O)
	$(call say,LD) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# --uid NAME knows the users of /etc/passwd there, and no others; see user() in src/core/options.c.
static: all ## build ./weir-static, one file that runs on another machine
	@$(MAKE) --no-print-directory weir-static

weir-static: $(OBJS) $(EMBED_O) scripts/static.ld
	$(call say,LD) $(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $(filter %.o,$^) $(LIBS) \
		-Wl,-T,$(filter %.ld,$^),-z,noseparate-code,--gc-sections

$(B)/obj/src/%.o: src/%.c | $(TABLES)
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(ALL) $(call for_size,$<) $(tool_inc) -MMD -c -o $@ $<

$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(ALL) -MMD -c -o $@ $<

tool_inc = $(if $(findstring /tools/,$<),-I$(dir $<))

$(TABLES): $(wildcard tables/* tables/netlink/*)
	@mkdir -p $(@D)
	$(call say,GEN) tables/tables.sh $@

# Groups and layers before the rows, English before Korean.
CATALOG_TXT := catalog/groups.txt catalog/layers.txt \
	       $(sort $(filter-out %/groups.txt %/layers.txt,$(wildcard catalog/*.txt))) \
	       $(sort $(wildcard catalog/ko/*.txt))

$(CATALOG): catalog/gen $(CATALOG_TXT) $(wildcard catalog catalog/ko)
	@mkdir -p $(@D)
	$(call say,GEN) LC_ALL=C catalog/gen -v packed=$(B)/gen/catalog.texts $(CATALOG_TXT) >$@

# Debug sections go, BTF stays, but for the lines of the source; and of relocations and labels what
# libbpf does not look at: a twentieth of the size.
$(BPF_O): $(B)/bpf/%.bpf.o: Makefile $(B)/slim
	@mkdir -p $(@D)
	$(call say,BPF) $(CLANG) $(BPF) -I$(dir $(filter %.bpf.c,$^)) -MMD -MT $@ -c -o $@ $(filter %.bpf.c,$^)
	@$(OBJCOPY) -g --dump-section .BTF=$@.btf --dump-section .BTF.ext=$@.ext $@
	@$(B)/slim $@.btf $@.ext
	@$(OBJCOPY) -R .rel.BTF -R .rel.BTF.ext -R .llvm_addrsig $@
	@$(OBJCOPY) -w -N 'LBB*' --update-section .BTF=$@.btf --update-section .BTF.ext=$@.ext $@
	@rm $@.btf $@.ext

$(B)/slim: scripts/slim.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(ALL) -o $@ $< -lbpf -lelf -lz

# A file's bytes under a name, and NAME_size: $(call embed,NAME,FILE)
embed = printf '.section .rodata\n.balign 8\n.global %s, %s_size\n%s: .incbin "%s"\n1:\n.balign 4\n%s_size: .long 1b - %s\n.section .note.GNU-stack,"",%%progbits\n' \
	$1 $1 $1 $2 $1 $1 | $(CC) -x assembler -c -o $@ -

$(B)/pack: scripts/pack.c include/packed.h
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(ALL) -o $@ $<

# Packed: an eighth, of it what the best of compressors makes. BASE is the one of which the others have most.
BASE := tcprtt
$(B)/obj/embed/%.o: $(B)/bpf/%.bpf.o $(B)/bpf/$(BASE).bpf.o $(B)/pack
	@mkdir -p $(@D)
	@$(B)/pack $(B)/bpf/$(BASE).bpf.o $< >$<.packed
	@libdeflate-gzip -12 <$<.packed >$<.gz
	$(call say,EMBED) $(call embed,$*_bpf_o,$<.gz)

$(B)/obj/embed/base.o: $(B)/bpf/$(BASE).bpf.o $(B)/pack
	@mkdir -p $(@D)
	@$(B)/pack $< >$(B)/bpf/base.packed
	@libdeflate-gzip -12 <$(B)/bpf/base.packed >$(B)/bpf/base.gz
	$(call say,EMBED) $(call embed,base_bpf_o,$(B)/bpf/base.gz)

# Texts that are seldom asked for: a third.
$(B)/obj/embed/catalog.o: $(CATALOG)
$(B)/obj/embed/reason.o: $(TABLES)
$(B)/obj/embed/catalog.o $(B)/obj/embed/reason.o: $(B)/obj/embed/%.o:
	@mkdir -p $(@D)
	@libdeflate-gzip -12 <$(B)/gen/$*.texts >$(B)/gen/$*.texts.gz
	$(call say,EMBED) $(call embed,$*_texts,$(B)/gen/$*.texts.gz)

$(B)/obj/embed/%.rec.o: src/tools/%.rec
	@mkdir -p $(@D)
	@libdeflate-gzip -12 <$< >$(B)/obj/embed/$(notdir $*).rec.gz
	$(call say,EMBED) $(call embed,$(notdir $*)_rec,$(B)/obj/embed/$(notdir $*).rec.gz)

# Tests: each unit test twice, as it is and under the sanitizers; fuzzers are clang's.

tests: weir weir-static $(UNITS) $(UNITS:=.asan) $(FUZZERS)

UNIT_INC := -Isrc -Itests/unit

$(B)/test/unit/%: tests/unit/test_%.c $(call NO_MAIN,obj)
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(ALL) $(UNIT_INC) -MMD -MF $@.d -o $@ $(filter %.c %.o,$^) -lcmocka $(LIBS)

$(B)/test/unit/%.asan: tests/unit/test_%.c $(call NO_MAIN,asan)
	@mkdir -p $(@D)
	$(call say,ASAN) $(CC) $(ALL) $(ASAN) $(UNIT_INC) -MMD -MF $@.d -o $@ $(filter %.c %.o,$^) -lcmocka $(LIBS)

$(B)/test/fuzz/%: tests/fuzz/%.c $(call NO_MAIN,fuzz)
	@mkdir -p $(@D)
	$(call say,FUZZ) $(CLANG) $(PLAIN) -g -O1 -w -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		$(UNIT_INC) -MMD -MF $@.d -o $@ $(filter %.c %.o,$^) $(LIBS)

$(B)/asan/%.o: %.c | $(TABLES)
	@mkdir -p $(@D)
	$(call say,ASAN) $(CC) $(ALL) $(ASAN) $(tool_inc) -MMD -c -o $@ $<

$(B)/asan/%.o: $(B)/%.c
	@mkdir -p $(@D)
	$(call say,ASAN) $(CC) $(ALL) $(ASAN) -MMD -c -o $@ $<

# -w: what is to be warned of, gcc has said.
FUZZ_C = $(CLANG) $(PLAIN) -g -O1 -w -fsanitize=fuzzer-no-link,address,undefined \
	 -fno-sanitize-recover=all

$(B)/fuzz/%.o: %.c | $(TABLES)
	@mkdir -p $(@D)
	$(call say,FUZZ) $(FUZZ_C) $(tool_inc) -MMD -c -o $@ $<

$(B)/fuzz/%.o: $(B)/%.c
	@mkdir -p $(@D)
	$(call say,FUZZ) $(FUZZ_C) -MMD -c -o $@ $<

# Manual pages and completion are made of the same rows as --help.

MAN_MD := docs/weir.md $(wildcard src/tools/*/*.md)
MAN    := $(patsubst %.md,$(B)/man/%.8,$(notdir $(MAN_MD:docs/weir.md=weir.md)))
MAN    := $(MAN:$(B)/man/%=$(B)/man/weir-%)
MAN    := $(MAN:$(B)/man/weir-weir.8=$(B)/man/weir.8)

man: $(MAN) $(B)/man/weir.bash ## manual pages and bash completion, in build/man

$(B)/man/weir.8: docs/weir.md scripts/man weir
	@mkdir -p $(@D)
	$(call say,MAN) scripts/man ./weir $< >$@

define tool_page
$(B)/man/weir-$1.8: src/tools/$1/$1.md scripts/man weir
	@mkdir -p $$(@D)
	$$(call say,MAN) scripts/man ./weir $$< >$$@
endef
$(foreach t,$(TOOLS),$(eval $(call tool_page,$t)))

$(B)/man/weir.bash: scripts/completion weir
	@mkdir -p $(@D)
	$(call say,GEN) scripts/completion ./weir >$@

install: all ## into PREFIX (/usr/local) below DESTDIR
	@$(MAKE) --no-print-directory man
	install -D -m 755 weir $(DESTDIR)$(PREFIX)/bin/weir
	install -d $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 $(MAN) $(DESTDIR)$(PREFIX)/share/man/man8
	install -D -m 644 $(B)/man/weir.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir

uninstall: ## what install has put there
	rm -f $(DESTDIR)$(PREFIX)/bin/weir $(MAN:$(B)/man/%=$(DESTDIR)$(PREFIX)/share/man/man8/%) \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir

clean: ## remove what was built (not the kernels fetched for tests/vm)
	rm -rf $(filter-out $(B)/vm,$(wildcard $(B)/*)) weir weir-static

define bpf_source
$(B)/bpf/$1.bpf.o: $(wildcard src/tools/*/$1.bpf.c)
endef
$(foreach t,$(KERNEL),$(eval $(call bpf_source,$t)))
# A header that is no more, in what was written down before: its users are compiled anew.
%.h: ;
-include $(OBJS:.o=.d) $(BPF_O:.o=.d) $(patsubst %.o,%.d,$(call objects,asan) $(call objects,fuzz)) \
	$(UNITS:=.d) $(UNITS:=.asan.d) $(FUZZERS:=.d)
