# make build | demo | check | test | matrix | browser | e2e | bench | lint | fuzz | man | install | packages | package-check | package-test
# README says what each is for. Variables: ARGS (demo, bench), DESTDIR and PREFIX (install), FUZZTIME (fuzz), DIST (packages).

GO       ?= go
PREFIX   ?= /usr
FUZZTIME ?= 30s

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BUILT    := $(shell git log -1 --format=%cs 2>/dev/null || echo unknown)
CMDLINE  := github.com/piranha-lvs/piranha/internal/cmdline
LDFLAGS  := -s -w -X $(CMDLINE).version=$(VERSION) -X $(CMDLINE).built=$(BUILT)
STATIC   := CGO_ENABLED=0 $(GO)

BIN      := $(CURDIR)/bin
override DIST := $(abspath $(or $(DIST),dist))
NFPM     := $(BIN)/nfpm
COMMANDS := $(notdir $(wildcard cmd/*))
SCRIPTS  := .ci/run tools/packages tools/debian-root etc/init.d/pulse etc/init.d/piranha-gui packaging/install packaging/build $(wildcard packaging/scripts/*)
PAGES    := $(wildcard doc/*.[58])

export PIRANHA_BIN := $(BIN)

.PHONY: all build lab demo check test race matrix browser e2e e2e-long e2e-timed bench lint format fuzz man install packages package-check package-test clean lab-packages bench-packages check-packages debian-packages matrix-packages browser-packages

all: build

build: $(COMMANDS:%=$(BIN)/%)

# The go tool knows best what is out of date.
.PHONY: $(COMMANDS:%=$(BIN)/%) $(BIN)/lab
$(COMMANDS:%=$(BIN)/%): $(BIN)/%:
	$(STATIC) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*

lab: $(BIN)/lab
$(BIN)/lab:
	cd lab && $(STATIC) build -trimpath -o $@ ./cmd/lab

demo: lab-packages build lab
	$(BIN)/lab demo $(ARGS)

# What CI runs. The parts stand alone too.
check: check-packages format lint man race package-check matrix browser e2e
	$(MAKE) demo ARGS=--script

format:
	@files=$$(gofmt -l cmd internal lab tools); test -z "$$files" || { echo "gofmt -w $$files"; exit 1; }

lint: check-packages $(BIN)/golangci-lint
	$(BIN)/golangci-lint run ./...
	cd lab && $(BIN)/golangci-lint run --config ../.golangci.yml ./...

$(BIN)/golangci-lint: tools/go.mod tools/go.sum
	cd tools && $(STATIC) build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# Needs no privilege and no other kernel.
test:
	$(GO) test ./...
	cd lab && $(GO) test ./...

race:
	CGO_ENABLED=1 $(GO) test -race ./...
	cd lab && CGO_ENABLED=1 $(GO) test -race ./...

# Every kind of check against every kind of server, natively on loopback, by nannies and by pools.
matrix: matrix-packages build
	cd lab && LAB_MATRIX=1 $(GO) test -count=1 ./matrix/...
	cd lab && LAB_MATRIX=pooled $(GO) test -count=1 ./matrix/...

# What looks for pages that keep people out. Without npm it is not asked.
AXE_VERSION := 4.14.1
AXE := $(if $(shell command -v npm),$(BIN)/axe-$(AXE_VERSION)/node_modules/axe-core/axe.min.js)
ifneq ($(AXE),)
$(AXE):
	npm install --silent --no-audit --no-fund --prefix $(BIN)/axe-$(AXE_VERSION) axe-core@$(AXE_VERSION)
endif

# The web panels in Chromium, with script and without. What they look like is in bin/screenshots afterwards.
browser: browser-packages build $(AXE)
	cd lab && LAB_BROWSER=1 LAB_AXE=$(AXE) $(GO) test -count=1 ./browser

# Inside a kernel with IPVS: the machine's own where it has one, User-Mode Linux otherwise.
# Tests that share the processors measure each other: the long ones, which measure no time, have a second boot, and no more is going on.
E2E  := cd lab && $(STATIC) test -count=1 -timeout 15m -exec '$(BIN)/lab run --' ./e2e/...
LONG := '^Test(Edits|LogLines|NetlinkFaults|RefusalsLoggedOnceAMinute)$$'
e2e: lab-packages build lab
	$(STATIC) test -count=1 -p 1 -exec '$(BIN)/lab run --' ./internal/ipvs/... ./internal/vip/... ./internal/arp/... ./cmd/send_arp
	cd lab && $(STATIC) test -count=1 -exec '$(BIN)/lab run --' ./topology/...
	$(MAKE) --no-print-directory -j2 -O e2e-long e2e-timed

e2e-long:
	$(E2E) -run $(LONG)

e2e-timed:
	$(E2E) -skip $(LONG)

# Writes doc/benchmarks.md. bin/bench.txt is for benchstat, bin/failover.json and processes.json have every run. ARGS are for
# lab bench. What has just been built and is not on the disk yet would count as memory of the process that runs it: sync.
bench: export BENCHCOUNT := 5
bench: bench-packages build lab
	GOMAXPROCS=1 $(GO) test -run '^$$' -bench . -benchmem -benchtime 0.3s -count $(BENCHCOUNT) ./internal/... >$(BIN)/bench.txt
	sync && cd lab && $(STATIC) run ./cmd/nannybench processes -out $(BIN)
	cd lab && $(STATIC) run ./cmd/nannybench pool -out $(BIN)
	cd lab && $(STATIC) build -o $(BIN)/scalebench ./cmd/scalebench
	$(BIN)/lab run -out $(BIN) -- $(BIN)/scalebench
	cd lab && $(STATIC) run ./cmd/guibench -out $(BIN)
	$(BIN)/lab bench -out $(BIN) $(ARGS)
	tools/benchmarks $(BIN)/processes.md $(BIN)/pool.md $(BIN)/scale.md $(BIN)/gui.md $(BIN)/failover.md <$(BIN)/bench.txt

# Each fuzzer for FUZZTIME; `make race` runs their seeds.
fuzz:
	@for package in $$($(GO) list ./internal/...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	  done; \
	done

man: check-packages
	@for page in $(PAGES); do mandoc -T lint -W warning $$page || exit 1; done
	@said=$$(groff -mandoc -ww -z $(PAGES) 2>&1); test -z "$$said" || { echo "$$said"; exit 1; }

install: build
	packaging/install $(BIN) '$(DESTDIR)' $(PREFIX)

# .deb and .rpm for each architecture. The same commit gives the same bytes.
packages: $(NFPM)
	rm -f $(DIST)/piranha-lvs*
	for arch in amd64 arm64; do \
	  GOARCH=$$arch $(MAKE) --no-print-directory build BIN=$(BIN)/$$arch && \
	  packaging/build $(NFPM) $$arch $(BIN)/$$arch $(DIST) || exit 1; \
	done

# Built twice: from the same commit come the same bytes.
package-check: check-packages build packages
	$(MAKE) --no-print-directory packages BIN=$(BIN)/again DIST=$(BIN)/again/dist NFPM=$(NFPM)
	DIST=$(DIST) DIST_AGAIN=$(BIN)/again/dist $(GO) test -count=1 ./packaging

# The Debian package installed, served, upgraded under load and removed, on a fresh Debian for each router of the lab. Needs root.
package-test: lab-packages debian-packages packages lab
	tools/debian-root $(BIN)/debian
	cd lab && DIST=$(DIST) DEBIAN_ROOT=$(BIN)/debian $(STATIC) test -count=1 -timeout 30m -exec '$(BIN)/lab run --' ./install

$(NFPM): tools/nfpm/go.mod tools/nfpm/go.sum
	cd tools/nfpm && $(STATIC) build -o $@ github.com/goreleaser/nfpm/v2/cmd/nfpm

clean:
	rm -rf $(BIN) $(DIST)

# Debian packages that a target needs and the machine lacks: name=file that proves its presence.
LAB_PACKAGES   := user-mode-linux=/usr/bin/linux.uml ipvsadm=/sbin/ipvsadm kmod=/sbin/depmod iptables=/usr/sbin/iptables-legacy strace=/usr/bin/strace
BENCH_PACKAGES := keepalived=/usr/sbin/keepalived
CHECK_PACKAGES := gcc=/usr/bin/gcc libc6-dev=/usr/include/stdio.h mandoc=/usr/bin/mandoc groff-base=/usr/bin/groff \
  rpm=/usr/bin/rpm zsh=/usr/bin/zsh shellcheck=/usr/bin/shellcheck systemd=/usr/bin/systemd-analyze
# Only their programs are wanted. Where another mail server is installed, exim would take its place: it stays.
MATRIX_PACKAGES := nginx=/usr/sbin/nginx openssh-server=/usr/sbin/sshd vsftpd=/usr/sbin/vsftpd \
  exim4-daemon-light=/usr/sbin/sendmail dnsmasq-base=/usr/sbin/dnsmasq redis-server=/usr/bin/redis-server

BROWSER_PACKAGES := chromium=/usr/bin/chromium

lab-packages:
	@tools/packages $(LAB_PACKAGES)
bench-packages:
	@tools/packages $(BENCH_PACKAGES) $(LAB_PACKAGES)
check-packages:
	@tools/packages $(CHECK_PACKAGES) $(LAB_PACKAGES)
debian-packages:
	@tools/packages debootstrap=/usr/sbin/debootstrap rpm=/usr/bin/rpm
matrix-packages:
	@tools/packages --idle $(MATRIX_PACKAGES)
browser-packages:
	@tools/packages $(BROWSER_PACKAGES)
