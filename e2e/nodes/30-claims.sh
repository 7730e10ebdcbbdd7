say "3. Claims, and where their data lies"
# POD NAME, CLAIM, NODE ("": any): writes a word into its claim and stays.
pod_with_claim() {
  cat <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {writes: something}}
spec:
  terminationGracePeriodSeconds: 0
  nodeSelector: {$([ -z "$3" ] || echo "kubernetes.io/hostname: $3")}
  containers:
    - name: main
      image: busybox:1.35
      imagePullPolicy: IfNotPresent
      command: [sh, -c, "echo written by $1 >>/data/log; exec sleep 36000"]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: $2}}]
YAML
}
# DEPLOYMENT, CLAIM: one replica, on near rather than elsewhere.
deployment_with_claim() {
  cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 0
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - {weight: 100, preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [near]}]}}
      containers:
        - name: main
          image: busybox:1.35
          imagePullPolicy: IfNotPresent
          command: [sh, -c, "hostname >>/data/log; exec sleep 36000"]
          volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: $2}}]
YAML
}
claim() { # NAME CLASS MODE
  echo "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: $1}, spec: {storageClassName: '$2', accessModes: [$3], resources: {requests: {storage: 1Gi}}}}"
}
phase_of() { field "$1" "$2" .status.phase; }
events_of() { kubectl get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}'; }
volume_of() { field pvc "$1" .spec.volumeName; }
path_of() { field pv "$(volume_of "$1")" .spec.hostPath.path; }

{
  echo '{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: local-path}, provisioner: skiff.io/local-path, volumeBindingMode: WaitForFirstConsumer}'
  # The directory stands for a file server: it is the same on every machine.
  printf -- '---\n{apiVersion: v1, kind: PersistentVolume, metadata: {name: album}, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteMany], hostPath: {path: /var/lib/shared/album, type: DirectoryOrCreate}}}\n'
  for name in notes scratch; do echo ---; claim $name local-path ReadWriteOnce; done
  echo ---; claim album '' ReadWriteMany
} | apply
check "a claim waits for the first pod that uses it" has "WaitForFirstConsumer: waiting for first consumer" events_of notes
for name in notes scratch; do pod_with_claim "$name-writer" $name near; echo ---; done | apply
writers_on() { [ "$(pods writes=something | awk -v node="$1" '$3 == node' | wc -l)" = 2 ]; }
check "the pods that write run on near" writers_on near
check "their volumes say that they are near's" is near field pv "$(volume_of notes)" '.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]'
notes=$(path_of notes) scratch=$(path_of scratch) scratch_volume=$(volume_of scratch)
check "and the directory is on near alone" on near test -e "$notes/log"
check "not on far" on far test ! -e "$notes"
run kubectl delete pod notes-writer scratch-writer
{ deployment_with_claim notes notes; echo ---; deployment_with_claim album album; } | apply
where() { pods "app=$1" | awk '{print $3}'; }
check "a pod with that claim is placed on near again" is near where notes
check "and reads what was written" has "written by notes-writer" in_pod "$(pod_on app=notes near)" cat /data/log
check "a pod whose volume may move runs there too" is near where album
