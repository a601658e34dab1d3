#!/bin/sh
# Compiles scripts/pause.c for both processors with the Swift toolchain's clang and writes the bytes as Swift.
set -eu
cd "$(dirname "$0")/.."
out=Sources/KubeCluster/Images/PauseProgram.swift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for cpu in x86_64 aarch64; do
    clang --target=$cpu-unknown-linux-gnu -fuse-ld=lld -Os -nostdlib -static -ffreestanding -fno-stack-protector \
        -fno-asynchronous-unwind-tables -Wl,--build-id=none,-z,norelro,-z,noseparate-code,-z,max-page-size=4096,-s \
        -o "$work/$cpu" scripts/pause.c
    llvm-objcopy --remove-section .comment "$work/$cpu"
done
{
    echo "// The pause program as an ELF file for each processor. Made by scripts/pause.sh from scripts/pause.c: do not edit."
    echo
    echo "enum PauseProgram {"
    for cpu in x86_64 aarch64; do
        [ $cpu = x86_64 ] && name=amd64 || name=arm64
        echo "    /// $(wc -c <"$work/$cpu") bytes."
        echo "    static let ${name}Base64: String ="
        base64 -w 96 "$work/$cpu" | sed 's/.*/        "&"/; 1!s/^        /        + /'
        echo
    done
    echo "}"
} >$out
