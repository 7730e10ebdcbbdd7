#include "cli/kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/text/group_version.h"
#include "base/did_you_mean.h"
#include "cli/api.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

std::vector<std::string> Copied(std::span<const std::string_view> texts) {
  return {texts.begin(), texts.end()};
}

ServedKind FromInfo(const KindInfo& info) {
  ServedKind kind;
  kind.resource = Resource(info);
  kind.singular = info.singular;
  kind.short_names = Copied(info.short_names);
  kind.categories = Copied(info.categories);
  kind.verbs = Copied(info.verbs);
  kind.info = &info;
  return kind;
}

// The built-in kinds, each in the preferred version of its group first.
const std::vector<ServedKind>& BuiltIn() {
  static const std::vector<ServedKind> kKinds = [] {
    std::vector<const KindInfo*> infos;
    for (const KindInfo* info : BuiltInKinds()) {
      if (info->HasVerb("get") || info->HasVerb("list") || info->HasVerb("create")) {
        infos.push_back(info);
      }
    }
    std::stable_sort(infos.begin(), infos.end(), [](const KindInfo* a, const KindInfo* b) {
      if (a->group_priority != b->group_priority) return a->group_priority > b->group_priority;
      if (a->group != b->group) return a->group < b->group;
      return a->version_priority > b->version_priority;
    });
    std::vector<ServedKind> kinds;
    for (const KindInfo* info : infos) kinds.push_back(FromInfo(*info));
    return kinds;
  }();
  return kKinds;
}

std::optional<ServedKind> SearchByKind(const std::vector<ServedKind>& kinds,
                                       const std::string& api_version, const std::string& kind) {
  for (const ServedKind& served : kinds) {
    if (served.resource.api_version == api_version && served.resource.kind == kind) return served;
  }
  return std::nullopt;
}

bool Answers(const ServedKind& kind, const std::string& word) {
  return kind.resource.name == word || kind.singular == word || Lower(kind.resource.kind) == word ||
         std::find(kind.short_names.begin(), kind.short_names.end(), word) !=
             kind.short_names.end();
}

// How a word can be read: "a.b.c" is resource a of version b of group c, or of group b.c.
struct Reading {
  std::string name;
  std::optional<std::string> version;
  std::optional<std::string> group;
};

std::vector<Reading> ReadingsOf(const std::string& word) {
  const std::string lower = Lower(word);
  const size_t dot = lower.find('.');
  if (dot == std::string::npos) return {{lower, {}, {}}};
  const std::string name = lower.substr(0, dot);
  const std::string rest = lower.substr(dot + 1);
  std::vector<Reading> readings;
  const size_t second = rest.find('.');
  if (second != std::string::npos) {
    readings.push_back({name, rest.substr(0, second), rest.substr(second + 1)});
  }
  readings.push_back({name, {}, rest});
  return readings;
}

const ServedKind* Search(const std::vector<ServedKind>& kinds, const std::string& word) {
  const std::vector<Reading> readings = ReadingsOf(word);
  // How a group begins will do where none is called so: "hpa.autosc".
  for (const bool by_prefix : {false, true}) {
    for (const Reading& reading : readings) {
      if (by_prefix && !reading.group) continue;
      for (const ServedKind& kind : kinds) {
        const std::string group = kind.resource.Group();
        if (reading.group &&
            (by_prefix ? !group.starts_with(*reading.group) : group != *reading.group)) {
          continue;
        }
        const std::string_view version = VersionPart(kind.resource.api_version);
        if (reading.version && *reading.version != version) continue;
        if (Answers(kind, reading.name)) return &kind;
      }
    }
  }
  return nullptr;
}

// Where no type is near: a name may stand where a type should.
constexpr const char* kTypesAndNames =
    "\n`skiff api-resources` lists those it has; one object is TYPE/NAME, as in deployment/web";

std::string NoSuchType(const std::string& word) {
  return fmt::format("the server doesn't have a resource type \"{}\"",
                     word.substr(0, word.find('.')));
}

}  // namespace

bool IsBuiltInKind(const std::string& word) {
  return Search(BuiltIn(), word) != nullptr;
}

std::string ServedKind::FullName() const {
  const std::string group = resource.Group();
  return group.empty() ? resource.name : resource.name + "." + group;
}

std::string GroupKind(const Resource& resource) {
  const std::string group = resource.Group();
  return group.empty() ? resource.kind : resource.kind + "." + group;
}

std::string KindName(const Resource& resource) {
  const std::string group = resource.Group();
  const std::string kind = Lower(resource.kind);
  return group.empty() ? kind : kind + "." + group;
}

Result<ServedKind> Kinds::Find(const std::string& word, bool is_of_name) {
  if (word.empty()) return CliError(NoSuchType(word));
  if (const ServedKind* found = Search(BuiltIn(), word)) {
    WarnOfOthers(BuiltIn(), *found, word);
    return *found;
  }
  TRY(LoadServed());
  if (const ServedKind* found = Search(served_, word)) {
    WarnOfOthers(served_, *found, word);
    return *found;
  }
  const std::string meant = MeantBy(word);
  const bool has_hint = meant.empty() && guesses_ && !is_of_name;
  return CliError(NoSuchType(word) + (has_hint ? kTypesAndNames : meant));
}

// Once of each word. One that names its group means that kind alone.
void Kinds::WarnOfOthers(const std::vector<ServedKind>& kinds, const ServedKind& found,
                         const std::string& word) {
  const std::string name = Lower(word);
  const auto is_short = [&](const ServedKind& kind) {
    const auto& of = kind.short_names;
    return std::find(of.begin(), of.end(), name) != of.end();
  };
  if (!warn_ || !is_short(found) || !warned_.insert(name).second) return;
  for (const ServedKind& kind : kinds) {
    const std::string other = kind.FullName();
    if (!is_short(kind) || other == found.FullName() || !warned_.insert(name + " " + other).second) {
      continue;
    }
    warn_(fmt::format("Warning: short name \"{}\" could also match lower priority resource {}\n",
                      name, other));
  }
}

// As they are listed; by another of its names where only that one is near.
std::string Kinds::MeantBy(const std::string& word) const {
  if (!guesses_) return "";
  const std::string name = Lower(word.substr(0, word.find('.')));
  std::vector<std::string_view> names;
  for (const ServedKind& kind : served_) names.push_back(kind.resource.name);
  for (const ServedKind& kind : served_) names.push_back(kind.singular);
  for (const ServedKind& kind : served_) {
    names.insert(names.end(), kind.short_names.begin(), kind.short_names.end());
  }
  auto nearest = NearestWords(name, names);
  constexpr size_t kBeginningMin = 3;
  if (nearest.empty() && name.size() >= kBeginningMin) {
    for (const ServedKind& kind : served_) {
      if (kind.resource.name.starts_with(name)) nearest.push_back(kind.resource.name);
    }
  }
  std::vector<std::string_view> meant;
  std::set<std::string> told;
  for (const std::string_view each : nearest) {
    const ServedKind* kind = Search(served_, std::string(each));
    if (kind && told.insert(kind->FullName()).second) meant.push_back(each);
  }
  return MeantText(meant);
}

ServedKind KindAsSaid(const std::string& api_version, const std::string& kind) {
  if (auto found = SearchByKind(BuiltIn(), api_version, kind)) return *std::move(found);
  ServedKind said;
  said.singular = Lower(kind);
  said.resource.api_version = api_version;
  said.resource.kind = kind;
  said.resource.name = said.singular + "s";
  said.resource.namespaced = false;
  return said;
}

Result<std::optional<ServedKind>> Kinds::FindByKind(const std::string& api_version,
                                                    const std::string& kind) {
  if (auto found = SearchByKind(BuiltIn(), api_version, kind)) return found;
  TRY(LoadServed());
  return SearchByKind(served_, api_version, kind);
}

Result<std::vector<ServedKind>> Kinds::InCategory(const std::string& category) {
  std::vector<ServedKind> found;
  std::set<std::string> names;
  for (const ServedKind& kind : BuiltIn()) {
    const auto& of = kind.categories;
    if (std::find(of.begin(), of.end(), category) == of.end()) continue;
    if (names.insert(kind.FullName()).second) found.push_back(kind);
  }
  std::stable_sort(found.begin(), found.end(), [](const ServedKind& a, const ServedKind& b) {
    return a.resource.Group() == b.resource.Group() && a.resource.name < b.resource.name;
  });
  // Custom kinds are in categories too. A word that is a kind needs no look at what is served.
  if (found.empty() && Search(BuiltIn(), category) != nullptr) return found;
  TRY(LoadServed());
  for (const ServedKind& kind : served_) {
    const auto& of = kind.categories;
    if (std::find(of.begin(), of.end(), category) == of.end()) continue;
    if (names.insert(kind.FullName()).second) found.push_back(kind);
  }
  return found;
}

Result<std::vector<ServedKind>> Kinds::Discover() {
  TRY(LoadServed());
  return served_;
}

Result<> Kinds::LoadServed() {
  if (loaded_) return {};
  TRY(LoadVersion("v1"));
  const Json groups = TRY(api_.Get("/apis", {}));
  for (const Json& group : At(groups, "groups")) {
    const std::string preferred = TextAt(group, "preferredVersion", "groupVersion");
    if (!preferred.empty()) TRY(LoadVersion(preferred));
    for (const Json& version : At(group, "versions")) {
      const std::string other = TextAt(version, "groupVersion");
      if (other != preferred) TRY(LoadVersion(other));
    }
  }
  loaded_ = true;
  return {};
}

Result<> Kinds::LoadVersion(const std::string& api_version) {
  const bool core = GroupPart(api_version).empty();
  const auto list = api_.Get((core ? "/api/" : "/apis/") + api_version, {});
  if (!list && core) return Fail(list.error());
  // A group whose server is away does not hide the others.
  constexpr int kServerErrors = 500;
  if (!list) {
    if (list.error().http_code < kServerErrors) return {};
    unlisted_[api_version] = "stale GroupVersion discovery: " + api_version;
    return {};
  }
  for (const Json& entry : At(*list, "resources")) {
    ServedKind kind;
    kind.resource.name = TextAt(entry, "name");
    // What somebody else's server says may be anything.
    if (kind.resource.name.empty() || kind.resource.name.find('/') != std::string::npos) continue;
    kind.resource.api_version = api_version;
    kind.resource.kind = TextAt(entry, "kind");
    kind.resource.namespaced = IsTrue(At(entry, "namespaced"));
    kind.singular = TextAt(entry, "singularName");
    kind.short_names = TextsAt(entry, "shortNames");
    kind.categories = TextsAt(entry, "categories");
    kind.verbs = TextsAt(entry, "verbs");
    served_.push_back(std::move(kind));
  }
  return {};
}

}  // namespace skiff::cli
