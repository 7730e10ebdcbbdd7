#include "cli/kuberc/preference.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "api/codec/decode.h"
#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "api/text/yaml_parts.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

constexpr char kOldVersion[] = "kubectl.config.k8s.io/v1alpha1";

// The fields of an object, and what stands in the lists that some of them are; nullptr: no objects.
struct KnownFields {
  std::map<std::string, const KnownFields*> fields;
};

const KnownFields kAllowed = {{{"name", nullptr}}};
const KnownFields kOption = {{{"name", nullptr}, {"default", nullptr}}};

// The older version calls two fields otherwise.
KnownFields PreferenceFields(const char* defaults, const KnownFields& default_,
                             const KnownFields& alias) {
  return {{{"apiVersion", nullptr},
           {"kind", nullptr},
           {defaults, &default_},
           {"aliases", &alias},
           {"credentialPluginPolicy", nullptr},
           {"credentialPluginAllowlist", &kAllowed}}};
}
KnownFields AliasFields(const char* options) {
  return {{{"name", nullptr},
           {"command", nullptr},
           {"prependArgs", nullptr},
           {"appendArgs", nullptr},
           {options, &kOption}}};
}
KnownFields DefaultFields(const char* options) {
  return {{{"command", nullptr}, {options, &kOption}}};
}

void Rename(Json& object, const char* from, const char* to) {
  const auto found = object.find(from);
  if (found == object.end()) return;
  Json value = std::move(*found);
  object.erase(from);
  object[to] = std::move(value);
}

void Modernize(Json& preference) {
  preference["apiVersion"] = kPreferenceVersion;
  Rename(preference, "overrides", "defaults");
  for (const char* list : {"defaults", "aliases"}) {
    if (!At(preference, list).is_array()) continue;
    for (Json& each : preference[list]) {
      if (each.is_object()) Rename(each, "flags", "options");
    }
  }
}

// Takes away what is not known, and names it as kubectl's decoder comes upon it: by the names of
// fields, and what stands in a list before the field behind it.
void DropUnknown(Json& object, const KnownFields& here, const std::string& path,
                 std::vector<std::string>& unknown) {
  if (!object.is_object()) return;
  for (auto at = object.begin(); at != object.end();) {
    const auto known = here.fields.find(at.key());
    if (known == here.fields.end()) {
      unknown.push_back(fmt::format("unknown field \"{}{}\"", path, at.key()));
      at = object.erase(at);
      continue;
    }
    const std::string list = path + at.key();
    Json& value = *at++;
    if (known->second == nullptr || !value.is_array()) continue;
    for (size_t i = 0; i < value.size(); ++i) {
      DropUnknown(value[i], *known->second, fmt::format("{}[{}].", list, i), unknown);
    }
  }
}

// Those of the version that the document says.
std::vector<std::string> DropUnknownIn(Json& preference, bool is_old) {
  const char* const options = is_old ? "flags" : "options";
  const KnownFields default_ = DefaultFields(options), alias = AliasFields(options);
  std::vector<std::string> unknown;
  DropUnknown(preference, PreferenceFields(is_old ? "overrides" : "defaults", default_, alias), "",
              unknown);
  return unknown;
}

bool IsText(const Json& value) {
  return value.is_null() || value.is_string();
}

bool IsListOf(const Json& value, bool (*is_one)(const Json&)) {
  return value.is_null() ||
         (value.is_array() && std::all_of(value.begin(), value.end(), is_one));
}

// Whether every value is of the type that it has to be.
bool HasShape(const Json& preference) {
  constexpr auto is_option = +[](const Json& option) {
    return option.is_object() && IsText(At(option, "name")) && IsText(At(option, "default"));
  };
  constexpr auto is_entry = +[](const Json& entry) {
    return entry.is_object() && IsText(At(entry, "name")) && IsText(At(entry, "command")) &&
           IsListOf(At(entry, "prependArgs"), &IsText) &&
           IsListOf(At(entry, "appendArgs"), &IsText) && IsListOf(At(entry, "options"), is_option);
  };
  return IsListOf(At(preference, "defaults"), is_entry) &&
         IsListOf(At(preference, "aliases"), is_entry) &&
         IsText(At(preference, "credentialPluginPolicy")) &&
         IsListOf(At(preference, "credentialPluginAllowlist"), is_option);
}

Result<> CheckOptions(const Json& entry) {
  for (const Json& option : At(entry, "options")) {
    const std::string name = TextAt(option, "name");
    if (!name.starts_with('-')) continue;
    return CliError(fmt::format("flag name {} should be in long form without dashes", name));
  }
  return {};
}

Result<> CheckPolicy(const Json& preference) {
  const std::string policy = TextAt(preference, "credentialPluginPolicy");
  const Json& list = At(preference, "credentialPluginAllowlist");
  if (policy.empty() || policy == "AllowAll" || policy == "DenyAll") {
    if (list.is_null()) return {};
    return CliError(fmt::format("misconfigured credential plugin allowlist: plugin policy is {} "
                                "but allowlist is non-nil",
                                GoQuote(policy)));
  }
  if (policy != "Allowlist") {
    return CliError(fmt::format("unknown plugin policy: {}", GoQuote(policy)));
  }
  if (list.is_null()) {
    return CliError(
        "credential plugin policy set to \"Allowlist\", but allowlist is unspecified");
  }
  if (list.empty()) {
    return CliError("credential plugin policy set to \"Allowlist\", but allowlist is empty; use "
                    "\"DenyAll\" policy instead");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string name = TextAt(list[i], "name");
    if (name.empty()) {
      return CliError(fmt::format(
          "misconfigured credential plugin allowlist: empty allowlist entry #{}", i + 1));
    }
    const std::string clean = std::filesystem::path(name).lexically_normal().string();
    if (clean != name) {
      return CliError(
          fmt::format("non-normalized file path: {} vs {}", GoQuote(name), GoQuote(clean)));
    }
  }
  return {};
}

}  // namespace

Result<ReadPreference> ParsePreference(const std::string& text, const std::string& path,
                                       std::vector<std::string>* passed_over) {
  size_t entry = 0;
  const auto pass_over = [&](const std::string& why) {
    if (passed_over == nullptr) return;
    passed_over->push_back(
        fmt::format("kuberc: strict decoding error for entry {} in {}: {}", entry, path, why));
  };
  const std::string lines = text + "\n";
  for (const YamlPart& part : SplitYaml(lines)) {
    if (part.text.find_first_not_of(" \t\r\n") == part.text.npos) continue;
    ++entry;
    auto document = ParseYaml(part.text);
    if (!document) {
      pass_over(document.error().message);
      continue;
    }
    Json& preference = document->value;
    const std::string version = TextAt(preference, "apiVersion");
    const bool is_old = version == kOldVersion;
    const std::string kind = TextAt(preference, "kind");
    if (kind != "Preference" || (version != kPreferenceVersion && !is_old)) {
      pass_over(NoKindRegistered({version, kind}, ""));
      continue;
    }
    const std::vector<std::string> unknown = DropUnknownIn(preference, is_old);
    if (is_old) Modernize(preference);
    if (!HasShape(preference)) {
      pass_over("a field has a value of another type");
      continue;
    }
    const std::string ignored =
        unknown.empty() ? "" : "strict decoding error: " + Join(unknown, ", ");
    return ReadPreference{std::move(preference), ignored, entry, version};
  }
  if (entry > 0) {
    return CliError(
        fmt::format("no valid preferences found in {}, use --v=5 to see details", path));
  }
  return ReadPreference();
}

Result<> CheckPreference(const Json& preference) {
  std::set<std::string> names;
  for (const Json& alias : At(preference, "aliases")) {
    const std::string name = TextAt(alias, "name");
    if (name.empty() || !std::all_of(name.begin(), name.end(), &IsLetter)) {
      return CliError("invalid alias name, can only include alphabetical characters");
    }
    TRY(CheckOptions(alias));
    if (!names.insert(name).second) {
      return CliError(fmt::format("duplicate alias name {}", name));
    }
  }
  for (const Json& each : At(preference, "defaults")) TRY(CheckOptions(each));
  return CheckPolicy(preference);
}

ExecPolicy ExecPolicyOf(const Json& preference) {
  const std::string policy = TextAt(preference, "credentialPluginPolicy");
  ExecPolicy out;
  if (policy == "DenyAll") out.kind = ExecPolicy::Kind::kDenyAll;
  if (policy != "Allowlist") return out;
  out.kind = ExecPolicy::Kind::kAllowlist;
  for (const Json& entry : At(preference, "credentialPluginAllowlist")) {
    out.allowlist.push_back(TextAt(entry, "name"));
  }
  return out;
}

}  // namespace skiff::cli
