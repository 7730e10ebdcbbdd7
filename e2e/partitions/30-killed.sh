say "5. Whoever holds a cut is killed"
chaos_on near partition node/near node/server --for=20s
began=$SECONDS
holder() { on near sh -c 'sed -n "/supervisor/,/}/s/.*\"pid\": \([0-9]*\).*/\1/p" /run/skiff-chaos/*.json'; }
typed near kill -KILL "$(holder)"
check "it lasts" not kubectl_on near get nodes
check "until its time is up, by the kernel's clock" kubectl_on near get nodes
echo "   $((SECONDS - began)) s after it began (--for=20s)"
check "whoever comes next tidies up" has "had lost its supervisor" on near "$SKIFF" chaos ls
check "  so that nothing is left" lacks skiff-chaos on near nft list ruleset
check "a machine is not cut off as a whole by itself" has "would be cut off as a whole" \
  on near env KUBECONFIG=/var/lib/shared/kubeconfig "$SKIFF" chaos partition node/near --for=5s
check "nor killed" has "nobody would be left to undo it" \
  on near env KUBECONFIG=/var/lib/shared/kubeconfig "$SKIFF" chaos kill node/near --for=5s
check "and others are broken where they are" has "node/far is another machine; run this there" \
  on near env KUBECONFIG=/var/lib/shared/kubeconfig "$SKIFF" chaos netem node/far --loss=5% --for=5s
check "  but stand still nowhere" has "node/far is no container of a Docker engine on this machine" \
  on near env KUBECONFIG=/var/lib/shared/kubeconfig "$SKIFF" chaos pause node/far --for=5s
check_history one-server 1000
