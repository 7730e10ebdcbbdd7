#include "api/patch/field_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"

namespace skiff {
namespace {

FieldSet* NodeAt(FieldSet& set, const ElementChain* path, size_t which) {
  if (path == nullptr) return &set;
  FieldSet*& node = path->nodes[which];
  if (node == nullptr) {
    node = &NodeAt(set, path->outer, which)->children.At(path->letter, path->element);
  }
  return node;
}

// How "<letter>:<name>" stands to an element, which is whole, as in strcmp.
int CompareElement(std::string_view element, char letter, std::string_view name) {
  if (letter == 0) return element.compare(name);
  if (element[0] != letter) return element[0] < letter ? -1 : 1;
  return element.substr(2).compare(name);  // Each has its colon.
}

template <typename Children>
auto LowerBound(Children& children, char letter, std::string_view name) {
  return std::lower_bound(children.begin(), children.end(), name,
                          [&](const FieldChild& child, std::string_view wanted) {
                            return CompareElement(child.first, letter, wanted) < 0;
                          });
}

// The first of what comes from `at` on that is not less than `element`. Steps double: a set is
// compared with many small ones, and to go through all of it for each of them takes long.
FieldChildren::const_iterator SkipTo(FieldChildren::const_iterator at,
                                     FieldChildren::const_iterator end,
                                     const std::string& element) {
  std::ptrdiff_t step = 1;
  while (step < end - at && at[step].first < element) {
    at += step;
    step *= 2;
  }
  const auto last = at + std::min(step + 1, end - at);
  return std::lower_bound(at, last, element, [](const FieldChild& child, const std::string& name) {
    return child.first < name;
  });
}

// The first name of a dotted path as an element, and the rest.
std::pair<std::string, std::string_view> SplitPath(std::string_view path) {
  const auto dot = path.find('.');
  const bool last = dot == path.npos;
  return {"f:" + std::string(path.substr(0, dot)), last ? "" : path.substr(dot + 1)};
}

bool IsElement(std::string_view text) {
  if (text.size() < 2 || text[1] != ':') return false;
  return text[0] == 'f' || text[0] == 'k' || text[0] == 'v' || text[0] == 'i';
}

// `path` leads to `set`, and is the same afterwards.
void VisitBelow(const FieldSet& set, std::string& path,
                const std::function<void(const std::string&)>& visit) {
  const size_t length = path.size();
  for (const auto& [element, child] : set.children) {
    if (!child.member) continue;
    path += PrintElement(element);
    visit(path);
    path.resize(length);
  }
  for (const auto& [element, child] : set.children) {
    if (child.children.empty()) continue;
    path += PrintElement(element);
    VisitBelow(child, path, visit);
    path.resize(length);
  }
}

}  // namespace

FieldChildren::iterator FieldChildren::find(std::string_view element) {
  const auto place = LowerBound(children_, 0, element);
  return place != end() && place->first == element ? place : end();
}

FieldChildren::const_iterator FieldChildren::find(std::string_view element) const {
  const auto place = LowerBound(children_, 0, element);
  return place != end() && place->first == element ? place : end();
}

void FieldChildren::Append(std::string element, FieldSet child) {
  children_.push_back({std::move(element), std::move(child)});
}

FieldSet& FieldChildren::AppendUnsorted(std::string_view element) {
  return children_.emplace_back(FieldChild{std::string(element), {}}).second;
}

void FieldChildren::Sort() {
  const auto before = [](const FieldChild& a, const FieldChild& b) { return a.first < b.first; };
  const auto not_before = [&](const FieldChild& a, const FieldChild& b) { return !before(a, b); };
  if (std::adjacent_find(begin(), end(), not_before) == end()) return;
  std::stable_sort(children_.begin(), children_.end(), before);
  Children kept;
  for (FieldChild& child : children_) {
    if (!kept.empty() && kept.back().first == child.first) {
      kept.back() = std::move(child);
    } else {
      kept.push_back(std::move(child));
    }
  }
  children_ = std::move(kept);
}

FieldSet& FieldChildren::At(char letter, std::string_view name) {
  const bool is_last =
      children_.empty() || CompareElement(children_.back().first, letter, name) < 0;
  auto place = is_last ? end() : LowerBound(children_, letter, name);
  if (place != end() && CompareElement(place->first, letter, name) == 0) return place->second;
  if (children_.empty()) {  // Few nodes have more; to grow by one is to move all.
    children_.reserve(4);
    place = end();
  }
  std::string element;
  element.reserve(name.size() + 2);
  if (letter != 0) {
    element += letter;
    element += ':';
  }
  element += name;
  return children_.insert(place, FieldChild{std::move(element), {}})->second;
}

void FieldChildren::erase(iterator child) {
  children_.erase(child);
}

void FieldChildren::erase(std::string_view element) {
  if (const auto found = find(element); found != end()) children_.erase(found);
}

void FieldChildren::KeepOnly(std::string_view element) {
  std::erase_if(children_, [&](const FieldChild& child) { return child.first != element; });
}

void FieldChildren::clear() {
  children_.clear();
}

bool FieldChildren::operator==(const FieldChildren& other) const {
  return children_ == other.children_;
}

const FieldSet* FieldSet::Find(std::string_view element) const {
  const auto found = children.find(element);
  return found == children.end() ? nullptr : &found->second;
}

void Insert(FieldSet& set, const ElementChain* path, size_t which) {
  if (path != nullptr) NodeAt(set, path, which)->member = true;
}

// No conditional expressions below: of a const and a value they make a copy, at every level.
FieldSet Union(FieldSet a, const FieldSet& b) {
  a.member = a.member || b.member;
  if (b.children.empty()) return a;
  FieldChildren all;
  auto own = a.children.begin();
  auto other = b.children.begin();
  while (own != a.children.end() || other != b.children.end()) {
    const int order = own == a.children.end()     ? 1
                      : other == b.children.end() ? -1
                                                  : own->first.compare(other->first);
    if (order < 0) {
      all.Append(std::move(own->first), std::move(own->second));
    } else if (order > 0) {
      all.Append(other->first, other->second);
    } else {
      all.Append(std::move(own->first), Union(std::move(own->second), other->second));
    }
    if (order <= 0) ++own;
    if (order >= 0) ++other;
  }
  a.children = std::move(all);
  return a;
}

FieldSet UnionOf(std::vector<FieldSet> sets) {
  // Two and two: to add each to all that came before takes long where there are many.
  for (size_t step = 1; step < sets.size(); step *= 2) {
    for (size_t i = 0; i + step < sets.size(); i += 2 * step) {
      sets[i] = Union(std::move(sets[i]), sets[i + step]);
    }
  }
  if (sets.empty()) return {};
  return std::move(sets[0]);
}

FieldSet Difference(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.member = a.member && !b.member;
  auto other = b.children.begin();
  for (const auto& [element, child] : a.children) {
    other = SkipTo(other, b.children.end(), element);
    FieldSet rest;
    if (other != b.children.end() && other->first == element) {
      rest = Difference(child, other->second);
    } else {
      rest = child;
    }
    if (!rest.Empty()) out.children.Append(element, std::move(rest));
  }
  return out;
}

void Subtract(FieldSet& a, const FieldSet& b) {
  a.member = a.member && !b.member;
  if (b.children.empty()) return;
  auto other = b.children.begin();
  a.children.EraseIf([&](FieldChild& child) {
    other = SkipTo(other, b.children.end(), child.first);
    if (other == b.children.end() || other->first != child.first) return false;
    Subtract(child.second, other->second);
    return child.second.Empty();
  });
}

size_t CountMembers(const FieldSet& set) {
  size_t members = set.member ? 1 : 0;
  for (const auto& [element, child] : set.children) members += CountMembers(child);
  return members;
}

FieldSet Intersection(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.member = a.member && b.member;
  auto other = b.children.begin();
  for (const auto& [element, child] : a.children) {
    other = SkipTo(other, b.children.end(), element);
    if (other == b.children.end()) break;
    if (other->first != element) continue;
    FieldSet both = Intersection(child, other->second);
    if (!both.Empty()) out.children.Append(element, std::move(both));
  }
  return out;
}

void Exclude(FieldSet& set, std::string_view path) {
  const auto [element, rest] = SplitPath(path);
  const auto found = set.children.find(element);
  if (found == set.children.end()) return;
  if (!rest.empty()) Exclude(found->second, rest);
  if (rest.empty() || found->second.Empty()) set.children.erase(found);
}

void KeepOnly(FieldSet& set, std::string_view path) {
  const auto [element, rest] = SplitPath(path);
  set.member = false;
  set.children.KeepOnly(element);
  if (set.children.empty() || rest.empty()) return;
  KeepOnly(set.children.begin()->second, rest);
  if (set.children.begin()->second.Empty()) set.children.clear();
}

FieldSet WithNamedParents(const FieldSet& set, const Type& type) {
  FieldSet out;
  out.member = set.member;
  for (const auto& [element, child] : set.children) {
    const bool is_name = element.starts_with("f:");
    const Field* field = is_name && type.shape == Shape::kStruct
                             ? type.Find(std::string_view(element).substr(2))
                             : nullptr;
    const Type* below = field != nullptr ? field->type : type.element;
    FieldSet copy;
    if (below != nullptr) {
      copy = WithNamedParents(child, *below);
    } else {
      copy = child;
    }
    copy.member = copy.member || field != nullptr;
    out.children.Append(element, std::move(copy));
  }
  return out;
}

std::string PrintElement(std::string_view element) {
  const std::string text(element.substr(2));
  switch (element[0]) {
    case 'f':
      return "." + text;
    case 'v':
      return "[=" + text + "]";
    case 'k': {
      const auto keys = ParseJson(text);
      std::string out = "[";
      if (keys && keys->is_object()) {
        for (const auto& [name, value] : keys->items()) {
          if (out.size() > 1) out += ",";
          out += name + "=" + DumpJson(value);
        }
      }
      return out + "]";
    }
    default:
      return "[" + text + "]";
  }
}

void VisitPaths(const FieldSet& set, const std::function<void(const std::string&)>& visit) {
  std::string path;
  VisitBelow(set, path, visit);
}

namespace {

// The JSON of values and keys is Go's, in which markup is escaped: `v:"a<b"` is `v:"a\u003cb"`.
// `made` holds what is returned where it is another text.
std::string_view Canonical(std::string_view element, std::string& made) {
  const bool has_json = element[0] == 'k' || element[0] == 'v';
  if (!has_json || element.find_first_of("<>&") == std::string_view::npos) return element;
  made.clear();
  for (const char c : element) {
    if (c == '<' || c == '>' || c == '&') {
      made += fmt::format("\\u{:04x}", c);
    } else {
      made += c;
    }
  }
  return made;
}

}  // namespace

Result<FieldSet> FieldSetFromJson(const Json& fields_v1) {
  FieldSet set;
  if (fields_v1.is_null()) return set;
  if (!fields_v1.is_object()) return Fail(Reason::kBadRequest, "FieldsV1 is not an object");
  std::string made;
  for (const auto& [element, below] : fields_v1.get_ref<const Json::object_t&>()) {
    if (!IsElement(element)) continue;
    if (!below.is_object()) return Fail(Reason::kBadRequest, "FieldsV1 is not an object");
    FieldSet child = TRY(FieldSetFromJson(below));
    child.member = below.empty() || below.contains(".");
    set.children.AppendUnsorted(Canonical(element, made)) = std::move(child);
  }
  set.children.Sort();
  return set;
}

namespace {

// Reads what stands between the braces of a node, and says whether the path to it is in the set.
// `below` gets each element, and reads or skips its value. False, as from `below`: it is no tree of
// objects.
template <typename Below>
bool ReadElements(JsonReader& in, bool& member, Below below) {
  member = true;  // Of an empty object.
  bool is_dotted = false;
  std::string_view key;
  std::string made;
  while (in.NextKey(key)) {
    member = false;
    is_dotted = is_dotted || key == ".";
    if (!IsElement(key)) {
      in.Skip();
    } else if (!below(Canonical(key, made))) {
      return false;
    }
  }
  member = member || is_dotted;
  return !in.failed();
}

// Fills the node's children.
bool ReadNode(JsonReader& in, FieldSet& node, bool& member) {
  const bool is_tree = ReadElements(in, member, [&](std::string_view element) {
    FieldSet& child = node.children.AppendUnsorted(element);
    return in.Next() == JsonToken::kObject && ReadNode(in, child, child.member);
  });
  node.children.Sort();
  return is_tree;
}

// Adds what of `set` is in the node.
bool CountNode(JsonReader& in, const FieldSet& set, size_t& shared) {
  bool member = false;
  const bool is_tree = ReadElements(in, member, [&](std::string_view element) {
    if (const FieldSet* below = set.Find(element)) {
      return in.Next() == JsonToken::kObject && CountNode(in, *below, shared);
    }
    in.Skip();
    return true;
  });
  if (is_tree && member && set.member) ++shared;
  return is_tree;
}

}  // namespace

size_t CountMembersIn(std::string_view fields_v1, const FieldSet& set) {
  JsonReader in(fields_v1);
  size_t shared = 0;
  if (set.Empty() || in.Next() != JsonToken::kObject) return 0;
  CountNode(in, set, shared);
  return shared;
}

Result<FieldSet> FieldSetFromText(std::string_view fields_v1) {
  FieldSet set;
  JsonReader in(fields_v1);
  const JsonToken token = in.Next();
  if (token == JsonToken::kNull) return set;
  bool ignored = false;
  if (token != JsonToken::kObject || !ReadNode(in, set, ignored)) {
    return Fail(Reason::kBadRequest, "FieldsV1 is not an object");
  }
  return set;
}

void AppendText(const FieldSet& set, std::string& out) {
  out += '{';
  bool is_first = true;
  if (set.member && !set.children.empty()) {
    out += "\".\":{}";
    is_first = false;
  }
  for (const auto& [element, child] : set.children) {
    if (!is_first) out += ',';
    is_first = false;
    AppendJsonString(element, out);
    out += ':';
    AppendText(child, out);
  }
  out += '}';
}

Json ToJson(const FieldSet& set) {
  Json out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  if (set.member && !set.children.empty()) members.emplace(".", Json::object());
  for (const auto& [element, child] : set.children) {
    members.emplace_hint(members.end(), element, ToJson(child));
  }
  return out;
}

bool Spot::IsAtomic() const {
  if (type == nullptr) return false;
  const bool granular = field != nullptr && field->granular;
  switch (type->shape) {
    case Shape::kStruct:
    case Shape::kMap:
      return !granular && (type->atomic || (field != nullptr && field->atomic));
    case Shape::kList:
      return list_type() == ListType::kAtomic;
    default:
      return true;
  }
}

ListType Spot::list_type() const {
  return field == nullptr ? ListType::kAtomic : field->list_type;
}

bool Spot::Member(std::string_view name, Spot& out) const {
  size_t next = 0;
  return Member(name, next, out);
}

bool Spot::Member(std::string_view name, size_t& next, Spot& out) const {
  out = {};
  if (type == nullptr) return true;
  if (type->shape == Shape::kMap) {
    out.type = type->element;
    if (!type->fields.empty()) out.field = &type->fields.front();
    return true;
  }
  const auto fields = type->fields;
  const bool is_next = next < fields.size() && fields[next].name == name;
  out.field = is_next ? &fields[next] : type->Find(name);
  if (out.field == nullptr) return type->preserve_unknown;
  next = out.field - fields.data() + 1;
  const bool opaque = out.field->type->shape == Shape::kJson && out.field->type->preserve_unknown;
  out.type = opaque ? nullptr : out.field->type;
  return true;
}

}  // namespace skiff
