#include "apiserver/objects/applied_body.h"

#include <fmt/format.h>

#include <utility>

#include "api/codec/document.h"
#include "api/codec/go_equal.h"
#include "api/codec/json.h"
#include "api/text/go_value.h"
#include "api/text/yaml.h"

namespace skiff {
namespace {

// Each number as Go has it once YAML has become JSON: 1.0 is 1.
void RereadNumbers(Json& value) {
  if (value.is_structured()) {
    for (Json& each : value) RereadNumbers(each);
  } else if (value.is_number() && !IsGoInt(value)) {
    value = JsonNumber(DumpJson(value));
  }
}

}  // namespace

Result<> ReportDuplicates(const std::vector<std::string>& duplicates, ApiRequest& request,
                          const WriteOptions& options) {
  if (duplicates.empty() || options.validation == FieldValidation::kIgnore) return {};
  if (options.validation == FieldValidation::kWarn) {
    request.warnings.insert(request.warnings.end(), duplicates.begin(), duplicates.end());
    return {};
  }
  std::string all;
  for (const std::string& text : duplicates) all += "\n  " + text;
  return Fail(Reason::kBadRequest,
              "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal "
              "errors:" +
                  all);
}

Result<AppliedBody> ReadConfiguration(const ApiRequest& request, const KindInfo& kind) {
  auto yaml = ParseSentYaml(request.http.Body());
  if (!yaml && yaml.error().reason != Reason::kBadRequest) return Fail(yaml.error());
  if (!yaml) {
    return Fail(Reason::kBadRequest,
                "error decoding YAML: error converting YAML to JSON: " + yaml.error().message);
  }
  if (yaml->value.is_null()) yaml->value = Json::object();
  if (!yaml->value.is_object()) {
    return Fail(Reason::kBadRequest,
                fmt::format("error decoding YAML: error unmarshaling JSON: while decoding JSON: "
                            "json: cannot unmarshal {} into Go value of type map[string]interface "
                            "{{}}",
                            GoFound(yaml->value)));
  }
  const std::string version = TextAt(yaml->value, "apiVersion");
  const std::string kind_name = TextAt(yaml->value, "kind");
  if (version != kind.api_version || kind_name != kind.kind) {
    const size_t slash = version.find('/');
    const std::string shown = slash == std::string::npos ? "/" + version : version;
    return Fail(Reason::kBadRequest, "invalid object type: " + shown + ", Kind=" + kind_name);
  }
  RereadNumbers(yaml->value);
  return AppliedBody{std::move(yaml->value), std::move(yaml->duplicates)};
}

}  // namespace skiff
