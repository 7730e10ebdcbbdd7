#include "api/rules/devices/device_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>

#include "api/cel/program.h"
#include "api/codec/json.h"
#include "api/codec/struct_text.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/devices/device_selectors.h"
#include "api/rules/names.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/text/go_text.h"
#include "api/violations.h"
#include "base/text.h"

namespace skiff {
namespace {

using namespace resource_v1;

constexpr size_t kListMax = 32;
constexpr size_t kAlternativesMax = 8;
constexpr size_t kAllocationConfigMax = 64;
constexpr size_t kReservationsMax = 256;
constexpr size_t kDeviceConditionsMax = 8;
constexpr size_t kDeviceIpsMax = 16;
constexpr size_t kInterfaceBytesMax = 256;
constexpr size_t kHardwareBytesMax = 128;
constexpr size_t kExpressionBytesMax = 10240;
constexpr size_t kRawBytesMax = 10240;
constexpr size_t kDomainBytesMax = 63;
constexpr size_t kIdBytesMax = 32;
constexpr size_t kPoolBytesMax = 253;
constexpr const char* kOneOf = "exactly one of `exactly` or `firstAvailable` is required";

// False when the list is so long that nothing else is said about it.
template <typename T>
bool CheckCount(const std::vector<T>& list, size_t count_max, const FieldPath& path,
                Violations& out) {
  if (list.size() <= count_max) return true;
  out.TooMany(path, list.size(), static_cast<int64_t>(count_max));
  return false;
}

// Names of requests, and of their alternatives as "request/alternative".
std::set<std::string> ReferencesOf(const DeviceClaim& claim) {
  std::set<std::string> names;
  for (const DeviceRequest& request : claim.requests) {
    names.insert(request.name);
    for (const auto& alternative : request.first_available) {
      names.insert(request.name + "/" + alternative.name);
    }
  }
  return names;
}

void ValidateReference(const std::string& reference, const std::set<std::string>& known,
                       const FieldPath& path, Violations& out) {
  constexpr const char* kNotThere =
      "must be the name of a request in the claim or the name of a request and a subrequest "
      "separated by '/'";
  if (std::ranges::count(reference, '/') > 1) return out.Invalid(path, reference, kNotThere);
  for (size_t begin = 0; begin <= reference.size();) {
    const size_t end = std::min(reference.find('/', begin), reference.size());
    const std::string part = reference.substr(begin, end - begin);
    out.InvalidEach(path, part, Dns1123LabelErrors(part));
    begin = end + 1;
  }
  if (!known.contains(reference)) out.Invalid(path, reference, kNotThere);
}

void ValidateReferences(const std::vector<std::string>& references,
                        const std::set<std::string>& known, const FieldPath& path,
                        Violations& out) {
  if (!CheckCount(references, kListMax, path, out)) return;
  for (size_t i = 0; i < references.size(); ++i) {
    ValidateReference(references[i], known, path.Index(i), out);
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < references.size(); ++i) {
    if (!seen.insert(references[i]).second) out.Duplicate(path.Index(i), references[i]);
  }
}

// What an exact request and an alternative have in common.
template <typename Request>
void ValidateWanted(const Request& request, const FieldPath& path, Violations& out) {
  RequireFormat(Dns1123SubdomainErrors, request.device_class_name, path.Child("deviceClassName"),
                out);
  ValidateDeviceSelectors(request.selectors, path.Child("selectors"), out);
  const FieldPath count = path.Child("count");
  if (request.allocation_mode == "All") {
    if (request.count != 0) {
      out.Invalid(count, request.count, "must not be specified when allocationMode is 'All'");
    }
  } else if (request.allocation_mode == "ExactCount") {
    if (request.count <= 0) out.Invalid(count, request.count, kMustBePositive);
  } else {
    out.NotSupported(path.Child("allocationMode"), request.allocation_mode, {"All", "ExactCount"});
  }
}

void ValidateRequest(const DeviceRequest& request, const FieldPath& path, Violations& out) {
  CheckFormat(Dns1123LabelErrors, request.name, path.Child("name"), out);
  const bool alternatives = !request.first_available.empty();
  if (request.exactly && alternatives) {
    return out.Invalid(path, nullptr, fmt::format("{}, but multiple fields are set", kOneOf));
  }
  if (!request.exactly && !alternatives) return out.Required(path, kOneOf);
  if (request.exactly) return ValidateWanted(*request.exactly, path.Child("exactly"), out);
  const FieldPath list = path.Child("firstAvailable");
  if (!CheckCount(request.first_available, kAlternativesMax, list, out)) return;
  std::set<std::string_view> names;
  for (size_t i = 0; i < request.first_available.size(); ++i) {
    const auto& alternative = request.first_available[i];
    CheckFormat(Dns1123LabelErrors, alternative.name, list.Index(i).Child("name"), out);
    ValidateWanted(alternative, list.Index(i), out);
  }
  for (size_t i = 0; i < request.first_available.size(); ++i) {
    const std::string& name = request.first_available[i].name;
    if (!names.insert(name).second) out.Duplicate(list.Index(i), name);
  }
}

void ValidateFullyQualified(const std::string& name, const FieldPath& path, Violations& out) {
  ValidateDeviceFieldName(name, path, out);
  if (name.find('/') != std::string::npos) return;
  out.Invalid(path, name,
              "a fully qualified name must be a domain and a name separated by a slash");
}

void ValidateReservations(const ResourceClaim& claim, Violations& out) {
  const FieldPath path = FieldPath("status").Child("reservedFor");
  const auto& now = claim.status.reserved_for;
  if (CheckCount(now, kReservationsMax, path, out)) {
    for (size_t i = 0; i < now.size(); ++i) {
      Require(now[i].resource, path.Index(i).Child("resource"), out);
      Require(now[i].name, path.Index(i).Child("name"), out);
      Require(now[i].uid, path.Index(i).Child("uid"), out);
    }
    std::set<std::string_view> uids;
    for (size_t i = 0; i < now.size(); ++i) {
      if (!uids.insert(now[i].uid).second) out.Duplicate(path.Index(i), now[i].uid);
    }
  }
}

void ValidateMayBeReserved(const ResourceClaim& claim, const ResourceClaim& old, Violations& out) {
  const FieldPath path = FieldPath("status").Child("reservedFor");
  const auto& now = claim.status.reserved_for;
  if (now.empty()) return;
  if (!claim.status.allocation) {
    return out.Forbidden(path, "may not be specified when `allocated` is not set");
  }
  if (!claim.metadata.deletion_timestamp) return;
  const auto& before = old.status.reserved_for;
  const bool added = std::any_of(now.begin(), now.end(), [&](const auto& entry) {
    return std::find(before.begin(), before.end(), entry) == before.end();
  });
  if (added) {
    out.Forbidden(path,
                  "new entries may not be added while `deallocationRequested` or "
                  "`deletionTimestamp` are set");
  }
}

void ValidateAllocation(const AllocationResult& allocation, const std::set<std::string>& known,
                        Violations& out) {
  const FieldPath path = FieldPath("status").Child("allocation").Child("devices");
  const auto& results = allocation.devices.results;
  const FieldPath list = path.Child("results");
  for (size_t i = 0; CheckCount(results, kListMax, list, out) && i < results.size(); ++i) {
    const FieldPath at = list.Index(i);
    ValidateReference(results[i].request, known, at.Child("request"), out);
    ValidateDriverName(results[i].driver, at.Child("driver"), out);
    ValidatePoolName(results[i].pool, at.Child("pool"), out);
    CheckFormat(Dns1123LabelErrors, results[i].device, at.Child("device"), out);
  }
  const auto& config = allocation.devices.config;
  const FieldPath configs = path.Child("config");
  for (size_t i = 0; CheckCount(config, kAllocationConfigMax, configs, out) && i < config.size();
       ++i) {
    const FieldPath at = configs.Index(i);
    RequireOneOf(config[i].source, {"FromClaim", "FromClass"}, at.Child("source"), out);
    ValidateReferences(config[i].requests, known, at.Child("requests"), out);
    ValidateOpaqueConfig(config[i].opaque, at.Child("opaque"), out);
  }
  if (!allocation.node_selector) return;
  ValidateNodeSelector(*allocation.node_selector, true,
                       FieldPath("status").Child("allocation").Child("nodeSelector"), out);
}

// As Go prints what tells devices apart.
Printed PrintedDevice(const AllocatedDeviceStatus& device) {
  return Printed::Verbatim(fmt::format(
      R"({{"Driver":{},"Pool":{},"Device":{},"ShareID":{}}})", GoQuote(device.driver),
      GoQuote(device.pool), GoQuote(device.device), GoQuote(device.share_id.value_or(""))));
}

// An object that a driver says something with.
void ValidateRawObject(const RawJson& raw, const FieldPath& path, Violations& out) {
  if (raw.IsNull()) return out.Required(path);
  if (raw.Text().size() > kRawBytesMax) return out.TooLong(path, kRawBytesMax);
  const auto parsed = ParseJson(raw.Text());
  if (!parsed) {
    out.Invalid(path, "<value omitted>", "error parsing data as JSON: " + parsed.error().message);
  } else if (!parsed->is_object()) {
    out.Invalid(path, "<value omitted>", "must be a valid JSON object");
  }
}

void ValidateNetworkData(const NetworkDeviceData& data, const FieldPath& path, Violations& out) {
  if (data.interface_name.size() > kInterfaceBytesMax) {
    out.TooLong(path.Child("interfaceName"), kInterfaceBytesMax);
  }
  if (data.hardware_address.size() > kHardwareBytesMax) {
    out.TooLong(path.Child("hardwareAddress"), kHardwareBytesMax);
  }
  const FieldPath ips = path.Child("ips");
  if (!CheckCount(data.ips, kDeviceIpsMax, ips, out)) return;
  for (size_t i = 0; i < data.ips.size(); ++i) {
    out.InvalidEach(ips.Index(i), data.ips[i], InterfaceAddressErrors(data.ips[i]));
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < data.ips.size(); ++i) {
    if (!seen.insert(data.ips[i]).second) out.Duplicate(ips.Index(i), data.ips[i]);
  }
}

void ValidateDeviceStatus(const HeldDevices& held, const AllocatedDeviceStatus& device,
                          const FieldPath& path, Violations& out) {
  ValidateDriverName(device.driver, path.Child("driver"), out);
  ValidatePoolName(device.pool, path.Child("pool"), out);
  CheckFormat(Dns1123LabelErrors, device.device, path.Child("device"), out);
  if (!held.Has(device)) {
    out.Invalid(path, PrintedDevice(device), "must be an allocated device in the claim");
  }
  const FieldPath conditions = path.Child("conditions");
  CheckCount(device.conditions, kDeviceConditionsMax, conditions, out);
  ValidateConditions(device.conditions, conditions, out);
  if (device.data) ValidateRawObject(*device.data, path.Child("data"), out);
  if (device.network_data) {
    ValidateNetworkData(*device.network_data, path.Child("networkData"), out);
  }
}

void ValidateDeviceStatuses(const ResourceClaim& claim, Violations& out) {
  const FieldPath path = FieldPath("status").Child("devices");
  const auto& devices = claim.status.devices;
  const HeldDevices held(claim.status);
  for (size_t i = 0; i < devices.size(); ++i) {
    ValidateDeviceStatus(held, devices[i], path.Index(i), out);
  }
  std::set<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>> seen;
  for (size_t i = 0; i < devices.size(); ++i) {
    const AllocatedDeviceStatus& each = devices[i];
    const std::string_view share = each.share_id ? std::string_view(*each.share_id) : "";
    if (seen.emplace(each.driver, each.pool, each.device, share).second) continue;
    out.Duplicate(path.Index(i), PrintedDevice(each));
  }
}

bool HoldsTooMany(const ResourceClaimStatus& status) {
  return status.allocation && status.allocation->devices.results.size() > kListMax;
}

}  // namespace

HeldDevices::HeldDevices(const ResourceClaimStatus& status) {
  if (!status.allocation) return;
  for (const auto& result : status.allocation->devices.results) keys_.insert(KeyOf(result));
}

bool HeldDevices::Has(const AllocatedDeviceStatus& device) const {
  return keys_.contains(KeyOf(device));
}

void ValidateDriverName(std::string_view driver, const FieldPath& path, Violations& out) {
  if (driver.empty()) return out.Required(path);
  if (driver.size() > kDomainBytesMax) out.TooLong(path, kDomainBytesMax);
  out.InvalidEach(path, std::string(driver), Dns1123SubdomainErrors(Lower(driver)));
}

void ValidatePoolName(std::string_view pool, const FieldPath& path, Violations& out) {
  if (pool.empty()) return out.Required(path);
  if (pool.size() > kPoolBytesMax) out.TooLong(path, kPoolBytesMax);
  for (size_t begin = 0; begin <= pool.size();) {
    const size_t end = std::min(pool.find('/', begin), pool.size());
    const std::string part(pool.substr(begin, end - begin));
    out.InvalidEach(path, part, Dns1123SubdomainErrors(part));
    begin = end + 1;
  }
}

void ValidateDeviceFieldName(std::string_view name, const FieldPath& path, Violations& out) {
  const size_t slash = name.find('/');
  if (slash != std::string_view::npos) {
    if (name.find('/', slash + 1) != std::string_view::npos) return;  // So it is in Kubernetes.
    if (slash == 0) {
      out.Invalid(path, "", "the domain must not be empty");
    } else {
      ValidateDriverName(name.substr(0, slash), path, out);
    }
    name.remove_prefix(slash + 1);
    if (name.empty()) return out.Invalid(path, "", "the name must not be empty");
  }
  if (name.size() > kIdBytesMax) out.TooLong(path, kIdBytesMax);
  out.InvalidEach(path, std::string(name), CIdentifierErrors(name));
}

void ValidateDeviceSelectors(const std::vector<DeviceSelector>& selectors, const FieldPath& path,
                             Violations& out) {
  if (!CheckCount(selectors, kListMax, path, out)) return;
  for (size_t i = 0; i < selectors.size(); ++i) {
    const FieldPath at = path.Index(i).Child("cel");
    if (!selectors[i].cel) {
      out.Required(at);
    } else if (selectors[i].cel->expression.size() > kExpressionBytesMax) {
      out.TooLong(at.Child("expression"), kExpressionBytesMax);
    } else {
      ValidateDeviceExpression(selectors[i].cel->expression, at.Child("expression"), out);
    }
  }
}

void CompactParameters(Box<OpaqueDeviceConfiguration>& config) {
  if (!config || config->parameters.IsNull()) return;
  const std::string_view text = config->parameters.Text();
  if (text.find_first_of(" \t\r\n") == std::string_view::npos) return;
  std::string compact;
  AppendCompact(text, compact);
  config->parameters = RawJson::FromText(compact);
}

void ValidateOpaqueConfig(const Box<OpaqueDeviceConfiguration>& config, const FieldPath& path,
                          Violations& out) {
  if (!config) return out.Required(path);
  ValidateDriverName(config->driver, path.Child("driver"), out);
  ValidateRawObject(config->parameters, path.Child("parameters"), out);
}

void ValidateClaimSpec(const ResourceClaimSpec& spec, const FieldPath& path, Violations& out) {
  // Of all its selectors together; there may be a thousand.
  const cel::LookScope scope(cel::kCallCostMax);
  const DeviceClaim& claim = spec.devices;
  const FieldPath devices = path.Child("devices");
  const FieldPath requests = devices.Child("requests");
  if (CheckCount(claim.requests, kListMax, requests, out)) {
    for (size_t i = 0; i < claim.requests.size(); ++i) {
      ValidateRequest(claim.requests[i], requests.Index(i), out);
    }
    std::set<std::string_view> names;
    for (size_t i = 0; i < claim.requests.size(); ++i) {
      const std::string& name = claim.requests[i].name;
      if (!names.insert(name).second) out.Duplicate(requests.Index(i), name);
    }
  }
  const auto known = ReferencesOf(claim);
  const FieldPath constraints = devices.Child("constraints");
  if (CheckCount(claim.constraints, kListMax, constraints, out)) {
    for (size_t i = 0; i < claim.constraints.size(); ++i) {
      const FieldPath at = constraints.Index(i);
      ValidateReferences(claim.constraints[i].requests, known, at.Child("requests"), out);
      const auto& attribute = claim.constraints[i].match_attribute;
      const FieldPath match = at.Child("matchAttribute");
      attribute ? ValidateFullyQualified(*attribute, match, out) : out.Required(match);
    }
  }
  const FieldPath configs = devices.Child("config");
  if (!CheckCount(claim.config, kListMax, configs, out)) return;
  for (size_t i = 0; i < claim.config.size(); ++i) {
    ValidateReferences(claim.config[i].requests, known, configs.Index(i).Child("requests"), out);
    ValidateOpaqueConfig(claim.config[i].opaque, configs.Index(i).Child("opaque"), out);
  }
}

void ValidateClaimStatus(const ResourceClaim& claim, const ResourceClaim& old, Violations& out) {
  ValidateReservations(claim, out);
  // That there are too many is told below; nobody reads what is wrong with each.
  if (!HoldsTooMany(claim.status)) ValidateDeviceStatuses(claim, out);
  ValidateMayBeReserved(claim, old, out);
  const auto& allocation = claim.status.allocation;
  if (old.status.allocation && allocation && !(*allocation == *old.status.allocation)) {
    out.Invalid(FieldPath("status").Child("allocation"), Printed(*allocation), kFieldImmutable);
  } else if (allocation && !old.status.allocation) {
    ValidateAllocation(*allocation, ReferencesOf(claim.spec.devices), out);
  }
}

}  // namespace skiff
