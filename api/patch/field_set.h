// Sets of field paths, as metadata.managedFields keeps them (FieldsV1). A path is a row of
// elements:
//
//   f:<name>         a field of a structure, or a key of a map
//   k:{"name":"a"}   the item of a list with these keys (compact JSON, keys sorted)
//   v:<json>         the item of a list that is a set
//   i:<index>        an item by position
//
// As JSON a set is a tree of such elements; "." or an empty object says that the path itself is in
// it: {"f:spec":{"f:ports":{"k:{\"port\":80}":{".":{},"f:port":{}}}}}.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

struct FieldChild;
struct FieldSet;

// What is below a node, sorted by element: a row in memory, since sets are made, merged and written
// by every write and are small at each level.
class FieldChildren {
 public:
  using Children = std::vector<FieldChild>;
  using iterator = Children::iterator;
  using const_iterator = Children::const_iterator;

  bool empty() const { return children_.empty(); }
  iterator begin() { return children_.begin(); }
  iterator end() { return children_.end(); }
  const_iterator begin() const { return children_.begin(); }
  const_iterator end() const { return children_.end(); }
  iterator find(std::string_view element);
  const_iterator find(std::string_view element) const;
  // `element` is greater than all that are there.
  void Append(std::string element, FieldSet child);
  // In any order, until Sort is called; of those with one name the last stays.
  FieldSet& AppendUnsorted(std::string_view element);
  void Sort();
  // The node of "<letter>:<name>", made if need be. Letter 0: `name` is all of the element.
  FieldSet& At(char letter, std::string_view name);
  void erase(iterator child);
  void erase(std::string_view element);
  void KeepOnly(std::string_view element);
  // In order, once each; the condition may change the child.
  template <typename Condition>
  void EraseIf(Condition condition);
  void clear();
  bool operator==(const FieldChildren& other) const;

 private:
  Children children_;
};

// A set is its root node; the root itself is never a member.
struct FieldSet {
  bool member = false;  // The path to this node is in the set.
  FieldChildren children;

  bool Empty() const { return !member && children.empty(); }
  // The node below `element`; nullptr when no path of the set goes there.
  const FieldSet* Find(std::string_view element) const;
  bool operator==(const FieldSet&) const = default;
};

struct FieldChild {
  std::string first;  // The element.
  FieldSet second;
  bool operator==(const FieldChild&) const = default;
};

template <typename Condition>
void FieldChildren::EraseIf(Condition condition) {
  auto kept = children_.begin();
  for (auto child = children_.begin(); child != children_.end(); ++child) {
    if (condition(*child)) continue;
    if (kept != child) *kept = std::move(*child);
    ++kept;
  }
  children_.erase(kept, children_.end());
}

// A row of elements, innermost first, that lives on the stack of a walk over a document.
struct ElementChain {
  const ElementChain* outer = nullptr;
  char letter = 0;  // 'f': `element` is the name of a field alone; 0: it is whole.
  std::string_view element;
  // Its node in the sets that it was put into; a walk fills two at most.
  mutable std::array<FieldSet*, 2> nodes = {};
};
// `which` of the walk's sets this is. The walk takes nothing out of a set, and is done with one
// element of a level before it comes to the next.
void Insert(FieldSet& set, const ElementChain* path, size_t which = 0);

FieldSet Union(FieldSet a, const FieldSet& b);
FieldSet UnionOf(std::vector<FieldSet> sets);
// The members of `a` that are not in `b`.
FieldSet Difference(const FieldSet& a, const FieldSet& b);
// Leaves no others in `a` itself.
void Subtract(FieldSet& a, const FieldSet& b);
size_t CountMembers(const FieldSet& set);
FieldSet Intersection(const FieldSet& a, const FieldSet& b);
// Drops `path` ("metadata.labels") and all below it.
void Exclude(FieldSet& set, std::string_view path);
// Drops all but `path` and what is below it.
void KeepOnly(FieldSet& set, std::string_view path);
// Makes fields of structures that lead to members members too.
FieldSet WithNamedParents(const FieldSet& set, const Type& type);

// Each member: first those of a level, then those below.
// ".spec.ports[port=53,protocol=\"UDP\"].name"
void VisitPaths(const FieldSet& set, const std::function<void(const std::string&)>& visit);
// One element of such a path: ".spec", "[name=\"a\"]", "[=\"x\"]", "[0]".
std::string PrintElement(std::string_view element);

// Elements of unknown form are passed over; fails when it is no tree of objects.
Result<FieldSet> FieldSetFromJson(const Json& fields_v1);
Json ToJson(const FieldSet& set);
// The same of and to JSON text.
Result<FieldSet> FieldSetFromText(std::string_view fields_v1);
// How many members of `set` are members in that text, of which no set is made.
size_t CountMembersIn(std::string_view fields_v1, const FieldSet& set);
void AppendText(const FieldSet& set, std::string& out);

// How apply sees a value of a table: its type and, in a structure, its field.
struct Spot {
  const Type* type = nullptr;  // nullptr: no schema; objects are granular, lists atomic.
  const Field* field = nullptr;

  bool IsAtomic() const;
  ListType list_type() const;
  // The spot of a member of this structure or map; false when the structure declares no such field.
  bool Member(std::string_view name, Spot& out) const;
  // The same for who goes over members in their order, mostly that of the fields: `next` is the
  // field that is looked at first, 0 to begin with.
  bool Member(std::string_view name, size_t& next, Spot& out) const;
  Spot Item() const { return {type->element, nullptr}; }
};

// The path element of an item of a list that is a map or a set. Fails, in structured-merge-diff's
// words, when keys are missing or the item has the wrong shape.
Result<std::string> ItemElement(const Spot& list, const Json& item, size_t index);

// The fields that a partial document gives: leaves, items of lists, and keys of maps.
// It has passed CheckApplied, or is in normal form.
FieldSet FieldsOf(const Spot& spot, const Json& document);

// Where the schema has made a whole, which is atomic, of what the set names parts of, it has the
// whole in their place: whoever owned a part owns it then. Whether there was such a place. What is
// no whole any more is as if it never was one.
bool OwnWhole(FieldSet& set, const Type& type);
// Whether there is such a place in that text, of which no set is made.
bool NamesPartsOfWhole(std::string_view fields_v1, const Type& type);

struct Comparison {
  FieldSet changed;  // Added or modified.
  FieldSet removed;
  // Of structs: each item of a list that is a map has a key. Else the two do not fit the schema.
  bool fits = true;
};
Comparison Compare(const Spot& spot, const Json& before, const Json& after);
// The same of two structs of that type, but for their metadata.managedFields.
Comparison CompareStructs(const Type& type, const void* before, const void* after);

// `document` without the paths in `set`; empty lists and maps that this leaves are null.
Json RemoveFields(const Spot& spot, const Json& document, const FieldSet& set);

}  // namespace skiff
