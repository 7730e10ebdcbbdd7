// apps/v1 and the Scale of scalable kinds.
#include <fmt/format.h>

#include "api/codec/typed.h"
#include "api/columns/cells.h"
#include "api/gen/meta_v1.h"
#include "api/select/selector.h"
#include "api/text/group_version.h"
#include "base/text.h"

namespace skiff::columns {
namespace {

Json ReadyOfDesiredCell(const CellInput& input) {
  return fmt::format("{}/{}", NumberAt(input.object, "status.readyReplicas"),
                     NumberAt(input.object, "spec.replicas"));
}

// Unlike other kinds, an empty selector prints as nothing.
Json DeploymentSelectorCell(const CellInput& input) {
  const auto object = FromJson<meta_v1::LabelSelector>(ListAt(input.object, "spec.selector"));
  if (!object) return "";
  const auto selector = LabelSelector::From(*object);
  return selector ? selector->Text() : "<invalid>";
}

constexpr TableColumn kContainers = {"Containers", Members<"spec.template.spec.containers", "name">,
                                     "string", 1};
constexpr TableColumn kImages = {"Images", Members<"spec.template.spec.containers", "image">,
                                 "string", 1};
constexpr TableColumn kSelector = {"Selector", Selector<"spec.selector">, "string", 1};

constexpr TableColumn kDeployment[] = {
    kName,
    {"Ready", ReadyOfDesiredCell},
    {"Up-to-date", Number<"status.updatedReplicas">},
    {"Available", Number<"status.availableReplicas">},
    kAge,
    kContainers,
    kImages,
    {"Selector", DeploymentSelectorCell, "string", 1},
};

constexpr TableColumn kReplicaSet[] = {
    kName,
    {"Desired", Number<"spec.replicas">, "integer"},
    {"Current", Number<"status.replicas">, "integer"},
    {"Ready", Number<"status.readyReplicas">, "integer"},
    kAge,
    kContainers,
    kImages,
    kSelector,
};

constexpr TableColumn kStatefulSet[] = {
    kName, {"Ready", ReadyOfDesiredCell}, kAge, kContainers, kImages};

constexpr TableColumn kDaemonSet[] = {
    kName,
    {"Desired", Number<"status.desiredNumberScheduled">, "integer"},
    {"Current", Number<"status.currentNumberScheduled">, "integer"},
    {"Ready", Number<"status.numberReady">, "integer"},
    {"Up-to-date", Number<"status.updatedNumberScheduled">, "integer"},
    {"Available", Number<"status.numberAvailable">, "integer"},
    {"Node Selector", Labels<"spec.template.spec.nodeSelector">},
    kAge,
    kContainers,
    kImages,
    kSelector,
};

Json ControllerCell(const CellInput& input) {
  for (const Json& owner : ListAt(input.object, "metadata.ownerReferences")) {
    const Json* controller = FindPath(owner, "controller");
    if (controller == nullptr || *controller != true) continue;
    const std::string api_version = TextAt(owner, "apiVersion");
    const std::string_view group = GroupPart(api_version);
    std::string kind = TextAt(owner, "kind");
    if (!group.empty()) kind.append(".").append(group);
    return Lower(kind) + "/" + TextAt(owner, "name");
  }
  return "<none>";
}

constexpr TableColumn kControllerRevision[] = {
    kName, {"Controller", ControllerCell}, {"Revision", Number<"revision">}, kAge};

// A Scale leaves out a number that is zero, and what is not there has no cell.
Json DesiredIfThere(const CellInput& input) {
  const Json* replicas = FindPath(input.object, "spec.replicas");
  return replicas == nullptr ? Json() : *replicas;
}

constexpr TableColumn kCustomScale[] = {
    kName,
    {.name = "Desired",
     .cell = DesiredIfThere,
     .type = "integer",
     .description = "How many replicas there are to be."},
    {.name = "Available",
     .cell = Number<"status.replicas">,
     .type = "integer",
     .description = "How many replicas there are."},
    {.name = "Age", .cell = Age<>, .type = "date", .description = kAge.description},
};

constexpr TableColumn kScale[] = {
    {"Name", Text<"metadata.name">},
    {"Desired", Number<"spec.replicas">, "integer"},
    {"Available", Number<"status.replicas">, "integer"},
    kAge,
};

}  // namespace

constinit const TableFormat kDeploymentTable = {kDeployment};
constinit const TableFormat kReplicaSetTable = {kReplicaSet};
constinit const TableFormat kStatefulSetTable = {kStatefulSet};
constinit const TableFormat kDaemonSetTable = {kDaemonSet};
constinit const TableFormat kControllerRevisionTable = {kControllerRevision};
constinit const TableFormat kScaleTable = {kScale};
constinit const TableFormat kCustomScaleTable = {kCustomScale};

}  // namespace skiff::columns
