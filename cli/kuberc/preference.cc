#include "cli/kuberc/preference.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
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

// Fields by where they stand; the older version calls two of them otherwise.
const std::set<std::string> kFields = {"apiVersion", "kind", "defaults", "aliases",
                                       "credentialPluginPolicy", "credentialPluginAllowlist"};
const std::set<std::string> kDefaultsFields = {"command", "options"};
const std::set<std::string> kAliasFields = {"name", "command", "prependArgs", "appendArgs",
                                            "options"};
const std::set<std::string> kOptionFields = {"name", "default"};

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

// Takes away what is not known, and names it.
void DropUnknown(Json& object, const std::set<std::string>& fields, const std::string& path,
                 std::vector<std::string>& unknown) {
  if (!object.is_object()) return;
  for (auto at = object.begin(); at != object.end();) {
    if (fields.contains(at.key())) {
      ++at;
      continue;
    }
    unknown.push_back(fmt::format("unknown field \"{}{}\"", path, at.key()));
    at = object.erase(at);
  }
}

void DropUnknownIn(Json& preference, const char* list, const std::set<std::string>& fields,
                   std::vector<std::string>& unknown) {
  if (!At(preference, list).is_array()) return;
  size_t index = 0;
  for (Json& each : preference[list]) {
    const std::string path = fmt::format("{}[{}].", list, index++);
    DropUnknown(each, fields, path, unknown);
    if (!At(each, "options").is_array()) continue;
    size_t option = 0;
    for (Json& one : each["options"]) {
      DropUnknown(one, kOptionFields, fmt::format("{}options[{}].", path, option++), unknown);
    }
  }
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
    if (is_old) Modernize(preference);
    std::vector<std::string> unknown;
    DropUnknown(preference, kFields, "", unknown);
    DropUnknownIn(preference, "defaults", kDefaultsFields, unknown);
    DropUnknownIn(preference, "aliases", kAliasFields, unknown);
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
