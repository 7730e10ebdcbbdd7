#!/usr/bin/env bash
# A compose file on simulated nodes: converted, brought up, brought up again without a change, changed, looked at,
# taken down. Needs neither root nor containers.
#
#   e2e/compose.sh SKIFF
set -euo pipefail
cd "$(dirname "$0")/.."
skiff=$(realpath "$1")
work=$(mktemp -d)
data=$work/cluster
step=start
cleanup() {
  local code=$?
  [ $code = 0 ] || { echo "failed at: $step"; cat "$work"/out "$work"/err 2>/dev/null; tail -n 5 "$data/skiff.log"; } || true
  "$skiff" down --data-dir="$data" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

shop=(-f cli/compose/testdata/shop/compose.yaml)
compose() { # VERB ARGUMENT...: what it prints is in $work/out and $work/err.
  step="compose $*"
  "$skiff" compose "$@" >"$work/out" 2>"$work/err"
}
says() { grep -qE -- "$1" "$work/${2:-out}" || { echo "expected: $1"; return 1; }; }
# How many lines end like that.
count() { grep -cE -- "$1\$" "$work/out" || true; }
is() { [ "$1" = "$2" ] || { echo "expected $2, got $1"; return 1; }; }
fails() { ! "$@" || { echo "expected to fail: $*"; return 1; }; }

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$skiff" up --nodes=3 --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$port" >/dev/null
export KUBECONFIG=$data/admin.kubeconfig

# Converted objects are ones that the server takes, and what is not carried over is named with its line.
compose convert "${shop[@]}"
says 'cli/compose/testdata/shop/compose.yaml:[0-9]+: services.worker.ulimits: ' err
step="apply of what was converted"
"$skiff" apply --dry-run=server -f "$work/out" >/dev/null

# Everything comes up: the task before those who wait for its end, the database before both.
compose up "${shop[@]}" --wait --timeout=180s
objects=$(count created)
is "$(wc -l <"$work/out")" "$objects"
is "$(grep -nE '^(statefulset.apps/db|job.batch/migrate|statefulset.apps/api|statefulset.apps/proxy|deployment.apps/proxy) ' "$work/out" |
  sed 's/.*\/\(.*\) .*/\1/' | paste -sd' ')" "db migrate api proxy"
is "$("$skiff" get job migrate -o jsonpath='{.status.succeeded}')" 1

# Again: nothing changes, and nothing is written.
before=$("$skiff" get deployments,statefulsets,jobs,services,configmaps,secrets,persistentvolumeclaims \
  -l compose.skiff.io/project=shop -o jsonpath='{.items[*].metadata.resourceVersion}')
compose up "${shop[@]}"
is "$(count unchanged)" "$objects"
is "$("$skiff" get deployments,statefulsets,jobs,services,configmaps,secrets,persistentvolumeclaims \
  -l compose.skiff.io/project=shop -o jsonpath='{.items[*].metadata.resourceVersion}')" "$before"

# Who scales by hand keeps what he scaled, where the file says no number.
"$skiff" scale deployment proxy --replicas=2 >/dev/null
compose up "${shop[@]}"
is "$("$skiff" get deployment proxy -o jsonpath='{.spec.replicas}')" 2

# Another image: those who have it are changed; the task, whose pods cannot change, runs again.
step="other image"
TAG=1.5 compose up "${shop[@]}" --timeout=180s
is "$(grep -vE ' unchanged$' "$work/out" | sort | paste -sd,)" \
  "deployment.apps/worker configured,job.batch/migrate created,job.batch/migrate deleted,statefulset.apps/api configured"
export TAG=1.5

# A service that leaves the file leaves the cluster; a dry run only says so.
printf 'services:\n  worker: !reset null\n' >"$work/less.yaml"
compose up "${shop[@]}" -f "$work/less.yaml" --dry-run
says '^deployment.apps/worker pruned \(server dry run\)$'
"$skiff" get deployment worker >/dev/null
compose up "${shop[@]}" -f "$work/less.yaml"
says '^deployment.apps/worker pruned$'
fails "$skiff" get deployment worker >/dev/null 2>&1

# Another secret makes new pods, another one's pods stay.
step="other secret"
DB_PASSWORD=changed compose up "${shop[@]}" -f "$work/less.yaml" --timeout=180s
says '^secret/shop-db-password configured$'
says '^statefulset.apps/db configured$'
says '^deployment.apps/proxy unchanged$'
export DB_PASSWORD=changed

# What another profile's up started stays, with all that it needs, as long as the file has it.
cat >"$work/profiles.yaml" <<'END'
name: profiles
services:
  front: {image: x, networks: [outer]}
  debug: {image: x, profiles: [debug], networks: [inner], configs: [settings], ports: ["9999:80"]}
networks: {outer: , inner: }
configs: {settings: {content: "a"}}
END
made_of_debug() {
  "$skiff" get deployment/debug service/debug service/debug-published configmap/profiles-settings \
    networkpolicy/profiles-network-inner -o name | wc -l
}
compose -f "$work/profiles.yaml" --profile debug up --wait --timeout=180s
is "$(made_of_debug)" 5
compose -f "$work/profiles.yaml" up
is "$(count pruned)" 0
is "$(made_of_debug)" 5
is "$("$skiff" get deployment debug -o jsonpath='{.status.readyReplicas}')" 1
sed -i '/^  debug:/d' "$work/profiles.yaml"
compose -f "$work/profiles.yaml" up
says '^deployment.apps/debug pruned$'
compose -f "$work/profiles.yaml" down --timeout=180s

# What the server refuses refuses the whole: nothing is written.
printf 'services:\n  worker: !reset null\n  db: {image: postgres:17}\n  cache: {stop_grace_period: 1s, hostname: "", deploy: {resources: {limits: {memory: 1m}, reservations: {memory: 2m}}}}\n' >"$work/bad.yaml"
fails compose up "${shop[@]}" -f "$work/bad.yaml"
says 'must be less than or equal to memory limit' err
is "$("$skiff" get statefulset db -o jsonpath='{.spec.template.spec.containers[0].image}')" postgres:16

# What is said to be there already has to be.
printf 'services: {db: {volumes: ["old:/old"]}}\nvolumes:\n  old: {external: true}\n' >"$work/external.yaml"
fails compose up "${shop[@]}" -f "$work/less.yaml" -f "$work/external.yaml"
says 'external.yaml:3: volumes.old is external, and there is no persistentvolumeclaim "old" in namespace default' err

# Whose name is taken goes elsewhere.
printf 'name: other\nservices: {db: {image: x}}\n' >"$work/other.yaml"
fails compose up -f "$work/other.yaml"
says 'service "db" in namespace default is of the compose project shop' err
"$skiff" create namespace other >/dev/null
compose up -n other -f "$work/other.yaml" --wait --timeout=180s
says '^deployment.apps/db created$'

# Two folders of one name are two projects: what one has made is neither pruned nor taken down by the other.
mkdir -p "$work"/{a,b}/web
echo 'services: {one: {image: x}, keeps: {image: x, volumes: ["data:/data"]}}' >"$work/a/web/compose.yaml"
echo 'volumes: {data: }' >>"$work/a/web/compose.yaml"
echo 'services: {another: {image: x}}' >"$work/b/web/compose.yaml"
compose -f "$work/a/web/compose.yaml" up --wait --timeout=180s
fails compose -f "$work/b/web/compose.yaml" up
says "the project web in namespace default was brought up from the folder .*/a/web, and .*/b/web makes the same name" err
fails compose -f "$work/b/web/compose.yaml" down
"$skiff" get deployment/one statefulset/keeps -o name >"$work/out"
is "$(wc -l <"$work/out")" 2
compose -f "$work/a/web/compose.yaml" up
is "$(count unchanged)" "$(wc -l <"$work/out")"
# Who says the name means it.
compose -f "$work/b/web/compose.yaml" -p web up
says '^deployment.apps/one pruned$'
fails compose -f "$work/a/web/compose.yaml" up
compose -f "$work/b/web/compose.yaml" down --timeout=180s
# The volume is what is left of the first one's.
fails compose -f "$work/b/web/compose.yaml" down --volumes
compose -p web down --volumes --timeout=180s
long=$(printf 'a%.0s' {1..70})
mkdir "$work/$long"{x,y}
echo 'services: {one: {image: x}}' >"$work/${long}x/compose.yaml"
echo 'services: {another: {image: x}}' >"$work/${long}y/compose.yaml"
compose -f "$work/${long}x/compose.yaml" up
compose -f "$work/${long}y/compose.yaml" up
"$skiff" get deployment one another >/dev/null
compose -f "$work/${long}x/compose.yaml" down --timeout=180s
compose -f "$work/${long}y/compose.yaml" down --timeout=180s
fails "$skiff" get deployment one another >/dev/null 2>&1

# By service: who is there, and what they print. -f follows where a file is not meant.
compose up "${shop[@]}" -f "$work/less.yaml" --wait --timeout=180s
compose ps -p shop
says '^SERVICE +KIND +READY +STATUS +RESTARTS +IMAGE +PUBLISHED$'
says '^api +StatefulSet +1/1 +Running +0 +shop/api:1.5 '
says '^migrate +Job +1/1 +Completed '
says '^proxy +Deployment +2/2 +Running +0 +nginx:1.27-alpine +[0-9.]+:8080->80/tcp'
compose ps "${shop[@]}" db
is "$(wc -l <"$work/out")" 2
compose ps "${shop[@]}" -a --format json db
is "$(python3 -c 'import json, sys; print(*[(row["Service"], row["Ready"]) for row in map(json.loads, open(sys.argv[1]))])' "$work/out")" "('db', '1/1')"
compose logs -p shop --tail=1 api db
says '^\[pod/api-0/api\] '
says '^\[pod/db-0/db\] '
is "$(wc -l <"$work/out")" 2
step="logs -f"
timeout 120 "$skiff" compose logs -f cli/compose/testdata/shop/compose.yaml cache >"$work/out" 2>"$work/err" &
logs=$!
until grep -q '^\[pod/cache-' "$work/out" 2>/dev/null; do read -rt 0.1 <> <(:) || true; kill -0 $logs; done
"$skiff" delete pod -l compose.skiff.io/service=cache --wait=false >/dev/null
wait $logs || { [ $? = 124 ] && echo "logs -f did not end with its pod" && false; }

# Down: all but the volumes; then these.
compose down "${shop[@]}" --timeout=180s
is "$("$skiff" get all,networkpolicies,configmaps,secrets -l compose.skiff.io/project=shop -o name)" ""
says '^statefulset.apps/api deleted$'
is "$("$skiff" get persistentvolumeclaims -l compose.skiff.io/project=shop -o name | wc -l)" 3
compose down "${shop[@]}" --volumes --timeout=180s
is "$("$skiff" get persistentvolumeclaims -l compose.skiff.io/project=shop -o name)" ""
compose down "${shop[@]}"
says '^No resources found of project shop'
# The other project lives on.
"$skiff" get deployment db -n other >/dev/null
echo "compose: $objects objects of a project were made, kept, changed, pruned and removed"
