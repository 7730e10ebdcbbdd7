// The fields that kustomize changes unless it is told of others, kind by kind.
#include "cli/kustomize/fields.h"

namespace skiff::cli::kustomize {
namespace {

// Where pods are described.
struct PodPlace {
  const char* kind;
  const char* version;
  const char* path;
};
constexpr PodPlace kPod = {"Pod", "v1", "spec/"};
constexpr PodPlace kAnyPod = {"Pod", "", "spec/"};
constexpr PodPlace kPodTemplate = {"PodTemplate", "", "template/spec/"};
constexpr PodPlace kCronJob = {"CronJob", "", "spec/jobTemplate/spec/template/spec/"};
constexpr PodPlace Templated(const char* kind) {
  return {kind, "", "spec/template/spec/"};
}

// That refer to what holds data.
constexpr PodPlace kDataPlaces[] = {kPod,
                                    kPodTemplate,
                                    Templated("Deployment"),
                                    Templated("ReplicaSet"),
                                    Templated("DaemonSet"),
                                    Templated("StatefulSet"),
                                    Templated("Job"),
                                    kCronJob};
// That refer to accounts, claims and classes.
constexpr PodPlace kOtherPlaces[] = {kAnyPod,
                                     Templated("StatefulSet"),
                                     Templated("Deployment"),
                                     Templated("ReplicationController"),
                                     kCronJob,
                                     Templated("Job"),
                                     Templated("DaemonSet")};

template <size_t kPlaces>
FieldSpecs InPods(const PodPlace (&places)[kPlaces], std::initializer_list<const char*> paths) {
  FieldSpecs specs;
  for (const PodPlace& place : places) {
    for (const char* path : paths) {
      specs.push_back({{"", place.version, place.kind}, std::string(place.path) + path});
    }
  }
  return specs;
}

void Add(FieldSpecs& specs, FieldSpecs more) {
  for (FieldSpec& each : more) specs.push_back(std::move(each));
}

FieldSpec Of(const char* kind, const char* path, const char* group = "", const char* version = "",
             bool create = false) {
  return {{group, version, kind}, path, create};
}
FieldSpec Made(const char* kind, const char* path, const char* group = "",
               const char* version = "") {
  return Of(kind, path, group, version, /*create=*/true);
}

FieldSpecs TemplateMetadata(const std::string& field, const char* stateful_group) {
  FieldSpecs specs = {Made("", "metadata/")};
  specs.push_back(Made("ReplicationController", "spec/template/metadata/", "", "v1"));
  for (const char* kind : {"Deployment", "ReplicaSet", "DaemonSet"}) {
    specs.push_back(Made(kind, "spec/template/metadata/"));
  }
  specs.push_back(Made("StatefulSet", "spec/template/metadata/", stateful_group));
  specs.push_back(Made("Job", "spec/template/metadata/", "batch"));
  specs.push_back(Made("CronJob", "spec/jobTemplate/metadata/", "batch"));
  specs.push_back(Made("CronJob", "spec/jobTemplate/spec/template/metadata/", "batch"));
  for (FieldSpec& each : specs) each.path += field;
  return specs;
}

FieldSpecs LabelFields() {
  FieldSpecs specs = TemplateMetadata("labels", "apps");
  specs.push_back(Made("StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", "apps"));
  return specs;
}

FieldSpecs LabelsAndSelectors() {
  FieldSpecs specs = {Made("Service", "spec/selector", "", "v1"),
                      Made("ReplicationController", "spec/selector", "", "v1"),
                      Made("Deployment", "spec/selector/matchLabels"),
                      Made("ReplicaSet", "spec/selector/matchLabels"),
                      Made("DaemonSet", "spec/selector/matchLabels"),
                      Made("StatefulSet", "spec/selector/matchLabels", "apps")};
  for (const char* kind : {"Deployment", "StatefulSet"}) {
    const std::string pod = "spec/template/spec/";
    for (const char* affinity : {"podAffinity", "podAntiAffinity"}) {
      const std::string at = pod + "affinity/" + affinity + "/";
      for (const char* terms : {"preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm",
                                "requiredDuringSchedulingIgnoredDuringExecution"}) {
        specs.push_back(Of(kind, (at + terms + "/labelSelector/matchLabels").c_str(), "apps"));
      }
    }
    specs.push_back(
        Of(kind, (pod + "topologySpreadConstraints/labelSelector/matchLabels").c_str(), "apps"));
  }
  specs.push_back(Of("Job", "spec/selector/matchLabels", "batch"));
  specs.push_back(Of("CronJob", "spec/jobTemplate/spec/selector/matchLabels", "batch"));
  specs.push_back(Of("PodDisruptionBudget", "spec/selector/matchLabels", "policy"));
  for (const char* path :
       {"spec/podSelector/matchLabels", "spec/ingress/from/podSelector/matchLabels",
        "spec/egress/to/podSelector/matchLabels"}) {
    specs.push_back(Of("NetworkPolicy", path, "networking.k8s.io"));
  }
  Add(specs, LabelFields());
  return specs;
}

NameReferences ConfigMaps() {
  FieldSpecs specs = InPods(
      kDataPlaces,
      {"volumes/configMap/name", "containers/env/valueFrom/configMapKeyRef/name",
       "initContainers/env/valueFrom/configMapKeyRef/name", "containers/envFrom/configMapRef/name",
       "initContainers/envFrom/configMapRef/name", "volumes/projected/sources/configMap/name"});
  Add(specs, {Of("Node", "spec/configSource/configMap"), Of("Role", "rules/resourceNames"),
              Of("ClusterRole", "rules/resourceNames"),
              Of("Ingress",
                 "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap")});
  return {{"", "v1", "ConfigMap"}, std::move(specs)};
}

NameReferences Secrets() {
  FieldSpecs specs =
      InPods(kDataPlaces,
             {"volumes/secret/secretName", "containers/env/valueFrom/secretKeyRef/name",
              "initContainers/env/valueFrom/secretKeyRef/name", "containers/envFrom/secretRef/name",
              "initContainers/envFrom/secretRef/name", "imagePullSecrets/name",
              "volumes/projected/sources/secret/name"});
  for (const char* path : {"spec/tls/secretName",
                           "metadata/annotations/ingress.kubernetes.io\\/auth-secret",
                           "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret",
                           "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret"}) {
    specs.push_back(Of("Ingress", path));
  }
  specs.push_back(Of("ServiceAccount", "imagePullSecrets/name"));
  for (const char* name : {"secretName", "adminSecretName", "userSecretName", "secretRef"}) {
    specs.push_back(Of("StorageClass", (std::string("parameters/") + name).c_str()));
  }
  Add(specs, {Of("Role", "rules/resourceNames"), Of("ClusterRole", "rules/resourceNames"),
              Of("Service", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
                 "serving.knative.dev", "v1"),
              Of("PersistentVolume", "spec/azureFile/secretName")});
  return {{"", "v1", "Secret"}, std::move(specs)};
}

NameReferences Services() {
  FieldSpecs specs = {Of("StatefulSet", "spec/serviceName", "apps")};
  for (const char* path :
       {"spec/rules/http/paths/backend/serviceName", "spec/backend/serviceName",
        "spec/rules/http/paths/backend/service/name", "spec/defaultBackend/service/name"}) {
    specs.push_back(Of("Ingress", path));
  }
  specs.push_back(Of("APIService", "spec/service/name", "apiregistration.k8s.io"));
  for (const char* kind : {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}) {
    specs.push_back(Of(kind, "webhooks/clientConfig/service", "admissionregistration.k8s.io"));
  }
  return {{"", "v1", "Service"}, std::move(specs)};
}

std::vector<NameReferences> References() {
  constexpr char kRbac[] = "rbac.authorization.k8s.io";
  std::vector<NameReferences> all;
  for (const char* kind : {"Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"}) {
    all.push_back(
        {{"", "", kind}, {Of("HorizontalPodAutoscaler", "spec/scaleTargetRef/name")}});
  }
  all.push_back(ConfigMaps());
  all.push_back(Secrets());
  all.push_back(Services());
  all.push_back({{kRbac, "", "Role"}, {Of("RoleBinding", "roleRef/name", kRbac)}});
  all.push_back({{kRbac, "", "ClusterRole"},
                 {Of("RoleBinding", "roleRef/name", kRbac),
                  Of("ClusterRoleBinding", "roleRef/name", kRbac)}});
  FieldSpecs accounts = {Of("RoleBinding", "subjects", kRbac),
                         Of("ClusterRoleBinding", "subjects", kRbac)};
  Add(accounts, InPods(kOtherPlaces, {"serviceAccountName"}));
  all.push_back({{"", "v1", "ServiceAccount"}, std::move(accounts)});
  all.push_back({{"", "v1", "PersistentVolumeClaim"},
                 InPods(kOtherPlaces, {"volumes/persistentVolumeClaim/claimName"})});
  all.push_back({{"", "v1", "PersistentVolume"},
                 {Of("PersistentVolumeClaim", "spec/volumeName"),
                  Of("ClusterRole", "rules/resourceNames")}});
  all.push_back({{"storage.k8s.io", "v1", "StorageClass"},
                 {Of("PersistentVolume", "spec/storageClassName"),
                  Of("PersistentVolumeClaim", "spec/storageClassName"),
                  Of("StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName")}});
  all.push_back({{"scheduling.k8s.io", "v1", "PriorityClass"},
                 InPods(kOtherPlaces, {"priorityClassName"})});
  // The group is what kustomize has, by which it finds no IngressClass.
  all.push_back({{"networking.k8s.io/v1", "v1", "IngressClass"},
                 {Of("Ingress", "spec/ingressClassName")}});
  all.push_back({{"admissionregistration.k8s.io", "", "ValidatingAdmissionPolicy"},
                 {Of("ValidatingAdmissionPolicyBinding", "spec/policyName",
                     "admissionregistration.k8s.io")}});
  return all;
}

FieldSpecs VariableFields() {
  constexpr PodPlace kPlaces[] = {kCronJob,
                                  Templated("DaemonSet"),
                                  Templated("Deployment"),
                                  Templated("Job"),
                                  kAnyPod,
                                  Templated("ReplicaSet"),
                                  Templated("StatefulSet")};
  FieldSpecs specs = InPods(
      kPlaces, {"containers/args", "containers/command", "containers/env/value",
                "containers/volumeMounts/mountPath", "initContainers/args",
                "initContainers/command", "initContainers/env/value",
                "initContainers/volumeMounts/mountPath"});
  for (const char* kind : {"DaemonSet", "Deployment", "Job", "ReplicaSet"}) {
    specs.push_back(Of(kind, "spec/template/spec/volumes/nfs/server"));
  }
  Add(specs, {Of("CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
              Of("Pod", "spec/volumes/nfs/server"),
              Of("StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
              Of("Deployment", "spec/template/metadata/annotations"),
              Of("Ingress", "spec/rules/host"), Of("Ingress", "spec/tls/hosts"),
              Of("Ingress", "spec/tls/secretName"), Of("Service", "spec/ports/port"),
              Of("Service", "spec/ports/targetPort"), Of("PersistentVolume", "spec/nfs/server"),
              Of("", "metadata/labels"), Of("", "metadata/annotations")});
  return specs;
}

FieldSpecs ImageFields() {
  FieldSpecs specs;
  for (const char* pod : {"spec/", "spec/template/spec/"}) {
    for (const char* field :
         {"containers[]/image", "initContainers[]/image", "volumes[]/image/reference"}) {
      specs.push_back(Made("", (std::string(pod) + field).c_str()));
    }
  }
  return specs;
}

}  // namespace

FieldTables DefaultFieldTables() {
  FieldTables tables;
  tables.name_prefix = {Of("", "metadata/name")};
  tables.name_suffix = tables.name_prefix;
  tables.namespaces = {
      Made("Namespace", "metadata/name"),
      Made("APIService", "spec/service/namespace", "apiregistration.k8s.io"),
      Of("CustomResourceDefinition", "spec/conversion/webhook/clientConfig/service/namespace",
         "apiextensions.k8s.io")};
  tables.common_labels = LabelsAndSelectors();
  tables.template_labels = LabelFields();
  tables.common_annotations = TemplateMetadata("annotations", "");
  tables.variables = VariableFields();
  tables.images = ImageFields();
  for (const char* kind : {"Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"}) {
    tables.replicas.push_back(Made(kind, "spec/replicas"));
  }
  tables.references = References();
  return tables;
}

}  // namespace skiff::cli::kustomize
