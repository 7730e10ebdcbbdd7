#include "api/crd/definition_schema.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_set>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/crd/definition_defaults.h"
#include "api/crd/definition_rules.h"
#include "api/crd/definition_structure.h"
#include "api/crd/documents.h"
#include "api/crd/own_members.h"
#include "api/crd/schema.h"
#include "api/crd/validate.h"
#include "api/crd/validate_rules.h"
#include "api/gen/meta_v1.h"
#include "base/text.h"

namespace skiff::crd {
namespace {

constexpr std::string_view kUnsupported[] = {"id",          "additionalItems", "patternProperties",
                                             "definitions", "dependencies",    "$ref"};
constexpr std::string_view kEmbeddedResource = "x-kubernetes-embedded-resource";
constexpr std::string_view kAlternatives[] = {"allOf", "oneOf", "anyOf"};

bool IsUsed(const Json& props, std::string_view name) {
  const Json* part = PartOf(props, name);
  return part != nullptr && *part != "" && !(part->is_structured() && part->empty());
}

// Unlike the others these may not even be given empty.
bool IsUnsupported(const Json& props, std::string_view name) {
  const bool given_is_used = name == "additionalItems" || name == "dependencies" || name == "$ref";
  return given_is_used ? PartOf(props, name) != nullptr : IsUsed(props, name);
}

// What a schema is to the one around it. Values stand only where it is no kOther.
enum class Step { kProperty, kAdditional, kItems, kOther };

// Where a schema stands in the one around it; a path is made for who asks.
struct Spot {
  Step step;
  std::string_view word;  // "properties", "allOf", ...
  std::string_view name = {};        // Of a property, or a definition.
  std::optional<size_t> index = {};  // Of an alternative.

  SchemaPath Under(const SchemaPath& path) const {
    const SchemaPath at = path.Child(word);
    if (index) return at.Index(*index);
    return step == Step::kProperty || word == "definitions" || word == "dependencies" ? at.Key(name)
                                                                                      : at;
  }
};

// Whether `is(below, spot)` of any schema right below this one: asks no further then.
template <typename Is>
bool FindBelow(const Json& props, const Is& is) {
  const Json* additional = PartOf(props, "additionalProperties");
  if (additional && additional->is_object() &&
      is(*additional, Spot{Step::kAdditional, "additionalProperties"})) {
    return true;
  }
  if (const Json* properties = PartOf(props, "properties")) {
    for (const auto& [name, each] : properties->items()) {
      if (is(each, Spot{Step::kProperty, "properties", name})) return true;
    }
  }
  const Json* none = PartOf(props, "not");
  if (none != nullptr && is(*none, Spot{Step::kOther, "not"})) return true;
  for (const std::string_view name : kAlternatives) {
    const Json* all = PartOf(props, name);
    for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
      if (is((*all)[i], Spot{Step::kOther, name, {}, i})) return true;
    }
  }
  // No schema may have these, which are looked at all the same.
  const auto find_in_map = [&](std::string_view name) {
    const Json* all = PartOf(props, name);
    if (all == nullptr || !all->is_object()) return false;
    for (const auto& [key, each] : all->items()) {
      if (each.is_object() && is(each, Spot{Step::kOther, name, key})) return true;
    }
    return false;
  };
  if (find_in_map("definitions")) return true;
  const Json* items = PartOf(props, "items");
  if (items && items->is_object() && is(*items, Spot{Step::kItems, "items"})) return true;
  for (size_t i = 0; items != nullptr && items->is_array() && i < items->size(); ++i) {
    if (is((*items)[i], Spot{Step::kOther, "items", {}, i})) return true;
  }
  return find_in_map("dependencies");
}

// Schemas of which, or of what is below them, nothing can be said of the structure. "$schema" is
// refused for no other reason.
using Unsupported = std::unordered_set<const Json*>;

bool FindUnsupported(const Json& props, Unsupported& found) {
  const Json* items = PartOf(props, "items");
  const Json* preserve = PartOf(props, "x-kubernetes-preserve-unknown-fields");
  bool is = std::any_of(std::begin(kUnsupported), std::end(kUnsupported),
                        [&](std::string_view name) { return IsUnsupported(props, name); }) ||
            IsUsed(props, "$schema") || (preserve != nullptr && *preserve == false) ||
            (items != nullptr && items->is_array() && !items->empty());
  FindBelow(props, [&](const Json& below, const Spot&) {
    is = FindUnsupported(below, found) || is;
    return false;
  });
  if (is) found.insert(&props);
  return is;
}

class NodeCheck {
 public:
  // `rules` gets what is wrong with rules; null: they are not looked at but for their form.
  NodeCheck(Violations& out, RuleCheck* rules, const Unsupported& unsupported,
            const SchemaFaults& allowed)
      : out_(out), rules_(rules), unsupported_(unsupported), allowed_(allowed) {}

  void Root(const Json& props, const SchemaPath& path) {
    const RuleScope scope;
    root_ = &props;
    Node(props, path, &scope);
  }

 private:
  // `scope` is null where no values stand.
  void Node(const Json& props, const SchemaPath& path, const RuleScope* scope) {
    const size_t before = out_.causes().size();
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
    Below(props, path, scope);
    constexpr const char* kPreserveUnknown = "x-kubernetes-preserve-unknown-fields";
    const Json* preserve = PartOf(props, kPreserveUnknown);
    if (preserve != nullptr && *preserve == false) {
      out_.Invalid(path.Child(kPreserveUnknown), false, "must be true or undefined");
    }
    MapType(props, path);
    List(props, path);
    Rules(props, path);
    if (rules_ == nullptr || scope == nullptr || RulesOf(props) == nullptr) return;
    // What rules are about has to be right before they are.
    if (out_.causes().size() == before) rules_->Node(props, *scope, path);
  }

  void Below(const Json& props, const SchemaPath& path, const RuleScope* scope) {
    const bool is_resource = &props == root_ || FlagOf(props, kEmbeddedResource);
    FindBelow(props, [&](const Json& below, const Spot& spot) {
      const bool is_own = is_resource && spot.step == Step::kProperty && IsOwnMember(spot.name);
      const bool is_any = in_own_ > 0 && spot.step == Step::kAdditional;
      in_own_ += is_own;
      in_any_of_own_ += is_any;
      Inside(props, path, scope, below, spot);
      in_own_ -= is_own;
      in_any_of_own_ -= is_any;
      return false;
    });
  }

  void Inside(const Json& props, const SchemaPath& path, const RuleScope* scope, const Json& below,
              const Spot& spot) {
    const bool told_apart = WordOf(props, "x-kubernetes-list-type") == "map";
    const Json* map_type = PartOf(props, "x-kubernetes-map-type");
    const bool strange_map =
        map_type != nullptr && *map_type != "granular" && *map_type != "atomic";
    const SchemaPath at = spot.Under(path);
    if (scope == nullptr || spot.step == Step::kOther) return Node(below, at, nullptr);
    RuleScope inside = scope->Inside(props);
    // What was there before is not known of items without keys, and maps of a kind unheard of.
    const bool lost =
        (spot.step == Step::kItems && !told_apart) || (spot.step == Step::kProperty && strange_map);
    if (lost && inside.uncorrelated == nullptr) inside.uncorrelated = &path;
    Node(below, at, &inside);
  }

  void Words(const Json& props, const SchemaPath& path) {
    const std::string type = WordOf(props, "type");
    static const std::vector<std::string> kTypes = {"array",  "boolean", "integer",
                                                    "number", "object",  "string"};
    const bool known = std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
    if (!type.empty() && !known && !allowed_.types) {
      out_.NotSupported(path.Child("type"), type, kTypes);
    }
    if (in_any_of_own_ > 0 && PartOf(props, "default") != nullptr) {
      out_.Forbidden(path.Child("default"),
                     "must not be set inside additionalProperties applying to object metadata");
    }
    for (const std::string_view name : kUnsupported) {
      if (IsUnsupported(props, name)) {
        out_.Forbidden(path.Child(name), std::string(name) + " is not supported");
      }
    }
    if (type == "null") {
      out_.Forbidden(path.Child("type"),
                     "type cannot be set to null, use nullable as an alternative");
    }
    const Json* items = PartOf(props, "items");
    if (items != nullptr && items->is_array() && !items->empty()) {
      out_.Forbidden(path.Child("items"), "items must be a schema object and not an array");
    }
    if (in_own_ > 0 && FlagOf(props, kEmbeddedResource)) {
      out_.Forbidden(path.Child(kEmbeddedResource), "must not be used inside of resource meta");
    }
  }

  void WrongType(const std::string& type, const SchemaPath& path, std::string_view why) {
    if (type.empty()) {
      out_.Required(path.Child("type"), why);
    } else {
      out_.Invalid(path.Child("type"), type, why);
    }
  }

  void MapType(const Json& props, const SchemaPath& path) {
    constexpr const char* kName = "x-kubernetes-map-type";
    if (PartOf(props, kName) == nullptr) return;
    if (WordOf(props, "type") != "object") {
      WrongType(WordOf(props, "type"), path,
                "must be object if x-kubernetes-map-type is specified");
    }
    const std::string word = WordOf(props, kName);
    if (word != "atomic" && word != "granular") {
      out_.NotSupported(path.Child(kName), word, {"atomic", "granular"});
    }
  }

  void List(const Json& props, const SchemaPath& path) {
    constexpr const char* kName = "x-kubernetes-list-type";
    const bool given = PartOf(props, kName) != nullptr;
    const std::string word = WordOf(props, kName), type = WordOf(props, "type");
    if (given && type != "array") {
      WrongType(type, path, "must be array if x-kubernetes-list-type is specified");
    }
    const Json* items = PartOf(props, "items");
    const bool is_set = word == "set" && items != nullptr && items->is_object();
    if (is_set && type == "array" && !allowed_.set_items) SetItems(*items, path);
    if (given && word != "atomic" && word != "set" && word != "map") {
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
    if (word == "map") Map(props, items, path);
    if (is_set && !allowed_.key_items && FlagOf(*items, "nullable")) {
      out_.Forbidden(path.Child("items").Child("nullable"),
                     "cannot be nullable when x-kubernetes-list-type is set");
    }
  }

  void SetItems(const Json& items, const SchemaPath& path) {
    constexpr std::string_view kWhy =
        "must be atomic as item of a list with x-kubernetes-list-type=set";
    const std::string type = WordOf(items, "type");
    const auto check = [&](const char* name, bool absent_is_fine) {
      const Json* word = PartOf(items, name);
      if (word == nullptr && absent_is_fine) return;
      if (word != nullptr && *word == "atomic") return;
      // Shown is the type of lists in either case.
      const Json* shown = PartOf(items, "x-kubernetes-list-type");
      out_.Invalid(path.Child("items").Child(name), shown == nullptr ? Json() : *shown, kWhy);
    };
    if (type == "array") check("x-kubernetes-list-type", true);
    if (type == "object") check("x-kubernetes-map-type", false);
  }

  void Map(const Json& props, const Json* items, const SchemaPath& path) {
    const SchemaPath keys_path = path.Child("x-kubernetes-list-map-keys");
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

  void Keys(const Json& keys, const Json& items, const SchemaPath& path,
            const SchemaPath& keys_path) {
    const SchemaPath items_path = path.Child("items");
    const Json none = Json::object();
    const Json* properties = PartOf(items, "properties");
    if (properties == nullptr) properties = &none;
    std::set<std::string> seen;
    const auto path_of = [&](const std::string& key) {
      return items_path.Child("properties").Key(key);
    };
    for (const Json& key : keys) {
      const auto& name = key.get_ref<const std::string&>();
      const Json* property = PartOf(*properties, name);
      const std::string type = property == nullptr ? "" : WordOf(*property, "type");
      if (property == nullptr) {
        out_.Invalid(keys_path, keys, "entries must all be names of item properties");
      } else if (type == "array" || type == "object") {
        // Shown is the type of the items.
        out_.Invalid(path_of(name).Child("type"), "object",
                     "must be a scalar type if parent array's x-kubernetes-list-type is map");
      }
      if (!seen.insert(name).second) {
        out_.Invalid(keys_path, keys, "must not contain duplicate entries");
      }
    }
    if (!allowed_.key_items) KeysAreThere(seen, *properties, items, items_path);
  }

  void KeysAreThere(const std::set<std::string>& keys, const Json& properties, const Json& items,
                    const SchemaPath& items_path) {
    if (FlagOf(items, "nullable")) {
      out_.Forbidden(items_path.Child("nullable"),
                     "cannot be nullable when x-kubernetes-list-type is map");
    }
    std::set<std::string_view> required;
    if (const Json* names = PartOf(items, "required")) {
      for (const Json& name : *names) {
        if (name.is_string()) required.insert(name.get_ref<const std::string&>());
      }
    }
    for (const std::string& name : keys) {
      const Json* property = PartOf(properties, name);
      if (property == nullptr) continue;
      const SchemaPath at = items_path.Child("properties").Key(name);
      if (!required.contains(name) && PartOf(*property, "default") == nullptr) {
        out_.Required(at.Child("default"),
                      "this property is in x-kubernetes-list-map-keys, so it must have a default "
                      "or be a required property");
      }
      if (FlagOf(*property, "nullable")) {
        out_.Forbidden(at.Child("nullable"),
                       "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
      }
    }
  }

  // The form of rules.
  void Rules(const Json& props, const SchemaPath& path) {
    const Json* rules = RulesOf(props);
    if (rules == nullptr || rules->empty()) return;
    // What has no structure has no paths to be looked for.
    const bool has_paths = !unsupported_.contains(&props);
    for (size_t i = 0; i < rules->size(); ++i) {
      const SchemaPath at = path.Child(kRules).Index(i);
      Texts((*rules)[i], at);
      Manner((*rules)[i], has_paths ? &props : nullptr, at);
    }
  }

  void Texts(const Json& given, const SchemaPath& at) {
    const std::string rule = WordOf(given, "rule"), message = WordOf(given, "message");
    const auto blank = [](const std::string& text) { return WithoutBlanks(text).empty(); };
    if (blank(rule)) {
      out_.Required(at.Child("rule"), "rule is not specified");
    } else if (!message.empty() && blank(message)) {
      out_.Invalid(at.Child("message"), message, "must be non-empty if specified");
    } else if (WithoutBlanks(message).find('\n') != message.npos) {
      out_.Invalid(at.Child("message"), message, "must not contain line breaks");
    } else if (WithoutBlanks(rule).find('\n') != rule.npos && message.empty()) {
      out_.Required(at.Child("message"), "message must be specified if rule contains line breaks");
    }
    const std::string expression = WordOf(given, "messageExpression");
    if (!expression.empty() && blank(expression)) {
      out_.Required(at.Child("messageExpression"),
                    "messageExpression must be non-empty if specified");
    }
  }

  // How a failure is told. `props` is where its path leads from; null: it may be any.
  void Manner(const Json& given, const Json* props, const SchemaPath& at) {
    static const std::vector<std::string> kReasons = {"FieldValueDuplicate", "FieldValueForbidden",
                                                      "FieldValueInvalid", "FieldValueRequired"};
    if (const Json* reason = PartOf(given, "reason")) {
      const bool known = std::any_of(kReasons.begin(), kReasons.end(),
                                     [&](const std::string& each) { return *reason == each; });
      if (!known) out_.NotSupported(at.Child("reason"), *reason, kReasons);
    }
    const std::string path = WordOf(given, "fieldPath");
    if (path.empty()) return;
    const auto wrong = [&](std::string_view why) {
      out_.Invalid(at.Child("fieldPath"), path, why);
    };
    if (WithoutBlanks(path).empty()) wrong("must be non-empty if specified");
    if (path.find('\n') != path.npos) wrong("must not contain line breaks");
    if (props != nullptr && !FindField(path, *props)) wrong("must be a valid path");
  }

  Violations& out_;
  RuleCheck* rules_;
  const Unsupported& unsupported_;  // All there are, found by one walk.
  const SchemaFaults& allowed_;
  const Json* root_ = nullptr;
  // In how many things that each resource has, its metadata above all, the walk is; and in how many
  // maps in one, of whose members nobody knows the names.
  int in_own_ = 0, in_any_of_own_ = 0;
};

// Any default in the structure.
bool HasDefault(const Json& props) {
  if (!props.is_object()) return false;
  if (PartOf(props, "default") != nullptr) return true;
  return FindBelow(props, [](const Json& below, const Spot& spot) {
    return spot.step != Step::kOther && HasDefault(below);
  });
}

bool SaysMore(const Json& props) {
  const auto flag = [&](const char* name) { return FlagOf(props, name); };
  const auto given = [&](const char* name) { return PartOf(props, name) != nullptr; };
  return flag("x-kubernetes-embedded-resource") || flag("x-kubernetes-int-or-string") ||
         given("x-kubernetes-preserve-unknown-fields") || given("x-kubernetes-list-type") ||
         IsUsed(props, "x-kubernetes-list-map-keys") || RulesOf(props) != nullptr ||
         FindBelow(props, [](const Json& below, const Spot&) { return SaysMore(below); });
}

// Whether more is wrong with the nodes of a schema where that fault alone is not allowed.
bool HasFault(const Json& props, const Unsupported& unsupported, bool SchemaFaults::*fault) {
  SchemaFaults allowed{.types = true, .set_items = true, .key_items = true};
  const auto count = [&] {
    Violations out;
    NodeCheck(out, nullptr, unsupported, allowed).Root(props, SchemaPath(FieldPath()));
    return out.causes().size();
  };
  const size_t others = count();
  allowed.*fault = false;
  return count() > others;
}

// With a status subresource the root may only say what suits a part of it as well.
void CheckRoot(const Json& props, const FieldPath& path, Violations& out) {
  const std::string type = WordOf(props, "type");
  if (!type.empty() && type != "object") {
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
    if (kAllowed.contains(name) || !IsUsed(props, name) || value == false) continue;
    return out.Invalid(
        path, props,
        "only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum "
        "MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items "
        "Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed "
        "at the root of the schema if the status subresource is enabled");
  }
}

}  // namespace

bool SetsDefaults(const Json& props) {
  return SchemaDepth(props) <= kSchemaDepthMax && HasDefault(props);
}

bool HasExtensions(const Json& props) {
  return SchemaDepth(props) <= kSchemaDepthMax && SaysMore(props);
}

void FindFaults(const Json& props, SchemaFaults& faults) {
  if (SchemaDepth(props) > kSchemaDepthMax) return;
  Unsupported unsupported;
  Violations structural;
  const bool supported = !FindUnsupported(props, unsupported);
  if (supported) ValidateStructure(props, FieldPath(), PatternBounds::kNone, structural);
  if (!supported || !structural.empty()) {
    faults.structure = true;
  } else if (HasDefault(props)) {
    const auto count = [&](bool pruned) {
      Violations out;
      ValidateDefaults(props, {.rules = nullptr, .pruned = pruned}, FieldPath(), out);
      return out.causes().size();
    };
    faults.defaults |= count(true) > count(false);
  }
  for (const auto fault :
       {&SchemaFaults::types, &SchemaFaults::set_items, &SchemaFaults::key_items}) {
    faults.*fault |= HasFault(props, unsupported, fault);
  }
}

void ValidateSchema(const Json& props, const SchemaChecks& checks, const FieldPath& path,
                    Violations& out) {
  if (SchemaDepth(props) > kSchemaDepthMax) {
    return out.Invalid(path, "", "exceeded max depth of " + std::to_string(kSchemaDepthMax));
  }
  const size_t before = out.causes().size();
  if (checks.has_status) CheckRoot(props, path, out);
  if (FlagOf(props, "nullable")) {
    out.Forbidden(path.Child("nullable"), "nullable cannot be true at the root");
  }
  RuleCompiler compiler(props);
  Violations structural;
  Unsupported unsupported;
  const bool supported = !FindUnsupported(props, unsupported);
  const bool structured = supported && !checks.allowed.structure;
  if (structured) {
    ValidateStructure(props, path, checks.bounds ? PatternBounds::kOurs : PatternBounds::kNone,
                      structural);
  }
  if (structured && structural.empty() && HasDefault(props)) {
    const RuleNodePtr rules = checks.bounds ? MakeRuleTree(props, compiler) : nullptr;
    ValidateDefaults(props, {.rules = rules.get(), .pruned = !checks.allowed.defaults}, path,
                     structural);
  }
  out.Append(structural);
  Violations of_rules;
  RuleCheck rule_check(compiler, of_rules);
  const bool checks_rules = checks.bounds && structured && structural.empty();
  NodeCheck(out, checks_rules ? &rule_check : nullptr, unsupported, checks.allowed)
      .Root(props, SchemaPath(path));
  // Whatever else is unsupported has been told of by now.
  if (!supported && !checks.allowed.structure && out.causes().size() == before) {
    out.Invalid(path, "", "OpenAPIV3Schema 'schema' is not supported");
  }
  rule_check.Total(SchemaPath(path));
  out.Append(of_rules);
}

}  // namespace skiff::crd
