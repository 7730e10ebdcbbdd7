#include "api/openapi/merge_v2.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "api/codec/document.h"

namespace skiff::openapi {
namespace {

constexpr const char* kGvk = "x-kubernetes-group-version-kind";
constexpr std::string_view kDefinitionPrefix = "#/definitions/";
constexpr std::string_view kParameterPrefix = "#/parameters/";

using Renames = std::map<std::string, std::string, std::less<>>;

// Every "$ref" that is text. What lies deeper than documents are read is left alone.
void EachReference(Json& part, const std::function<void(std::string&)>& visit, int depth = 0) {
  if (!part.is_structured() || depth > kMergedDepthMax) return;
  if (part.is_object()) {
    const auto reference = part.find("$ref");
    if (reference != part.end() && reference->is_string()) {
      visit(reference->get_ref<std::string&>());
    }
  }
  for (Json& below : part) EachReference(below, visit, depth + 1);
}

std::set<std::string, std::less<>> UsedDefinitions(Json& document) {
  std::set<std::string, std::less<>> used;
  EachReference(document, [&](std::string& reference) {
    if (reference.starts_with(kDefinitionPrefix)) {
      used.insert(reference.substr(kDefinitionPrefix.size()));
    }
  });
  return used;
}

// A member that is an object; made where there is none.
Json& ObjectAt(Json& document, const char* name) {
  Json& member = document[name];
  if (!member.is_object()) member = Json::object();
  return member;
}

void KeepPaths(Json& document, const std::function<bool(const std::string&)>& is_kept) {
  const auto used_before = UsedDefinitions(document);
  auto& paths = ObjectAt(document, "paths").get_ref<Json::object_t&>();
  std::erase_if(paths, [&](const auto& path) { return !is_kept(path.first); });
  const auto used = UsedDefinitions(document);
  auto& definitions = ObjectAt(document, "definitions").get_ref<Json::object_t&>();
  std::erase_if(definitions, [&](const auto& definition) {
    return !used.contains(definition.first) && used_before.contains(definition.first);
  });
}

// Whether both are the same, members of that name aside. Of what is large nothing is copied: a name
// may have to be compared with thousands of others.
bool SameBut(std::string_view aside, const Json& a, const Json& b) {
  if (!a.is_object() || !b.is_object()) return a == b;
  auto left = a.begin(), right = b.begin();
  while (true) {
    if (left != a.end() && left.key() == aside) ++left;
    if (right != b.end() && right.key() == aside) ++right;
    if (left == a.end() || right == b.end()) return left == a.end() && right == b.end();
    if (left.key() != right.key() || *left != *right) return false;
    ++left;
    ++right;
  }
}

bool SameButForKinds(const Json& a, const Json& b) {
  return SameBut(kGvk, a, b);
}

bool SameWhole(const Json& a, const Json& b) {
  return a == b;
}

// The names under which what `other` calls by a name that is taken is to stand.
Renames RenamesOf(const Json& taken, const Json& other, bool (*same)(const Json&, const Json&)) {
  Renames renames;
  std::set<std::string> used;
  for (const auto& [name, value] : other.items()) {
    const auto found = taken.find(name);
    if (found == taken.end() || same(*found, value)) continue;
    for (int i = 2; !renames.contains(name); ++i) {
      const std::string next = name + "_v" + std::to_string(i);
      const auto there = taken.find(next);
      const bool is_it = there != taken.end() && same(*there, value);
      const bool is_free = there == taken.end() && !other.contains(next) && !used.contains(next);
      if (is_it || is_free) renames[name] = next;
    }
    used.insert(renames[name]);
  }
  return renames;
}

void Rename(Json& document, const char* member, std::string_view prefix, const Renames& renames) {
  if (renames.empty()) return;
  EachReference(document, [&](std::string& reference) {
    if (!reference.starts_with(prefix)) return;
    const auto found = renames.find(std::string_view(reference).substr(prefix.size()));
    if (found != renames.end()) reference = std::string(prefix) + found->second;
  });
  auto& named = ObjectAt(document, member).get_ref<Json::object_t&>();
  for (const auto& [name, next] : renames) {
    auto node = named.extract(name);
    node.key() = next;
    named.insert(std::move(node));
  }
}

std::string KeyOfKind(const Json& kind) {
  if (!kind.is_object()) return kind.dump(-1, ' ', false, Json::error_handler_t::replace);
  return TextAt(kind, "group") + "/" + TextAt(kind, "version") + "." + TextAt(kind, "kind");
}

// The kinds of an equal definition are told of beside those that are there.
void AddKinds(Json& definition, const Json& other) {
  const auto more = other.find(kGvk);
  if (more == other.end() || !more->is_array()) return;
  Json& kinds = definition[kGvk];
  if (!kinds.is_array()) {
    kinds = *more;
    return;
  }
  std::map<std::string, Json> by_key;
  for (const Json& kind : kinds) by_key.emplace(KeyOfKind(kind), kind);
  const size_t before = by_key.size();
  for (const Json& kind : *more) by_key.emplace(KeyOfKind(kind), kind);
  if (by_key.size() == before) return;
  kinds = Json::array();
  for (auto& [key, kind] : by_key) kinds.push_back(std::move(kind));
}

// Version 2 tells of no defaults.
void DropDefaults(Json& schema) {
  if (!schema.is_object()) return;
  schema.erase("default");
  for (const char* one : {"items", "additionalProperties", "not"}) {
    if (const auto below = schema.find(one); below != schema.end()) DropDefaults(*below);
  }
  for (const char* many : {"properties", "allOf", "anyOf", "oneOf"}) {
    const auto below = schema.find(many);
    if (below == schema.end() || !below->is_structured()) continue;
    for (Json& each : *below) DropDefaults(each);
  }
}

int DepthOf(const Json& part, int depth) {
  if (!part.is_structured() || depth > kMergedDepthMax) return depth;
  int deepest = depth;
  for (const Json& below : part) deepest = std::max(deepest, DepthOf(below, depth + 1));
  return deepest;
}

}  // namespace

Json PathsBelow(Json document, std::string_view prefix) {
  if (!document.is_object() || DepthOf(document, 0) > kMergedDepthMax) return nullptr;
  if (!document.contains("paths") || !document["paths"].is_object()) return nullptr;
  const auto& paths = document["paths"];
  KeepPaths(document, [&](const std::string& path) {
    return path.starts_with(prefix) && paths[path].is_object();
  });
  for (Json& definition : document["definitions"]) DropDefaults(definition);
  // Somebody else's document: what is no object says nothing of a definition or a parameter.
  for (const char* member : {"definitions", "parameters"}) {
    for (Json& named : ObjectAt(document, member)) {
      if (!named.is_object()) named = Json::object();
    }
  }
  return document;
}

void MergeInto(Json& document, Json other) {
  if (!other.is_object()) return;
  Json& paths = ObjectAt(document, "paths");
  KeepPaths(other, [&](const std::string& path) { return !paths.contains(path); });
  if (other["paths"].empty()) return;
  Json& definitions = ObjectAt(document, "definitions");
  Json& parameters = ObjectAt(document, "parameters");
  Rename(other, "definitions", kDefinitionPrefix,
         RenamesOf(definitions, ObjectAt(other, "definitions"), SameButForKinds));
  Rename(other, "parameters", kParameterPrefix,
         RenamesOf(parameters, ObjectAt(other, "parameters"), SameWhole));
  for (auto& [name, value] : other["definitions"].items()) {
    const auto found = definitions.find(name);
    if (found == definitions.end()) {
      definitions[name] = std::move(value);
    } else if (found->is_object() && value.is_object()) {
      AddKinds(*found, value);
    }
  }
  for (auto& [name, value] : other["parameters"].items()) {
    if (!parameters.contains(name)) parameters[name] = std::move(value);
  }
  for (auto& [path, item] : other["paths"].items()) paths[path] = std::move(item);
}

}  // namespace skiff::openapi
