#include "api/codec/document_parts.h"

#include <algorithm>

#include "api/codec/struct_fields.h"
#include "api/codec/typed.h"

namespace skiff {

void DocumentParts::Add(std::span<const std::string_view> path) {
  if (whole) return;
  if (path.empty()) {
    whole = true;
    members.clear();
  } else {
    members[std::string(path[0])].Add(path.subspan(1));
  }
}

bool DocumentParts::Covers(const DocumentParts& other) const {
  if (whole || other.whole) return whole;
  return std::ranges::all_of(other.members, [&](const auto& member) {
    const auto own = members.find(member.first);
    return own != members.end() && own->second.Covers(member.second);
  });
}

Json PartsToJson(const Type& type, const void* value, const DocumentParts& parts) {
  if (parts.whole || type.shape != Shape::kStruct) return ValueToJson(type, value);
  Json document = Json::object();
  for (const auto& [name, below] : parts.members) {
    const Field* field = type.Find(name);
    if (field == nullptr) continue;
    const ShownField shown = Show(*field, value);
    if (shown.is_left_out) continue;
    Json& member = document[name];
    if (shown.value == nullptr) continue;
    // One that says its kind is no part of a structure.
    member = field->type->type_meta ? ValueToJson(*field->type, shown.value)
                                    : PartsToJson(*field->type, shown.value, below);
  }
  return document;
}

Json PartsOf(const Json& document, const DocumentParts& parts) {
  if (parts.whole || !document.is_object()) return document;
  Json out = Json::object();
  for (const auto& [name, below] : parts.members) {
    const auto member = document.find(name);
    if (member != document.end()) out[name] = PartsOf(*member, below);
  }
  return out;
}

}  // namespace skiff
