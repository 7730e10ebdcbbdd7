say "3. near and far are cut from each other; the server sees both"
# A Service with a pod on each machine.
kubectl create -f - >/dev/null <<<'{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "peer"}, "spec": {"selector": {"app": "peer"}, "ports": [{"port": 80}]}}'
all_led_to() { [ "$(kubectl get endpointslices -l kubernetes.io/service-name=peer -o 'jsonpath={.items[*].endpoints[*].addresses[*]}' | wc -w)" = 3 ]; }
check "a Service has a pod on each machine" all_led_to
peer_service=$(field service peer .spec.clusterIP)
learn app=peer
chaos_on near partition node/near node/far --for=30m
began=$SECONDS
check "near's pods do not reach far's" not gets near "${address[app=peer.far]}"
check "  nor far's near's" not gets far "${address[app=peer.near]}"
check "both reach the server's" gets near "${address[app=peer.server]}"
check "  from both sides" gets far "${address[app=peer.server]}"
check "both machines read" kubectl_on near get nodes
check "  and write" kubectl_on far create configmap from-far
check "both are Ready: nobody looks at the links between nodes" is Ready status_of near
check "  and far" is Ready status_of far
fails_sometimes() { for _ in $(seq 24); do gets near "$peer_service" || return 0; done; return 1; }
succeeds() { for _ in $(seq 24); do if gets near "$peer_service"; then return 0; fi; done; return 1; }
check "so services lead some requests into the cut" fails_sometimes
check "  and answer the others" succeeds
check "a new name is known on both sides" eval 'kubectl create service clusterip newer --tcp=80; knows near newer && knows far newer'
typed near "$SKIFF" chaos stop
check "it is over" gets near "${address[app=peer.far]}"

say "4. far sends, and nobody hears it; what is sent to far comes"
chaos_on far partition node/far node/server --direction=out --for=30m
began=$SECONDS
check "one direction is enough: there is no API on far" not kubectl_on far get nodes
check "and far is NotReady" is NotReady status_of far
typed far "$SKIFF" chaos stop
began=$SECONDS
check "far is Ready again" is Ready status_of far
echo "   $((SECONDS - began)) s after the cut was ended"
