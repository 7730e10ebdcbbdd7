#include "apiserver/objects/touched_members.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "api/codec/decode_targets.h"
#include "api/codec/json.h"
#include "api/codec/struct_fields.h"
#include "api/codec/typed.h"
#include "api/patch/patch.h"
#include "api/registry.h"
#include "apiserver/objects/patch_type.h"

namespace skiff {
namespace {

// The member of the object that a path of a JSON patch leads into: "status" of
// "/status/conditions/-"; "" where that may be all of it, or all of its metadata.
std::string_view MemberNamedBy(std::string_view path) {
  if (!path.starts_with('/') || path.find('~') != path.npos) return "";
  path.remove_prefix(1);
  const size_t end = path.find('/');
  return end == path.npos && path == "metadata" ? "" : path.substr(0, end);
}

// Those that a JSON patch goes into or looks at; empty where that cannot be told.
std::set<std::string, std::less<>> MembersNamedBy(std::string_view json_patch) {
  std::set<std::string, std::less<>> names;
  const auto patch = ParseJsonPatch(json_patch, false);
  if (!patch) return {};
  for (const PatchOperation& operation : patch->operations) {
    const bool has_from = operation.op == "move" || operation.op == "copy";
    for (const std::string* path : {&operation.path, has_from ? &operation.from : nullptr}) {
      if (path == nullptr) continue;
      const std::string_view name = MemberNamedBy(*path);
      if (name.empty()) return {};
      names.emplace(name);
    }
  }
  return names;
}

// Whether a value of the type may have a part that is kept as text.
bool MayHoldRaw(const Type& type, std::set<const Type*>& seen) {
  if (type.shape == Shape::kJson) return true;
  if (!seen.insert(&type).second) return false;
  if (type.element != nullptr) return MayHoldRaw(*type.element, seen);
  return std::any_of(type.fields.begin(), type.fields.end(),
                     [&](const Field& field) { return MayHoldRaw(*field.type, seen); });
}

// The same of an object of that built-in kind, its metadata aside.
bool HasRawParts(const Type& type) {
  static const std::set<const Type*> kHaveThem = [] {
    std::set<const Type*> types;
    for (const KindInfo* kind : BuiltInKinds()) {
      std::set<const Type*> seen;
      const bool has = std::ranges::any_of(kind->type->fields, [&](const Field& field) {
        return field.name != "metadata" && MayHoldRaw(*field.type, seen);
      });
      if (has) types.insert(kind->type);
    }
    return types;
  }();
  return kHaveThem.contains(&type);
}

// The keys of a merge; empty where it is none.
std::set<std::string, std::less<>> KeysOf(std::string_view merge) {
  std::set<std::string, std::less<>> keys;
  JsonReader in(merge);
  if (in.Next() != JsonToken::kObject) return {};
  std::string_view key;
  while (in.NextKey(key)) {
    keys.emplace(key);
    in.Skip();
  }
  return in.failed() ? std::set<std::string, std::less<>>() : keys;
}

}  // namespace

bool MayNameOwners(const ApiRequest& request) {
  const std::string& body = request.http.Body();
  return body.find("managedFields") != body.npos || body.find("\\u") != body.npos ||
         (PatchMediaType(request) == kJsonPatch && MembersNamedBy(body).empty());
}

StructMembers TouchedMembers(const Type& type, const ApiRequest& request) {
  StructMembers all, touched;
  for (const Field& field : type.fields) all.push_back(&field);
  const std::string media = PatchMediaType(request);
  if (media == kStrategicPatch && HasRawParts(type)) return all;
  const std::string& body = request.http.Body();
  const auto names = media == kJsonPatch ? MembersNamedBy(body) : KeysOf(body);
  if (names.empty()) return all;
  for (const std::string& name : names) {
    const Field* field = type.Find(name);
    if (field == nullptr && name != "kind" && name != "apiVersion") return all;  // "$patch"
    if (field != nullptr) touched.push_back(field);
  }
  return touched;
}

Json DocumentOfMembers(const Object& object, const StructMembers& members) {
  Json document = {{"apiVersion", object.kind().api_version}, {"kind", object.kind().kind}};
  for (const Field* field : members) {
    const ShownField shown = Show(*field, object.raw());
    if (shown.is_left_out) continue;
    Json& member = document[std::string(field->name)];
    if (shown.value != nullptr) member = ValueToJson(*field->type, shown.value);
  }
  return document;
}

void ClearMembers(const StructMembers& members, Object& object) {
  for (const Field* field : members) {
    void* const place = MemberOf(object.raw(), *field);
    if (field->pointer) {
      field->pointer_ops->reset(place);
    } else {
      StructTarget::Clear(*field->type, place);
    }
  }
}

}  // namespace skiff
