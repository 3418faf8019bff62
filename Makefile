# What people and CI run. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Every Go module of the repository, so that no test is silently left out.
MODULES := $(shell find . -name node_modules -prune -o -name go.mod -printf '%h\n' | sort)
LINT := bin/golangci-lint
POSTGRES_DIR ?= $(if $(wildcard /dev/shm),/dev/shm,/tmp)/countersign-dev-postgres
# What takes long: whole once, and thinned out under the race detector.
TABLES := TestEveryOrderOfEvents|TestEachCallEachFault|TestUnitsAddUp|TestRacing
# What the race detector does not watch: SQLite is C that a program has put into
# Go. Its data is outside of Go's memory, where the detector sees nothing, and to
# look for it there takes several times as long.
UNWATCHED := modernc.org/sqlite/lib,modernc.org/libc/...
MAX_BINARY_MB := 25
BINARY ?= bin/countersign
# A release speaks HTTP/1.1 with Stripe and with the proxy in front of it, and
# what no request waits for is compiled to be small instead of fast.
SMALL := github.com/stripe/... github.com/goccy/... github.com/spf13/... github.com/modelcontextprotocol/... \
	github.com/countersignhq/countersign/payments/sandbox github.com/countersignhq/countersign/cmd/countersign
# What reads what strangers send, and how long CI tries to break each.
FUZZ ?= web:FuzzDecodeStrict billing:FuzzKeys
FUZZTIME ?= 10s
# How many histories make simulation goes through, and for how long.
SEEDS ?= 10000
WITHIN ?= 0

.PHONY: help
help: ## List the targets
	@sed -n -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: demo
demo: ## Run the demo: no database, no Stripe account, no network
	go run ./cmd/countersign demo

.PHONY: build
build: release ## Build bin/countersign, stripped, and print its size
	@size=$$(stat -c %s $(BINARY)); awk -v n=$$size 'BEGIN { printf "$(BINARY): %.1f MB\n", n / 1e6 }'; \
	[ $$size -le $(MAX_BINARY_MB)000000 ] || { echo "over $(MAX_BINARY_MB) MB" >&2; exit 1; }

.PHONY: release
release:
	CGO_ENABLED=0 go build -trimpath -tags nethttpomithttp2 -ldflags '-s -w -funcalign=16' $(SMALL:%=-gcflags=%=-l) -o $(BINARY) ./cmd/countersign

.PHONY: test
test: packages node_modules/.package-lock.json mcp/clients/node_modules/.package-lock.json ## Run every test of every module; none may be skipped
	@go -C .ci/tools build -o ../../bin/testcount ./testcount
	@.ci/postgres with bin/testcount billing -- -count 1 -run '$(TABLES)'
	@.ci/postgres with bin/testcount -race-in . -race-but '$(UNWATCHED)' $(MODULES) -- -p 2 -count 1 -shuffle on -timeout 20m $(TESTFLAGS)

.PHONY: contact-sheet
contact-sheet: packages node_modules/.package-lock.json ## Look at every state in four looks: artifacts/contact-sheet.html and .png
	@go -C cmd/countersign/e2e test -count 1 -timeout 20m -run '^TestStates$$' .
	@ls -sh artifacts/contact-sheet.*

.PHONY: lighthouse
lighthouse: packages node_modules/.package-lock.json ## Run Lighthouse over the billing and the approve page; reports in artifacts/
	@go -C cmd/countersign/e2e test -count 1 -timeout 20m -v -run '^(TestLighthouse|TestWeight)$$' .

.PHONY: simulation
simulation: ## Simulate SEEDS histories, for WITHIN at most (0: all), and catch every mutant
	@go test -c -o bin/simulation.test ./cmd/countersign/simulation
	@cd cmd/countersign/simulation && $(CURDIR)/bin/simulation.test -test.run 'TestSimulation$$|TestMutants$$' -seeds $(SEEDS) -within $(WITHIN) -total

.PHONY: fuzz
fuzz: ## Fuzz the decoder and the key parser for FUZZTIME each
	@for target in $(FUZZ); do \
		echo "== fuzz $$target for $(FUZZTIME)"; \
		go test ./$${target%%:*} -run '^$$' -fuzz "^$${target##*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x; \
	done

.PHONY: check
check: $(LINT) ## Generated files, formatting, vet, linters, go.mod, dependencies
	@.ci/check text dependencies generated assets tidy vet lint

.PHONY: lint
lint: $(LINT) ## Run the linters on every module
	@.ci/check lint

.PHONY: fmt
fmt: $(LINT) ## Format Go files and templates
	@for dir in $(MODULES); do (cd $$dir && $(CURDIR)/$(LINT) fmt --config $(CURDIR)/.ci/golangci.yml); done
	go tool templ fmt views payments/sandbox

.PHONY: generate
generate: ## Generate the Go code of the templates
	go tool templ generate -path views
	go tool templ generate -path payments/sandbox

.PHONY: assets
assets: node_modules/.package-lock.json ## Build static/ from the npm packages
	npm run --silent assets

.PHONY: bench
bench: packages ## Run the benchmarks on both databases
	@.ci/postgres with go test -run '^$$' -bench . -benchmem -p 1 ./...
	@.ci/postgres durably go run ./cmd/countersign bench

.PHONY: postgres
postgres: packages ## Start a throw-away PostgreSQL for development, print its variable
	@dsn=$$(.ci/postgres start $(POSTGRES_DIR)); echo "export COUNTERSIGN_TEST_POSTGRES='$$dsn'"

.PHONY: postgres-stop
postgres-stop: ## Stop the server of make postgres and delete its data
	@.ci/postgres stop $(POSTGRES_DIR)

.PHONY: packages
packages: ## Install what the tests need from Debian, where it is missing
	@.ci/packages

# Not `npm ci`: it refuses a lock file that lacks a platform's optional package,
# even one that cannot be had. This installs the locked versions too, checks
# their digests and leaves the lock file alone; `make check` compares it.
node_modules/.package-lock.json: package.json package-lock.json .npmrc
	npm install --no-save --ignore-scripts --silent
	@touch $@

mcp/clients/node_modules/.package-lock.json: mcp/clients/package.json mcp/clients/package-lock.json mcp/clients/.npmrc
	npm install --prefix mcp/clients --no-save --ignore-scripts --silent
	@touch $@

$(LINT): .ci/tools/go.mod
	go -C .ci/tools build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
