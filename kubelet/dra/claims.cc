#include "kubelet/dra/claims.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/codec/json_members.h"

namespace skiff::kubelet::dra {
namespace {

uint32_t ChecksumOf(std::string_view text) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

// Go writes a slice that was never made as null.
Json SliceOf(const std::vector<std::string>& list) {
  return list.empty() ? Json() : Json(list);
}

Json DeviceToJson(const Device& device) {
  return {{"PoolName", device.pool},
          {"DeviceName", device.name},
          {"ShareID", device.share_id ? Json(*device.share_id) : Json()},
          {"RequestNames", SliceOf(device.requests)},
          {"CDIDeviceIDs", SliceOf(device.cdi_ids)}};
}

std::vector<std::string> ListAt(const Json& object, const char* key) {
  std::vector<std::string> list;
  for (const Json& each : MemberOf(object, key)) {
    if (each.is_string()) list.push_back(each.get<std::string>());
  }
  return list;
}

Device DeviceFrom(const Json& object) {
  Device device{MemberText(object, "PoolName"), MemberText(object, "DeviceName"), std::nullopt,
                ListAt(object, "RequestNames"), ListAt(object, "CDIDeviceIDs")};
  if (auto share = MemberText(object, "ShareID"); !share.empty()) {
    device.share_id = std::move(share);
  }
  return device;
}

ClaimInfo ClaimFrom(const Json& object) {
  ClaimInfo info;
  info.uid = MemberText(object, "ClaimUID");
  info.key = {MemberText(object, "Namespace"), MemberText(object, "ClaimName")};
  const Json& pods = MemberOf(object, "PodUIDs");
  if (pods.is_object()) {
    for (const auto& [uid, nothing] : pods.items()) info.pods.insert(uid);
  }
  const Json& drivers = MemberOf(object, "DriverState");
  if (!drivers.is_object()) return info;
  for (const auto& [name, state] : drivers.items()) {
    auto& devices = info.drivers[name];
    for (const Json& device : MemberOf(state, "Devices")) devices.push_back(DeviceFrom(device));
  }
  return info;
}

}  // namespace

std::vector<std::string> ClaimInfo::CdiDevices(const std::string& request) const {
  std::vector<std::string> ids;
  for (const auto& [driver, devices] : drivers) {
    for (const Device& device : devices) {
      const auto& requests = device.requests;
      const bool serves = request.empty() || requests.empty() ||
                          std::find(requests.begin(), requests.end(), request) != requests.end();
      if (serves) ids.insert(ids.end(), device.cdi_ids.begin(), device.cdi_ids.end());
    }
  }
  return ids;
}

std::string CheckpointOf(const Claims& claims) {
  Json list = Json::array();
  for (const auto& [key, claim] : claims) {
    Json pods = Json::object();
    for (const auto& uid : claim.pods) pods[uid] = Json::object();
    Json drivers = Json::object();
    for (const auto& [name, devices] : claim.drivers) {
      Json entries;
      for (const Device& device : devices) entries.push_back(DeviceToJson(device));
      drivers[name] = {{"Devices", std::move(entries)}};
    }
    list.push_back({{"ClaimUID", claim.uid},
                    {"ClaimName", key.name},
                    {"Namespace", key.namespace_},
                    {"PodUIDs", std::move(pods)},
                    {"DriverState", std::move(drivers)}});
  }
  const std::string data = Json{
      {"kind", "DRACheckpoint"},
      {"apiVersion", "checkpoint.dra.kubelet.k8s.io/v1"},
      {"ClaimInfoStateList",
       std::move(list)}}.dump();
  return Json{{"Data", data}, {"Checksum", ChecksumOf(data)}}.dump();
}

Result<Claims> ParseCheckpoint(std::string_view text) {
  const Json whole = TRY(ParseJson(text));
  const std::string data = MemberText(whole, "Data");
  const Json& checksum = MemberOf(whole, "Checksum");
  if (!checksum.is_number_integer() || checksum.get<int64_t>() != ChecksumOf(data)) {
    return Fail(Reason::kInvalid, "checkpoint is corrupted");
  }
  const Json state = TRY(ParseJson(data));
  Claims claims;
  for (const Json& each : MemberOf(state, "ClaimInfoStateList")) {
    ClaimInfo claim = ClaimFrom(each);
    const ObjectKey key = claim.key;
    claims[key] = std::move(claim);
  }
  return claims;
}

Result<ClaimInfo> InfoOf(const resource_v1::ResourceClaim& claim) {
  if (!claim.status.allocation) {
    return Fail(Reason::kConflict,
                fmt::format("ResourceClaim {}: not allocated", claim.metadata.name));
  }
  ClaimInfo info;
  info.uid = claim.metadata.uid;
  info.key = {claim.metadata.namespace_, claim.metadata.name};
  for (const auto& result : claim.status.allocation->devices.results) info.drivers[result.driver];
  return info;
}

Result<std::optional<ClaimReference>> ReferenceOf(const core_v1::Pod& pod,
                                                  const core_v1::PodResourceClaim& claim) {
  const auto& meta = pod.metadata;
  if (claim.resource_claim_name) return ClaimReference{*claim.resource_claim_name};
  if (!claim.resource_claim_template_name) {
    return Fail(Reason::kInvalid,
                fmt::format("pod \"{}/{}\", spec.resourceClaim \"{}\": none of the supported "
                            "fields are set",
                            meta.namespace_, meta.name, claim.name));
  }
  for (const auto& status : pod.status.resource_claim_statuses) {
    if (status.name != claim.name) continue;
    if (!status.resource_claim_name) return std::optional<ClaimReference>();
    return ClaimReference{*status.resource_claim_name, true};
  }
  return Fail(Reason::kNotFound, fmt::format("pod \"{}/{}\": ResourceClaim not created yet",
                                             meta.namespace_, meta.name));
}

Result<> CheckUse(const core_v1::Pod& pod, const ClaimReference& reference,
                  const resource_v1::ResourceClaim& claim) {
  const auto& owners = claim.metadata.owner_references;
  const bool is_owned = std::any_of(owners.begin(), owners.end(), [&](const auto& owner) {
    return owner.controller.value_or(false) && owner.uid == pod.metadata.uid;
  });
  if (reference.must_be_owned && !is_owned) {
    return Fail(Reason::kForbidden,
                fmt::format("ResourceClaim {}/{} was not created for pod {}/{} (pod is not owner)",
                            claim.metadata.namespace_, claim.metadata.name, pod.metadata.namespace_,
                            pod.metadata.name));
  }
  const auto& users = claim.status.reserved_for;
  const bool is_reserved = std::any_of(
      users.begin(), users.end(), [&](const auto& user) { return user.uid == pod.metadata.uid; });
  if (is_reserved) return {};
  return Fail(
      Reason::kForbidden,
      fmt::format("pod {} ({}) is not allowed to use ResourceClaim {} ({})", pod.metadata.name,
                  pod.metadata.uid, claim.metadata.name, claim.metadata.uid));
}

}  // namespace skiff::kubelet::dra
