#include "apiserver/server/flow_control_revision.h"

#include <algorithm>
#include <string>

#include "api/codec/document.h"
#include "api/codec/typed.h"
#include "api/gen/flowcontrol_v1.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

constexpr const char* kAutoUpdateSpec = "apf.kubernetes.io/autoupdate-spec";

bool IsMandatory(const std::string& name) {
  return name == "exempt" || name == "catch-all";
}

// Whether an operator has left the spec to the server. One who has never changed it has.
bool IsLeftToServer(const std::string& name, const std::optional<bool>& said, int64_t generation) {
  if (IsMandatory(name)) return true;
  return said.value_or(generation == 1);
}

// What the annotation says of an object; nullopt where that is neither yes nor no.
std::optional<bool> SaidOf(const Json& metadata) {
  const Json annotations = metadata.value("annotations", Json::object());
  return GoBool(annotations.value(kAutoUpdateSpec, ""));
}

using flowcontrol_v1::FlowSchema;
using flowcontrol_v1::PriorityLevelConfiguration;

Result<bool> HasSpecOf(const Json& present, const Json& wanted) {
  if (TextAt(wanted, "kind") == FlowSchema::Info().kind) {
    const auto is = TRY(FromJson<FlowSchema>(present));
    const auto should_be = TRY(FromJson<FlowSchema>(wanted));
    return is.spec == should_be.spec;
  }
  const auto is = TRY(FromJson<PriorityLevelConfiguration>(present));
  auto should_be = TRY(FromJson<PriorityLevelConfiguration>(wanted));
  // How much others may have of what is exempt is up to the operator.
  if (should_be.spec.exempt && is.spec.exempt) should_be.spec.exempt = is.spec.exempt;
  return is.spec == should_be.spec;
}

}  // namespace

Result<std::optional<Json>> RevisedFlowControl(const Json& present, const Json& wanted) {
  const Json metadata = present.value("metadata", Json::object());
  const auto said = SaidOf(metadata);
  const bool is_left =
      IsLeftToServer(metadata.value("name", ""), said, metadata.value("generation", int64_t{0}));
  const bool has_spec = TRY(HasSpecOf(present, wanted));
  if (said == is_left && (has_spec || !is_left)) return std::nullopt;
  Json revised = present;
  if (is_left && !has_spec) revised["spec"] = wanted["spec"];
  if (said != is_left) {
    revised["metadata"]["annotations"][kAutoUpdateSpec] = is_left ? "true" : "false";
  }
  return revised;
}

bool IsUnwantedFlowControl(const Json& present, const std::vector<Json>& wanted) {
  const Json metadata = present.value("metadata", Json::object());
  if (!SaidOf(metadata).value_or(false) || metadata.contains("deletionTimestamp")) return false;
  const std::string kind = TextAt(present, "kind");
  const std::string name = metadata.value("name", "");
  return std::none_of(wanted.begin(), wanted.end(), [&](const Json& each) {
    return TextAt(each, "kind") == kind && TextAt(each, "metadata.name") == name;
  });
}

}  // namespace skiff
