#include "controllers/scheduler/devices/device_requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/rules/devices/device_expressions.h"

namespace skiff::scheduler {
namespace {

using resource_v1::DeviceSelector;

// `owner`: "claim default/gpus", "class gpu".
Result<bool> AllSelect(const std::vector<DeviceSelector>& list, const std::string& owner,
                       const cel::Value& device, DeviceSelectors& selectors) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (!list[i].cel) {
      return Fail(Reason::kInvalid,
                  fmt::format("{}, selector #{}: CEL expression empty (unsupported selector type?)",
                              owner, i));
    }
    const auto& program = selectors.Of(list[i].cel->expression);
    if (!program) {
      return Fail(Reason::kInvalid, fmt::format("{}: selector #{}: CEL compile error: {}", owner, i,
                                                program.error().message));
    }
    const auto selects = Selects(**program, device);
    if (!selects) {
      return Fail(Reason::kInvalid, fmt::format("{}: selector #{}: CEL runtime error: {}", owner, i,
                                                selects.error().message));
    }
    if (!*selects) return false;
  }
  return true;
}

}  // namespace

std::string NameOf(const resource_v1::ResourceClaim& claim) {
  return claim.metadata.namespace_ + "/" + claim.metadata.name;
}

bool DeviceWish::IsAmong(const std::vector<std::string>& requests) const {
  if (requests.empty()) return true;
  const auto has = [&](const std::string& each) {
    return std::ranges::find(requests, each) != requests.end();
  };
  return has(parent == nullptr ? name : *parent) || (parent != nullptr && has(Reference()));
}

DeviceRequestWishes WishesOf(const resource_v1::DeviceRequest& request) {
  DeviceRequestWishes out;
  out.has_alternatives = !request.first_available.empty();
  for (const auto& each : request.first_available) {
    out.wishes.push_back({.name = each.name,
                          .parent = &request.name,
                          .class_name = each.device_class_name,
                          .selectors = each.selectors,
                          .tolerations = each.tolerations,
                          .mode = each.allocation_mode,
                          .count = each.count});
  }
  if (out.has_alternatives || !request.exactly) return out;
  const auto& exactly = *request.exactly;
  out.wishes.push_back({.name = request.name,
                        .class_name = exactly.device_class_name,
                        .selectors = exactly.selectors,
                        .tolerations = exactly.tolerations,
                        .mode = exactly.allocation_mode,
                        .count = exactly.count,
                        .is_admin = exactly.admin_access.value_or(false)});
  return out;
}

const DeviceSelectors::Program& DeviceSelectors::Of(const std::string& expression) {
  const auto found = programs_.find(expression);
  if (found != programs_.end()) return found->second;
  if (programs_.size() >= kProgramsMax) programs_.clear();
  return programs_.emplace(expression, CompileDeviceSelector(expression)).first->second;
}

Result<bool> IsSelected(const resource_v1::ResourceClaim& claim, const DeviceWish& wish,
                        std::string_view driver, const resource_v1::Device& device,
                        DeviceSelectors& selectors) {
  const auto& of_class = wish.device_class->spec.selectors;
  if (of_class.empty() && wish.selectors.empty()) return true;
  const std::string class_owner = "class " + wish.device_class->metadata.name;
  const std::string claim_owner = "claim " + NameOf(claim);
  const auto value = DeviceValue(driver, device);
  if (!value) {
    // Said by the first expression that would look at it.
    return Fail(Reason::kInvalid,
                fmt::format("{}: selector #0: CEL runtime error: {}",
                            of_class.empty() ? claim_owner : class_owner, value.error().message));
  }
  if (!TRY(AllSelect(of_class, class_owner, *value, selectors))) return false;
  return AllSelect(wish.selectors, claim_owner, *value, selectors);
}

}  // namespace skiff::scheduler
