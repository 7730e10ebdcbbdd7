#include "controllers/network/endpoint_slice_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using discovery_v1::Endpoint;
using discovery_v1::EndpointSlice;

// What makes two endpoints the same one.
std::string Identity(const Endpoint& endpoint) {
  std::vector<std::string> addresses = endpoint.addresses;
  std::sort(addresses.begin(), addresses.end());
  std::string identity;
  for (const std::string& address : addresses) identity += address + ",";
  identity += "|" + endpoint.hostname.value_or("");
  if (endpoint.target_ref) {
    identity += "|" + endpoint.target_ref->namespace_ + "/" + endpoint.target_ref->name;
  }
  return identity;
}

SlicePorts Sorted(SlicePorts ports) {
  const auto key = [](const auto& port) {
    return std::tie(port.name, port.protocol, port.port, port.app_protocol);
  };
  std::sort(ports.begin(), ports.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return ports;
}

// The same for sorted ports that are the same.
std::string TextOf(const SlicePorts& ports) {
  std::string text;
  for (const auto& port : ports) {
    text += fmt::format("{}\n{}\n{}\n{}\n", port.name.value_or(""), port.protocol.value_or(""),
                        port.port.value_or(0), port.app_protocol.value_or(""));
  }
  return text;
}

// A slice that exists, and what shall become of it.
struct Draft {
  Ptr<EndpointSlice> stored;
  EndpointSlice wanted;
  bool changed = false;
};

EndpointSlice NewSlice(const core_v1::Service& service, const std::string& family,
                       const SlicePorts& ports) {
  EndpointSlice slice;
  slice.metadata.namespace_ = service.metadata.namespace_;
  slice.metadata.generate_name = service.metadata.name + "-";
  slice.metadata.labels = SliceLabels(service);
  slice.metadata.owner_references.push_back(
      ControllerReference(core_v1::Service::Info(), service.metadata));
  slice.address_type = family;
  slice.ports = ports;
  return slice;
}

bool IsOwnedBy(const EndpointSlice& slice, const core_v1::Service& service) {
  const meta_v1::OwnerReference* owner = ControllerOf(slice.metadata);
  return owner && owner->uid == service.metadata.uid;
}

class Packer {
 public:
  Packer(const core_v1::Service& service, const std::string& family, size_t endpoints_max)
      : service_(service), family_(family), endpoints_max_(endpoints_max) {}

  // Packs one group into its existing slices and new ones.
  void Pack(const EndpointGroup& group, const std::vector<Ptr<EndpointSlice>>& existing) {
    std::map<std::string, Endpoint> missing;
    for (const Endpoint& endpoint : group.endpoints) missing[Identity(endpoint)] = endpoint;
    std::vector<Draft> drafts;
    for (const auto& slice : existing) drafts.push_back(Refresh(slice, missing));
    FillChanged(drafts, missing);
    // Of what is left, whole slices are new ones; the rest may fit into one that is there.
    while (missing.size() >= endpoints_max_) Create(group, missing);
    if (!missing.empty()) FillUnchanged(drafts, missing);
    if (!missing.empty()) Create(group, missing);
    for (Draft& draft : drafts) {
      if (draft.wanted.endpoints.empty()) {
        changes_.remove.push_back(draft.stored);
      } else if (draft.changed) {
        changes_.update.push_back(std::move(draft.wanted));
      } else {
        changes_.keep.push_back(draft.stored);
      }
    }
  }

  void Remove(const Ptr<EndpointSlice>& slice) { changes_.remove.push_back(slice); }

  SliceChanges Finish(const Ptr<EndpointSlice>& placeholder) {
    if (changes_.create.empty() && changes_.update.empty() && changes_.keep.empty()) {
      const EndpointSlice empty = NewSlice(service_, family_, {});
      if (!placeholder) {
        changes_.create.push_back(empty);
      } else {
        std::erase(changes_.remove, placeholder);
        if (placeholder->metadata.labels != empty.metadata.labels) {
          EndpointSlice wanted = *placeholder;
          wanted.metadata.labels = empty.metadata.labels;
          changes_.update.push_back(std::move(wanted));
        }
      }
    }
    Recycle();
    return std::move(changes_);
  }

 private:
  // A slice to make takes the name of one to remove: one write less. Not of one that an earlier
  // Service of that name left: that one goes with its owner.
  void Recycle() {
    std::erase_if(changes_.remove, [&](const Ptr<EndpointSlice>& old) {
      if (changes_.create.empty() || !IsOwnedBy(*old, service_)) return false;
      EndpointSlice wanted = std::move(changes_.create.back());
      changes_.create.pop_back();
      const auto labels = wanted.metadata.labels;
      wanted.metadata = old->metadata;
      wanted.metadata.labels = labels;
      wanted.metadata.annotations.clear();
      changes_.update.push_back(std::move(wanted));
      return true;
    });
  }

  // Keeps the wanted endpoints of a slice, takes them off `missing`, and drops the others.
  Draft Refresh(const Ptr<EndpointSlice>& slice, std::map<std::string, Endpoint>& missing) const {
    Draft draft{slice, *slice};
    draft.wanted.endpoints.clear();
    for (const Endpoint& endpoint : slice->endpoints) {
      const auto wanted = missing.find(Identity(endpoint));
      if (wanted == missing.end()) continue;
      draft.wanted.endpoints.push_back(std::move(wanted->second));
      draft.wanted.endpoints.back().hints = endpoint.hints;
      missing.erase(wanted);
    }
    draft.wanted.metadata.labels = SliceLabels(service_);
    draft.changed = !(draft.wanted == *slice);
    return draft;
  }

  void Create(const EndpointGroup& group, std::map<std::string, Endpoint>& missing) {
    EndpointSlice slice = NewSlice(service_, family_, group.ports);
    Move(missing, slice);
    changes_.create.push_back(std::move(slice));
  }

  void FillChanged(std::vector<Draft>& drafts, std::map<std::string, Endpoint>& missing) const {
    std::vector<Draft*> changed;
    for (Draft& draft : drafts) {
      if (draft.changed && !draft.wanted.endpoints.empty()) changed.push_back(&draft);
    }
    std::stable_sort(changed.begin(), changed.end(), [](const Draft* a, const Draft* b) {
      return a->wanted.endpoints.size() > b->wanted.endpoints.size();
    });
    for (Draft* draft : changed) Move(missing, draft->wanted);
  }

  // The unchanged slice that all of them fit into with the least room to spare.
  void FillUnchanged(std::vector<Draft>& drafts, std::map<std::string, Endpoint>& missing) const {
    Draft* best = nullptr;
    for (Draft& draft : drafts) {
      if (draft.changed || draft.wanted.endpoints.size() + missing.size() > endpoints_max_)
        continue;
      if (!best || draft.wanted.endpoints.size() > best->wanted.endpoints.size()) best = &draft;
    }
    if (!best) return;
    Move(missing, best->wanted);
    best->changed = true;
  }

  void Move(std::map<std::string, Endpoint>& from, EndpointSlice& to) const {
    while (!from.empty() && to.endpoints.size() < endpoints_max_) {
      to.endpoints.push_back(std::move(from.begin()->second));
      from.erase(from.begin());
    }
  }

  const core_v1::Service& service_;
  const std::string& family_;
  const size_t endpoints_max_;
  SliceChanges changes_;
};

}  // namespace

SliceChanges PlanSlices(const core_v1::Service& service, const std::string& family,
                        const std::vector<Ptr<EndpointSlice>>& existing,
                        const std::vector<EndpointGroup>& groups, size_t endpoints_max) {
  Packer packer(service, family, endpoints_max);
  std::set<Ptr<EndpointSlice>> left;
  std::map<std::string, std::vector<Ptr<EndpointSlice>>> by_ports;
  for (const auto& slice : existing) {
    if (IsOwnedBy(*slice, service)) {
      left.insert(slice);
      by_ports[TextOf(Sorted(slice->ports))].push_back(slice);
    } else {
      packer.Remove(slice);
    }
  }
  for (const EndpointGroup& group : groups) {
    const auto& of_group = by_ports[TextOf(group.ports)];
    for (const auto& slice : of_group) left.erase(slice);
    packer.Pack(group, of_group);
  }
  Ptr<EndpointSlice> placeholder;
  for (const auto& slice : existing) {
    if (!left.contains(slice)) continue;
    if (!placeholder && slice->endpoints.empty() && slice->ports.empty()) placeholder = slice;
    packer.Remove(slice);
  }
  return packer.Finish(placeholder);
}

Endpoint EndpointOf(const core_v1::Service& service, const core_v1::Pod& pod,
                    const std::string& family, const std::string& zone) {
  Endpoint endpoint;
  const std::string address = AddressOf(pod, family);
  if (address.empty()) return endpoint;
  const bool serving = IsReady(pod);
  const bool terminating = pod.metadata.deletion_timestamp.has_value();
  endpoint.addresses = {address};
  endpoint.conditions.ready = service.spec.publish_not_ready_addresses || (serving && !terminating);
  endpoint.conditions.serving = serving;
  endpoint.conditions.terminating = terminating;
  auto& target = endpoint.target_ref.Ensure();
  target.kind = "Pod";
  target.namespace_ = pod.metadata.namespace_;
  target.name = pod.metadata.name;
  target.uid = pod.metadata.uid;
  if (!pod.spec.node_name.empty()) endpoint.node_name = pod.spec.node_name;
  if (!zone.empty()) endpoint.zone = zone;
  if (const std::string hostname = HostnameIn(pod, service); !hostname.empty()) {
    endpoint.hostname = hostname;
  }
  return endpoint;
}

EndpointGroups::EndpointGroups(const core_v1::Service& service) : service_(service) {
  for (const auto& port : service.spec.ports) {
    if (IsByName(port)) by_name_.push_back(&port);
  }
}

void EndpointGroups::Add(const core_v1::Pod& pod, Endpoint endpoint) {
  PodPorts ports(pod);
  std::vector<int32_t> numbers;
  numbers.reserve(by_name_.size());
  for (const auto* port : by_name_) numbers.push_back(ports.NumberOf(*port).value_or(-1));
  const auto [place, is_new] = places_.emplace(std::move(numbers), groups_.size());
  if (is_new) groups_.push_back({PortsOf(ports), {}});
  groups_[place->second].endpoints.push_back(std::move(endpoint));
}

SlicePorts EndpointGroups::PortsOf(PodPorts& pod) const {
  SlicePorts ports;
  for (const auto& port : service_.spec.ports) {
    const auto number = pod.NumberOf(port);
    if (!number) continue;
    auto& out = ports.emplace_back();
    out.name = port.name;
    out.protocol = port.protocol;
    out.port = *number;
    out.app_protocol = port.app_protocol;
  }
  return Sorted(std::move(ports));
}

std::map<std::string, std::string> SliceLabels(const core_v1::Service& service) {
  auto labels = service.metadata.labels;
  labels.erase(std::string(kHeadless));
  if (IsHeadless(service)) labels[std::string(kHeadless)] = "";
  labels[std::string(kServiceName)] = service.metadata.name;
  labels[std::string(kSliceManagedBy)] = kSliceController;
  return labels;
}

}  // namespace skiff
