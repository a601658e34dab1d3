# make up     everything for a running cluster with the sample application
# make down   stop it; nothing of it stays but its state
# make test   all tests
# make bench  what it costs
# make conformance  upstream's own suite, where ../shared/conformance is there (FOCUS=, SKIP=, PROCESSES=)
# make fuzz   broken inputs for every parser, ten minutes (SECONDS=60 make fuzz: one)
SHELL := /bin/sh
BUILD := .build/release
NODES ?= 1
ROOT ?= /var/lib/apus
REGISTRY_DIR ?= $(ROOT)-registry
IMAGES_DIR ?= $(ROOT)-images

.PHONY: up down delete build install images test bench conformance fuzz

up: build images
	$(BUILD)/apus up --nodes $(NODES) --root $(ROOT)
	scripts/sample.sh $(BUILD)/apus $(ROOT)

install:
	scripts/install.sh build

build: install
	@command -v swift >/dev/null || { echo "the Swift 6.2 (or newer) toolchain is not installed: see README.md" >&2; exit 1; }
	swift build -c release --product apus --static-swift-stdlib -Xlinker -s

images: install
	scripts/registry.sh start $(REGISTRY_DIR)
	scripts/images.sh --missing --out $(IMAGES_DIR)

down:
	-$(BUILD)/apus down --root $(ROOT)
	-scripts/registry.sh stop $(REGISTRY_DIR)

delete:
	-$(BUILD)/apus down --delete --root $(ROOT)
	-scripts/registry.sh stop $(REGISTRY_DIR)
	rm -rf $(REGISTRY_DIR) $(IMAGES_DIR)

test:
	scripts/test.sh

bench: build
	scripts/bench.sh $(BUILD)/apus
	scripts/bench-api.sh $(BUILD)/apus

conformance: build
	scripts/conformance.sh $(BUILD)/apus

fuzz:
	FUZZ_SECONDS=$(or $(SECONDS),600) scripts/fuzz.sh
