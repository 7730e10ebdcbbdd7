#include "api/crd/publish.h"

#include <algorithm>
#include <set>
#include <string>

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

constexpr const char* kEmbeddedApiVersionDoc =
    "apiVersion defines the versioned schema of this representation of an object. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
constexpr const char* kEmbeddedKindDoc =
    "kind is a string value representing the type of this object. In CamelCase. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/"
    "api-conventions.md#types-kinds";

// What is shown of a schema as it is, wherever it stands. Of the rest, examples and references to
// documents elsewhere are not shown.
constexpr const char* kPlainMembers[] = {"type",
                                         "title",
                                         "description",
                                         "nullable",
                                         "default",
                                         "format",
                                         "maximum",
                                         "exclusiveMaximum",
                                         "minimum",
                                         "exclusiveMinimum",
                                         "maxLength",
                                         "minLength",
                                         "pattern",
                                         "maxItems",
                                         "minItems",
                                         "uniqueItems",
                                         "multipleOf",
                                         "enum",
                                         "maxProperties",
                                         "minProperties",
                                         "required",
                                         "x-kubernetes-preserve-unknown-fields",
                                         "x-kubernetes-embedded-resource",
                                         "x-kubernetes-int-or-string",
                                         "x-kubernetes-list-map-keys",
                                         "x-kubernetes-list-type",
                                         "x-kubernetes-map-type",
                                         "x-kubernetes-validations"};

// What Go leaves out when it writes a schema.
bool IsEmpty(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_null() || (value.is_structured() && value.empty());
}

bool Is(const Json& schema, const char* mark) {
  const auto found = schema.find(mark);
  return found != schema.end() && found->is_boolean() && found->get<bool>();
}

// Of the list, or null.
void EraseTexts(Json& list, const std::set<std::string>& texts) {
  if (!list.is_array() || texts.empty()) return;
  std::erase_if(list.get_ref<Json::array_t&>(), [&](const Json& each) {
    return each.is_string() && texts.contains(each.get_ref<const std::string&>());
  });
}

class Publisher {
 public:
  Publisher(bool v2, const PublishedReferences& references)
      : v2_(v2), references_(references) {}

  // Of a whole version.
  Json Root(const Json& schema) const {
    // Of properties beside others that are not named clients of old would refuse the others.
    if (schema.empty() || (v2_ && Is(schema, kOpen))) return {{"type", "object"}};
    Json out = Structure(schema);
    AddOwnFields(out, kApiVersionDoc, kKindDoc);
    return out;
  }

 private:
  static constexpr const char* kOpen = "x-kubernetes-preserve-unknown-fields";
  static constexpr const char* kEmbedded = "x-kubernetes-embedded-resource";
  static constexpr const char* kEither = "x-kubernetes-int-or-string";

  static Json Plain(const Json& schema) {
    Json out = Json::object();
    for (const char* name : kPlainMembers) {
      const auto found = schema.find(name);
      if (found == schema.end()) continue;
      const bool is_value = std::string_view(name) == "default";
      if (is_value ? !found->is_null() : !IsEmpty(*found)) out[name] = *found;
    }
    return out;
  }

  // A schema that gives its values their structure, not one of the alternatives in it.
  Json Structure(const Json& schema) const {
    if (!schema.is_object()) return schema;  // "additionalProperties": true
    Json out = Plain(schema);
    if (const auto items = schema.find("items"); items != schema.end()) {
      out["items"] = Structure(*items);
    }
    if (const auto values = schema.find("additionalProperties"); values != schema.end()) {
      out["additionalProperties"] = Structure(*values);
    }
    if (const auto properties = schema.find("properties");
        properties != schema.end() && !IsEmpty(*properties)) {
      for (const auto& [name, each] : properties->items()) {
        out["properties"][name] = Structure(each);
      }
    }
    if (v2_) {
      CutForV2(schema, out);
    } else {
      AddAlternatives(schema, out);
      Unfold(schema, out);
    }
    if (Is(schema, kEmbedded) && !(v2_ && Is(schema, kOpen))) AddEmbedded(out);
    return out;
  }

  static void AddAlternatives(const Json& schema, Json& out) {
    for (const char* name : {"allOf", "anyOf", "oneOf"}) {
      const auto found = schema.find(name);
      if (found == schema.end() || !found->is_array()) continue;
      for (const Json& each : *found) out[name].push_back(Alternative(each));
    }
    if (const auto found = schema.find("not"); found != schema.end()) {
      out["not"] = Alternative(*found);
    }
  }

  // What alternatives say of the values of a map is not shown.
  static Json Alternative(const Json& schema) {
    if (!schema.is_object()) return schema;
    Json out = Plain(schema);
    if (const auto items = schema.find("items"); items != schema.end()) {
      out["items"] = Alternative(*items);
    }
    if (const auto properties = schema.find("properties");
        properties != schema.end() && !IsEmpty(*properties)) {
      for (const auto& [name, each] : properties->items()) {
        out["properties"][name] = Alternative(each);
      }
    }
    AddAlternatives(schema, out);
    return out;
  }

  // Says in words of OpenAPI what may be an integer or a string, unless the schema does.
  static void Unfold(const Json& schema, Json& out) {
    if (!Is(schema, kEither)) return;
    const Json either = {{{"type", "integer"}}, {{"type", "string"}}};
    if (!out.contains("anyOf")) {
      const auto all = out.find("allOf");
      const bool is_said = all != out.end() && (*all)[0].value("anyOf", Json()) == either;
      if (!is_said) out["anyOf"] = either;
    } else if (out["anyOf"] != either) {
      Json& all = out["allOf"];
      if (all.is_null()) all = Json::array();
      all.insert(all.begin(), Json{{"anyOf", either}});
    }
  }

  // OpenAPI v2 knows neither alternatives nor null, and its clients refuse what they do not know.
  static void CutForV2(const Json& schema, Json& out) {
    out.erase("default");
    const bool may_be_null = Is(schema, "nullable"), open = Is(schema, kOpen);
    out.erase("nullable");
    if (may_be_null || open) {
      out.erase("items");
      out.erase("properties");
    }
    const std::string type = out.value("type", "");
    if (may_be_null || (open && type == "object") || (type == "array" && !out.contains("items"))) {
      out.erase("type");
    }
    const auto required = out.find("required");
    if (required == out.end()) return;
    if (out.contains("properties")) {
      std::set<std::string> nullable;
      for (const auto& [name, each] : schema["properties"].items()) {
        if (Is(each, "nullable")) nullable.insert(name);
      }
      EraseTexts(*required, nullable);
    }
    const auto values = schema.find("additionalProperties");
    const bool null_values =
        values != schema.end() && values->is_object() && Is(*values, "nullable");
    if (null_values || required->empty()) out.erase("required");
  }

  void AddEmbedded(Json& schema) const {
    AddOwnFields(schema, kEmbeddedApiVersionDoc, kEmbeddedKindDoc);
    Json& required = schema["required"];
    for (const char* name : {"kind", "apiVersion"}) {
      if (std::find(required.begin(), required.end(), name) == required.end()) {
        required.push_back(name);
      }
    }
  }

  void AddOwnFields(Json& schema, const char* api_version_doc, const char* kind_doc) const {
    Json& properties = schema["properties"];
    properties["apiVersion"] = {{"type", "string"}, {"description", api_version_doc}};
    properties["kind"] = {{"type", "string"}, {"description", kind_doc}};
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
  Json props = Json::object();
  if (kind.custom != nullptr && kind.custom->own != nullptr) {
    props = kind.custom->own->Props();
    if (!props.is_object()) props = Json::object();
  }
  Json schema = Publisher(v2, references).Root(props);
  AddPublishedMarks(kind, kind.kind, schema);
  return schema;
}

void AddPublishedMarks(const RuntimeKind& kind, std::string_view name, Json& schema) {
  schema["x-kubernetes-group-version-kind"] = {
      {{"group", kind.group}, {"version", kind.version}, {"kind", name}}};
  for (const std::string_view field : kind.selectable_fields) {
    schema["x-kubernetes-selectable-fields"].push_back({{"fieldPath", field}});
  }
}

}  // namespace skiff::crd
