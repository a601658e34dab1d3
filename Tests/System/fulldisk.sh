# The store on a small tmpfs: a write that finds no room is refused clearly, reads go on, and room brings writes back.
apus down --now >/dev/null
disk=$APUS_ROOT/$APUS_NAME/server
saved=$APUS_ROOT/server.saved
mv "$disk" "$saved"
mkdir -p "$disk"
mount -t tmpfs -o size=24m apus-test "$disk"
cp -a "$saved/." "$disk/"
apus up >/dev/null
head -c 600000 /dev/urandom | base64 -w0 >"$APUS_ROOT/blob"
full=""
for i in $(seq 1 60); do
    if ! full=$(k create configmap "fill-$i" --from-file=x="$APUS_ROOT/blob" 2>&1 >/dev/null); then break; fi
done
has "$full" 'full|no space|space exceeded' "a full disk is said clearly: ${full:0:120}"
has "$(k get configmaps --no-headers | head -1)" '.' "reads go on"
mount -o remount,size=256m "$disk"
until_true 30 "with room, writes go on" k create configmap after-full --from-literal=a=b
apus down --now >/dev/null
cp -a "$disk/." "$saved/"
umount "$disk"
rmdir "$disk"
mv "$saved" "$disk"
