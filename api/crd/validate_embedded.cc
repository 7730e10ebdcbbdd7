// Resources that stand inside of others.
#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/crd/own_members.h"
#include "api/crd/place.h"
#include "api/crd/validate.h"
#include "api/gen/meta_v1.h"
#include "api/rules/core/object_meta.h"
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
  if (metadata == value.end()) return;
  // Of what was applied nobody has made it that yet.
  const auto decoded =
      DecodeJson(meta_v1::ObjectMeta::Describe(), DumpJson(*metadata), FieldValidation::kIgnore);
  if (!decoded) return out.Invalid(path.Child("metadata"), *metadata, decoded.error().message);
  if (!metadata->is_object()) return;
  const auto meta = FromJson<meta_v1::ObjectMeta>(*metadata);
  if (!meta) return;
  // A namespace and a name are not needed inside of another object.
  meta_v1::ObjectMeta given = *meta;
  if (given.name.empty()) given.name = "fakename";
  given.namespace_ = given.namespace_.empty() ? "fakenamespace" : given.namespace_;
  ValidateObjectMeta(given, true, &NameIsPathSegment, path.Child("metadata"), out);
}

class ResourceWalk {
 public:
  ResourceWalk(const FieldPath& root, Violations& out)
      : root_(root), begins_at_root_(root.Text() == "<nil>"), out_(out) {}

  void Value(const Schema& schema, const Json& value, const Place& place) {
    if (!schema.has_embedded || out_.full()) return;
    if (value.is_array() && schema.items != nullptr) {
      for (size_t i = 0; i < value.size(); ++i) {
        Value(*schema.items, value[i], place.Item(i));
      }
    }
    if (!value.is_object()) return;
    if (schema.embedded) Resource(value, place);
    const bool has_type = schema.embedded || (begins_at_root_ && place.IsRoot());
    for (const auto& [name, below] : value.get_ref<const Json::object_t&>()) {
      if (has_type && IsOwnMember(name)) continue;
      if (const Schema* property = schema.Property(name)) {
        Value(*property, below, place.Member(name));
      } else if (schema.additional != nullptr) {
        Value(*schema.additional, below, place.Key(name));
      }
    }
  }

 private:
  void Resource(const Json& value, const Place& place) {
    Violations wrong;
    CheckResource(value, FieldPath(), wrong);
    // Only now does it matter where.
    if (!wrong.empty()) CheckResource(value, PathBelow(root_, place), out_);
  }

  const FieldPath root_;
  const bool begins_at_root_;
  Violations& out_;
};

}  // namespace

void ValidateEmbedded(const Schema& schema, const Json& value, const FieldPath& at,
                      Violations& out) {
  ResourceWalk(at, out).Value(schema, value, {});
}

}  // namespace skiff::crd
