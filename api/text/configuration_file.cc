#include "api/text/configuration_file.h"

#include <fmt/ranges.h>

#include <charconv>
#include <cstdint>
#include <map>
#include <set>
#include <system_error>

#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "api/text/go_value.h"
#include "api/text/time_text.h"
#include "base/text.h"

namespace skiff {
namespace {

using Names = std::set<std::string_view>;

const std::map<std::string_view, Names> kServerKinds = {
    {"apiserver.config.k8s.io/v1",
     {"AdmissionConfiguration", "AuthenticationConfiguration", "AuthorizationConfiguration",
      "EncryptionConfiguration", "TracingConfiguration"}},
    {"apiserver.config.k8s.io/v1beta1",
     {"AuthenticationConfiguration", "AuthorizationConfiguration", "TracingConfiguration"}},
    {"apiserver.config.k8s.io/v1alpha1",
     {"AuthenticationConfiguration", "AuthorizationConfiguration", "TracingConfiguration"}},
    {"apiserver.k8s.io/v1beta1", {"EgressSelectorConfiguration"}},
    {"apiserver.k8s.io/v1alpha1", {"AdmissionConfiguration", "EgressSelectorConfiguration"}}};

}  // namespace

Result<YamlDocument> ParseConfiguration(std::string_view text) {
  if (!WithoutBlanks(text).starts_with('{')) {
    YamlDocument yaml = TRY(ParseYaml(text));
    if (!yaml.duplicates.empty()) {
      yaml.duplicates = {
          fmt::format("yaml: unmarshal errors:\n  {}", fmt::join(yaml.duplicates, "\n  "))};
    }
    return yaml;
  }
  auto json = ParseJson(text);
  if (!json) {
    return Fail(Reason::kInvalid,
                "couldn't get version/kind; json parse error: " + json.error().message);
  }
  return YamlDocument{.value = *std::move(json), .duplicates = FindDuplicates(text)};
}

Result<TypeMeta> ConfigurationMeta(const Json& document, std::string_view shown) {
  auto meta = TypeMetaOf(document);
  if (!meta) {
    return Fail(Reason::kInvalid,
                "couldn't get version/kind; json parse error: " + meta.error().message);
  }
  for (const auto& [name, value] :
       {std::pair("Kind", meta->kind), std::pair("apiVersion", meta->api_version)}) {
    if (value.empty()) {
      return Fail(Reason::kInvalid, fmt::format("Object '{}' is missing in '{}'", name, shown));
    }
  }
  return *std::move(meta);
}

Error NoSuchConfiguration(const TypeMeta& meta) {
  return {Reason::kInvalid, NoKindRegistered(meta, kRuntimeScheme)};
}

Result<TypeMeta> ServerConfigurationMeta(const Json& document, std::string_view shown) {
  TypeMeta meta = TRY(ConfigurationMeta(document, shown));
  const auto kinds = kServerKinds.find(meta.api_version);
  if (kinds != kServerKinds.end() && kinds->second.contains(meta.kind)) return meta;
  return Fail(NoSuchConfiguration(meta));
}

Result<> CheckConfigurationKind(const Json& document, std::string_view text,
                                std::string_view expected) {
  const TypeMeta meta = TRY(ServerConfigurationMeta(document, text));
  if (meta.kind == expected) return {};
  return Fail(Reason::kInvalid, fmt::format("expected {}, got *apiserver.{}", expected, meta.kind));
}

ConfigurationReading::ConfigurationReading(const char* kind,
                                           const std::vector<std::string>& duplicates)
    : strict_(duplicates), struct_(kind) {}

void ConfigurationReading::Object(const Json& json, const char* struct_name, const Fields& fields) {
  if (!json.is_object()) return Misfit(json, fmt::format("v1.{}", struct_name));
  const char* outer = struct_;
  struct_ = struct_name;
  for (const auto& [key, value] : json.items()) {
    const auto field = fields.find(key);
    if (field == fields.end()) {
      strict_.push_back(
          fmt::format("unknown field \"{}{}{}\"", path_, path_.empty() ? "" : ".", key));
    } else if (!value.is_null() && broken_.empty()) {
      Within((path_.empty() ? "" : ".") + key, "." + key, [&] { field->second(value); });
    }
  }
  struct_ = outer;
}

ConfigurationReading::Take ConfigurationReading::Text(std::string& to, const char* go_type) {
  return [this, &to, go_type](const Json& value) {
    if (!value.is_string()) return Misfit(value, go_type);
    to = value.get<std::string>();
  };
}

ConfigurationReading::Take ConfigurationReading::Text(std::optional<std::string>& to) {
  return [this, &to](const Json& value) { Text(to.emplace())(value); };
}

ConfigurationReading::Take ConfigurationReading::Switch(bool& to) {
  return [this, &to](const Json& value) {
    if (!value.is_boolean()) return Misfit(value, "bool");
    to = value.get<bool>();
  };
}

ConfigurationReading::Take ConfigurationReading::Switch(std::optional<bool>& to) {
  return [this, &to](const Json& value) { Switch(to.emplace())(value); };
}

ConfigurationReading::Take ConfigurationReading::Number(std::optional<int64_t>& to) {
  return [this, &to](const Json& value) {
    if (!value.is_number()) return Misfit(value, "int32");
    // By its text, as Go reads what it has made of YAML: 1e3 is 1000.
    const std::string text = DumpJson(value);
    int32_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool fits = read.ec == std::errc() && read.ptr == text.data() + text.size();
    if (!fits) return Misfit(value, "int32", " " + text);
    to = number;
  };
}

ConfigurationReading::Take ConfigurationReading::Time(Duration& to) {
  return [this, &to](const Json& value) {
    if (!value.is_string()) return Misfit(value, "string");
    const auto nanoseconds = ParseGoDuration(value.get<std::string>());
    if (nanoseconds) {
      to = Duration(*nanoseconds);
    } else if (broken_.empty()) {
      broken_ = nanoseconds.error().message;
    }
  };
}

ConfigurationReading::Take ConfigurationReading::Texts(std::vector<std::string>& to,
                                                       const char* go_type) {
  return List<std::string>(to, go_type, [this, go_type](const Json& value, std::string& text) {
    Text(text, go_type)(value);
  });
}

Result<> ConfigurationReading::EndOfTypes() const {
  return broken_.empty() ? Result<>() : Fail(Reason::kInvalid, broken_);
}

Result<> ConfigurationReading::End() const {
  TRY(EndOfTypes());
  if (strict_.empty()) return {};
  return Fail(Reason::kInvalid, fmt::format("strict decoding error: {}", fmt::join(strict_, ", ")));
}

void ConfigurationReading::Within(const std::string& step, const std::string& go_step,
                                  const std::function<void()>& work) {
  const size_t size = path_.size();
  const size_t go_size = go_path_.size();
  path_ += step;
  go_path_ += go_step;
  work();
  path_.resize(size);
  go_path_.resize(go_size);
}

void ConfigurationReading::Misfit(const Json& json, const std::string& go_type,
                                  const std::string& shown) {
  if (!broken_.empty()) return;
  broken_ = fmt::format("json: cannot unmarshal {}{} into Go struct field {}{} of type {}",
                        GoFound(json), shown, struct_, go_path_, go_type);
}

}  // namespace skiff
