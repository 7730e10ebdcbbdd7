#include "api/codec/document_parts.h"

#include <algorithm>

#include "api/codec/struct_fields.h"
#include "api/codec/typed.h"

namespace skiff {
namespace {

bool Covers(const std::vector<DocumentParts>& items, const std::vector<DocumentParts>& others) {
  return others.empty() || (!items.empty() && items[0].Covers(others[0]));
}

Json ListOfParts(const Type& type, const void* list, const DocumentParts& parts) {
  const size_t size = type.list->size(list);
  if (size == 0) return nullptr;  // As ValueToJson has it.
  Json out = Json::array();
  if (parts.items.empty()) return out;
  out.get_ref<Json::array_t&>().reserve(size);
  for (size_t i = 0; i < size; ++i) {
    out.push_back(PartsToJson(*type.element, type.list->at(list, i), parts.items[0]));
  }
  return out;
}

Json MembersToJson(const Type& type, const void* value, const DocumentParts& parts) {
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

}  // namespace

void DocumentParts::Add(std::span<const std::string_view> path) {
  if (whole) return;
  if (path.empty()) {
    whole = true;  // Members stay: somebody may hold one of them.
  } else {
    members[std::string(path[0])].Add(path.subspan(1));
  }
}

bool DocumentParts::Covers(const DocumentParts& other) const {
  if (whole || other.whole) return whole;
  return skiff::Covers(items, other.items) &&
         std::ranges::all_of(other.members, [&](const auto& member) {
           const auto own = members.find(member.first);
           return own != members.end() && own->second.Covers(member.second);
         });
}

Json PartsToJson(const Type& type, const void* value, const DocumentParts& parts) {
  if (parts.whole) return ValueToJson(type, value);
  switch (type.shape) {
    case Shape::kStruct:
      return parts.items.empty() ? MembersToJson(type, value, parts) : ValueToJson(type, value);
    case Shape::kList:
      return parts.members.empty() ? ListOfParts(type, value, parts) : ValueToJson(type, value);
    case Shape::kMap: {
      const bool is_there = parts.members.empty() && parts.items.empty();
      if (!is_there || type.map->size(value) == 0) return ValueToJson(type, value);
      return Json::object();
    }
    default:
      return ValueToJson(type, value);
  }
}

Json PartsOf(const Json& document, const DocumentParts& parts) {
  const bool fits = document.is_object()  ? parts.items.empty()
                    : document.is_array() ? parts.members.empty()
                                          : false;
  if (parts.whole || !fits) return document;
  if (document.is_array()) {
    Json out = Json::array();
    if (parts.items.empty()) return out;
    for (const Json& item : document) out.push_back(PartsOf(item, parts.items[0]));
    return out;
  }
  Json out = Json::object();
  for (const auto& [name, below] : parts.members) {
    const auto member = document.find(name);
    if (member != document.end()) out[name] = PartsOf(*member, below);
  }
  return out;
}

}  // namespace skiff
