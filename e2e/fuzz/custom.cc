// Custom resources: schemas that anybody may define, and objects that anybody may send to one.
#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/crd/custom_kind.h"
#include "api/crd/definition.h"
#include "api/crd/publish.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

using apiextensions_v1::CustomResourceDefinition;

constexpr std::string_view kDefinition = R"({
  "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
  "metadata": {"name": "lamps.example.com"},
  "spec": {"group": "example.com", "scope": "Namespaced", "conversion": {"strategy": "None"},
    "names": {"plural": "lamps", "singular": "lamp", "kind": "Lamp", "listKind": "LampList"},
    "versions": [{"name": "v1", "served": true, "storage": true,
                  "subresources": {"status": {}}}]}})";
constexpr std::string_view kAccepted = R"({
  "acceptedNames": {"plural": "lamps", "singular": "lamp", "kind": "Lamp", "listKind": "LampList"},
  "storedVersions": ["v1"], "conditions": [{"type": "Established", "status": "True"}]})";

// A schema with something of everything that a document can be judged by.
constexpr std::string_view kSchema = R"json({"type": "object", "properties": {
  "spec": {"type": "object", "required": ["a"],
    "x-kubernetes-validations": [
      {"rule": "!has(self.n) || self.n >= 0 || self.a == 'negative'", "message": "n"},
      {"rule": "self.a == oldSelf.a || self.a.size() > 1",
       "messageExpression": "'was ' + oldSelf.a"},
      {"rule": "!has(self.list) || self.list.all(i, i.key != 'x')", "fieldPath": ".list",
       "reason": "FieldValueForbidden"}],
    "properties": {
      "a": {"type": "string", "maxLength": 20, "pattern": "^[a-z]*$", "default": "abc"},
      "n": {"type": "integer", "format": "int32", "maximum": 100, "multipleOf": 2},
      "d": {"type": "number", "minimum": -1.5, "exclusiveMinimum": true, "nullable": true},
      "b": {"type": "boolean", "enum": [true]},
      "at": {"type": "string", "format": "date-time"},
      "ip": {"type": "string", "format": "ipv4"},
      "bytes": {"type": "string", "format": "byte"},
      "port": {"x-kubernetes-int-or-string": true,
               "x-kubernetes-validations": [{"rule": "type(self) == string || self > 0"}]},
      "set": {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 9,
              "x-kubernetes-list-type": "set"},
      "list": {"type": "array", "maxItems": 9, "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": ["key", "number"],
               "items": {"type": "object", "required": ["key"], "properties": {
                 "key": {"type": "string", "maxLength": 9}, "value": {"type": "string"},
                 "number": {"type": "integer", "default": 1}}}},
      "map": {"type": "object", "maxProperties": 3, "minProperties": 1,
              "additionalProperties": {"type": "integer", "nullable": true, "default": 3}},
      "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
              "properties": {"known": {"type": "string", "default": "k"}}},
      "pod": {"type": "object", "x-kubernetes-embedded-resource": true,
              "x-kubernetes-preserve-unknown-fields": true},
      "one": {"type": "object", "properties": {"x": {"type": "string"}, "y": {"type": "string"}},
              "oneOf": [{"required": ["x"]}, {"required": ["y"]}],
              "not": {"properties": {"x": {"enum": ["no"]}}}},
      "atomic": {"type": "object", "x-kubernetes-map-type": "atomic",
                 "additionalProperties": {"type": "array", "items": {"type": "string"}}}}},
  "status": {"type": "object", "properties": {"phase": {"type": "string"}}}}})json";

// The definition with that schema, as a client that reads it would see it; nullopt when it is
// refused.
std::optional<Json> DefinitionOf(const Json& props) {
  Json document = Json::parse(kDefinition);
  document["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = props;
  document["status"] = Json::parse(kAccepted);
  // As a body is read: what has another type than the tables say is refused there.
  const auto decoded = DecodeJson(*Kinds().back(), DumpJson(document), FieldValidation::kIgnore);
  if (!decoded) return std::nullopt;
  const auto object = FromJson<CustomResourceDefinition>(decoded->document);
  CHECK(object.has_value());
  Violations wrong;
  crd::ValidateDefinition(*object, wrong);
  if (!wrong.empty()) {
    CHECK(!wrong.Text().empty());
    return std::nullopt;
  }
  return ToJson(*object);
}

// What a create and an update by the same content, and a read of what they stored, make of it.
void Play(const RuntimeKind& kind, Json content) {
  const crd::CustomKind& custom = *kind.custom;
  std::vector<std::string> unknown;
  constexpr size_t kBytesMax = 1 << 20;
  if (!custom.Complete(content, kBytesMax, &unknown)) return;
  const auto document = [&](const Json& of) {
    Json whole = of;
    whole["apiVersion"] = kind.api_version;
    whole["kind"] = kind.kind;
    whole["metadata"] = {{"name", "a"}, {"namespace", "n"}};
    return whole;
  };
  Json again = content;
  unknown.clear();
  CHECK(custom.Complete(again, kBytesMax, &unknown).has_value());
  CHECK(unknown.empty());
  CHECK(again == content);
  Json stored = content;
  custom.ForStore(stored);
  CHECK(custom.FromStore(kind.api_version, stored, kBytesMax).has_value());
  CHECK(stored == content);
  for (const char* subresource : {"", "status"}) {
    const Json whole = document(content);
    Violations created, updated;
    std::vector<std::string> warnings;
    custom.Validate(whole, nullptr, subresource, created, warnings);
    custom.Validate(whole, &whole, subresource, updated, warnings);
  }
}

// Something that fits the schema where that is easy.
Json Sample(const Json& props, int depth) {
  if (!props.is_object() || depth > 8) return nullptr;
  if (const auto found = props.find("enum"); found != props.end() && !found->empty()) {
    return found->front();
  }
  const auto type = props.find("type");
  if (type == props.end() || !type->is_string()) return 7;
  if (*type == "string") return "abc";
  if (*type == "integer" || *type == "number") return 4;
  if (*type == "boolean") return true;
  if (*type == "array") {
    const auto items = props.find("items");
    return Json::array({items == props.end() ? Json() : Sample(*items, depth + 1)});
  }
  Json object = Json::object();
  if (const auto found = props.find("properties"); found != props.end() && found->is_object()) {
    for (const auto& [name, property] : found->items()) object[name] = Sample(property, depth + 1);
  }
  if (const auto found = props.find("additionalProperties"); found != props.end()) {
    object["more"] = Sample(*found, depth + 1);
  }
  return object;
}

Json WithoutHead(Json object) {
  for (const char* name : {"apiVersion", "kind", "metadata"}) object.erase(name);
  return object;
}

}  // namespace

void SchemaText(std::string_view bytes) {
  const auto props = ParseJson(bytes);
  if (!props || !props->is_object()) return;
  const auto definition = DefinitionOf(*props);
  if (!definition) return;
  const RuntimeKinds kinds = crd::MakeKinds(*definition);
  CHECK(kinds.size() == 1);
  (void)crd::WholeType(*kinds[0]);
  for (const bool v2 : {false, true}) (void)crd::PublishedSchema(*kinds[0], v2, {Json::object()});
  const Json sample = Sample(*props, 0);
  if (!sample.is_object()) return;
  Play(*kinds[0], Json::object());
  Play(*kinds[0], WithoutHead(sample));
}

void CustomText(std::string_view bytes) {
  static const RuntimeKinds kinds = crd::MakeKinds(DefinitionOf(Json::parse(kSchema)).value());
  const auto content = ParseJson(bytes);
  if (content && content->is_object()) Play(*kinds.at(0), WithoutHead(*content));
}

}  // namespace skiff::fuzz
