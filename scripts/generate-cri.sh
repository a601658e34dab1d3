#!/bin/sh
# Makes Sources/KubeNode/CRI/Generated/api.pb.swift from the CRI v1 api.proto (argument 1).
# Needs protoc (apt protobuf-compiler) and protoc-gen-swift: in a copy of .build/checkouts/swift-protobuf,
# `swift build -c release --product protoc-gen-swift`; its path is argument 2.
# What Linux never sends is left out: Windows messages, metrics, streamed lists; names get the prefix CRI.
set -eu
proto=$1 plugin=$2
out=$(dirname "$0")/../Sources/KubeNode/CRI/Generated
tmp=$(mktemp -d)
python3 - "$proto" > "$tmp/api.proto" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
text = re.sub(r'^.*gogoproto.*\n', '', text, flags=re.M)
text = re.sub(r'\[\s*debug_redact\s*=\s*true\s*\]', '', text)
text = re.sub(r'service \w+ \{.*?\n\}\n', '', text, flags=re.S)
drop = r'(Windows\w+|Stream\w+|\w*Metric\w*|Psi\w+|Checkpoint\w+|CDIDevice|UpdatePodSandboxResources\w+)'
text = re.sub(r'^message ' + drop + r' \{.*?\n?\}\n', '', text, flags=re.S | re.M)
text = re.sub(r'^enum MetricType \{.*?\n\}\n', '', text, flags=re.S | re.M)
text = re.sub(r'^  (repeated )?' + drop + r' \w+ = \d+;\n', '', text, flags=re.M)
print(text.replace('package runtime.v1;', 'package runtime.v1;\noption swift_prefix = "CRI";'))
PY
protoc -I "$tmp" --plugin=protoc-gen-swift="$plugin" --swift_opt=Visibility=Internal --swift_out="$out" "$tmp/api.proto"
sed -i '1i // The messages of the Container Runtime Interface v1. Made by scripts/generate-cri.sh; do not edit.' "$out/api.pb.swift"
# Full Foundation stays out.
python3 - "$out/api.pb.swift" <<'PY'
import sys
p = sys.argv[1]
t = open(p).read()
t = t.replace("#if canImport(FoundationEssentials)\nimport FoundationEssentials\n#else\nimport Foundation\n#endif\n", "import FoundationEssentials\n")
open(p, "w").write(t)
PY
rm -r "$tmp"
