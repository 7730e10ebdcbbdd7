say "8. Certificates are renewed while nodes run"
serial_of() { openssl x509 -noout -serial -in "$disks/$1/skiff/pki/kubelet-client-current.pem"; }
renewed() { [ "$(serial_of "$1")" != "${first_serial[$1]}" ]; }
# Due after 150 s at the latest; a request that met the server's power cut is made again after 10 s,
# and then after 20.
for node in near far; do
  left=$((joined_at + 220 - SECONDS))
  CHECK_SECONDS=$((left > 60 ? left : 60)) check "$node has another certificate by now" renewed $node
  check "and is itself" is "subject=CN=system:node:$node,O=system:nodes" names_of $node
  check "and acts by it" has "system:node:$node" as_node $node auth whoami
done
check "all nodes are Ready" nodes_ready 3
