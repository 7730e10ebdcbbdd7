// What `explain` knows of a kind, from an OpenAPI document of the server.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/json_text.h"
#include "client/resource.h"

namespace skiff::cli {

// The schemas of a document, which refer to each other.
class Schemas {
 public:
  // Of v3; of v2 with its definitions in the same place.
  explicit Schemas(Json document) : document_(std::move(document)) {}

  const Json& Named(const std::string& reference) const {
    return At(document_, "components", "schemas", reference.substr(reference.rfind('/') + 1));
  }
  // The schema of a kind; null when the document has none.
  const Json& OfKind(const Resource& resource) const {
    const std::string group = resource.Group();
    for (const Json& schema : At(document_, "components", "schemas")) {
      const Json& kinds = At(schema, "x-kubernetes-group-version-kind");
      if (!kinds.is_array() || kinds.size() != 1) continue;
      const std::string version = TextAt(kinds[0], "version");
      const std::string own_group = TextAt(kinds[0], "group");
      if (TextAt(kinds[0], "kind") != resource.kind || own_group != group) continue;
      if ((group.empty() ? version : group + "/" + version) == resource.api_version) return schema;
    }
    return At(Json(), "");
  }
  // Follows "$ref", alone or in an allOf.
  const Json& Resolved(const Json& schema) const {
    const std::string reference = ReferenceOf(schema);
    return reference.empty() ? schema : Named(reference);
  }
  static std::string ReferenceOf(const Json& schema) {
    const std::string own = TextAt(schema, "$ref");
    if (!own.empty()) return own;
    const Json& all = At(schema, "allOf");
    return all.is_array() && all.size() == 1 ? TextAt(all[0], "$ref") : "";
  }
  // The schema whose properties a field has: of its items, of its values, or its own.
  const Json& Members(const Json& schema) const {
    const Json& resolved = Resolved(schema);
    if (At(resolved, "items").is_object()) return Members(At(resolved, "items"));
    const Json& values = At(resolved, "additionalProperties");
    if (values.is_object() && !At(resolved, "properties").is_object()) return Members(values);
    return resolved;
  }
  // "[]Container", "map[string]string", "Object"
  std::string TypeName(const Json& schema) const {
    if (At(schema, "items").is_object()) return "[]" + TypeName(At(schema, "items"));
    if (At(schema, "additionalProperties").is_object()) {
      return "map[string]" + TypeName(At(schema, "additionalProperties"));
    }
    if (const std::string reference = ReferenceOf(schema); !reference.empty()) {
      const Json& named = Named(reference);
      if (TextAt(named, "type") != "object" && !At(named, "oneOf").is_array() &&
          !TextAt(named, "type").empty()) {
        return TextAt(named, "type");
      }
      return reference.substr(reference.find_last_of("./") + 1);
    }
    const std::string type = TextAt(schema, "type");
    return type.empty() || type == "object" ? "Object" : type;
  }

 private:
  const Json document_;
};

struct Explained {
  Schemas schemas;
  Resource resource;
  std::vector<std::string> path;  // Of the field; empty: the kind itself.
  bool recursive = false;
  std::string type;      // As it was written.
  bool guesses = false;  // Which path may have been meant, where there is none.
};

// Whether an object of that schema must have a member of that name.
bool IsRequired(const Json& owner, const std::string& name);

// As kubectl explained kinds before 1.27, from OpenAPI v2, and still does where that is asked for.
Result<std::string> ExplainAsBefore(const Explained& what);

}  // namespace skiff::cli
