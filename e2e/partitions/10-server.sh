say "2. near is cut from the server; far sees both"
renewed_before=$(renewed near)
web_on_near=${pod[app=web.near]}
# However long what is looked at takes, the cut is there; e2e/partitions/30-killed.sh shows one that ends by itself.
chaos_on near partition node/near node/server --for=30m
began=$SECONDS
read -rt 1 <> <(:) || true

printf '\nOn the side of the server\n'
# First: it is not for long.
check "near is Ready still, as far as anybody knows" is Ready status_of near
check "reads go on" kubectl get pods
check "writes go on" kubectl create configmap during-the-cut
stopped_renewing() { local now; now=$(renewed near); read -rt 4 <> <(:) || true; [ "$(renewed near)" = "$now" ]; }
check "its lease is renewed no more" stopped_renewing
check "it is NotReady after the grace period" is NotReady status_of near
echo "   $((SECONDS - began)) s after the cut (--node-monitor-grace-period=${GRACE}s)"
check "it is tainted" has node.kubernetes.io/unreachable field node near '.spec.taints[*].key'
no_near() { lacks "${address[app=web.near]}" kubectl get endpointslices -l kubernetes.io/service-name=web -o 'jsonpath={range .items[*].endpoints[?(@.conditions.ready==true)]}{.addresses}{end}'; }
check "services lead to its pods no more" no_near
elsewhere() { [ "$(pods app=web | awk '$3 != "near"' | wc -l)" = 3 ]; }
check "its pod of a Deployment is replaced elsewhere" elsewhere
check "  while the old one is about to end, for ever" has Terminating kubectl get pod "$web_on_near"
check "the database is not replaced: there must never be two" has Terminating kubectl get pod db-0
check "  and has no second one" is pod/db-0 kubectl get pods -l app=db -o name
check "what is asked of near's pods fails, and says so" not kubectl exec --request-timeout=5s "$db" -- true

printf '\nOn the side of near\n'
check "there is no API: nothing is read that may be old" not kubectl_on near get pods
check "  and nothing is written that nobody else sees" not kubectl_on near create configmap on-the-wrong-side
check "its pods run on" runs near "$db"
check "  the one that was replaced, too" lives near "$web_on_near"
check "they reach each other" gets near "${address[app=peer.near]}"
check "  and those of far, whose link is whole" gets near "${address[app=peer.far]}"
check "  but not those of the server" not gets near "${address[app=peer.server]}"
check "names that were known are known" knows near web
kubectl create service clusterip new --tcp=80 >/dev/null
check "a Service made meanwhile is known to far" knows far new
check "  and not to near, which answers what it last knew" not knows near new
# Those it last knew of: of three, one is behind the cut.
some() { for _ in $(seq 8); do if gets near "$web_ip"; then return 0; fi; done; return 1; }
check "services lead to the pods that it last knew of" some
check "far reaches near's pods by their addresses" gets far "${address[app=peer.near]}"

printf '\nThe cut is over\n'
typed near "$SKIFF" chaos stop
began=$SECONDS
check "near is Ready" is Ready status_of near
echo "   $((SECONDS - began)) s after it was ended"
renews() { [ "$(renewed near)" != "$renewed_before" ] && ! stopped_renewing; }
check "its lease is renewed" renews
check "the write of that side is there" kubectl_on near get configmap during-the-cut
check "the pod that was replaced ends" has NotFound kubectl get pod "$web_on_near"
check "  on near itself, too" not lives near "$web_on_near"
check "the database was ended, and runs anew, once" running app=db 1
check "near knows the new Service" knows near new
check "Events tell of it" has ChaosStopped kubectl get events --field-selector involvedObject.name=near
check "nothing is on" has "No fault is on." on near "$SKIFF" chaos ls
