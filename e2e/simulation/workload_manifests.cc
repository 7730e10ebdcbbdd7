#include "e2e/simulation/workload_manifests.h"

namespace skiff {

const char kUsualManifests[] = R"(
apiVersion: v1
kind: ServiceAccount
metadata: {name: default}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {SETTING: "there"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: choices}
data: {CHOICE: "there"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: app
        image: "web:1"
        resources: {requests: {cpu: 300m}}
        envFrom:
        - configMapRef: {name: settings}
        - configMapRef: {name: choices, optional: true}
        startupProbe: {exec: {command: ["start"]}, periodSeconds: 2, failureThreshold: 100}
        readinessProbe: {exec: {command: ["answer"]}, periodSeconds: 5, failureThreshold: 2}
        lifecycle: {preStop: {exec: {command: ["leave"]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: v1
kind: ReplicationController
metadata: {name: kitten}
spec:
  replicas: 4
  selector: {app: kitten}
  template:
    metadata: {labels: {app: kitten}}
    spec:
      terminationGracePeriodSeconds: 300
      containers:
      - name: app
        image: "kitten:1"
        envFrom:
        - configMapRef: {name: settings}
        - configMapRef: {name: choices, optional: true}
        livenessProbe: {exec: {command: ["answer"]}, periodSeconds: 5}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: news}
data: {first: "0", second: "0"}
---
apiVersion: v1
kind: Secret
metadata: {name: words}
stringData: {word: "hush"}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: reader}
spec:
  replicas: 3
  selector: {app: reader}
  template:
    metadata: {labels: {app: reader}}
    spec:
      terminationGracePeriodSeconds: 5
      automountServiceAccountToken: true
      containers:
      - name: reader
        image: "reader:1"
        volumeMounts:
        - {name: news, mountPath: /news}
        - {name: news, mountPath: /part, subPath: first}
        - {name: about, mountPath: /about}
        livenessProbe: {exec: {command: ["read", "/news/second"]}, periodSeconds: 10}
        readinessProbe: {httpGet: {path: /news/first, port: 80}, periodSeconds: 5}
      volumes:
      - {name: news, configMap: {name: news}}
      - name: about
        projected:
          sources:
          - secret: {name: words}
          - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: app, image: "agent:1"}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: porter}
spec:
  selector: {matchLabels: {app: porter}}
  updateStrategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: porter}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: app
        image: "porter:1"
        readinessProbe: {exec: {command: ["answer"]}, periodSeconds: 3}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: first}
value: 1000
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: last}
value: -10
---
apiVersion: v1
kind: ReplicationController
metadata: {name: filler}
spec:
  replicas: 24
  selector: {app: filler}
  template:
    metadata: {labels: {app: filler}}
    spec:
      priorityClassName: last
      terminationGracePeriodSeconds: 3
      containers: [{name: app, image: "filler:1", resources: {requests: {cpu: "1"}}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: member}
spec:
  serviceName: member
  replicas: 3
  selector: {matchLabels: {app: member}}
  template:
    metadata: {labels: {app: member}}
    spec:
      terminationGracePeriodSeconds: 20
      containers:
      - name: app
        image: "member:1"
        readinessProbe: {exec: {command: ["answer"]}, periodSeconds: 3}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      storageClassName: members
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 1Gi}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: rounds}
spec:
  schedule: "*/2 * * * *"
  concurrencyPolicy: Forbid
  successfulJobsHistoryLimit: 2
  jobTemplate:
    spec:
      backoffLimit: 1000
      template:
        spec:
          restartPolicy: Never
          containers: [{name: task, image: "task:1"}]
---
apiVersion: v1
kind: ReplicationController
metadata: {name: voter}
spec:
  replicas: 3
  selector: {app: voter}
  template:
    metadata: {labels: {app: voter}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: app
        image: "voter:1"
        readinessProbe: {exec: {command: ["answer"]}, periodSeconds: 3}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: voters}
spec:
  minAvailable: 2
  selector: {matchLabels: {app: voter}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: Namespace
metadata: {name: small}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: pods, namespace: small}
spec: {hard: {pods: "3"}}
)";

const char kCrowdManifests[] = R"(
apiVersion: v1
kind: ReplicationController
metadata: {name: crowd, namespace: small}
spec:
  replicas: 5
  selector: {app: crowd}
  template:
    metadata: {labels: {app: crowd}}
    spec:
      automountServiceAccountToken: false
      containers: [{name: app, image: "crowd:1"}]
)";

const char kFirstManifests[] = R"(
apiVersion: v1
kind: ReplicationController
metadata: {name: first}
spec:
  replicas: 2
  selector: {app: first}
  template:
    metadata: {labels: {app: first}}
    spec:
      priorityClassName: first
      containers: [{name: app, image: "first:1", resources: {requests: {cpu: "4"}}}]
)";

const char kKeeperManifests[] = R"(
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept}
spec:
  storageClassName: local
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: keeper}
spec:
  replicas: 1
  selector: {app: keeper}
  template:
    metadata: {labels: {app: keeper}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: app, image: "keeper:1"}]
      volumes: [{name: kept, persistentVolumeClaim: {claimName: kept}}]
)";

const char kRefusedManifests[] = R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: daring}
spec:
  selector: {matchLabels: {app: daring}}
  template:
    metadata: {labels: {app: daring}}
    spec:
      securityContext: {sysctls: [{name: kernel.msgmax, value: "1"}]}
      containers: [{name: refused, image: "daring:1"}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: guest}
spec:
  selector: {matchLabels: {app: guest}}
  template:
    metadata: {labels: {app: guest}}
    spec:
      hostUsers: false
      containers: [{name: refused, image: "guest:1"}]
)";

}  // namespace skiff
