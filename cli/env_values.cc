#include "cli/env_values.h"

#include <fmt/format.h>

#include <cmath>

#include "api/codec/base64.h"
#include "api/text/go_text.h"
#include "api/values.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

// NAME="value", a line each.
std::string MapText(const Json& map) {
  std::vector<std::string> lines;
  if (!map.is_object()) return "";
  for (const auto& [name, value] : map.items()) {
    lines.push_back(name + "=" + GoQuote(TextOf(value)));
  }
  return Join(lines, "\n");
}

}  // namespace

std::string ReferenceText(const Json& from) {
  if (const Json& map = At(from, "configMapKeyRef"); map.is_object()) {
    return fmt::format("configmap {}, key {}", TextAt(map, "name"), TextAt(map, "key"));
  }
  if (const Json& secret = At(from, "secretKeyRef"); secret.is_object()) {
    return fmt::format("secret {}, key {}", TextAt(secret, "name"), TextAt(secret, "key"));
  }
  if (const Json& field = At(from, "fieldRef"); field.is_object()) {
    return fmt::format("field path {}", TextAt(field, "fieldPath"));
  }
  const Json& resource = At(from, "resourceFieldRef");
  if (!resource.is_object()) return "invalid valueFrom";
  const std::string container = TextAt(resource, "containerName");
  return fmt::format("resource field {}{}{}", container, container.empty() ? "" : "/",
                     TextAt(resource, "resource"));
}

Result<std::string> EnvValues::Of(const Json& from) {
  if (At(from, "secretKeyRef").is_object()) return OfKey("secrets", At(from, "secretKeyRef"));
  if (At(from, "configMapKeyRef").is_object()) {
    return OfKey("configmaps", At(from, "configMapKeyRef"));
  }
  if (At(from, "fieldRef").is_object()) return OfField(TextAt(from, "fieldRef", "fieldPath"));
  if (At(from, "resourceFieldRef").is_object()) return OfResource(At(from, "resourceFieldRef"));
  return CliError("invalid valueFrom");
}

Result<std::string> EnvValues::OfKey(const std::string& type, const Json& reference) {
  const std::string name = TextAt(reference, "name");
  const std::string key = TextAt(reference, "key");
  auto found = read_.find(type + "/" + name);
  if (found == read_.end()) {
    Session& session = *TRY(command_.session());
    const ServedKind kind = TRY(session.kinds().Find(type));
    Json object = TRY(session.api().Get(kind.resource, {session.namespace_(), name}));
    found = read_.emplace(type + "/" + name, std::move(object)).first;
  }
  const bool is_secret = type == "secrets";
  const Json& value = At(found->second, "data", key);
  if (!value.is_string()) {
    return CliError(fmt::format("key {} not found in {} {}", key,
                                is_secret ? "secret" : "config map", name));
  }
  return is_secret ? DecodeBase64(TextOf(value)) : TextOf(value);
}

Result<std::string> EnvValues::OfField(const std::string& path) const {
  const size_t bracket = path.find("['");
  if (path.ends_with("']") && bracket != std::string::npos && bracket > 0) {
    const std::string of = path.substr(0, bracket);
    const std::string key = path.substr(bracket + 2, path.size() - bracket - 4);
    if (of == "metadata.annotations") return TextAt(object_, "metadata", "annotations", key);
    if (of == "metadata.labels") return TextAt(object_, "metadata", "labels", key);
    return CliError(fmt::format("fieldPath \"{}\" does not support subscript", path));
  }
  for (const char* name : {"name", "namespace", "uid"}) {
    if (path == std::string("metadata.") + name) return TextAt(object_, "metadata", name);
  }
  for (const char* name : {"annotations", "labels"}) {
    if (path == std::string("metadata.") + name) return MapText(At(object_, "metadata", name));
  }
  return CliError("unsupported fieldPath: " + path);
}

// In units of the divisor, rounded up.
Result<std::string> EnvValues::OfResource(const Json& reference) const {
  const std::string resource = TextAt(reference, "resource");
  const size_t dot = resource.find('.');
  const std::string list = resource.substr(0, dot);
  const std::string name = dot == std::string::npos ? "" : resource.substr(dot + 1);
  const bool is_known = (list == "limits" || list == "requests") &&
                        (name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
                         name.starts_with("hugepages-"));
  if (!is_known) return CliError("Unsupported container resource : " + resource);
  const auto amount_of = [](const Json& text) {
    return Quantity::Parse(PlainText(text)).value_or(Quantity());
  };
  const Quantity amount = amount_of(At(container_, "resources", list, name));
  Quantity divisor = amount_of(At(reference, "divisor"));
  if (divisor.IsZero()) divisor = Quantity::FromValue(1);
  const bool milli = name == "cpu";
  // As kubectl does: the least of all numbers by -1 is none that fits.
  const auto whole = static_cast<double>(milli ? amount.MilliValue() : amount.Value());
  const auto unit = static_cast<double>(milli ? divisor.MilliValue() : divisor.Value());
  return fmt::format("{:.0f}", std::ceil(whole / unit));
}

}  // namespace skiff::cli
