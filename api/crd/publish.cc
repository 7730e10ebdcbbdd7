#include "api/crd/publish.h"

#include <algorithm>

#include "api/crd/custom_kind.h"

namespace skiff::crd {
namespace {

constexpr const char* kApiVersionDoc =
    "APIVersion defines the versioned schema of this representation of an object. Servers should "
    "convert recognized schemas to the latest internal value, and may reject unrecognized values. "
    "More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
constexpr const char* kKindDoc =
    "Kind is a string value representing the REST resource this object represents. Servers may "
    "infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. "
    "More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/"
    "api-conventions.md#types-kinds";

constexpr const char* kMetadataDoc =
    "Standard object's metadata. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

class Publisher {
 public:
  Publisher(bool v2, const PublishedReferences& references)
      : v2_(v2), references_(references) {}

  void Publish(Json& schema, bool is_root) {
    if (!schema.is_object()) return;
    if (v2_) CutForV2(schema, is_root);
    for (const char* name : {"properties", "patternProperties"}) {
      const auto below = schema.find(name);
      if (below == schema.end() || !below->is_object()) continue;
      for (auto& [key, each] : below->items()) Publish(each, false);
    }
    for (const char* name : {"items", "additionalProperties", "not"}) {
      const auto below = schema.find(name);
      if (below != schema.end()) Publish(*below, false);
    }
    for (const char* name : {"allOf", "anyOf", "oneOf"}) {
      const auto below = schema.find(name);
      if (below == schema.end()) continue;
      for (Json& each : *below) Publish(each, false);
    }
    const bool either = schema.value("x-kubernetes-int-or-string", false);
    if (either && !v2_ && !schema.contains("anyOf")) {
      schema["anyOf"] = {{{"type", "integer"}}, {{"type", "string"}}};
    }
    const bool open = schema.value("x-kubernetes-preserve-unknown-fields", false);
    const bool embedded =
        schema.value("x-kubernetes-embedded-resource", false) && !(v2_ && open);
    if (is_root || embedded) AddOwnFields(schema);
    if (embedded) schema["required"] = {"kind", "apiVersion"};
  }

 private:
  // OpenAPI v2 knows neither alternatives nor null, and its clients refuse what they do not know.
  void CutForV2(Json& schema, bool is_root) {
    for (const char* name : {"default", "allOf", "anyOf", "oneOf", "not"}) schema.erase(name);
    const bool open = schema.value("x-kubernetes-preserve-unknown-fields", false);
    if (open && is_root) {
      schema = {{"type", "object"}};
    } else if (open) {
      for (const char* name : {"type", "properties", "items", "required"}) schema.erase(name);
    }
    if (const auto properties = schema.find("properties"); properties != schema.end()) {
      auto required = schema.find("required");
      for (const auto& [name, each] : properties->items()) {
        if (!each.value("nullable", false) || required == schema.end()) continue;
        const auto named = std::find(required->begin(), required->end(), name);
        if (named != required->end()) required->erase(named);
      }
      if (required != schema.end() && required->empty()) schema.erase("required");
    }
    if (!schema.value("nullable", false)) return;
    for (const char* name : {"nullable", "type", "items", "properties"}) schema.erase(name);
  }

  void AddOwnFields(Json& schema) {
    Json& properties = schema["properties"];
    properties["apiVersion"] = {{"type", "string"}, {"description", kApiVersionDoc}};
    properties["kind"] = {{"type", "string"}, {"description", kKindDoc}};
    // Beside a reference OpenAPI v3 takes nothing else.
    Json& metadata = properties["metadata"];
    metadata = references_.object_meta;
    if (!v2_) metadata = {{"allOf", Json::array({references_.object_meta})}};
    metadata["description"] = kMetadataDoc;
  }

  const bool v2_;
  const PublishedReferences& references_;
};

}  // namespace

Json PublishedSchema(const RuntimeKind& kind, bool v2, const PublishedReferences& references) {
  Json schema = {{"type", "object"}};
  if (kind.custom != nullptr && kind.custom->own != nullptr) {
    Json props = kind.custom->own->Props();
    if (props.is_object() && !props.empty()) schema = std::move(props);
  }
  Publisher(v2, references).Publish(schema, true);
  schema["x-kubernetes-group-version-kind"] = {
      {{"group", kind.group}, {"version", kind.version}, {"kind", kind.kind}}};
  if (!kind.selectable_fields.empty()) {
    Json& fields = schema["x-kubernetes-selectable-fields"] = Json::array();
    for (const std::string_view field : kind.selectable_fields) {
      fields.push_back({{"fieldPath", field}});
    }
  }
  return schema;
}

}  // namespace skiff::crd
