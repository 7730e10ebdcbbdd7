#include "api/crd/definition_schema.h"

#include <algorithm>
#include <set>

#include "api/crd/definition_structure.h"
#include "api/crd/documents.h"
#include "api/crd/schema.h"
#include "api/crd/validate.h"
#include "api/json.h"

namespace skiff::crd {
namespace {

constexpr const char* kUnsupported[] = {"id",          "additionalItems", "patternProperties",
                                        "definitions", "dependencies",    "$ref"};

bool IsUsed(const Json& props, const char* name) {
  const Json* part = PartOf(props, name);
  return part != nullptr && *part != "" && !(part->is_structured() && part->empty());
}

// Calls with each schema below this one, and where it stands.
template <typename Visit>
void EachBelow(const Json& props, const FieldPath& path, const Visit& visit) {
  const Json* additional = PartOf(props, "additionalProperties");
  if (additional && additional->is_object()) {
    visit(*additional, path.Child("additionalProperties"));
  }
  if (const Json* properties = PartOf(props, "properties")) {
    for (const auto& [name, each] : properties->items()) {
      visit(each, path.Child("properties").Key(name));
    }
  }
  if (const Json* none = PartOf(props, "not")) visit(*none, path.Child("not"));
  for (const char* name : {"allOf", "oneOf", "anyOf"}) {
    const Json* all = PartOf(props, name);
    for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
      visit((*all)[i], path.Child(name).Index(i));
    }
  }
  const Json* items = PartOf(props, "items");
  if (items && items->is_object()) visit(*items, path.Child("items"));
}

bool HasUnsupported(const Json& props) {
  const Json* items = PartOf(props, "items");
  bool found = std::any_of(std::begin(kUnsupported), std::end(kUnsupported),
                           [&](const char* name) { return IsUsed(props, name); }) ||
               (items != nullptr && items->is_array());
  EachBelow(props, FieldPath(), [&](const Json& below, const FieldPath&) {
    found = found || HasUnsupported(below);
  });
  return found;
}

class NodeCheck {
 public:
  explicit NodeCheck(Violations& out) : out_(out) {}

  void Node(const Json& props, const FieldPath& path) {
    Words(props, path);
    if (FlagOf(props, "uniqueItems")) {
      out_.Forbidden(path.Child("uniqueItems"),
                     "uniqueItems cannot be set to true since the runtime complexity becomes "
                     "quadratic");
    }
    const Json* additional = PartOf(props, "additionalProperties");
    if (additional != nullptr && IsUsed(props, "properties") && *additional != true) {
      out_.Forbidden(path.Child("additionalProperties"),
                     "additionalProperties and properties are mutual exclusive");
    }
    EachBelow(props, path, [&](const Json& below, const FieldPath& at) { Node(below, at); });
    constexpr const char* kPreserveUnknown = "x-kubernetes-preserve-unknown-fields";
    const Json* preserve = PartOf(props, kPreserveUnknown);
    if (preserve != nullptr && *preserve == false) {
      out_.Invalid(path.Child(kPreserveUnknown), false, "must be true or undefined");
    }
    MapType(props, path);
    List(props, path);
    Rules(props, path);
  }

 private:
  void Words(const Json& props, const FieldPath& path) {
    const std::string type = WordOf(props, "type");
    static const std::vector<std::string> kTypes = {"array",  "boolean", "integer",
                                                    "number", "object",  "string"};
    if (!type.empty() && std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
      out_.NotSupported(path.Child("type"), type, kTypes);
    }
    for (const char* name : kUnsupported) {
      if (IsUsed(props, name)) {
        out_.Forbidden(path.Child(name), std::string(name) + " is not supported");
      }
    }
    if (type == "null") {
      out_.Forbidden(path.Child("type"),
                     "type cannot be set to null, use nullable as an alternative");
    }
    const Json* items = PartOf(props, "items");
    if (items != nullptr && items->is_array()) {
      out_.Forbidden(path.Child("items"), "items must be a schema object and not an array");
    }
  }

  void WrongType(const std::string& type, const FieldPath& path, std::string_view why) {
    if (type.empty()) {
      out_.Required(path.Child("type"), why);
    } else {
      out_.Invalid(path.Child("type"), type, why);
    }
  }

  void MapType(const Json& props, const FieldPath& path) {
    constexpr const char* kName = "x-kubernetes-map-type";
    if (PartOf(props, kName) == nullptr) return;
    if (WordOf(props, "type") != "object") {
      return WrongType(WordOf(props, "type"), path,
                       "must be object if x-kubernetes-map-type is specified");
    }
    const std::string word = WordOf(props, kName);
    if (word != "atomic" && word != "granular") {
      out_.NotSupported(path.Child(kName), word, {"atomic", "granular"});
    }
  }

  void List(const Json& props, const FieldPath& path) {
    constexpr const char* kName = "x-kubernetes-list-type";
    const bool given = PartOf(props, kName) != nullptr;
    const std::string word = WordOf(props, kName), type = WordOf(props, "type");
    if (given && type != "array") {
      WrongType(type, path, "must be array if x-kubernetes-list-type is specified");
    } else if (given && word != "atomic" && word != "set" && word != "map") {
      out_.NotSupported(path.Child(kName), word, {"atomic", "set", "map"});
    }
    if (IsUsed(props, "x-kubernetes-list-map-keys") && word != "map") {
      constexpr std::string_view kWhy = "must be map if x-kubernetes-list-map-keys is non-empty";
      if (given) {
        out_.Invalid(path.Child(kName), word, kWhy);
      } else {
        out_.Required(path.Child(kName), kWhy);
      }
    }
    const Json* items = PartOf(props, "items");
    if (word == "set" && items != nullptr && items->is_object()) SetItems(*items, path);
    if (word == "map") Map(props, items, path);
  }

  void SetItems(const Json& items, const FieldPath& path) {
    constexpr std::string_view kWhy =
        "must be atomic as item of a list with x-kubernetes-list-type=set";
    const std::string type = WordOf(items, "type");
    const auto check = [&](const char* name, bool absent_is_fine) {
      const Json* word = PartOf(items, name);
      if (word == nullptr && absent_is_fine) return;
      if (word != nullptr && *word == "atomic") return;
      out_.Invalid(path.Child("items").Child(name), word == nullptr ? Json() : *word, kWhy);
    };
    if (type == "array") check("x-kubernetes-list-type", true);
    if (type == "object") check("x-kubernetes-map-type", false);
    if (FlagOf(items, "nullable")) {
      out_.Forbidden(path.Child("items").Child("nullable"),
                     "cannot be nullable when x-kubernetes-list-type is set");
    }
  }

  void Map(const Json& props, const Json* items, const FieldPath& path) {
    const FieldPath keys_path = path.Child("x-kubernetes-list-map-keys");
    const Json* keys = PartOf(props, "x-kubernetes-list-map-keys");
    const bool has_keys = keys != nullptr && !keys->empty();
    if (!has_keys) {
      out_.Required(keys_path, "must not be empty if x-kubernetes-list-type is map");
    }
    if (items == nullptr) {
      return out_.Required(path.Child("items"),
                           "must have a schema if x-kubernetes-list-type is map");
    }
    if (!items->is_object()) {
      return out_.Invalid(path.Child("items"), *items,
                          "must only have a single schema if x-kubernetes-list-type is map");
    }
    if (WordOf(*items, "type") != "object") {
      return out_.Invalid(path.Child("items").Child("type"), WordOf(*items, "type"),
                          "must be object if parent array's x-kubernetes-list-type is map");
    }
    if (has_keys) Keys(*keys, *items, path, keys_path);
  }

  void Keys(const Json& keys, const Json& items, const FieldPath& path,
            const FieldPath& keys_path) {
    const FieldPath items_path = path.Child("items");
    const Json none = Json::object();
    const Json* properties = PartOf(items, "properties");
    if (properties == nullptr) properties = &none;
    std::set<std::string> seen;
    bool repeated = false, unknown = false;
    const auto path_of = [&](const std::string& key) {
      return items_path.Child("properties").Key(key);
    };
    for (const Json& key : keys) {
      const auto& name = key.get_ref<const std::string&>();
      repeated = !seen.insert(name).second || repeated;
      const Json* property = PartOf(*properties, name.c_str());
      unknown = unknown || property == nullptr;
      if (property == nullptr) continue;
      const std::string type = WordOf(*property, "type");
      if (type != "array" && type != "object") continue;
      out_.Invalid(path_of(name).Child("type"), type,
                   "must be a scalar type if parent array's x-kubernetes-list-type is map");
    }
    if (repeated) out_.Invalid(keys_path, keys, "must not contain duplicate entries");
    if (unknown) out_.Invalid(keys_path, keys, "entries must all be names of item properties");
    if (FlagOf(items, "nullable")) {
      out_.Forbidden(items_path.Child("nullable"),
                     "cannot be nullable when x-kubernetes-list-type is map");
    }
    const Json* required = PartOf(items, "required");
    for (const std::string& name : seen) {
      const Json* property = PartOf(*properties, name.c_str());
      if (property == nullptr) continue;
      const bool is_required =
          required != nullptr && std::find(required->begin(), required->end(), name) !=
                                     required->end();
      if (!is_required && PartOf(*property, "default") == nullptr) {
        out_.Required(path_of(name).Child("default"),
                      "this property is in x-kubernetes-list-map-keys, so it must have a default "
                      "or be a required property");
      }
      if (FlagOf(*property, "nullable")) {
        out_.Forbidden(path_of(name).Child("nullable"),
                       "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
      }
    }
  }

  // The form of rules; what they say is for whoever evaluates them.
  void Rules(const Json& props, const FieldPath& path) {
    constexpr const char* kName = "x-kubernetes-validations";
    const Json* rules = PartOf(props, kName);
    const auto blank = [](const std::string& text) {
      return text.find_first_not_of(" \t\n\r\v\f") == text.npos;
    };
    for (size_t i = 0; rules != nullptr && i < rules->size(); ++i) {
      const FieldPath at = path.Child(kName).Index(i);
      const std::string rule = WordOf((*rules)[i], "rule");
      const std::string message = WordOf((*rules)[i], "message");
      const std::string trimmed_end = rule.substr(0, rule.find_last_not_of(" \t\n\r") + 1);
      if (blank(rule)) {
        out_.Required(at.Child("rule"), "rule is not specified");
      } else if (!message.empty() && blank(message)) {
        out_.Invalid(at.Child("message"), message, "must be non-empty if specified");
      } else if (message.find('\n') != message.npos) {
        out_.Invalid(at.Child("message"), message, "must not contain line breaks");
      } else if (trimmed_end.find('\n') != rule.npos && message.empty()) {
        out_.Required(at.Child("message"),
                      "message must be specified if rule contains line breaks");
      }
    }
  }

  Violations& out_;
};

// Defaults are values of their own schema, and have no place in what each resource has.
void CheckDefaults(const Json& props, bool is_root, const FieldPath& path, Violations& out) {
  const auto below = [&](const Json& each, const FieldPath& at) {
    CheckDefaults(each, false, at, out);
  };
  const Json* value = PartOf(props, "default");
  if (value != nullptr) {
    const SchemaPtr schema = ReadSchema(props);
    Json pruned = *value;
    Prune(*schema, pruned, nullptr);
    if (pruned != *value) {
      out.Invalid(path.Child("default"), *value, "must not have unknown fields");
    } else {
      ValidateDefault(*schema, *value, path.Child("default"), out);
      ValidateEmbedded(*schema, *value, path.Child("default"), out);
    }
  }
  if (const Json* properties = PartOf(props, "properties")) {
    for (const auto& [name, each] : properties->items()) {
      const FieldPath at = path.Child("properties").Key(name);
      const bool own = name == "kind" || name == "apiVersion" || name == "metadata";
      if (is_root && own && PartOf(each, "default") != nullptr) {
        out.Forbidden(at.Child("default"), "must not be set in top-level " + name);
      } else {
        below(each, at);
      }
    }
  }
  const Json* items = PartOf(props, "items");
  if (items != nullptr && items->is_object()) below(*items, path.Child("items"));
  const Json* additional = PartOf(props, "additionalProperties");
  if (additional && additional->is_object()) below(*additional, path.Child("additionalProperties"));
}

// With a status subresource the root may only say what suits a part of it as well.
void CheckRoot(const Json& props, const FieldPath& path, Violations& out) {
  const std::string type = WordOf(props, "type");
  if (type != "object") {
    out.Invalid(path.Child("type"), type,
                "only \"object\" is allowed as the type at the root of the schema if the status "
                "subresource is enabled");
    return;
  }
  static const std::set<std::string_view> kAllowed = {
      "description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum",
      "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
      "uniqueItems", "multipleOf", "required", "items", "properties", "externalDocs", "example",
      "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"};
  for (const auto& [name, value] : props.items()) {
    if (kAllowed.contains(name) || !IsUsed(props, name.c_str()) || value == false) continue;
    return out.Invalid(
        path, props,
        "only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum "
        "MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items "
        "Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed "
        "at the root of the schema if the status subresource is enabled");
  }
}

}  // namespace

void ValidateSchema(const Json& props, bool has_status, const FieldPath& path, Violations& out) {
  if (SchemaDepth(props) > kSchemaDepthMax) {
    return out.Invalid(path, "", "exceeded max depth of " + std::to_string(kSchemaDepthMax));
  }
  if (has_status) CheckRoot(props, path, out);
  if (FlagOf(props, "nullable")) {
    out.Forbidden(path.Child("nullable"), "nullable cannot be true at the root");
  }
  if (!HasUnsupported(props)) {
    Violations structural;
    ValidateStructure(props, path, structural);
    out.Append(structural);
    if (structural.empty()) CheckDefaults(props, true, path, out);
  }
  NodeCheck(out).Node(props, path);
}

const Json* FindSchemaAt(const Json& props, std::string_view path) {
  const Json* at = &props;
  while (at != nullptr && path.starts_with('.')) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('.'), path.size());
    const Json* properties = PartOf(*at, "properties");
    at = properties == nullptr ? nullptr
                               : PartOf(*properties, std::string(path.substr(0, end)).c_str());
    path.remove_prefix(end);
  }
  return path.empty() ? at : nullptr;
}

}  // namespace skiff::crd
