#include "api/crd/definition_defaults.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/crd/default_schema.h"
#include "api/crd/definition_structure.h"
#include "api/crd/documents.h"
#include "api/crd/own_members.h"
#include "api/crd/schema.h"
#include "api/crd/schema_path.h"
#include "api/crd/validate.h"
#include "api/crd/validate_rules.h"
#include "api/gen/meta_v1.h"

namespace skiff::crd {
namespace {

class DefaultCheck {
 public:
  DefaultCheck(bool pruned, Violations& out)
      : out_(out), pruned_(pruned), rules_(out, nullptr), rules_of_new_(out, nullptr) {}

  // `schema` and `rules` are what was made of `props`. Either may be null: a schema is made where
  // the first default on the way down stands.
  void Node(const Json& props, const Schema* schema, const RuleNode* rules, const SchemaPath& path,
            bool is_root) {
    SchemaPtr made;
    const bool is_resource = FlagOf(props, "x-kubernetes-embedded-resource");
    const size_t outer_count = steps_.size();
    Steps outer_steps;
    if (is_resource) outer_steps.swap(steps_);
    if (PartOf(props, "default") != nullptr) {
      // Of the root it is a whole resource.
      if (is_root) made = ReadSchemaOfDefaults(AsResource(props));
      if (!is_root && schema == nullptr) made = ReadSchemaOfDefaults(props);
      if (made != nullptr) schema = made.get();
      Default(props["default"], *schema, rules, path);
    }
    if (const Json* properties = PartOf(props, "properties")) {
      for (const auto& [name, each] : properties->items()) {
        const SchemaPath at = path.Child("properties").Key(name);
        const bool own = IsOwnMember(name);
        const bool steps_on = !steps_.empty() || ((is_resource || is_root) && own);
        if (steps_on) steps_.emplace_back(name);
        Node(each, schema ? schema->Property(name) : nullptr, RulesOfProperty(rules, name), at,
             false);
        if (steps_on) steps_.pop_back();
      }
    }
    const Json* items = PartOf(props, "items");
    if (items != nullptr && items->is_object()) {
      const bool steps_on = !steps_.empty();
      if (steps_on) steps_.emplace_back(std::nullopt);
      Node(*items, schema ? schema->items.get() : nullptr, rules ? rules->items.get() : nullptr,
           path.Child("items"), false);
    }
    // As Kubernetes, which looks at none below additionalProperties.
    if (is_resource) outer_steps.swap(steps_);
    steps_.resize(outer_count);
    if (is_root) ForbidInOwn(props, path);
  }

 private:
  // Names of properties; nothing stands for the items of a list.
  using Steps = std::vector<std::optional<std::string>>;

  static Json AsResource(Json props) {
    props["x-kubernetes-embedded-resource"] = true;
    return props;
  }

  // What is wrong with defaults is told before that there must be none.
  void ForbidInOwn(const Json& root, const SchemaPath& path) {
    const Json* properties = PartOf(root, "properties");
    if (properties == nullptr) return;
    for (const auto& [name, each] : properties->items()) {
      if (IsOwnMember(name)) Forbid(each, path.Child("properties").Key(name), name);
    }
  }

  // In what each resource has, which it does not get from its schema.
  void Forbid(const Json& props, const SchemaPath& path, const std::string& name) {
    if (PartOf(props, "default") != nullptr) {
      out_.Forbidden(path.Child("default"), "must not be set in top-level " + name);
    }
    if (const Json* properties = PartOf(props, "properties")) {
      for (const auto& [key, each] : properties->items()) {
        Forbid(each, path.Child("properties").Key(key), name);
      }
    }
    for (const char* below : {"items", "additionalProperties"}) {
      const Json* each = PartOf(props, below);
      if (each != nullptr && each->is_object()) Forbid(*each, path.Child(below), name);
    }
  }

  // Whether the metadata of resources in it can be read; only the first that cannot is told of.
  bool ReadsMetadata(const Schema& schema, const Json& value, const SchemaPath& path) {
    if (!schema.has_embedded) return true;
    if (value.is_array() && schema.items != nullptr) {
      for (size_t i = 0; i < value.size(); ++i) {
        if (!ReadsMetadata(*schema.items, value[i], path.Index(i))) return false;
      }
    }
    if (!value.is_object()) return true;
    for (const auto& [name, below] : value.items()) {
      const SchemaPath at = path.Child(name);
      if (schema.embedded && name == "metadata") {
        const auto read =
            DecodeJson(meta_v1::ObjectMeta::Describe(), DumpJson(below), FieldValidation::kIgnore);
        if (read) continue;
        out_.Invalid(at, below, read.error().message);
        return false;
      }
      const Schema* property = schema.Property(name);
      const Schema* known = property != nullptr ? property : schema.additional.get();
      if (known != nullptr && !ReadsMetadata(*known, below, at)) return false;
    }
    return true;
  }

  static const RuleNode* RulesOfProperty(const RuleNode* rules, const std::string& name) {
    if (rules == nullptr) return nullptr;
    const auto found = rules->properties.find(name);
    return found == rules->properties.end() ? nullptr : found->second.get();
  }

  // Asked first, without a place: most are.
  static bool IsValid(const Schema& schema, const Json& value) {
    Violations wrong;
    ValidateEmbedded(schema, value, FieldPath("default"), wrong);
    if (wrong.empty()) ValidateDefault(schema, value, FieldPath("default"), wrong);
    return wrong.empty();
  }

  // What is wrong with a resource whose metadata, or kind, has the value at that place; "":
  // nothing.
  static std::string WrongAsMetadata(const Json& value, const Steps& steps) {
    Json resource = value;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      Json outer = *step ? Json::object() : Json::array();
      if (*step) outer[**step] = std::move(resource);
      if (!*step) outer.push_back(std::move(resource));
      resource = std::move(outer);
    }
    resource.emplace("apiVersion", "validation/v1");
    resource.emplace("kind", "Validation");
    Violations wrong;
    if (const auto metadata = resource.find("metadata"); metadata != resource.end()) {
      const auto read = DecodeJson(meta_v1::ObjectMeta::Describe(), DumpJson(*metadata),
                                   FieldValidation::kIgnore);
      if (!read) wrong.Invalid(FieldPath("metadata"), *metadata, read.error().message);
    }
    Schema plain;
    plain.embedded = plain.has_embedded = true;
    if (wrong.empty()) ValidateEmbedded(plain, resource, FieldPath(), wrong);
    return wrong.empty() ? "" : wrong.Text();
  }

  void Default(const Json& value, const Schema& schema, const RuleNode* rules,
               const SchemaPath& path) {
    const SchemaPath at = path.Child("default");
    const bool is_valid =
        steps_.empty() ? IsValidContent(value, schema, at) : IsValidMetadata(value, schema, at);
    if (rules == nullptr || !is_valid) return;
    // As an update that changes nothing, and as what is new.
    const size_t before = out_.causes().size();
    rules_.Validate(*rules, value, &value, at);
    if (out_.causes().size() == before) rules_of_new_.Validate(*rules, value, nullptr, at);
  }

  // What is wrong is told.
  bool IsValidMetadata(const Json& value, const Schema& schema, const SchemaPath& at) {
    const size_t before = out_.causes().size();
    if (const std::string wrong = WrongAsMetadata(value, steps_); !wrong.empty()) {
      out_.Invalid(at, value, "must result in valid metadata: " + wrong);
    } else {
      ValidateDefault(schema, value, at, out_);
    }
    return out_.causes().size() == before;
  }

  bool IsValidContent(const Json& value, const Schema& schema, const SchemaPath& at) {
    Json pruned = value;
    Prune(schema, pruned, nullptr);
    if (pruned_ && pruned != value) out_.Invalid(at, value, "must not have unknown fields");
    // What is wrong with resources in it is told first, and alone.
    const size_t before = out_.causes().size();
    const auto is_right = [&] { return out_.causes().size() == before; };
    if (ReadsMetadata(schema, value, at) && !IsValid(schema, value)) {
      ValidateEmbedded(schema, value, at, out_);
      if (is_right()) ValidateDefault(schema, value, at, out_);
    }
    return is_right();
  }

  Violations& out_;
  const bool pruned_;
  RuleRun rules_;
  RuleRun rules_of_new_;
  // From the resource in whose kind, apiVersion or metadata the walk is, down to where it is.
  Steps steps_;
};

}  // namespace

void ValidateDefaults(const Json& props, const DefaultChecks& checks, const FieldPath& path,
                      Violations& out) {
  DefaultCheck(checks.pruned, out).Node(props, nullptr, checks.rules, SchemaPath(path), true);
}

}  // namespace skiff::crd
