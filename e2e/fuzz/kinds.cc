#include "e2e/fuzz/kinds.h"

#include <map>

#include "api/codec/decode.h"
#include "base/error.h"

namespace skiff::fuzz {
namespace {

constexpr std::string_view kPod = R"({"kind": "Pod", "apiVersion": "v1",
  "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a": "b", "c": "d"},
    "finalizers": ["x/a", "x/b"], "creationTimestamp": "2026-01-01T00:00:00Z",
    "managedFields": [
      {"manager": "kubectl", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
       "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}}},
       "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:image": {},
       "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}
       }}}}}}},
      {"manager": "other", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
       "fieldsV1": {"f:metadata": {"f:labels": {"f:c": {}}, "f:finalizers": {"v:\"x/a\"": {}}}}}]},
  "spec": {"containers": [{"name": "c", "image": "i",
      "ports": [{"containerPort": 80, "protocol": "TCP"}],
      "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
      "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}}, {"name": "d", "image": "j"}],
    "volumes": [{"name": "v", "emptyDir": {}}],
    "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 300}]},
  "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})";
constexpr std::string_view kService = R"({"kind": "Service", "apiVersion": "v1",
  "metadata": {"name": "s", "namespace": "n"}, "spec": {"selector": {"a": "b"},
    "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}, {"port": 81,
    "protocol": "UDP", "targetPort": 8}]}})";
constexpr std::string_view kRevision = R"({"kind": "ControllerRevision", "apiVersion": "apps/v1",
  "metadata": {"name": "r", "namespace": "n"}, "revision": 1,
  "data": {"a": [1, {"b": null}], "c": 1.5}})";
constexpr std::string_view kLease = R"({"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
  "metadata": {"name": "l", "namespace": "n"},
  "spec": {"holderIdentity": "h", "acquireTime": "0001-01-01T00:00:02.000000Z"}})";
constexpr std::string_view kSecret = R"({"kind": "Secret", "apiVersion": "v1",
  "metadata": {"name": "s", "namespace": "n"}, "data": {"k": "YQ=="}})";
constexpr std::string_view kDefinition = R"({"kind": "CustomResourceDefinition",
  "apiVersion": "apiextensions.k8s.io/v1", "metadata": {"name": "foos.x.io"},
  "spec": {"group": "x.io", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
    {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}},
    "b": {"additionalProperties": {"type": "integer", "default": 1}}}}}}]}})";

struct Row {
  std::string_view api_version;
  std::string_view kind;
  std::string_view text;
};
constexpr Row kRows[] = {
    {"v1", "Pod", kPod},
    {"v1", "Service", kService},
    {"v1", "Secret", kSecret},
    {"apps/v1", "ControllerRevision", kRevision},
    {"coordination.k8s.io/v1", "Lease", kLease},
    {"apiextensions.k8s.io/v1", "CustomResourceDefinition", kDefinition},
};

}  // namespace

std::span<const Type* const> Kinds() {
  static const std::vector<const Type*> kTypes = [] {
    std::vector<const Type*> types;
    for (const Row& row : kRows) types.push_back(FindBuiltInType(row.api_version, row.kind));
    return types;
  }();
  return kTypes;
}

const KindInfo& KindOf(const Type& type) {
  for (const KindInfo* kind : BuiltInKinds()) {
    if (kind->type == &type) return *kind;
  }
  CheckFailed("a kind of the table", __FILE__, __LINE__);
}

const Json& LiveObject(const Type& type) {
  static const std::map<const Type*, Json> kObjects = [] {
    std::map<const Type*, Json> objects;
    for (const Row& row : kRows) {
      const Type* each = FindBuiltInType(row.api_version, row.kind);
      objects[each] = DecodeJson(*each, row.text, FieldValidation::kStrict)->document;
    }
    return objects;
  }();
  return kObjects.at(&type);
}

}  // namespace skiff::fuzz
