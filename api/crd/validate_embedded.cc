// Resources that stand inside of others.
#include "api/crd/validate.h"
#include "api/gen/meta_v1.h"
#include "api/rules/object_meta.h"
#include "api/typed.h"
#include "base/text.h"

namespace skiff::crd {
namespace {

void CheckTypeMeta(const Json& value, const FieldPath& path, Violations& out) {
  for (const char* name : {"apiVersion", "kind"}) {
    const auto member = value.find(name);
    if (member == value.end()) {
      out.Required(path.Child(name));
      continue;
    }
    if (!member->is_string()) {
      out.Invalid(path.Child(name), *member, "must be a string");
      continue;
    }
    const auto& text = member->get_ref<const std::string&>();
    if (text.empty()) {
      out.Invalid(path.Child(name), text, "must not be empty");
      continue;
    }
    if (name == std::string_view("apiVersion")) {
      if (std::count(text.begin(), text.end(), '/') > 1) {
        out.Invalid(path.Child(name), text, "unexpected GroupVersion string: " + text);
      }
      continue;
    }
    for (const std::string& error : Dns1035LabelErrors(Lower(text))) {
      out.Invalid(path.Child(name), text,
                  "may have mixed case, but should otherwise match: " + error);
    }
  }
}

void CheckResource(const Json& value, const FieldPath& path, Violations& out) {
  CheckTypeMeta(value, path, out);
  const auto metadata = value.find("metadata");
  if (metadata == value.end() || !metadata->is_object()) return;
  const auto meta = FromJson<meta_v1::ObjectMeta>(*metadata);
  if (!meta) return;
  // A namespace and a name are not needed inside of another object.
  meta_v1::ObjectMeta given = *meta;
  if (given.name.empty()) given.name = "fakename";
  given.namespace_ = given.namespace_.empty() ? "fakenamespace" : given.namespace_;
  ValidateObjectMeta(given, true, &NameIsPathSegment, path.Child("metadata"), out);
}

void WalkResources(const Schema& schema, const Json& value, const FieldPath& path, bool is_root,
          Violations& out) {
  if (value.is_array() && schema.items != nullptr) {
    for (size_t i = 0; i < value.size(); ++i) {
      WalkResources(*schema.items, value[i], path.Index(i), false, out);
    }
  }
  if (!value.is_object()) return;
  if (schema.embedded) CheckResource(value, path, out);
  for (const auto& [name, below] : value.get_ref<const Json::object_t&>()) {
    const bool is_meta = name == "apiVersion" || name == "kind" || name == "metadata";
    if (is_meta && (is_root || schema.embedded)) continue;
    if (const Schema* property = schema.Property(name)) {
      WalkResources(*property, below, path.Child(name), false, out);
    } else if (schema.additional != nullptr) {
      WalkResources(*schema.additional, below, path.Key(name), false, out);
    }
  }
}

}  // namespace

void ValidateEmbedded(const Schema& schema, const Json& value, const FieldPath& at,
                      Violations& out) {
  WalkResources(schema, value, at, at.Text() == "<nil>", out);
}

}  // namespace skiff::crd
