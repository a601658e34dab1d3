#!/bin/sh
# Installs what Apus needs from Debian's packages, and says so. Nothing to do: says nothing, returns at once.
#   scripts/install.sh          what a cluster needs, and the registry and images of the samples
#   scripts/install.sh build    also what building needs (the Swift toolchain is the user's own)
#   scripts/install.sh test     also what the tests drive: kubectl, pip, dig, openssl, socat
set -eu

run="containerd crun runc containernetworking-plugins iproute2 nftables iptables conntrack libnftables1 libsqlite3-0 libyaml-0-2"
samples="docker-registry busybox-static nginx-light redis-server nodejs python3 curl"
build="libnftables-dev libsqlite3-dev libyaml-dev zlib1g-dev make gcc g++"

test="kubernetes-client python3-pip python3-yaml dnsutils openssl socat"

wanted="$run $samples"
case "${1:-}" in
build) wanted="$wanted $build" ;;
test) wanted="$wanted $build $test" ;;
esac

missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
# A containerd or runc from elsewhere serves as well; Debian's would replace it.
for pair in containerd:containerd crun:crun runc:runc nodejs:node kubernetes-client:kubectl python3-pip:pip; do
    if command -v "${pair#*:}" >/dev/null 2>&1; then
        missing=$(echo " $missing " | sed "s/ ${pair%%:*} / /")
    fi
done
missing=$(echo $missing)
[ -z "$missing" ] && exit 0

echo "apus: installing with apt: $missing"
if [ "$(id -u)" -ne 0 ]; then
    echo "apus: this needs root; run: sudo apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# The packages' own services stay off: the cluster starts what it needs itself.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    made=yes
fi
[ -n "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -1 2>/dev/null | head -1)" ] || apt-get update -qq
apt-get install -y -qq --no-install-recommends $missing >/dev/null || { [ -z "$made" ] || rm -f $policy; exit 1; }
[ -z "$made" ] || rm -f $policy
