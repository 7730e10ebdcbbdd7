#include "cli/kustomize/resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/group_version.h"
#include "api/text/yaml_texts.h"
#include "api/type.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::kustomize {
namespace {

constexpr char kNoNamespace[] = "_non_namespaceable_";

// Keys of `over` stand over those of `below`.
Json Overlaid(const Json& below, const Json& over) {
  Json result = below.is_object() ? below : Json::object();
  if (over.is_object()) result.update(over);
  return result;
}

// An empty map is none.
void PutMap(Json& object, const char* name, Json map) {
  if (map.empty()) {
    object.erase(name);
  } else {
    object[name] = std::move(map);
  }
}

void TakeMetadata(Resource& made, const Resource& old) {
  const Json& before = At(old.object, "metadata");
  Json& metadata = made.object["metadata"];
  for (const char* name : {"labels", "annotations"}) {
    PutMap(metadata, name, Overlaid(At(before, name), At(metadata, name)));
  }
  for (const char* name : {"name", "namespace"}) {
    if (before.contains(name)) {
      metadata[name] = before[name];
    } else {
      metadata.erase(name);
    }
  }
  made.past = old.past;
  made.prefixes = old.prefixes;
  made.suffixes = old.suffixes;
  made.variables = old.variables;
  made.behavior = old.behavior;
  made.takes_hash = made.takes_hash && old.takes_hash;
  made.changes = old.changes;
}

// As Go prints the metadata of an object that has no name.
std::string GoMeta(const Json& object) {
  return fmt::format("{{{{{} {}}} {{{{{} {}}} {} {}}}}}", TextAt(object, "apiVersion"),
                     TextAt(object, "kind"), NameOf(object), NamespaceOf(object),
                     GoPlain(Overlaid({}, At(object, "metadata", "labels"))),
                     GoPlain(Overlaid({}, At(object, "metadata", "annotations"))));
}

Result<> CheckObject(const Json& object) {
  if (!object.is_object() || (!object.contains("metadata") && !object.contains("kind"))) {
    return CliError("missing Resource metadata");
  }
  const std::string kind = TextAt(object, "kind");
  if (kind.empty()) return CliError("missing kind in object " + GoMeta(object));
  if (!kind.ends_with("List") && NameOf(object).empty()) {
    return CliError("missing metadata.name in object " + GoMeta(object));
  }
  if (DepthOf(object, kObjectDepthMax) >= kObjectDepthMax) {
    return CliError(fmt::format("an object nests deeper than {}", kObjectDepthMax));
  }
  return {};
}

}  // namespace

std::string OrElse(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

bool Gvk::IsMeantBy(const Gvk& selector) const {
  return (selector.group.empty() || selector.group == group) &&
         (selector.version.empty() || selector.version == version) &&
         (selector.kind.empty() || selector.kind == kind);
}

std::string Gvk::Text() const {
  return OrElse(kind, "[noKind]") + "." + OrElse(version, "[noVer]") + "." + OrElse(group, "[noGrp]");
}

Gvk MakeGvk(const std::string& api_version, const std::string& kind) {
  return {std::string(GroupPart(api_version)), std::string(VersionPart(api_version)), kind};
}

Gvk GvkOf(const Json& object) {
  return MakeGvk(TextAt(object, "apiVersion"), TextAt(object, "kind"));
}

bool IsClusterKind(const Gvk& gvk) {
  static const auto* const kinds = [] {
    auto* known = new std::unordered_map<std::string, bool>;
    for (const KindInfo* kind : BuiltInKinds()) {
      known->emplace(fmt::format("{}|{}", kind->api_version, kind->kind), kind->namespaced);
    }
    return known;
  }();
  const auto found = kinds->find(gvk.ApiVersion() + "|" + gvk.kind);
  return found != kinds->end() && !found->second;
}

std::string ResourceId::EffectiveNamespace() const {
  if (cluster_scoped) return kNoNamespace;
  return OrElse(namespace_, "default");
}

bool ResourceId::Means(const ResourceId& other) const {
  return name == other.name && gvk == other.gvk && SameNamespace(other);
}

bool ResourceId::IsMeantBy(const ResourceId& selector) const {
  return (selector.name.empty() || selector.name == name) &&
         (selector.namespace_.empty() || selector.SameNamespace(*this)) &&
         gvk.IsMeantBy(selector.gvk);
}

std::string ResourceId::Text() const {
  return gvk.Text() + "/" + OrElse(name, "[noName]") + "." + OrElse(namespace_, "[noNs]");
}

std::string ResourceId::GoSyntax() const {
  return fmt::format(
      "resid.ResId{{Gvk:resid.Gvk{{Group:{}, Version:{}, Kind:{}, isClusterScoped:{}}}, Name:{}, "
      "Namespace:{}}}",
      GoQuote(gvk.group), GoQuote(gvk.version), GoQuote(gvk.kind), cluster_scoped, GoQuote(name),
      GoQuote(namespace_));
}

std::string Origin::Text() const {
  std::string text;
  if (!path.empty()) text += "path: " + path + "\n";
  if (!configured_in.empty()) text += "configuredIn: " + configured_in + "\n";
  if (!configured_by.empty()) {
    text += "configuredBy:\n  apiVersion: builtin\n  kind: " + configured_by + "\n";
  }
  return text;
}

ResourceId Resource::Id() const {
  ResourceId id{GvkOf(object), NameOf(object), NamespaceOf(object)};
  id.cluster_scoped = IsClusterKind(id.gvk);
  return id;
}

bool Resource::IsAny(const std::function<bool(const ResourceId&)>& matches) const {
  return std::any_of(past.begin(), past.end(), matches) || matches(Id());
}

void Resource::Remember() {
  ResourceId id = Id();
  id.namespace_ = id.EffectiveNamespace();
  id.cluster_scoped = false;
  past.push_back(std::move(id));
}

bool Resource::HasNotes() const {
  return is_generated || !past.empty() || !prefixes.empty() || !suffixes.empty() ||
         origin.has_value();
}

Result<> ResourceSet::Append(std::unique_ptr<Resource> resource) {
  const ResourceId id = resource->Id();
  if (!FindCurrent(id).empty()) {
    return CliError("may not add resource with an already registered id: " + id.Text());
  }
  if (all_.size() >= kResourcesMax) {
    return CliError(fmt::format("more than {} objects come of it", kResourcesMax));
  }
  all_.push_back(std::move(resource));
  return {};
}

Result<> ResourceSet::AppendAll(ResourceSet other) {
  for (auto& each : other.all_) TRY(Append(std::move(each)));
  return {};
}

Result<> ResourceSet::Absorb(std::unique_ptr<Resource> resource) {
  const ResourceId id = resource->Id();
  const auto matches = Find([&](const ResourceId& each) { return id.Means(each); });
  const Behavior behavior = resource->behavior;
  const bool changes = behavior == Behavior::kMerge || behavior == Behavior::kReplace;
  if (matches.size() > 1) {
    return CliError("found multiple objects that could accept merge of " + id.Text());
  }
  if (matches.empty()) {
    if (!changes) return Append(std::move(resource));
    return CliError(fmt::format("id {} does not exist; cannot merge or replace", id.GoSyntax()));
  }
  if (!changes) {
    return CliError(
        fmt::format("id {} exists; behavior must be merge or replace", id.GoSyntax()));
  }
  Resource& old = *matches[0];
  TakeMetadata(*resource, old);
  if (behavior == Behavior::kMerge) {
    for (const char* name : {"data", "binaryData"}) {
      PutMap(resource->object, name, Overlaid(At(old.object, name), At(resource->object, name)));
    }
    if (old.origin) resource->origin = old.origin;
  }
  old = std::move(*resource);
  return {};
}

std::vector<Resource*> ResourceSet::Find(
    const std::function<bool(const ResourceId&)>& matches) const {
  std::vector<Resource*> found;
  for (const auto& each : all_) {
    if (each->IsAny(matches)) found.push_back(each.get());
  }
  return found;
}

std::vector<Resource*> ResourceSet::FindCurrent(const ResourceId& id) const {
  std::vector<Resource*> found;
  for (const auto& each : all_) {
    // Names first: an id is more work.
    if (NameOf(each->object) == id.name && id.Means(each->Id())) found.push_back(each.get());
  }
  return found;
}

Result<Resource*> ResourceSet::FindOne(const ResourceId& id) const {
  const auto found = Find([&](const ResourceId& each) { return id.Means(each); });
  if (found.size() == 1) return found[0];
  return CliError(fmt::format("{} matches for Id {}; failed to find unique target for patch {}",
                              found.empty() ? "no" : "multiple", id.Text(), id.Text()));
}

namespace {

constexpr std::string_view kItems = "/items/";

// Of JSON pointers into a list, those into each of its items, from there.
std::vector<std::vector<std::string>> ByItem(const std::vector<std::string>& pointers,
                                             size_t items) {
  std::vector<std::vector<std::string>> by_item(items);
  for (const std::string& each : pointers) {
    if (!each.starts_with(kItems)) continue;
    size_t item = 0;
    const char* const end = each.data() + each.size();
    const auto read = std::from_chars(each.data() + kItems.size(), end, item);
    if (item < items && read.ptr != end) by_item[item].emplace_back(read.ptr, end);
  }
  return by_item;
}

}  // namespace

Result<Resources> ParseResources(std::string_view text) {
  auto documents = ParseYamlStreamWithTexts(text);
  if (!documents) return documents.error().message.starts_with("yaml: ")
                             ? CliError("MalformedYAMLError: " + documents.error().message)
                             : Fail(documents.error());
  std::vector<YamlDocument> waiting = *std::move(documents);
  Resources resources;
  // Lists in lists stand at the end, as in kustomize.
  for (size_t at = 0; at < waiting.size(); ++at) {
    Json object = std::move(waiting[at].value);
    if (object.empty()) continue;
    TRY(CheckObject(object));
    if (!TextAt(object, "kind").ends_with("List") || !object.contains("items")) {
      auto resource = std::make_unique<Resource>();
      resource->object = std::move(object);
      resource->blanks = std::move(waiting[at].blanks);
      resources.push_back(std::move(resource));
      continue;
    }
    Json& items = object["items"];
    if (items.is_null()) continue;
    if (!items.is_array()) {
      return CliError(fmt::format("expected array in {}/items", TextAt(object, "kind")));
    }
    auto blanks = ByItem(waiting[at].blanks, items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      waiting.push_back({.value = std::move(items[i]), .blanks = std::move(blanks[i])});
    }
  }
  return resources;
}

Result<std::vector<Json>> ParseObjects(std::string_view text) {
  std::vector<Json> objects;
  for (const auto& resource : TRY(ParseResources(text))) {
    objects.push_back(std::move(resource->object));
  }
  return objects;
}

}  // namespace skiff::cli::kustomize
