#include "kubelet/credentials/provider_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <string_view>

#include "api/codec/decode.h"
#include "api/rules/names.h"
#include "api/select/field_path.h"
#include "api/text/yaml.h"
#include "api/values.h"
#include "api/violations.h"
#include "base/flags.h"
#include "base/hash.h"
#include "base/process.h"
#include "base/whole_file.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPluginGroup = "credentialprovider.kubelet.k8s.io/";
constexpr std::string_view kConfigGroup = "kubelet.config.k8s.io/";

std::vector<std::string> PluginVersions() {
  std::vector<std::string> all;
  for (const char* version : {"v1", "v1alpha1", "v1beta1"}) {
    all.push_back(std::string(kPluginGroup) + version);
  }
  return all;
}

// Reads the members of one object, and notes what nobody knows.
class ProviderReader {
 public:
  ProviderReader(const Json& object, std::string path, std::vector<std::string>& problems)
      : object_(object), path_(std::move(path)), problems_(problems) {}

  // nullptr: not there, null, or of another type, which is a problem.
  const Json* Find(const char* name, bool (Json::*is)() const noexcept, const char* type) {
    known_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return nullptr;
    if (((*found).*is)()) return &*found;
    problems_.push_back(fmt::format("field \"{}\" is no {}", path_ + name, type));
    return nullptr;
  }
  std::string Text(const char* name) {
    const Json* found = Find(name, &Json::is_string, "string");
    return found == nullptr ? "" : found->get<std::string>();
  }
  std::vector<std::string> Texts(const char* name) {
    std::vector<std::string> texts;
    const Json* found = Find(name, &Json::is_array, "list");
    if (found == nullptr) return texts;
    for (const Json& each : *found) {
      if (each.is_string()) {
        texts.push_back(each.get<std::string>());
      } else {
        problems_.push_back(fmt::format("field \"{}\" is no list of strings", path_ + name));
      }
    }
    return texts;
  }
  // After all others.
  void RefuseOthers() {
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name)) {
        problems_.push_back(fmt::format("unknown field \"{}\"", path_ + name));
      }
    }
  }

 private:
  const Json& object_;
  const std::string path_;
  std::vector<std::string>& problems_;
  std::set<std::string> known_;
};

// A duration that must be there has this value where it is not.
constexpr Duration kNotGiven = Duration::min();

CredentialProviderSpec::Account ReadAccount(const Json& json, const std::string& path,
                                            std::vector<std::string>& problems,
                                            Violations& violations) {
  CredentialProviderSpec::Account account;
  ProviderReader reader(json, path + ".", problems);
  const FieldPath at = FieldPath("providers").Child("tokenAttributes");
  account.audience = reader.Text("serviceAccountTokenAudience");
  if (account.audience.empty()) violations.Required(at.Child("serviceAccountTokenAudience"));
  const Json* required = reader.Find("requireServiceAccount", &Json::is_boolean, "bool");
  if (required == nullptr) violations.Required(at.Child("requireServiceAccount"));
  account.is_required = required != nullptr && required->get<bool>();
  account.required_annotations = reader.Texts("requiredServiceAccountAnnotationKeys");
  account.optional_annotations = reader.Texts("optionalServiceAccountAnnotationKeys");
  const std::string cache_type = reader.Text("cacheType");
  account.is_by_token = cache_type == "Token";
  if (cache_type.empty()) {
    violations.Required(at.Child("cacheType"),
                        "cacheType is required to be set when tokenAttributes is specified. "
                        "Supported values are: ServiceAccount, Token");
  } else if (!account.is_by_token && cache_type != "ServiceAccount") {
    violations.NotSupported(at.Child("cacheType"), Json(cache_type), {"ServiceAccount", "Token"});
  }
  reader.RefuseOthers();
  return account;
}

// What is wrong with its form goes to `problems`, with what it means to `violations`.
CredentialProviderSpec ReadProvider(const Json& json, const std::string& path,
                                    std::vector<std::string>& problems, Violations& violations) {
  CredentialProviderSpec spec;
  ProviderReader reader(json, path + ".", problems);
  spec.name = reader.Text("name");
  spec.match_images = reader.Texts("matchImages");
  spec.api_version = reader.Text("apiVersion");
  spec.args = reader.Texts("args");
  spec.cache_duration = kNotGiven;
  if (const Json* given = reader.Find("defaultCacheDuration", &Json::is_string, "string")) {
    const auto duration = ParseGoDuration(given->get<std::string>());
    if (duration) {
      spec.cache_duration = *duration;
    } else {
      problems.push_back(duration.error().message);
    }
  }
  if (const Json* environment = reader.Find("env", &Json::is_array, "list")) {
    for (size_t i = 0; i < environment->size(); ++i) {
      ProviderReader variable((*environment)[i], fmt::format("{}.env[{}].", path, i), problems);
      spec.environment.emplace_back(variable.Text("name"), variable.Text("value"));
      variable.RefuseOthers();
    }
  }
  if (const Json* token = reader.Find("tokenAttributes", &Json::is_object, "object")) {
    spec.account = ReadAccount(*token, path + ".tokenAttributes", problems, violations);
  }
  reader.RefuseOthers();
  return spec;
}

void CheckAnnotationKeys(const FieldPath& at, const std::vector<std::string>& keys,
                         Violations& violations) {
  std::set<std::string> seen;
  for (const std::string& key : keys) {
    std::string lower = key;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    violations.InvalidEach(at, Json(key), LabelKeyErrors(lower));
    if (!seen.insert(key).second) violations.Duplicate(at, Json(key));
  }
}

void CheckAccount(const CredentialProviderSpec& spec, Violations& violations) {
  const CredentialProviderSpec::Account& account = *spec.account;
  const FieldPath at = FieldPath("providers").Child("tokenAttributes");
  const std::string newest = std::string(kPluginGroup) + "v1";
  if (spec.api_version != newest) {
    violations.Forbidden(
        at, fmt::format("tokenAttributes is only supported for {} API version", newest));
  }
  const FieldPath required = at.Child("requiredServiceAccountAnnotationKeys");
  if (!account.is_required && !account.required_annotations.empty()) {
    violations.Forbidden(required,
                         "requireServiceAccount cannot be false when "
                         "requiredServiceAccountAnnotationKeys is set");
  }
  CheckAnnotationKeys(required, account.required_annotations, violations);
  CheckAnnotationKeys(at.Child("optionalServiceAccountAnnotationKeys"),
                      account.optional_annotations, violations);
  Json both = Json::array();
  const std::set<std::string> all(account.required_annotations.begin(),
                                  account.required_annotations.end());
  for (const std::string& key : account.optional_annotations) {
    if (all.contains(key)) both.push_back(key);
  }
  if (!both.empty()) {
    violations.Invalid(at, both, "annotation keys cannot be both required and optional");
  }
}

// What no host's name, nor its port, has.
std::string PatternProblem(const std::string& pattern) {
  const std::string host = pattern.substr(0, pattern.find('/'));
  for (const char c : pattern) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return fmt::format("parse {}: net/url: invalid control character in URL",
                         Json("https://" + pattern).dump());
    }
  }
  if (host.find(' ') != std::string::npos) {
    return fmt::format("parse \"https://{}\": invalid character \" \" in host name", pattern);
  }
  const size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && !host.ends_with(']');
  if (has_port && host.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
    return fmt::format("parse \"https://{}\": invalid port \"{}\" after host", pattern,
                       host.substr(colon));
  }
  return "";
}

void CheckName(const std::string& name, Violations& violations) {
  const FieldPath at = FieldPath("providers").Child("name");
  if (name.find('/') != std::string::npos) {
    violations.Invalid(at, Json(name), "provider name cannot contain '/'");
  }
  if (name.find(' ') != std::string::npos) {
    violations.Invalid(at, Json(name), "provider name cannot contain spaces");
  }
  for (const char* dots : {".", ".."}) {
    if (name == dots) {
      violations.Invalid(at, Json(name), fmt::format("provider name cannot be '{}'", dots));
    }
  }
}

void CheckProvider(const CredentialProviderSpec& spec, Violations& violations) {
  const FieldPath at("providers");
  CheckName(spec.name, violations);
  const auto versions = PluginVersions();
  if (spec.api_version.empty()) {
    violations.Required(at.Child("apiVersion"));
  } else if (std::find(versions.begin(), versions.end(), spec.api_version) == versions.end()) {
    violations.NotSupported(at.Child("apiVersion"), Json(spec.api_version), versions);
  }
  if (spec.match_images.empty()) {
    violations.Required(at.Child("matchImages"), "at least 1 item in matchImages is required");
  }
  for (const std::string& pattern : spec.match_images) {
    const std::string problem = PatternProblem(pattern);
    if (problem.empty()) continue;
    violations.Invalid(at.Child("matchImages"), Json(pattern),
                       "match image is invalid: " + problem);
  }
  if (spec.cache_duration == kNotGiven) {
    violations.Required(at.Child("defaultCacheDuration"));
  } else if (spec.cache_duration < Duration::zero()) {
    violations.Invalid(at.Child("defaultCacheDuration"), Json(GoDurationText(spec.cache_duration)),
                       "must be greater than or equal to 0");
  }
  if (spec.account) CheckAccount(spec, violations);
}

Result<> CheckKindOf(const Json& document) {
  const auto text = [&](const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
  };
  if (!document.is_object()) return Fail(Reason::kInvalid, "it is no object");
  const std::string kind = text("kind"), version = text("apiVersion");
  const bool is_known = version == std::string(kConfigGroup) + "v1" ||
                        version == std::string(kConfigGroup) + "v1beta1" ||
                        version == std::string(kConfigGroup) + "v1alpha1";
  if (kind == "CredentialProviderConfig" && is_known) return {};
  if (kind.empty()) return Fail(Reason::kInvalid, "Object 'Kind' is missing");
  return Fail(Reason::kInvalid, NoKindRegistered({version, kind}, ""));
}

struct ReadProviders {
  std::vector<CredentialProviderSpec> specs;
  Violations violations;
};

Result<ReadProviders> ReadProvidersText(const std::string& text) {
  YamlDocument document = TRY(ParseYaml(text));
  TRY(CheckKindOf(document.value));
  std::vector<std::string> problems = document.duplicates;
  ReadProviders out;
  ProviderReader reader(document.value, "", problems);
  reader.Text("kind");
  reader.Text("apiVersion");
  if (const Json* providers = reader.Find("providers", &Json::is_array, "list")) {
    for (size_t i = 0; i < providers->size(); ++i) {
      const std::string path = fmt::format("providers[{}]", i);
      if ((*providers)[i].is_object()) {
        out.specs.push_back(ReadProvider((*providers)[i], path, problems, out.violations));
      } else {
        problems.push_back(fmt::format("field \"{}\" is no object", path));
      }
    }
  }
  reader.RefuseOthers();
  if (problems.empty()) return out;
  return Fail(Reason::kInvalid,
              fmt::format("strict decoding error: {}", fmt::join(problems, ", ")));
}

Result<std::vector<std::string>> FilesAt(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error || !fs::exists(status)) {
    return Fail(
        Reason::kInvalid,
        fmt::format("unable to access path \"{0}\": stat {0}: no such file or directory", path));
  }
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    const bool is_one = extension == ".json" || extension == ".yaml" || extension == ".yml";
    std::error_code ignored;
    if (is_one && !entry->is_directory(ignored)) files.push_back(entry->path().string());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("no configuration files found in directory \"{}\"", path));
  }
  return files;
}

// The length comes first, so that no two sets of files are one text.
std::string Counted(const std::string& text) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) {
    out += static_cast<char>((uint64_t{text.size()} >> shift) & 0xFF);
  }
  return out + text;
}

Result<> CheckPrograms(const std::vector<CredentialProviderSpec>& specs,
                       const std::string& directory) {
  for (const CredentialProviderSpec& spec : specs) {
    const std::string path = (fs::path(directory) / spec.name).string();
    if (FindProgram(path)) continue;
    return Fail(Reason::kInvalid, fmt::format("plugin binary executable {} did not exist", path));
  }
  return {};
}

}  // namespace

Result<std::vector<CredentialProviderSpec>> ParseCredentialProviders(const std::string& text) {
  ReadProviders read = TRY(ReadProvidersText(text));
  if (read.specs.empty()) {
    read.violations.Required(FieldPath("providers"), "at least 1 item in plugins is required");
  }
  for (const auto& spec : read.specs) CheckProvider(spec, read.violations);
  if (read.violations.empty()) return std::move(read.specs);
  return Fail(Reason::kInvalid,
              "failed to validate credential provider config: " + read.violations.Text());
}

Result<CredentialProviderConfig> ReadCredentialProviders(const std::string& path,
                                                         const std::string& directory) {
  std::error_code ignored;
  if (!fs::exists(directory, ignored)) {
    return Fail(Reason::kInvalid,
                fmt::format("plugin binary directory {} did not exist", directory));
  }
  if (path.empty()) return Fail(Reason::kInvalid, "credential provider config path is empty");
  CredentialProviderConfig config;
  Violations violations;
  std::set<std::string> names;
  std::string all;
  for (const std::string& file : TRY(FilesAt(path))) {
    const auto text = ReadWholeFile(file);
    if (!text) {
      return Fail(Reason::kInvalid,
                  fmt::format("unable to read file \"{}\": {}", file, text.error().message));
    }
    all += Counted(*text);
    auto read = ReadProvidersText(*text);
    if (!read) {
      return Fail(Reason::kInvalid,
                  fmt::format("error decoding config \"{}\": {}", file, read.error().message));
    }
    violations.Append(read->violations);
    for (CredentialProviderSpec& spec : read->specs) {
      if (!names.insert(spec.name).second) {
        return Fail(Reason::kInvalid,
                    fmt::format("duplicate provider name \"{}\" found in configuration file(s)",
                                spec.name));
      }
      CheckProvider(spec, violations);
      config.providers.push_back(std::move(spec));
    }
  }
  if (config.providers.empty()) {
    violations.Required(FieldPath("providers"), "at least 1 item in plugins is required");
  }
  if (!violations.empty()) {
    return Fail(Reason::kInvalid,
                "failed to validate credential provider config: " + violations.Text());
  }
  TRY(CheckPrograms(config.providers, directory));
  config.digest = "sha256:" + Hex(Sha256(all));
  return config;
}

}  // namespace skiff::kubelet
