#include "apiserver/server/runtime_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "apiserver/request/api_errors.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr const char* kRuntimeConfig = "runtime-config";

// Every version that Kubernetes v1.35 has types of, whether it serves it or not.
constexpr std::pair<std::string_view, std::string_view> kVersions[] = {
    {"", "v1"},
    {"admission.k8s.io", "v1 v1beta1"},
    {"admissionregistration.k8s.io", "v1 v1beta1 v1alpha1"},
    {"apiextensions.k8s.io", "v1 v1beta1"},
    {"apiregistration.k8s.io", "v1 v1beta1"},
    {"apps", "v1 v1beta2 v1beta1"},
    {"authentication.k8s.io", "v1 v1beta1 v1alpha1"},
    {"authorization.k8s.io", "v1 v1beta1"},
    {"autoscaling", "v2 v1 v2beta1 v2beta2"},
    {"batch", "v1 v1beta1"},
    {"certificates.k8s.io", "v1 v1beta1 v1alpha1"},
    {"coordination.k8s.io", "v1 v1beta1 v1alpha2"},
    {"discovery.k8s.io", "v1 v1beta1"},
    {"events.k8s.io", "v1 v1beta1"},
    {"extensions", "v1beta1"},
    {"flowcontrol.apiserver.k8s.io", "v1 v1beta3 v1beta2 v1beta1"},
    {"imagepolicy.k8s.io", "v1alpha1"},
    {"internal.apiserver.k8s.io", "v1alpha1"},
    {"networking.k8s.io", "v1 v1beta1"},
    {"node.k8s.io", "v1 v1beta1 v1alpha1"},
    {"policy", "v1 v1beta1"},
    {"rbac.authorization.k8s.io", "v1 v1beta1 v1alpha1"},
    {"resource.k8s.io", "v1 v1beta2 v1beta1 v1alpha3"},
    {"scheduling.k8s.io", "v1 v1beta1 v1alpha1"},
    {"storage.k8s.io", "v1 v1beta1 v1alpha1"},
    {"storagemigration.k8s.io", "v1beta1"}};

using Config = std::map<std::string, bool>;

tl::unexpected<Error> BadConfig(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

bool NamesVersion(const std::string& key, const KindInfo& kind) {
  return key == kind.api_version;
}
bool NamesKind(const std::string& key, const KindInfo& kind) {
  return key == std::string(kind.api_version) + "/" + std::string(kind.resource);
}
bool NamesStability(const std::string& key, const KindInfo& kind) {
  return (key == "api/alpha" && kind.version.find("alpha") != kind.version.npos) ||
         (key == "api/beta" && kind.version.find("beta") != kind.version.npos);
}
bool NamesAll(const std::string& key, const KindInfo&) {
  return key == "api/all";
}

// Of a group and version, "apps/v1", or a resource of it, "apps/v1/deployments".
bool IsOf(std::span<const KindInfo* const> kinds, const std::string& key) {
  return std::any_of(kinds.begin(), kinds.end(), [&](const KindInfo* kind) {
    return NamesVersion(key, *kind) || NamesKind(key, *kind);
  });
}

// What a configuration says of a kind that is not served by default: what names it more closely
// goes before what names more than it.
bool IsAskedFor(const std::map<std::string, bool>& config, const KindInfo& kind) {
  bool on = false;
  for (const auto names : {&NamesAll, &NamesStability, &NamesVersion, &NamesKind}) {
    for (const auto& [key, value] : config) {
      if (names(key, kind)) on = value;
    }
  }
  return on;
}

bool IsOfSeveral(const std::string& key) {
  return key == "api/all" || key == "api/ga" || key == "api/beta" || key == "api/alpha";
}

struct Version {
  std::string group;
  std::string version;
  std::string resource;  // "" for all of them.
};

// "apps/v1", "apps/v1/deployments", "v1", "v1/pods".
Result<Version> VersionIn(const std::string& key) {
  std::vector<std::string> parts(1);
  for (const char c : key) c == '/' ? (void)parts.emplace_back() : parts.back().push_back(c);
  if (parts[0] == "v1") parts.insert(parts.begin(), "");
  if (parts.size() != 2 && parts.size() != 3) {
    return BadConfig(fmt::format("runtime-config invalid key {}", key));
  }
  return Version{parts[0], parts[1], parts.size() == 3 ? parts[2] : ""};
}

Result<> CheckVersion(const std::string& key) {
  const Version named = TRY(VersionIn(key));
  const auto known = std::find_if(std::begin(kVersions), std::end(kVersions),
                                  [&](const auto& each) { return each.first == named.group; });
  if (known == std::end(kVersions)) {
    return BadConfig("unknown api groups " + named.group);
  }
  const std::string all = fmt::format(" {} ", known->second);
  if (all.find(fmt::format(" {} ", named.version)) == std::string::npos) {
    return BadConfig(fmt::format("group version {}{}{} that has not been registered", named.group,
                                 named.group.empty() ? "" : "/", named.version));
  }
  if (Lower(named.resource) != named.resource) {
    return BadConfig(
        fmt::format("invalid key {}: group/version/resource and resource is always "
                    "lowercase plural, not {}",
                    key, Quoted(named.resource)));
  }
  return {};
}

Result<bool> SwitchOf(const std::string& key, const std::string& value) {
  if (IsOfSeveral(key)) {
    if (value == "true" || value == "false") return value == "true";
    return BadConfig(fmt::format("invalid value {}={}", key, value));
  }
  for (const char* yes : {"", "1", "t", "T", "true", "TRUE", "True"}) {
    if (value == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (value == no) return false;
  }
  return BadConfig(
      fmt::format("invalid value of {}: {}, err: strconv.ParseBool: parsing {}: "
                  "invalid syntax",
                  key, value, Quoted(value)));
}

// What of "api/alpha", "api/beta" or "api/all" is here and not served anyway.
std::string PartOfStability(const std::string& item, const std::string& key) {
  std::set<std::string_view> versions;
  for (const KindInfo* kind : KindsOnRequest()) {
    if (NamesAll(key, *kind) || NamesStability(key, *kind)) versions.insert(kind->api_version);
  }
  const char* const why = key == "api/all" ? "what else there is here is served anyway"
                                           : "there is no other such version here";
  return fmt::format("--{}={} has an effect on {} alone: {}", kRuntimeConfig, item,
                     fmt::join(versions, ", "), why);
}

struct Item {
  std::string text;
  std::string key;
  std::string value;
};

Item ItemIn(const std::string& text) {
  const size_t equals = std::min(text.find('='), text.size());
  std::string key(WithoutBlanks(text.substr(0, equals)));
  // Kubernetes' older name of the core group.
  if (key == "api/v1" || key.starts_with("api/v1/")) key.erase(0, std::string_view("api/").size());
  return {text, std::move(key),
          std::string(WithoutBlanks(text.substr(std::min(equals + 1, text.size()))))};
}

}  // namespace

Result<> CheckFairness(const std::vector<std::string>& items) {
  for (const char* key : {"flowcontrol.apiserver.k8s.io/v1", "api/ga", "api/all"}) {
    for (const std::string& text : items) {
      const Item item = ItemIn(text);
      if (item.key != key) continue;
      if (item.value == "true") return {};
      if (item.value != "false") continue;
      return BadConfig(fmt::format(
          "--{}={}=false conflicts with --enable-priority-and-fairness=true", kRuntimeConfig, key));
    }
  }
  return {};
}

Result<std::vector<const KindInfo*>> CheckRuntimeConfig(const std::vector<std::string>& items,
                                                        std::vector<std::string>& notes) {
  Config config;
  if (items.size() == 1 && ItemIn(items[0]).key == "api/all" && ItemIn(items[0]).value == "false") {
    return BadConfig("invalid key with only api/all=false");
  }
  for (const std::string& text : items) {
    const auto [item, key, value] = ItemIn(text);
    const bool is_all = key == "api/all" || key == "api/ga" || key == "api/legacy";
    if (!IsOfSeveral(key) && key != "api/legacy") TRY(CheckVersion(key));
    const bool is_on = TRY(SwitchOf(key, value));
    config[key] = is_on;
    const bool is_more = key == "api/alpha" || key == "api/beta";
    if (is_on && (is_more || key == "api/all")) notes.push_back(PartOfStability(item, key));
    if (is_more) continue;
    if (IsOf(KindsOnRequest(), key)) continue;
    const bool is_served = is_all || IsOf(BuiltInKinds(), key);
    if (is_on == is_served) continue;
    if (is_on) {
      notes.push_back(fmt::format("--{}={} has no effect: there is no such version here",
                                  kRuntimeConfig, item));
    } else {
      return BadConfig(fmt::format(
          "invalid argument {} for \"--{}\" flag: it cannot be had here, and must not be ignored: "
          "all that is there is served",
          Quoted(item), kRuntimeConfig));
    }
  }
  std::vector<const KindInfo*> asked;
  for (const KindInfo* kind : KindsOnRequest()) {
    if (IsAskedFor(config, *kind)) asked.push_back(kind);
  }
  return asked;
}

}  // namespace skiff
