#!/usr/bin/env bash
# Ingress under load, on a machine of its own (e2e/machine.sh) with real containers: while clients ask by GET and POST,
# over HTTP/1.1, HTTP/2 and gRPC (e2e/ingress/clients.py), pods that speak HTTP/1.1, HTTP/2 and TLS, have no preStop and
# close their connections as soon as they are told to end (e2e/ingress/pod.py) are replaced again and again, scaled, and
# the Ingress is changed. No request is lost. Before that: default backend, WebSocket, retries, times, the source's
# address, metrics, the log, and a HAProxy that is killed.
#
#   e2e/ingress.sh [SKIFF]       build/release/skiff, or the one that is named
#   ROUNDS=20 e2e/ingress.sh     how often all pods are replaced; 3 unless set
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/show.sh
. e2e/own_machine.sh
own_machine ingress 500m "$(realpath "${1:-build/release/skiff}")"
ROUNDS=${ROUNDS:-3}
PYTHON=/usr/bin/python3
work=/run/test
mkdir -p "$work"
asker=
trap 'code=$?; [ -z "$asker" ] || kill $asker 2>/dev/null || true; tell_and_end $code' EXIT

# The pods' server is a program for this machine's Python, whose files containers see.
deployment() { # NAME PROTOCOL [CERTIFICATE]
  local name=$1 protocol=$2
  cat <<YAML
apiVersion: v1
kind: Service
metadata: {name: $name}
spec:
  selector: {app: $name}
  ports: [{name: web, port: 80, targetPort: 8080, appProtocol: $protocol}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: $name}
spec:
  replicas: 2
  selector: {matchLabels: {app: $name}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: $name}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: server
          image: busybox:1.35
          imagePullPolicy: IfNotPresent
          # Who requests nothing gets next to nothing on a busy machine: handshakes would time out.
          resources: {requests: {cpu: 100m}}
          command: [$PYTHON, -B, /srv/test/pod.py, "8080"${3:+, $3}]
          readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}
          volumeMounts:
            - {name: usr, mountPath: /usr, readOnly: true}
            - {name: lib, mountPath: /lib, readOnly: true}
            - {name: lib64, mountPath: /lib64, readOnly: true}
            - {name: test, mountPath: /srv/test, readOnly: true}
            - {name: certificate, mountPath: /srv/certificate, readOnly: true}
      volumes:
        - {name: usr, hostPath: {path: /usr}}
        - {name: lib, hostPath: {path: /usr/lib}}
        - {name: lib64, hostPath: {path: /usr/lib64}}
        - {name: test, hostPath: {path: $PWD/e2e/ingress}}
        - {name: certificate, secret: {secretName: certificate}}
---
YAML
}
ready() {
  says '^2 2$' k get deployment "$1" -o jsonpath='{.status.readyReplicas} {.status.updatedReplicas}' && return
  k get pods
  k logs -l "app=$1" --tail=5 --prefix
  return 1
}
answers() { says '^hello$' curl -fsS -m 10 "$@"; }

# A machine, and a cluster, of two families.
address6=2001:db8::1
ip -6 address add $address6/64 dev uplink nodad
run k up --data-dir="$DATA" --ingress-https-port=0 --cluster-cidr=10.244.0.0/16,fd00:10:244::/56 \
  --service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112
check "the image is there" k image load --data-dir="$DATA" "${SKIFF%/*}/images/busybox.tar"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=pod -keyout "$work/key" -out "$work/crt" 2>/dev/null
cat "$work/key" "$work/crt" >"$work/pem"
run k create secret generic certificate --from-file="$work/pem"
{
  deployment http1 http
  deployment h2c kubernetes.io/h2c
  deployment tls https /srv/certificate/pem
} >"$work/pods.yaml"
run k apply -f "$work/pods.yaml"
run k create ingress site --rule='/http1*=http1:80' --rule='/h2c*=h2c:80' --rule='/tls*=tls:80'
# A handshake may take its time on a busy machine; that is not what is looked at.
run k annotate ingress site ingress.skiff.io/timeout-connect=10s
for name in http1 h2c tls; do
  check "two pods of $name are ready" ready $name
  check "  and answer by the Ingress" answers "http://127.0.0.1/$name"
done
check "it has an address of each family" says "^192\.0\.2\.1 $address6\$" k get ingress site -o jsonpath='{.status.loadBalancer.ingress[*].ip}'
check "  and answers by IPv6 as well" answers -g "http://[$address6]/http1"
by_6() { curl -sS -g -m 10 -o /dev/null -w '%{http_code}\n' --cacert "$DATA/pki/ca.crt" "https://[$address6]:$1"; } # PORT/PATH
check "so does the server, whose certificate names that address" says '^200$' by_6 6443/livez
check "  and the kubelet, which wants to know who asks" says '^401$' by_6 10250/healthz
check "HTTP/2 comes through" answers --http2-prior-knowledge http://127.0.0.1/h2c
head -c 200000 /dev/zero >"$work/body"
for name in http1 h2c tls; do
  check "more than a window of HTTP/2 comes to $name" answers --data-binary "@$work/body" "http://127.0.0.1/$name"
done

say "What an Ingress says, and who looks at it"
status() { curl -sS -o /dev/null -w '%{http_code}\n' -m 20 "$@"; }
address=$(ip -br address show scope global | awk '$1 !~ /veth/ { sub("/.*", "", $3); print $3; exit }')
address=${address:-127.0.0.1}
check "no rule, no answer" says '^404$' status http://127.0.0.1/nowhere
run k create ingress rest --default-backend=http1:80
check "but by a default backend" says '^200$' status http://127.0.0.1/nowhere
run k delete ingress rest
check "a WebSocket hears what it says" says '^still here 0$' $PYTHON -B e2e/ingress/websocket.py 127.0.0.1 80 /http1/socket
check "a pod learns who has asked" says "^$address\$" curl -sS -m 10 --interface "$address" "http://$address/http1/who"
check "  by IPv6 as well" says "^$address6\$" curl -sS -g -m 10 "http://[$address6]/http1/who"
CHECK_SECONDS=0 check "a question without an answer is asked elsewhere" says '^hello$' curl -sS -m 20 http://127.0.0.1/http1/hangup/get
CHECK_SECONDS=0 check "but none that may have been heard" says '^502$' status -X POST -d x http://127.0.0.1/http1/hangup/post
run k annotate ingress site ingress.skiff.io/timeout-server=1s
check "who takes longer than he may is given up" says '^504$' status http://127.0.0.1/http1/slow
run k annotate ingress site ingress.skiff.io/timeout-server-
check "and else is awaited" says '^200$' status http://127.0.0.1/http1/slow
check "it is counted" says '^haproxy_backend_http_responses_total\{proxy="default\.http1\.80[^"]*",code="2xx"\} [1-9]' \
  curl -sS -m 10 http://127.0.0.1:10254/metrics
check "and written down" says 'default\.http1\.80[^ ]*/[0-9._]+ .* 200 .*"GET /http1/slow HTTP/1.1"' cat "$DATA/ingress/haproxy.log"

say "HAProxy is killed under load"
# What is under way then is lost, and what comes until there is another: whoever asks later loses nothing.
$PYTHON -B e2e/ingress/clients.py 127.0.0.1 80 >"$work/killed" 2>&1 &
asker=$!
requests() { grep -c ' ingress ' "$DATA/ingress/haproxy.log" || true; }
before=$(requests)
a_hundred_more() { [ "$(requests)" -ge $((before + 100)) ]; }
check "clients ask" a_hundred_more
first=$(head -n 1 "$DATA/ingress/haproxy.pid") began=$(date +%s%N)
kill -KILL "$first"
another_serves() { [ "$(head -n 1 "$DATA/ingress/haproxy.pid")" != "$first" ] && answers http://127.0.0.1/http1; }
check "another one serves" another_serves
echo "   after $((($(date +%s%N) - began) / 1000000)) ms"
kill $asker
wait $asker || true
asker=
CHECK_SECONDS=0 check "who asks now loses nothing" $PYTHON -B e2e/ingress/clients.py 127.0.0.1 80 50
tail -n 1 "$work/killed"

say "All is replaced under load, and the Ingress changed"
$PYTHON -B e2e/ingress/clients.py 127.0.0.1 80 >"$work/asked" 2>&1 &
asker=$!
for round in $(seq "$ROUNDS"); do
  run k rollout restart deployment/http1 deployment/h2c deployment/tls
  run k annotate ingress site --overwrite "ingress.skiff.io/timeout-server=$((60 + round))s"
  for name in http1 h2c tls; do run k rollout status "deployment/$name" --timeout=120s; done
done
run k scale deployment http1 h2c tls --replicas=4
for name in http1 h2c tls; do run k rollout status "deployment/$name" --timeout=120s; done
run k scale deployment http1 h2c tls --replicas=2
for name in http1 h2c tls; do check "the others of $name are gone" ready $name; done
check "all clients ask still" kill -0 $asker
kill $asker
if wait $asker; then lost=; else lost=1; fi
asker=
cat "$work/asked"
# What HAProxy says of those that took long or failed: its times, and how they ended.
[ -z "$lost" ] || { grep -F ' ingress ' "$DATA/ingress/haproxy.log" | grep -vE ' 200 .* ---- ' | tail -n 30; fail "requests were lost"; }
steps=$((steps + 1))
check "a thousand requests were asked" says '^in all: [0-9]{4,} asked, 0 lost$' tail -n 1 "$work/asked"

say "A start that serves none"
run k down --keep-data --data-dir="$DATA"
run k up --data-dir="$DATA" --ingress=false --cluster-cidr=10.244.0.0/16,fd00:10:244::/56 \
  --service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112
check "the Ingress has no address any more" says '^\[\]$' k get ingress site -o jsonpath='[{.status.loadBalancer.ingress[*].ip}]'
check "  and nobody is there" says '^000$' status http://127.0.0.1/http1
run k delete ingress site
run k delete --grace-period=1 -f "$work/pods.yaml"
run k delete secret certificate
run k down --data-dir="$DATA"
