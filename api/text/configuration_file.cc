#include "api/text/configuration_file.h"

#include <fmt/ranges.h>

#include "api/codec/json.h"
#include "api/text/time_text.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr std::string_view kConfigGroup = "apiserver.config.k8s.io/";

}  // namespace

Result<YamlDocument> ParseConfiguration(std::string_view text) {
  if (WithoutBlanks(text).starts_with('{')) {
    if (const auto json = ParseJson(text); !json) {
      return Fail(Reason::kInvalid,
                  "couldn't get version/kind; json parse error: " + json.error().message);
    }
  }
  return ParseYaml(text);
}

Result<> CheckConfigurationKind(const Json& document, std::string_view text,
                                std::string_view expected) {
  const auto word = [&](const char* name) {
    const auto found = document.is_object() ? document.find(name) : document.end();
    return document.is_object() && found != document.end() && found->is_string()
               ? found->get<std::string>()
               : std::string();
  };
  const std::string kind = word("kind");
  const std::string version = word("apiVersion");
  for (const auto& [name, value] : {std::pair("Kind", kind), std::pair("apiVersion", version)}) {
    if (value.empty()) {
      return Fail(Reason::kInvalid, fmt::format("Object '{}' is missing in '{}'", name, text));
    }
  }
  const bool is_known = version == fmt::format("{}v1", kConfigGroup) ||
                        version == fmt::format("{}v1beta1", kConfigGroup) ||
                        version == fmt::format("{}v1alpha1", kConfigGroup);
  if (is_known && kind == expected) return {};
  for (const char* other :
       {"AuthenticationConfiguration", "AuthorizationConfiguration", "AdmissionConfiguration",
        "EncryptionConfiguration", "EgressSelectorConfiguration", "TracingConfiguration"}) {
    if (is_known && kind == other) {
      return Fail(Reason::kInvalid, fmt::format("expected {}, got *apiserver.{}", expected, other));
    }
  }
  return Fail(Reason::kInvalid,
              fmt::format("no kind \"{}\" is registered for version \"{}\" in scheme "
                          "\"pkg/runtime/scheme.go:111\"",
                          kind, version));
}

ConfigurationReading::ConfigurationReading(const char* kind,
                                           const std::vector<std::string>& duplicates)
    : struct_(kind) {
  if (duplicates.empty()) return;
  strict_.push_back(fmt::format("yaml: unmarshal errors:\n  {}", fmt::join(duplicates, "\n  ")));
}

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

ConfigurationReading::Take ConfigurationReading::Text(std::string& to) {
  return [this, &to](const Json& value) {
    if (!value.is_string()) return Misfit(value, "string");
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

ConfigurationReading::Take ConfigurationReading::Texts(std::vector<std::string>& to) {
  return List<std::string>(to, "string",
                           [this](const Json& value, std::string& text) { Text(text)(value); });
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

void ConfigurationReading::Misfit(const Json& json, const std::string& go_type) {
  if (!broken_.empty()) return;
  const char* kind = json.is_string()    ? "string"
                     : json.is_boolean() ? "bool"
                     : json.is_number()  ? "number"
                     : json.is_array()   ? "array"
                                         : "object";
  broken_ = fmt::format("json: cannot unmarshal {} into Go struct field {}{} of type {}", kind,
                        struct_, go_path_, go_type);
}

}  // namespace skiff
