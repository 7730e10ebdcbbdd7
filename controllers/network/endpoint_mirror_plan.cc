#include "controllers/network/endpoint_mirror_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include "api/rules/core/ip.h"

namespace skiff {
namespace {

using core_v1::EndpointAddress;
using core_v1::Endpoints;
using core_v1::EndpointSubset;
using discovery_v1::Endpoint;
using discovery_v1::EndpointSlice;

using PortKey = std::tuple<std::string, int32_t, std::string, std::optional<std::string>>;
using AddressKey = std::pair<std::string, std::string>;  // The address, and the uid of its target.
using Readiness = std::map<AddressKey, bool>;

// What slices are told apart by: the family and the ports.
using SliceKey = std::pair<std::string, std::vector<PortKey>>;
// What makes two endpoints the same one.
using EndpointKey = std::tuple<std::string, std::string, std::string, std::string>;

struct Desired {
  SlicePorts ports;
  std::map<EndpointKey, Endpoint> endpoints;
};

template <typename Port>
std::vector<PortKey> PortKeysOf(const std::vector<Port>& ports) {
  std::vector<PortKey> key;
  for (const auto& port : ports) {
    if constexpr (std::is_same_v<Port, core_v1::EndpointPort>) {
      key.emplace_back(port.name, port.port, port.protocol, port.app_protocol);
    } else {
      key.emplace_back(port.name.value_or(""), port.port.value_or(0), port.protocol.value_or(""),
                       port.app_protocol);
    }
  }
  std::sort(key.begin(), key.end());
  return key;
}

EndpointKey IdentityOf(const Endpoint& endpoint) {
  const bool has_target = static_cast<bool>(endpoint.target_ref);
  return {endpoint.addresses.empty() ? "" : endpoint.addresses[0], endpoint.hostname.value_or(""),
          has_target ? endpoint.target_ref->namespace_ : "",
          has_target ? endpoint.target_ref->name : ""};
}

SlicePorts ToSlicePorts(const std::vector<core_v1::EndpointPort>& ports) {
  SlicePorts out;
  for (const auto& port : ports) {
    auto& to = out.emplace_back();
    to.name = port.name;
    to.port = port.port;
    to.protocol = port.protocol;
    to.app_protocol = port.app_protocol;
  }
  return out;
}

Endpoint ToEndpoint(const EndpointAddress& address, const IpAddress& ip, bool ready) {
  Endpoint endpoint;
  endpoint.addresses = {ip.Text()};
  endpoint.conditions.ready = ready;
  endpoint.target_ref = address.target_ref;
  endpoint.node_name = address.node_name;
  if (!address.hostname.empty()) endpoint.hostname = address.hostname;
  return endpoint;
}

size_t SizeOf(const EndpointSubset& subset) {
  return subset.addresses.size() + subset.not_ready_addresses.size();
}

// Which subsets name a port. Ports of the same ones have the same addresses: those are looked at
// once for all of them, as of a thousand ports and a thousand addresses there are a million pairs.
using Places = std::vector<size_t>;

std::map<Places, std::vector<std::optional<PortKey>>> PortsByPlaces(
    const std::vector<EndpointSubset>& subsets) {
  std::map<std::optional<PortKey>, Places> by_port;  // nullopt: of subsets without ports.
  for (size_t i = 0; i < subsets.size(); ++i) {
    const auto name = [&](const std::optional<PortKey>& port) {
      Places& places = by_port[port];
      if (places.empty() || places.back() != i) places.push_back(i);
    };
    if (subsets[i].ports.empty()) name(std::nullopt);
    for (const PortKey& port : PortKeysOf(subsets[i].ports)) name(port);
  }
  std::map<Places, std::vector<std::optional<PortKey>>> ports_of;
  for (const auto& [port, places] : by_port) ports_of[places].push_back(port);
  return ports_of;
}

// Of the addresses of these subsets, which it adds to `addresses`.
Readiness ReadinessIn(const std::vector<EndpointSubset>& subsets, const Places& places,
                      std::map<AddressKey, EndpointAddress>& addresses) {
  Readiness readiness;
  for (const size_t place : places) {
    const auto add = [&](const std::vector<EndpointAddress>& list, bool ready) {
      for (const EndpointAddress& address : list) {
        const AddressKey key = {address.ip, address.target_ref ? address.target_ref->uid : ""};
        addresses.emplace(key, address);
        const auto [entry, is_new] = readiness.emplace(key, ready);
        if (!is_new) entry->second = entry->second && ready;
      }
    };
    add(subsets[place].addresses, true);
    add(subsets[place].not_ready_addresses, false);
  }
  return readiness;
}

// What the slices shall hold.
std::map<SliceKey, Desired> DesiredSlices(const Endpoints& endpoints, size_t addresses_max,
                                          MirrorPlan& plan) {
  std::map<SliceKey, Desired> desired;
  const RepackedSubsets repacked = Repacked(endpoints.subsets);
  plan.left_out = repacked.left_out;
  for (const EndpointSubset& subset : repacked.subsets) {
    const auto ports = PortKeysOf(subset.ports);
    size_t added = 0;
    const auto add = [&](const std::vector<EndpointAddress>& addresses, bool ready) {
      for (const EndpointAddress& address : addresses) {
        if (added >= addresses_max) return;
        const auto ip = ParseIp(address.ip);
        plan.invalid += !ip;
        if (!ip) continue;
        Desired& slice = desired[{ip->v6 ? "IPv6" : "IPv4", ports}];
        slice.ports = ToSlicePorts(subset.ports);
        Endpoint endpoint = ToEndpoint(address, *ip, ready);
        slice.endpoints.insert_or_assign(IdentityOf(endpoint), std::move(endpoint));
        ++added;
      }
    };
    add(subset.addresses, true);
    add(subset.not_ready_addresses, false);
    plan.skipped += static_cast<int64_t>(SizeOf(subset) - added);
  }
  return desired;
}

// What a slice of these Endpoints says beside its name and contents.
meta_v1::ObjectMeta SliceMetadata(const Endpoints& endpoints) {
  meta_v1::ObjectMeta metadata;
  metadata.namespace_ = endpoints.metadata.namespace_;
  metadata.generate_name = endpoints.metadata.name + "-";
  metadata.owner_references.push_back(ControllerReference(Endpoints::Info(), endpoints.metadata));
  metadata.labels = endpoints.metadata.labels;
  metadata.labels[std::string(kServiceName)] = endpoints.metadata.name;
  metadata.labels[std::string(kSliceManagedBy)] = kMirroringController;
  metadata.annotations = endpoints.metadata.annotations;
  metadata.annotations.erase("endpoints.kubernetes.io/last-change-trigger-time");
  metadata.annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
  return metadata;
}

// Leaves out slices for whose labels and annotations there is no room.
void LeaveOut(const meta_v1::ObjectMeta& metadata, std::map<SliceKey, Desired>& desired,
              MirrorPlan& plan) {
  size_t copied = 0;
  for (const auto* texts : {&metadata.labels, &metadata.annotations}) {
    for (const auto& [key, value] : *texts) copied += key.size() + value.size();
  }
  plan.slices_max = std::max<size_t>(1, kCopiedMax / std::max<size_t>(1, copied));
  while (desired.size() > plan.slices_max) {
    const auto last = std::prev(desired.end());
    plan.beyond_them += static_cast<int64_t>(last->second.endpoints.size());
    desired.erase(last);
  }
}

// The slice under its old name.
EndpointSlice Renewed(const EndpointSlice& old, const EndpointSlice& wanted) {
  EndpointSlice slice = wanted;
  slice.metadata = old.metadata;
  slice.metadata.labels = wanted.metadata.labels;
  slice.metadata.annotations = wanted.metadata.annotations;
  slice.metadata.owner_references = wanted.metadata.owner_references;
  return slice;
}

// In whatever order they are.
bool HoldsWanted(const EndpointSlice& slice, const std::map<EndpointKey, Endpoint>& wanted) {
  return slice.endpoints.size() == wanted.size() &&
         std::all_of(slice.endpoints.begin(), slice.endpoints.end(), [&](const Endpoint& it) {
           const auto found = wanted.find(IdentityOf(it));
           return found != wanted.end() && found->second == it;
         });
}

bool IsAsWanted(const EndpointSlice& slice, const EndpointSlice& wanted, const Desired& desired) {
  return slice.metadata.labels == wanted.metadata.labels &&
         slice.metadata.annotations == wanted.metadata.annotations &&
         slice.metadata.owner_references == wanted.metadata.owner_references &&
         HoldsWanted(slice, desired.endpoints);
}

// A slice to make takes the name of one to remove, if that is of the same family: one write less.
void Recycle(SliceChanges& changes) {
  std::vector<EndpointSlice> create;
  for (EndpointSlice& wanted : changes.create) {
    const auto old = std::find_if(
        changes.remove.begin(), changes.remove.end(),
        [&](const auto& slice) { return slice->address_type == wanted.address_type; });
    if (old == changes.remove.end()) {
      create.push_back(std::move(wanted));
      continue;
    }
    changes.update.push_back(Renewed(**old, wanted));
    changes.remove.erase(old);
  }
  changes.create = std::move(create);
}

}  // namespace

bool ShouldMirror(const Endpoints& endpoints, const core_v1::Service* service) {
  const auto skip = endpoints.metadata.labels.find(std::string(kSkipMirror));
  if (skip != endpoints.metadata.labels.end() && skip->second == "true") return false;
  if (endpoints.metadata.annotations.contains(std::string(kLeaderRecord))) return false;
  return service != nullptr && service->spec.selector.empty();
}

MirrorPlan PlanMirror(const Endpoints& endpoints, const std::vector<Ptr<EndpointSlice>>& existing,
                      size_t addresses_max) {
  MirrorPlan plan;
  SliceChanges& changes = plan.changes;
  const meta_v1::ObjectMeta metadata = SliceMetadata(endpoints);
  auto desired = DesiredSlices(endpoints, addresses_max, plan);
  LeaveOut(metadata, desired, plan);
  std::map<SliceKey, std::vector<Ptr<EndpointSlice>>> stored;
  for (const auto& slice : existing) {
    stored[{slice->address_type, PortKeysOf(slice->ports)}].push_back(slice);
  }
  for (const auto& [key, slices] : stored) {
    // Of several for the same ports one stays.
    const auto first_to_go = slices.begin() + (desired.contains(key) ? 1 : 0);
    changes.remove.insert(changes.remove.end(), first_to_go, slices.end());
  }
  for (const auto& [key, content] : desired) {
    EndpointSlice wanted;
    wanted.metadata = metadata;
    wanted.address_type = key.first;
    wanted.ports = content.ports;
    for (const auto& [identity, endpoint] : content.endpoints) {
      wanted.endpoints.push_back(endpoint);
    }
    const auto found = stored.find(key);
    if (found == stored.end()) {
      changes.create.push_back(std::move(wanted));
    } else if (!IsAsWanted(*found->second[0], wanted, content)) {
      changes.update.push_back(Renewed(*found->second[0], wanted));
    }
  }
  Recycle(changes);
  return plan;
}

RepackedSubsets Repacked(const std::vector<EndpointSubset>& subsets) {
  const auto ports_of = PortsByPlaces(subsets);
  std::map<AddressKey, EndpointAddress> addresses;
  std::map<Readiness, std::vector<PortKey>> groups;
  RepackedSubsets repacked;
  size_t room = kRepackedMax;
  for (const auto& [places, ports] : ports_of) {
    size_t all = 0;
    for (const size_t place : places) all += SizeOf(subsets[place]);
    if (all > room) {
      repacked.left_out += static_cast<int64_t>(all);
      continue;
    }
    room -= all;
    auto& group = groups[ReadinessIn(subsets, places, addresses)];
    for (const auto& port : ports) {
      if (port) group.push_back(*port);
    }
  }
  for (auto& [readiness, ports] : groups) {
    EndpointSubset& subset = repacked.subsets.emplace_back();
    for (const auto& [key, ready] : readiness) {
      (ready ? subset.addresses : subset.not_ready_addresses).push_back(addresses.at(key));
    }
    std::sort(ports.begin(), ports.end());
    for (const PortKey& key : ports) {
      auto& port = subset.ports.emplace_back();
      std::tie(port.name, port.port, port.protocol, port.app_protocol) = key;
    }
  }
  return repacked;
}

}  // namespace skiff
