// What becomes of a set of fields where the schema has changed since it was written.
#include "api/codec/json.h"
#include "api/patch/field_set.h"

namespace skiff {
namespace {

// Whether the value there is a whole that could have had owners of its parts.
bool IsWhole(const Spot& spot) {
  if (spot.type == nullptr) return false;
  const Shape shape = spot.type->shape;
  return (shape == Shape::kStruct || shape == Shape::kMap || shape == Shape::kList) &&
         spot.IsAtomic();
}

// Where an element leads to; false for one that the schema says nothing of. `next` as in
// Spot::Member.
bool SpotBelow(const Spot& spot, std::string_view element, size_t& next, Spot& below) {
  if (spot.type == nullptr) return false;
  if (spot.type->shape == Shape::kList) {
    below = spot.Item();
    return true;
  }
  const bool has_members = spot.type->shape == Shape::kStruct || spot.type->shape == Shape::kMap;
  if (!has_members || !element.starts_with("f:")) return false;
  return spot.Member(element.substr(2), next, below) && below.type != nullptr;
}

bool MakeWhole(const Spot& spot, FieldSet& set) {
  bool changed = false;
  size_t next = 0;
  for (auto& [element, child] : set.children) {
    Spot below;
    if (child.children.empty() || !SpotBelow(spot, element, next, below)) continue;
    if (IsWhole(below)) {
      child.member = true;
      child.children.clear();
      changed = true;
    } else {
      changed = MakeWhole(below, child) || changed;
    }
  }
  return changed;
}

// Reads on in the object that a set is written as; what it is not is left to who reads it.
bool NamesPartsBelow(JsonReader& in, const Spot& spot) {
  std::string_view key;
  size_t next = 0;
  while (in.NextKey(key)) {
    Spot below;
    if (!SpotBelow(spot, key, next, below)) {
      in.Skip();
      continue;
    }
    if (in.Next() != JsonToken::kObject) return false;
    if (!IsWhole(below)) {
      if (NamesPartsBelow(in, below)) return true;
      continue;
    }
    while (in.NextKey(key)) {
      if (key != ".") return true;
      in.Skip();
    }
  }
  return false;
}

}  // namespace

bool OwnWhole(FieldSet& set, const Type& type) {
  return MakeWhole({&type, nullptr}, set);
}

bool NamesPartsOfWhole(std::string_view fields_v1, const Type& type) {
  JsonReader in(fields_v1);
  return in.Next() == JsonToken::kObject && NamesPartsBelow(in, {&type, nullptr});
}

}  // namespace skiff
