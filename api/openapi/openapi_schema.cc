#include "api/openapi/openapi_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/codec/kept_text.h"
#include "api/crd/publish.h"
#include "api/kinds/behaviour.h"
#include "api/openapi/texts.h"
#include "api/text/group_version.h"

namespace skiff::openapi {
namespace {

constexpr std::string_view kMachinery = "io.k8s.apimachinery.pkg.";

// The groups and versions whose scheme knows DeleteOptions and WatchEvent, served here or not.
// Clients of all ages look a kind up by any of them. Custom kinds are told of by the scheme of
// clients, which lacks some.
struct GroupVersions {
  std::string_view group;
  std::vector<std::string_view> versions;
  bool of_servers_alone = false;
};
const std::vector<GroupVersions>& CommonKindGroups() {
  static const std::vector<GroupVersions> kGroups = {
      {"", {"v1"}},
      {"admission.k8s.io", {"v1", "v1beta1"}, true},
      {"admissionregistration.k8s.io", {"v1", "v1alpha1", "v1beta1"}},
      {"apiextensions.k8s.io", {"v1", "v1beta1"}, true},
      {"apiregistration.k8s.io", {"v1", "v1beta1"}, true},
      {"apps", {"v1", "v1beta1", "v1beta2"}},
      {"authentication.k8s.io", {"v1", "v1alpha1", "v1beta1"}},
      {"authorization.k8s.io", {"v1", "v1beta1"}},
      {"autoscaling", {"v1", "v2", "v2beta1", "v2beta2"}},
      {"batch", {"v1", "v1beta1"}},
      {"certificates.k8s.io", {"v1", "v1alpha1", "v1beta1"}},
      {"coordination.k8s.io", {"v1", "v1alpha2", "v1beta1"}},
      {"discovery.k8s.io", {"v1", "v1beta1"}},
      {"events.k8s.io", {"v1", "v1beta1"}},
      {"extensions", {"v1beta1"}},
      {"flowcontrol.apiserver.k8s.io", {"v1", "v1beta1", "v1beta2", "v1beta3"}},
      {"imagepolicy.k8s.io", {"v1alpha1"}, true},
      {"internal.apiserver.k8s.io", {"v1alpha1"}},
      {"networking.k8s.io", {"v1", "v1beta1"}},
      {"node.k8s.io", {"v1", "v1alpha1", "v1beta1"}},
      {"policy", {"v1", "v1beta1"}},
      {"rbac.authorization.k8s.io", {"v1", "v1alpha1", "v1beta1"}},
      {"resource.k8s.io", {"v1", "v1alpha3", "v1beta1", "v1beta2"}},
      {"scheduling.k8s.io", {"v1", "v1alpha1", "v1beta1"}},
      {"storage.k8s.io", {"v1", "v1alpha1", "v1beta1"}},
      {"storagemigration.k8s.io", {"v1beta1"}},
  };
  return kGroups;
}

// Structures of which one member is set, as the discriminator says.
struct Union {
  std::string_view definition;
  std::string_view discriminator;
  std::vector<std::pair<std::string_view, std::string_view>> members;
};
const std::vector<Union>& Unions() {
  static const std::vector<Union> kUnions = {
      {"io.k8s.api.core.v1.AppArmorProfile", "type", {{"localhostProfile", "LocalhostProfile"}}},
      {"io.k8s.api.core.v1.SeccompProfile", "type", {{"localhostProfile", "LocalhostProfile"}}},
      {"io.k8s.api.flowcontrol.v1.LimitResponse", "type", {{"queuing", "Queuing"}}},
      {"io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec",
       "type",
       {{"exempt", "Exempt"}, {"limited", "Limited"}}},
      {"io.k8s.api.flowcontrol.v1.Subject",
       "kind",
       {{"group", "Group"}, {"serviceAccount", "ServiceAccount"}, {"user", "User"}}},
  };
  return kUnions;
}

// "k8s.io/api/apps/v1" is "io.k8s.api.apps.v1."
std::string PackagePrefix(std::string_view package) {
  std::string out;
  std::string_view domain = package.substr(0, package.find('/'));
  while (!domain.empty()) {
    const size_t dot = domain.rfind('.');
    out += std::string(domain.substr(dot == std::string_view::npos ? 0 : dot + 1)) + ".";
    domain = dot == std::string_view::npos ? "" : domain.substr(0, dot);
  }
  for (const char c : package.substr(std::min(package.find('/') + 1, package.size()))) {
    out += c == '/' ? '.' : c;
  }
  return out + ".";
}

// "" for types that have no definition of their own.
std::string DefinitionOfType(const Type& type) {
  const std::string machinery(kMachinery);
  switch (type.shape) {
    case Shape::kTime:
      return machinery + "apis.meta.v1.Time";
    case Shape::kMicroTime:
      return machinery + "apis.meta.v1.MicroTime";
    case Shape::kQuantity:
      return machinery + "api.resource.Quantity";
    case Shape::kIntOrString:
      return machinery + "util.intstr.IntOrString";
    case Shape::kJson:
      if (type.name == "RawExtension") return machinery + "runtime.RawExtension";
      if (type.name == "FieldsV1") return machinery + "apis.meta.v1.FieldsV1";
      if (type.name.empty()) return "";
      return "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1." + std::string(type.name);
    case Shape::kStruct:
      return type.go_package.empty() ? "" : PackagePrefix(type.go_package) + std::string(type.name);
    default:
      return "";
  }
}

const Type* FindType(std::string_view definition) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape == Shape::kStruct && definition.ends_with(type->name) &&
        definition == DefinitionOfType(*type)) {
      return type;
    }
  }
  return nullptr;
}

Json GroupVersionKind(std::string_view group, std::string_view version, std::string_view kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

// x-kubernetes-group-version-kind of a built-in type; null when it has none.
Json KindsOfType(const Type& type, Scheme scheme) {
  Json out = Json::array();
  if (type.name == "DeleteOptions" || type.name == "WatchEvent") {
    for (const GroupVersions& group : CommonKindGroups()) {
      if (scheme == Scheme::kClients && group.of_servers_alone) continue;
      for (const std::string_view version : group.versions) {
        out.push_back(GroupVersionKind(group.group, version, type.name));
      }
    }
    return out;
  }
  if (!type.type_meta) return nullptr;
  const bool of_all = type.api_version == "meta/v1";
  out.push_back(GroupVersionKind(of_all ? "" : GroupPart(type.api_version),
                                 VersionPart(type.api_version), type.name));
  return out;
}

Json Primitive(const Type& type) {
  switch (type.shape) {
    case Shape::kBool:
      return {{"type", "boolean"}};
    case Shape::kInt32:
      return {{"type", "integer"}, {"format", "int32"}};
    case Shape::kInt64:
      return {{"type", "integer"}, {"format", "int64"}};
    case Shape::kDouble:
      return {{"type", "number"}, {"format", "double"}};
    case Shape::kBytes:
      return {{"type", "string"}, {"format", "byte"}};
    case Shape::kString: {
      Json out = {{"type", "string"}};
      if (type.closed) {
        std::vector<std::string_view> values(type.values.begin(), type.values.end());
        std::sort(values.begin(), values.end());
        out["enum"] = values;
      }
      return out;
    }
    default:
      return {{"type", "string"}};  // Durations.
  }
}

// What a value that is not a pointer is when nobody gives it; null when the schema says nothing.
Json ZeroValue(const Type& type) {
  switch (type.shape) {
    case Shape::kBool:
      return false;
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kDouble:
      return 0;
    case Shape::kString:
      return "";
    case Shape::kStruct:
      return Json::object();
    default:
      return nullptr;
  }
}

// What /version answers.
struct VersionField {
  const char* name;
  bool required;
  const char* text;
};
constexpr VersionField kVersionFields[] = {
    {"major", true, "The first number of the version of Kubernetes that is served."},
    {"minor", true, "The second number of it."},
    {"emulationMajor", false,
     "The first number of the version whose behaviour is shown, which may be an older one."},
    {"emulationMinor", false, "The second number of it."},
    {"minCompatibilityMajor", false,
     "The first number of the oldest version that the servers beside this one may have."},
    {"minCompatibilityMinor", false, "The second number of it."},
    {"gitVersion", true, "The whole version, with what is appended of the program that serves it."},
    {"gitCommit", true, "The commit that the program was built from; empty where it is not told."},
    {"gitTreeState", true, "Whether the sources were as that commit has them: clean or dirty."},
    {"buildDate", true, "When the program was built; empty where it is not told."},
    {"goVersion", true, "The version of Go that it was built by; empty where it is of C++."},
    {"compiler", true, "The compiler of Go; gc where another language has none."},
    {"platform", true, "The system and the processor that it runs on, as linux/amd64."},
};

Json VersionInfoSchema(Version version) {
  Json out = {{"type", "object"},
              {"description", "Which version a server has, and what it was built from."},
              {"required", Json::array()}};
  for (const VersionField& field : kVersionFields) {
    Json& property = out["properties"][field.name];
    property = {{"type", "string"}, {"description", field.text}};
    if (!field.required) continue;
    out["required"].push_back(field.name);
    if (version == Version::kV3) property["default"] = "";
  }
  return out;
}

// The definitions that stand for no table.
Json WellKnown(std::string_view name, Version version) {
  if (!name.starts_with(kMachinery)) return Json::object();
  name.remove_prefix(kMachinery.size());
  if (name == "apis.meta.v1.Time" || name == "apis.meta.v1.MicroTime") {
    return {{"type", "string"}, {"format", "date-time"}};
  }
  if (name == "api.resource.Quantity") {
    if (version == Version::kV2) return {{"type", "string"}};
    return {{"oneOf", {{{"type", "string"}}, {{"type", "number"}}}}};
  }
  if (name == "util.intstr.IntOrString") {
    if (version == Version::kV2) return {{"type", "string"}, {"format", "int-or-string"}};
    return {{"format", "int-or-string"}, {"oneOf", {{{"type", "integer"}}, {{"type", "string"}}}}};
  }
  return name == "version.Info" ? VersionInfoSchema(version) : Json{{"type", "object"}};
}

void Describe(std::string_view text, Json& schema) {
  if (!text.empty()) schema["description"] = text;
}

// `kind` or `apiVersion`, which objects begin with.
Json TypeMetaMember(std::string_view name) {
  const Type& meta = meta_v1::TypeMeta::Describe();
  Json schema = {{"type", "string"}};
  Describe(TextOf(meta, *meta.Find(name)), schema);
  return schema;
}

void AddListMarks(const Field& field, Json& schema) {
  if (field.type->name.empty()) {
    schema["x-kubernetes-list-type"] = field.list_type == ListType::kMap   ? "map"
                                       : field.list_type == ListType::kSet ? "set"
                                                                           : "atomic";
  }
  if (!field.list_keys.empty()) schema["x-kubernetes-list-map-keys"] = field.list_keys;
}

void AddMarks(const Field& field, Json& schema) {
  if (field.type->shape == Shape::kList) AddListMarks(field, schema);
  if (field.atomic) schema["x-kubernetes-map-type"] = "atomic";
  if (field.granular) schema["x-kubernetes-map-type"] = "granular";
  std::string strategy = field.patch_replace ? "replace" : field.patch_merge ? "merge" : "";
  if (field.patch_retain_keys) strategy += strategy.empty() ? "retainKeys" : ",retainKeys";
  if (!strategy.empty()) schema["x-kubernetes-patch-strategy"] = strategy;
  if (!field.merge_key.empty()) schema["x-kubernetes-patch-merge-key"] = field.merge_key;
}

// Of a list whose items have the schema `item`.
Json ListSchema(Json metadata, std::string_view what, Json item) {
  return {{"type", "object"},
          {"required", {"items"}},
          {"properties",
           {{"apiVersion", TypeMetaMember("apiVersion")},
            {"kind", TypeMetaMember("kind")},
            {"metadata", std::move(metadata)},
            {"items",
             {{"description", what}, {"type", "array"}, {"items", std::move(item)}}}}}};
}

std::string ListKindOf(const RuntimeKind& kind) {
  const std::string_view own = kind.behaviour->list_kind;
  return own.empty() ? std::string(kind.kind) + "List" : std::string(own);
}

}  // namespace

std::string DefinitionOf(const meta_v1::GroupVersionKind& kind) {
  const std::string api_version =
      kind.group.empty() ? kind.version : kind.group + "/" + kind.version;
  if (const Type* type = FindBuiltInType(api_version, kind.kind)) return DefinitionOfType(*type);
  return PackagePrefix(kind.group + "/" + kind.version) + kind.kind;
}

meta_v1::GroupVersionKind KindOf(std::string_view api_version, std::string_view kind) {
  meta_v1::GroupVersionKind out;
  out.group = GroupPart(api_version);
  out.version = VersionPart(api_version);
  out.kind = kind;
  return out;
}

std::string ListDefinitionOf(const RuntimeKind& kind) {
  return PackagePrefix(kind.api_version) + ListKindOf(kind);
}

std::string Definitions::Reference(Version version, std::string_view name) {
  return (version == Version::kV2 ? "#/definitions/" : "#/components/schemas/") + std::string(name);
}

void Definitions::Add(const std::string& name, const meta_v1::GroupVersionKind* kind) {
  if (name.empty() || all_.contains(name)) return;
  if (const Type* type = FindType(name)) return AddType(name, *type);
  if (const RuntimeKind* custom = kind == nullptr ? nullptr : FindCustom(*kind)) {
    if (name == DefinitionOf(*kind)) return AddCustom(name, *custom);
    if (name == ListDefinitionOf(*custom)) return AddCustomList(name, *custom);
  }
  const std::string item = name.substr(0, name.size() - std::min<size_t>(name.size(), 4));
  if (name.ends_with("List") && FindType(item) != nullptr) {
    Add(item, kind);
    AddList(name, item);
  } else {
    all_[name] = WellKnown(name, version_);
  }
}

void Definitions::AddCustom(const std::string& name, const RuntimeKind& kind) {
  const std::string meta = std::string(kMachinery) + "apis.meta.v1.ObjectMeta";
  all_[name] = crd::PublishedSchema(kind, version_ == Version::kV2,
                                    {{{"$ref", Reference(version_, meta)}}});
  Add(meta);
}

void Definitions::AddCustomList(const std::string& name, const RuntimeKind& kind) {
  const std::string item = PackagePrefix(kind.api_version) + std::string(kind.kind);
  const std::string list_kind = ListKindOf(kind);
  const std::string list_meta = std::string(kMachinery) + "apis.meta.v1.ListMeta";
  Json metadata = {{"$ref", Reference(version_, list_meta)}};
  if (version_ == Version::kV3) metadata = {{"allOf", {metadata}}};
  Describe(TextOf(meta_v1::ListMeta::Describe()), metadata);
  Json schema = ListSchema(std::move(metadata), fmt::format("List of {}.", kind.resource),
                           {{"$ref", Reference(version_, item)}});
  schema["description"] = fmt::format("{} is a list of {}", list_kind, kind.kind);
  crd::AddPublishedMarks(kind, list_kind, schema);
  all_[name] = std::move(schema);
  Add(list_meta);
  if (!all_.contains(item)) AddCustom(item, kind);
}

Definitions::Definitions(Version version, std::span<const KindInfo* const> kinds, Scheme scheme)
    : version_(version), scheme_(scheme) {
  for (const KindInfo* each : kinds) {
    const RuntimeKind* runtime = RuntimeKindOf(*each);
    if (runtime != nullptr) custom_.try_emplace({each->group, each->version, each->kind}, runtime);
  }
}

const RuntimeKind* Definitions::FindCustom(const meta_v1::GroupVersionKind& kind) const {
  const auto found = custom_.find({kind.group, kind.version, kind.kind});
  return found == custom_.end() ? nullptr : found->second;
}

void Definitions::AddType(const std::string& name, const Type& type) {
  all_[name] = nullptr;  // Types may hold themselves.
  Json schema = Schema(type);
  if (type.atomic) schema["x-kubernetes-map-type"] = "atomic";
  if (Json kinds = KindsOfType(type, scheme_); !kinds.is_null()) {
    schema["x-kubernetes-group-version-kind"] = std::move(kinds);
  }
  for (const Union& entry : Unions()) {
    if (entry.definition != name) continue;
    Json members = Json::object();
    for (const auto& [field, value] : entry.members) members[std::string(field)] = value;
    schema["x-kubernetes-unions"] = {
        {{"discriminator", entry.discriminator}, {"fields-to-discriminateBy", members}}};
  }
  all_[name] = std::move(schema);
}

void Definitions::AddList(const std::string& name, const std::string& item) {
  Json items = {{"$ref", Reference(version_, item)}};
  const std::string list_meta = std::string(kMachinery) + "apis.meta.v1.ListMeta";
  Json metadata = {{"$ref", Reference(version_, list_meta)}};
  if (version_ == Version::kV3) {
    items = {{"default", Json::object()}, {"allOf", {items}}};
    metadata = {{"default", Json::object()}, {"allOf", {metadata}}};
  }
  Describe(TextOf(meta_v1::ListMeta::Describe()), metadata);
  Json kinds = Json::array();
  for (Json kind : all_[item].value("x-kubernetes-group-version-kind", Json::array())) {
    kind["kind"] = kind["kind"].get<std::string>() + "List";
    kinds.push_back(std::move(kind));
  }
  Add(list_meta);
  Json schema =
      ListSchema(std::move(metadata), "The objects that were asked for.", std::move(items));
  schema["x-kubernetes-group-version-kind"] = std::move(kinds);
  all_[name] = std::move(schema);
}

Json Definitions::Schema(const Type& type) {
  Json out = {{"type", "object"}};
  Describe(TextOf(type), out);
  Json properties = Json::object();
  Json required = Json::array();
  if (type.type_meta) {
    for (const char* name : {"apiVersion", "kind"}) properties[name] = TypeMetaMember(name);
  }
  for (const Field& field : type.fields) {
    Json& property = properties[std::string(field.name)] = FieldSchema(field);
    Describe(TextOf(type, field), property);
    // The one text of bytes that Kubernetes marks as the list which it is in Go.
    if (type.name == "APIServiceSpec" && field.name == "caBundle") {
      property["x-kubernetes-list-type"] = "atomic";
    }
    if (field.required) required.push_back(field.name);
  }
  if (!properties.empty()) out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}

Json Definitions::FieldSchema(const Field& field) {
  Json schema = ValueSchema(*field.type);
  if (version_ == Version::kV3) {
    // A reference has siblings here, which v3 allows beside allOf only.
    if (schema.contains("$ref")) schema = {{"allOf", {std::move(schema)}}};
    Json zero = field.pointer ? Json() : ZeroValue(*field.type);
    if (!field.always && field.type->shape != Shape::kStruct) zero = nullptr;
    if (!field.default_json.empty()) zero = Json::parse(field.default_json, nullptr, false);
    if (!zero.is_null()) schema["default"] = std::move(zero);
  }
  AddMarks(field, schema);
  return schema;
}

// Of the items of a list or the values of a map.
Json Definitions::ElementSchema(const Type& type) {
  Json schema = ValueSchema(type);
  if (version_ == Version::kV2) return schema;
  Json zero = ZeroValue(type);
  if (zero.is_null()) return schema;
  if (schema.contains("$ref")) schema = {{"allOf", {std::move(schema)}}};
  schema["default"] = std::move(zero);
  return schema;
}

Json Definitions::ValueSchema(const Type& type) {
  if (const Type* kept = KeptAsText(type)) return ValueSchema(*kept);
  if (type.shape == Shape::kList) {
    return {{"type", "array"}, {"items", ElementSchema(*type.element)}};
  }
  if (type.shape == Shape::kMap) {
    return {{"type", "object"}, {"additionalProperties", ElementSchema(*type.element)}};
  }
  if (const std::string name = DefinitionOfType(type); !name.empty()) {
    if (type.shape == Shape::kStruct) {
      if (!all_.contains(name)) AddType(name, type);
    } else {
      Add(name);
    }
    return {{"$ref", Reference(version_, name)}};
  }
  if (type.shape == Shape::kStruct) return Schema(type);
  if (type.shape == Shape::kJson) return {{"type", "object"}};
  return Primitive(type);
}

}  // namespace skiff::openapi
