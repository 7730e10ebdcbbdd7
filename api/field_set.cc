#include "api/field_set.h"

#include "api/json.h"

namespace skiff {
namespace {

FieldSet* NodeAt(FieldSet& set, const ElementChain* path, size_t which) {
  if (path == nullptr) return &set;
  FieldSet*& node = path->nodes[which];
  if (node != nullptr) return node;
  FieldSet* outer = NodeAt(set, path->outer, which);
  const auto place = outer->children.lower_bound(path->element);
  const bool is_there = place != outer->children.end() && place->first == path->element;
  node = is_there ? &place->second
                  : &outer->children.emplace_hint(place, path->element, FieldSet())->second;
  return node;
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
  for (const auto& [element, child] : b.children) {
    const auto [place, is_new] = a.children.try_emplace(element);
    if (is_new) {
      place->second = child;
    } else {
      place->second = Union(std::move(place->second), child);
    }
  }
  return a;
}

FieldSet Difference(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.member = a.member && !b.member;
  for (const auto& [element, child] : a.children) {
    FieldSet rest;
    if (const FieldSet* other = b.Find(element)) {
      rest = Difference(child, *other);
    } else {
      rest = child;
    }
    if (!rest.Empty()) out.children.emplace_hint(out.children.end(), element, std::move(rest));
  }
  return out;
}

FieldSet Intersection(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.member = a.member && b.member;
  for (const auto& [element, child] : a.children) {
    const FieldSet* other = b.Find(element);
    if (other == nullptr) continue;
    FieldSet both = Intersection(child, *other);
    if (!both.Empty()) out.children.emplace_hint(out.children.end(), element, std::move(both));
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
  std::erase_if(set.children, [&](const auto& child) { return child.first != element; });
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
    out.children.emplace_hint(out.children.end(), element, std::move(copy));
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

Result<FieldSet> FieldSetFromJson(const Json& fields_v1) {
  FieldSet set;
  if (fields_v1.is_null()) return set;
  if (!fields_v1.is_object()) return Fail(Reason::kBadRequest, "FieldsV1 is not an object");
  for (const auto& [element, below] : fields_v1.get_ref<const Json::object_t&>()) {
    if (!IsElement(element)) continue;
    if (!below.is_object()) return Fail(Reason::kBadRequest, "FieldsV1 is not an object");
    FieldSet child = TRY(FieldSetFromJson(below));
    child.member = below.empty() || below.contains(".");
    set.children.emplace_hint(set.children.end(), element, std::move(child));
  }
  return set;
}

namespace {

// What stands between the braces of a node: fills its children, and says whether the path to it is
// in the set. False: it is no tree of objects.
bool ReadNode(JsonReader& in, FieldSet& node, bool& member) {
  member = true;  // Of an empty object.
  bool is_dotted = false;
  std::string_view key;
  while (in.NextKey(key)) {
    member = false;
    is_dotted = is_dotted || key == ".";
    if (!IsElement(key)) {
      in.Skip();
      continue;
    }
    FieldSet& child = node.children[std::string(key)];
    child = {};  // The last one of a name counts.
    const JsonToken token = in.Next();
    if (token != JsonToken::kObject || !ReadNode(in, child, child.member)) return false;
  }
  member = member || is_dotted;
  return !in.failed();
}

}  // namespace

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
  out = {};
  if (type == nullptr) return true;
  if (type->shape == Shape::kMap) {
    out.type = type->element;
    return true;
  }
  out.field = type->Find(name);
  if (out.field == nullptr) return type->preserve_unknown;
  const bool opaque = out.field->type->shape == Shape::kJson && out.field->type->preserve_unknown;
  out.type = opaque ? nullptr : out.field->type;
  return true;
}

}  // namespace skiff
