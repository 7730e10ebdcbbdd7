// What a cluster is set up with: priorities, runtimes, devices, aggregated APIs.
#include <fmt/format.h>

#include "api/columns/cells.h"

namespace skiff::columns {
namespace {

constexpr TableColumn kPriorityClass[] = {
    kName,
    {"Value", Number<"value">, "integer"},
    {"Global-Default", Bool<"globalDefault">, "boolean"},
    kAge,
    {"PreemptionPolicy", Text<"preemptionPolicy">},
};

constexpr TableColumn kRuntimeClass[] = {kName, {"Handler", Text<"handler">}, kAge};

constexpr TableColumn kNameAndAge[] = {kName, kAge};

Json ClaimStateCell(const CellInput& input) {
  std::vector<std::string> states;
  const bool deleting = FindPath(input.object, "metadata.deletionTimestamp") != nullptr;
  if (deleting) states.emplace_back("deleted");
  if (FindPath(input.object, "status.allocation") == nullptr) {
    if (!deleting) states.emplace_back("pending");
  } else {
    states.emplace_back("allocated");
    if (!ListAt(input.object, "status.reservedFor").empty()) states.emplace_back("reserved");
  }
  return Join(states);
}

constexpr TableColumn kResourceClaim[] = {kName, {"State", ClaimStateCell}, kAge};

constexpr TableColumn kResourceSlice[] = {
    kName,
    {"Node", Text<"spec.nodeName">},
    {"Driver", Text<"spec.driver">},
    {"Pool", Text<"spec.pool.name">},
    kAge,
};

Json ServiceCell(const CellInput& input) {
  const Json* service = FindPath(input.object, "spec.service");
  if (service == nullptr) return "Local";
  return TextAt(*service, "namespace") + "/" + TextAt(*service, "name");
}

Json AvailableCell(const CellInput& input) {
  const Json* available = FindCondition(input.object, "Available");
  if (available == nullptr) return "Unknown";
  const std::string status = TextAt(*available, "status");
  const std::string reason = TextAt(*available, "reason");
  if (status == "True" || reason.empty()) return status;
  return fmt::format("{} ({})", status, reason);
}

constexpr TableColumn kApiService[] = {
    kName, {"Service", ServiceCell}, {"Available", AvailableCell}, kAge};

}  // namespace

constinit const TableFormat kPriorityClassTable = {kPriorityClass};
constinit const TableFormat kRuntimeClassTable = {kRuntimeClass};
constinit const TableFormat kNameAndAgeTable = {kNameAndAge};
constinit const TableFormat kResourceClaimTable = {kResourceClaim};
constinit const TableFormat kResourceSliceTable = {kResourceSlice};
constinit const TableFormat kApiServiceTable = {kApiService};

}  // namespace skiff::columns
