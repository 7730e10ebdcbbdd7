// Where a walk over a document is: on the stack of the walk, and a text only for who asks. Names
// may be as long as a document, so that a text of each place would cost their product.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "api/select/field_path.h"

namespace skiff::crd {

// Its names live as long as the walk is there.
struct Place {
  enum class Kind { kMember, kItem, kKey, kValue };

  const Place* outer = nullptr;  // nullptr: where the walk began.
  Kind kind = Kind::kMember;
  std::string_view name = {};
  size_t index = 0;  // Of an item.

  Place Member(std::string_view below) const { return {this, Kind::kMember, below}; }
  Place Item(size_t below) const { return {this, Kind::kItem, {}, below}; }
  // Of a map, behind a dot even at the root.
  Place Value(std::string_view below) const { return {this, Kind::kValue, below}; }
  // Of a map, printed in brackets.
  Place Key(std::string_view below) const { return {this, Kind::kKey, below}; }
  bool IsRoot() const { return outer == nullptr && name.empty(); }

  // "spec.ports[0].name"; "" for the root.
  std::string Text() const {
    std::vector<const Place*> row;
    for (const Place* at = this; at != nullptr; at = at->outer) row.push_back(at);
    std::reverse(row.begin(), row.end());
    std::string text;
    for (const Place* at : row) {
      if (at->kind == Kind::kItem) {
        text += "[" + std::to_string(at->index) + "]";
      } else if (at->kind == Kind::kKey) {
        text.append("[").append(at->name).append("]");
      } else if (at->kind == Kind::kValue) {
        text.append(".").append(at->name);
      } else if (at->outer != nullptr || !at->name.empty()) {
        text.append(text.empty() ? "" : ".").append(at->name);
      }
    }
    return text;
  }
};

// A walk's place as a path below `root`; the root itself where that is "".
inline FieldPath PathBelow(const FieldPath& root, const Place& place) {
  const std::string text = place.Text();
  if (root.Text() == "<nil>") return FieldPath(text);
  if (text.empty()) return root;
  return text[0] == '[' ? FieldPath(root.Text() + text) : root.Child(text);
}

}  // namespace skiff::crd
