# SPDX-License-Identifier: GPL-2.0-or-later
# gatehouse: `sudo make demo` shows it working, `sudo make check` runs every test, `make help` lists the rest.

VERSION := 0.1.0

# ---- the house: which floor may include from which (its own is understood) --------------------------
# tests/lint/layers.py holds the sources to these lines; they are written down nowhere else.
LAYERS := \
	base: \
	json:base \
	protocol:base \
	policy:base,json,protocol \
	inspect:base,protocol \
	netfilter:base,protocol,policy \
	capture:base,protocol \
	bundle:base,json \
	record:base,json,protocol,bundle \
	run:base,json,protocol,policy,inspect,netfilter,capture,bundle,record \
	cli:base,json,protocol,policy,inspect,netfilter,capture,bundle,record,run
FLOORS := $(foreach l,$(LAYERS),$(firstword $(subst :, ,$(l))))

# ---- what it is built with ---------------------------------------------------------------------------
# Debian packages, for building and for everything that `make demo` and `make check` use.
PACKAGES_BUILD := build-essential pkg-config clang lld wabt libmnl-dev libnftnl-dev \
	libjansson-dev libseccomp-dev libpcap-dev libsqlite3-dev libsodium-dev tzdata
PACKAGES_TEST := nftables iproute2 procps python3 libcmocka-dev libmodbus-dev mbpoll tshark \
	python3-prometheus-client systemd strace rsyslog rsyslog-gnutls openssl
# The validator of the schemas runs in whatever Node is at hand; its modules come from npm into $(BUILD).
PACKAGES_TEST += $(if $(shell command -v npm),,nodejs npm)
PACKAGES_LINT := cppcheck shellcheck
PACKAGES_FUZZ := libclang-rt-14-dev
# Only for `make bench`.
PACKAGES_BENCH := valgrind
# Only for `make soak`; npm and Node.js too, unless they are there already (as no Debian package, perhaps).
PACKAGES_SOAK := python3-pymodbus python3-serial python3-serial-asyncio

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG := clang
BUILD ?= build$(if $(SAN),-san)$(if $(filter clang%,$(CC)),-clang)
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

PKGS := libmnl libnftnl jansson libseccomp libpcap sqlite3 libsodium
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
WARN := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wformat=2 \
	-Wswitch-enum -Wpointer-arith -Wundef -Wno-unused-parameter $(if $(SAN),,-Wconversion)
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	$(if $(SAN),,-D_FORTIFY_SOURCE=2)
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
comma := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARN) $(HARDEN) $(SANFLAGS) -Isrc -I$(BUILD)/gen -D_GNU_SOURCE \
	-DGATEHOUSE_VERSION='"$(VERSION)"' $(PKG_CFLAGS)

# ---- sources -----------------------------------------------------------------------------------------
# Mains and alternatives are named; everything else belongs to the library by being in its folder.
ALL_SRC := $(wildcard $(FLOORS:%=src/%/*.c))
MAIN_SRC := src/cli/main.c
INSPECT_SRC := $(wildcard src/run/inspect_*.c)
VM_SRC := src/run/vm_sandbox.c src/run/vm_native.c
LIB_SRC := $(filter-out $(MAIN_SRC) $(INSPECT_SRC) $(VM_SRC),$(ALL_SRC))
# The decision core: freestanding, compiled to WebAssembly and natively from the same files.
CORE_SRC := $(wildcard src/protocol/*.c src/inspect/*.c)
# What the inspector links beside its own files and the core: nothing with JSON, nftnl or keys.
INSPECT_LIB := src/protocol/reason.c
obj = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(1))

LIB := $(BUILD)/libgatehouse.a
PROGRAMS := $(BUILD)/gatehouse $(BUILD)/gatehouse-inspect

.PHONY: all help deps demo check check-fast fresh-check bench soak soak-kills fault-check soak-load soak-enip \
	differential fuzz lint cov install uninstall clean
all: $(PROGRAMS)

help:
	@printf '%s\n' \
	  'sudo make demo    install what is missing, build, and show the gate at work' \
	  'sudo make check   install what is missing, build, and run every test' \
	  'make              build (SAN=1 sanitizers, CC=clang, V=1 verbose)' \
	  'sudo make bench   speed, as ratios in one run' \
	  'sudo make soak T=600   clients of other makers at work through the gate for T seconds' \
	  'sudo make soak-kills T=600   kill -9 of every process of the gate, under load (part of soak)' \
	  'sudo make fault-check  a crash at every system call of putting a bundle in force (hours)' \
	  'sudo make soak-load T=1800   full load: memory and descriptors stay flat' \
	  'sudo make soak-enip    EtherNet/IP nodes of Node-RED at work with the device of the tests' \
	  'sudo make differential N=100000   the core against the kernel, over N connections cut at random' \
	  'make fuzz T=60    fuzz the decoders and the core for T seconds each' \
	  'make lint         layers, formatting, static checks' \
	  'sudo make install  programs, unit, schemas, example, pages (DESTDIR=, PREFIX=/usr); uninstall undoes it' \
	  'sudo make fresh-check  both first commands on a minimal Debian 12 that it makes itself'

# ---- the decision core in its sandbox: C -> WebAssembly -> C -> object --------------------------------
# Optimised as one program: between its small units calls cost more than what they do.
WASM_CFLAGS := --target=wasm32 -std=gnu17 -O2 -flto -nostdlib -ffreestanding -fno-builtin-printf -Isrc \
	-Wall -Wextra -Werror -Wno-unused-parameter -DCORE_WASM -mbulk-memory
WASM_STACK := 262144
WASM_LDFLAGS := -Wl,--lto-O2 -Wl,--no-entry -Wl,--stack-first -Wl,-z,stack-size=$(WASM_STACK) -Wl,--fatal-warnings

CORE_WASM_OBJ = $(patsubst %.c,$(BUILD)/wasm/%.o,$(CORE_SRC))
$(BUILD)/wasm/%.o: %.c
	@mkdir -p $(@D)
	$(call say,WASM,$<)
	$(Q)$(CLANG) $(WASM_CFLAGS) $(CORE_DEFS) -MMD -MP -c -o $@ $<
$(BUILD)/core.wasm: $(CORE_WASM_OBJ)
	$(call say,WASMLD,$@)
	$(Q)$(CLANG) $(WASM_CFLAGS) $(WASM_LDFLAGS) -o $@ $^
	$(Q)! wasm-objdump -x -j Import $@ 2>/dev/null | grep -q '^ - ' || \
		{ echo "$@: the core imports something; it must not" >&2; rm -f $@; exit 1; }
# No store of the core can change where its own memory lies, which the compiler would else look up again after each.
$(BUILD)/gen/core_wasm.c: $(BUILD)/core.wasm
	@mkdir -p $(@D)
	$(Q)wasm2c -n core -o $@ $<
	$(Q)sed -i 's/(Z_core_instance_t\* instance/(Z_core_instance_t* restrict instance/' $@
$(BUILD)/gen/core_wasm.h: $(BUILD)/gen/core_wasm.c ;
# Generated code and wabt's runtime: not ours, so not under our warnings.
# Faults come to vm_sandbox.c's own handler (not the runtime's, which would jump for a fault of the host's
# too); the runtime still reserves the guard pages. An endless tail call must use up the stack, not spin.
# What is worth to be one function, clang made one: what it kept apart is the way that is seldom gone.
WASM_RT_DEFS := -DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1 -DWASM_RT_SKIP_SIGNAL_RECOVERY=1
WASM_RT_CFLAGS := $(WASM_RT_DEFS) -isystem /usr/share/wabt/wasm2c
GEN_CFLAGS = -std=gnu17 -O2 -g -w $(HARDEN) -fno-optimize-sibling-calls \
	-fno-inline-functions-called-once -I$(BUILD)/gen $(WASM_RT_CFLAGS)
$(BUILD)/obj/gen/core_wasm.o: $(BUILD)/gen/core_wasm.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(GEN_CFLAGS) -c -o $@ $<
$(BUILD)/obj/gen/wasm-rt-impl.o: /usr/share/wabt/wasm2c/wasm-rt-impl.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(GEN_CFLAGS) -c -o $@ $<
$(BUILD)/obj/run/vm_sandbox.o: $(BUILD)/gen/core_wasm.h
$(BUILD)/obj/run/vm_sandbox.o: private CFLAGS += $(WASM_RT_CFLAGS)
SANDBOX_OBJ := $(BUILD)/obj/run/vm_sandbox.o $(BUILD)/obj/gen/core_wasm.o $(BUILD)/obj/gen/wasm-rt-impl.o

# ---- native objects and programs ----------------------------------------------------------------------
$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(LIB): $(call obj,$(LIB_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar qcs $@ $^
LIBS_INSPECT = -lmnl -lseccomp -lm -lpthread
LIBS = -lnftnl -lmnl -ljansson -lseccomp -lpcap -lsqlite3 -lsodium -lm -lpthread
link = $(CC) $(CFLAGS) $(SANFLAGS) $(LDHARDEN) -o $@

$(BUILD)/gatehouse: $(call obj,$(MAIN_SRC)) $(BUILD)/obj/run/vm_native.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(link) $^ $(LIBS)
$(BUILD)/gatehouse-inspect: $(call obj,$(INSPECT_SRC) $(INSPECT_LIB)) $(SANDBOX_OBJ)
	$(call say,LINK,$@)
	$(Q)$(link) $^ $(LIBS_INSPECT)
# The same inspector around the native core: for debuggers and for `make bench`, never installed.
$(BUILD)/gatehouse-inspect-native: $(call obj,$(INSPECT_SRC) $(CORE_SRC)) $(BUILD)/obj/run/vm_native.o
	$(call say,LINK,$@)
	$(Q)$(link) $^ $(LIBS_INSPECT)

# ---- tests ---------------------------------------------------------------------------------------------
# tests/unit/test_*.c: a cmocka program each. tests/peers/*.c: peers and probes, linked with what they need.
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
PEERS := $(patsubst tests/peers/%.c,$(BUILD)/peers/%,$(wildcard tests/peers/*.c)) $(BUILD)/peers/logix
$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/obj/run/vm_native.o $(LIB)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $(LDHARDEN) $(filter %.c %.o %.a,$^) -lcmocka $(LIBS)
# The inspector's own files are not in the library.
$(BUILD)/tests/test_account: $(call obj,src/run/inspect_account.c)
$(BUILD)/tests/test_confine: $(call obj,src/run/inspect_confine.c src/run/inspect_account.c)
$(BUILD)/tests/test_report: $(call obj,src/run/inspect_report.c)
# The inspector around a core with planted faults, and a supervisor that finds it beside itself.
FAULTS := $(BUILD)/faults
$(FAULTS)/gatehouse: $(BUILD)/gatehouse faulty-inspector
	$(Q)cp $< $@
faulty-inspector:
	$(Q)$(MAKE) --no-print-directory BUILD=$(FAULTS) CORE_SRC=tests/faults/core.c $(FAULTS)/gatehouse-inspect
.PHONY: faulty-inspector
# A gate that keeps no ledger and counts no uses: only for tests/bench/record.
RECORD_OFF := $(BUILD)/record-off
$(BUILD)/obj/tests/record_off_feed.o: tests/bench/record_off_feed.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(RECORD_OFF)/gatehouse: $(call obj,$(MAIN_SRC)) $(BUILD)/obj/run/vm_native.o $(BUILD)/obj/tests/record_off_feed.o $(LIB) \
		uncounting-inspector
	$(Q)$(link) $(filter %.o %.a,$^) $(LIBS)
uncounting-inspector:
	$(Q)$(MAKE) --no-print-directory BUILD=$(RECORD_OFF) \
		CORE_SRC='$(filter-out src/inspect/uses.c,$(CORE_SRC)) tests/bench/record_off_uses.c' \
		$(RECORD_OFF)/gatehouse-inspect
.PHONY: uncounting-inspector
$(BUILD)/peers/%: tests/peers/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu17 $(CFLAGS) $(WARN) -D_GNU_SOURCE -Isrc -o $@ $< \
		$$(pkg-config --cflags --libs libmodbus) -lmnl
# The EtherNet/IP device is a folder of its own, and sees nothing of src/.
$(BUILD)/peers/logix: $(wildcard tests/peers/logix/*.c tests/peers/logix/*.h)
	@mkdir -p $(@D)
	$(call say,CC,tests/peers/logix)
	$(Q)$(CC) -std=gnu17 $(CFLAGS) $(WARN) $(SANFLAGS) -D_GNU_SOURCE -o $@ $(filter %.c,$^)
# tests/shim/*.c: preloaded into programs under test.
SHIMS := $(patsubst tests/shim/%.c,$(BUILD)/shim/%.so,$(wildcard tests/shim/*.c))
$(BUILD)/shim/%.so: tests/shim/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu17 $(CFLAGS) $(filter-out -Wmissing-prototypes,$(WARN)) -D_GNU_SOURCE -fPIC -shared -o $@ $<
# tests/tools/*.c: drivers of one floor for tests that need more than the command line, linked with the library.
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))
$(BUILD)/tools/%: tests/tools/%.c $(LIB)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $(LDHARDEN) $< $(LIB) $(LIBS)
# The same driver around the core in its sandbox and around the native one: a test compares what they say.
TWINS := $(BUILD)/twin-sandbox $(BUILD)/twin-native
$(BUILD)/obj/tests/twin.o: tests/twin/twin.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/twin-sandbox: $(BUILD)/obj/tests/twin.o $(SANDBOX_OBJ) $(LIB)
$(BUILD)/twin-native: $(BUILD)/obj/tests/twin.o $(BUILD)/obj/run/vm_native.o $(LIB)
# The same of a driver for an instruction counter (tests/bench/instructions).
COSTS := $(BUILD)/core-cost-sandbox $(BUILD)/core-cost-native
$(BUILD)/obj/tests/core_cost.o: tests/bench/core_cost.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/core-cost-sandbox: $(BUILD)/obj/tests/core_cost.o $(SANDBOX_OBJ) $(LIB)
$(BUILD)/core-cost-native: $(BUILD)/obj/tests/core_cost.o $(BUILD)/obj/run/vm_native.o $(LIB)
$(TWINS) $(COSTS):
	$(call say,LINK,$@)
	$(Q)$(link) $^ $(LIBS)

# ---- fuzzing --------------------------------------------------------------------------------------------
# tests/fuzz/fuzz_NAME.c with its corpus in tests/fuzz/corpus/NAME/: found by `make fuzz`, replayed by `check`.
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
T ?= 60
$(BUILD)/tests/test_corpus_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(LIB)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -DCORPUS='"tests/fuzz/corpus/$*"' -o $@ $(LDHARDEN) \
		$(filter %.c %.a,$^) $(LIBS)
FUZZ_SAN := address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
build-fuzz/fuzz/%: tests/fuzz/fuzz_%.c build-fuzz/libgatehouse.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ -fsanitize=fuzzer $(filter %.c %.a,$^) $(LIBS)
fuzz:
	$(Q)image/install-packages $(PACKAGES_BUILD) $(PACKAGES_FUZZ)
	$(Q)$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang SAN=1 \
		SANFLAGS='-fsanitize=fuzzer-no-link,$(FUZZ_SAN)' $(FUZZ:%=build-fuzz/fuzz/%)
	$(Q)tests/fuzz/fuzz $(T) $(FUZZ)

tests-built: $(PROGRAMS) $(BUILD)/gatehouse-inspect-native $(FAULTS)/gatehouse $(UNIT) $(PEERS) $(SHIMS) $(TOOLS) $(TWINS) $(COSTS)
	@:
# Those that look for memory faults: run under the sanitizers too.
san-built: $(UNIT) $(FUZZ:%=$(BUILD)/tests/test_corpus_%)
	@:
demo-built: $(PROGRAMS) $(PEERS)
	@:
.PHONY: tests-built san-built demo-built

deps:
	$(Q)image/install-packages $(PACKAGES_BUILD) $(PACKAGES_TEST)

demo: deps
	$(Q)$(MAKE) --no-print-directory demo-built
	$(Q)BUILD=$(BUILD) KEEP=$(KEEP) tests/demo/demo

check: deps
	$(Q)$(MAKE) --no-print-directory tests-built
	$(Q)$(MAKE) --no-print-directory SAN=1 BUILD=$(BUILD)-san san-built
	$(Q)BUILD=$(BUILD) tests/run

# On a minimal Debian 12 that it makes itself: needs the network, mmdebstrap and some minutes.
fresh-check:
	$(Q)tests/fresh/fresh-check demo check

# Both programs belong in one folder. The unit names /usr/sbin.
PREFIX ?= /usr
INSTALLED = sbin/gatehouse sbin/gatehouse-inspect lib/systemd/system/gatehouse.service \
	lib/sysusers.d/gatehouse.conf lib/tmpfiles.d/gatehouse.conf lib/sysctl.d/50-gatehouse.conf \
	share/bash-completion/completions/gatehouse share/gatehouse share/doc/gatehouse
install: $(PROGRAMS)
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/sbin $(PROGRAMS)
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system image/gatehouse.service
	$(Q)install -D -m 644 image/gatehouse.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/gatehouse.conf
	$(Q)install -D -m 644 image/gatehouse.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/gatehouse.conf
	$(Q)install -D -m 644 image/gatehouse.sysctl $(DESTDIR)$(PREFIX)/lib/sysctl.d/50-gatehouse.conf
	$(Q)install -D -m 644 image/gatehouse.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/gatehouse
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/gatehouse/schemas schemas/*.json
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/gatehouse/rules rules/*.json
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/gatehouse docs/*.md LICENSE
uninstall:
	$(Q)rm -rf $(INSTALLED:%=$(DESTDIR)$(PREFIX)/%)

bench: deps
	$(Q)image/install-packages $(PACKAGES_BENCH)
	$(Q)$(MAKE) --no-print-directory tests-built
	$(Q)BUILD=$(BUILD) tests/bench/instructions
	$(Q)BUILD=$(BUILD) tests/bench/bench
	$(Q)$(MAKE) --no-print-directory $(RECORD_OFF)/gatehouse
	$(Q)BUILD=$(BUILD) tests/bench/record
	$(Q)BUILD=$(BUILD) tests/bench/compiler

# `make check` runs a few of these (tests/net/test_differential.py). SEED= repeats from one on.
N ?= 100000
differential: deps
	$(Q)$(MAKE) --no-print-directory $(BUILD)/tools/differential
	$(Q)unshare --net $(BUILD)/tools/differential $(N) $(SEED)

# The clients' Node packages go into the build folder, as tests/soak/package-lock.json has them.
SOAK_NPM := $(BUILD)/soak/npm
$(SOAK_NPM)/installed: tests/soak/package.json tests/soak/package-lock.json tests/soak/.npmrc
	@mkdir -p $(@D)
	$(call say,NPM,$(@D))
	$(Q)cp $^ $(@D) && cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch $(@F)
soak: deps
	$(Q)image/install-packages $(PACKAGES_SOAK)
	$(Q)command -v npm >/dev/null || image/install-packages nodejs npm
	$(Q)$(MAKE) --no-print-directory demo-built $(SOAK_NPM)/installed
	$(Q)BUILD=$(BUILD) tests/soak/soak.py -t $(or $(T),600)
	$(Q)$(MAKE) --no-print-directory soak-kills
# Every process of the gate is killed at random moments under load, for T seconds.
soak-kills: deps
	$(Q)$(MAKE) --no-print-directory tests-built
	$(Q)BUILD=$(BUILD) CRASH_SECONDS=$(or $(T),600) TEST_SECONDS=$$(($(or $(T),600) + 180)) \
		tests/run test_every_process_at_random_moments
# The supervisor is killed at every system call of apply, confirm and rollback, one by one.
fault-check: deps
	$(Q)$(MAKE) --no-print-directory tests-built
	$(Q)BUILD=$(BUILD) CALLS=all TEST_SECONDS=14400 tests/run test_bundle_crash
# Full load for T seconds: memory and descriptors stay flat.
soak-load: deps
	$(Q)$(MAKE) --no-print-directory tests-built
	$(Q)BUILD=$(BUILD) tests/soak/load.py -t $(or $(T),1800)
# Node-RED's EtherNet/IP nodes with the tests' device, without the gate.
soak-enip: deps
	$(Q)command -v npm >/dev/null || image/install-packages nodejs npm
	$(Q)$(MAKE) --no-print-directory $(BUILD)/peers/logix $(SOAK_NPM)/installed
	$(Q)BUILD=$(BUILD) tests/soak/nodered_enip.py

# What cppcheck 2.10 gets wrong here: it does not see that out_of_memory() never returns, nor that a function
# fills in what it is given the address of (the compilers and the sanitizers watch over that).
CPPCHECK := cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
	--suppress=nullPointerRedundantCheck --suppress=nullPointerArithmeticRedundantCheck \
	--suppress=legacyUninitvar --suppress=uninitvar --suppress=ctuuninitvar \
	--suppress=uninitStructMember -Isrc -D_GNU_SOURCE
lint:
	$(Q)image/install-packages $(PACKAGES_LINT)
	$(Q)tests/lint/layers.py $(LAYERS)
	$(Q)tests/lint/format.py
	$(Q)$(CPPCHECK) src
	$(Q)git ls-files -z | xargs -0 grep -lIE '^#!/.*[ /](ba)?sh$$' | xargs shellcheck

clean:
	$(Q)rm -rf build build-san build-clang build-san-clang build-fuzz

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
