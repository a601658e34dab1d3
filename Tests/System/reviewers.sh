#!/usr/bin/env bash
# Token webhook, access webhook and OpenID Connect against an `apus server` of its own; no nodes needed.
. "$(dirname "$0")/lib.sh"
folder=$(mktemp -d /tmp/apus-reviewers.XXXXXX)
port=$(free_port)
api=$(free_port)
server_pid= hook_pid=
reviewers_end() {
    local status=$?
    trap - EXIT
    [ $status -eq 0 ] || tail -n 20 "$folder/server.log" >&2 || true
    kill $server_pid $hook_pid 2>/dev/null || true
    wait $server_pid $hook_pid 2>/dev/null || true
    rm -rf "$folder"
    exit $status
}
trap reviewers_end EXIT
cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=ca" -keyout ca.key -out ca.crt 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=reviewers" -keyout tls.key -out tls.csr 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >san
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out tls.crt 2>/dev/null
openssl genrsa -out issuer.key 2048 2>/dev/null
mkdir foreign && openssl genrsa -out foreign/issuer.key 2048 2>/dev/null
python3 "$here/reviewers.py" serve tls.crt tls.key "$port" "$folder" &
hook_pid=$!
for name in token access; do
    cat >"$name.kubeconfig" <<YAML
{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}],
 clusters: [{name: c, cluster: {server: "https://127.0.0.1:$port/$name", certificate-authority: $folder/ca.crt}}]}
YAML
done
issuer=https://127.0.0.1:$port
cat >authentication.yaml <<YAML
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: $issuer
    audiences: [kube]
    certificateAuthority: |
$(sed 's/^/      /' ca.crt)
  claimValidationRules: [{expression: "claims.hd == 'example.com'", message: wrong domain}]
  claimMappings:
    username: {expression: "'oidc:' + claims.sub"}
    groups: {claim: roles, prefix: ""}
  userValidationRules: [{expression: "user.username != 'oidc:root'", message: not root}]
YAML
"$APUS" server --data "$folder/data" --port "$api" \
    --authentication-token-webhook-config-file token.kubeconfig --authentication-token-webhook-version v1 \
    --authorization-webhook-config-file access.kubeconfig --authorization-webhook-version v1 \
    --authentication-config authentication.yaml >server.log 2>&1 &
server_pid=$!
flat() { python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin), separators=(",", ":")))'; }
ask() { curl -s --cacert data/pki/ca.crt -H "Authorization: Bearer $1" "https://127.0.0.1:$api$2" | flat; }
until_true 60 "the server is ready" bash -c "curl -sf --cacert data/pki/ca.crt https://127.0.0.1:$api/readyz"
self=/apis/authentication.k8s.io/v1/selfsubjectreviews
whoami() { curl -s --cacert data/pki/ca.crt -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}' "https://127.0.0.1:$api$self" | flat; }
say "-- a token webhook"
has "$(whoami token-ann)" '"username":"ann","uid":"7","groups":\["readers","system:authenticated"\],"extra":\{"example.com/team":\["blue"\]\}' "a token that the webhook knows"
has "$(ask token-bob /api/v1/namespaces/default/configmaps)" '"code":401' "a token that nobody knows"
ask token-ann /api/v1/namespaces/default/configmaps >/dev/null
same "$(grep -c '"token": "token-ann"' log)" 1 "answers are kept"
say "-- an access webhook"
has "$(ask token-ann /api/v1/namespaces/default/configmaps)" '"kind":"ConfigMapList"' "allowed by the webhook"
has "$(ask token-ann /api/v1/namespaces/default/secrets)" 'secrets are not for webhooks' "denied by the webhook"
has "$(grep -m1 '"resource": "configmaps"' log)" '"path": "/access".*"namespace": "default", "verb": "list", "version": "v1", "resource": "configmaps".*"user": "ann"' "what it is asked"
say "-- OpenID Connect"
token() { python3 "$here/reviewers.py" token "${3:-$folder}" "${2:-$issuer}" "$1"; }
has "$(whoami "$(token '{"sub":"ann","hd":"example.com","roles":["readers"]}')")" '"username":"oidc:ann","groups":\["readers","system:authenticated"\]' "claims become a user"
has "$(ask "$(token '{"sub":"ann","hd":"example.com","roles":["readers"]}')" /api/v1/namespaces/default/configmaps)" '"kind":"ConfigMapList"' "who may do what the groups may"
refused() { has "$(ask "$2" /version)" '"code":401' "$1"; }
refused "a claim that a rule refuses" "$(token '{"sub":"ann","hd":"evil.example"}')"
refused "a user that a rule refuses" "$(token '{"sub":"root","hd":"example.com"}')"
refused "another audience" "$(token '{"sub":"ann","hd":"example.com","aud":"else"}')"
refused "a token that has ended" "$(token '{"sub":"ann","hd":"example.com","exp":1}')"
refused "a foreign key" "$(token '{"sub":"ann","hd":"example.com"}' "$issuer" "$folder/foreign")"
refused "an unsigned token" "$(token '{"sub":"ann","hd":"example.com"}' | cut -d. -f1,2)."
say "$passed passed, 0 failed"
