#include "dns/cluster_names.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace skiff::dns {
namespace {

using Form = ClusterName::Form;

const ClusterName& Missing() {
  static const ClusterName missing;
  return missing;
}

ClusterName Empty() {
  ClusterName name;
  name.form = Form::kPlain;
  return name;
}

// Each port of a label once. Sorted endpoints of one label lie side by side; a Service may have
// tens of thousands of ports.
class SrvTargets {
 public:
  bool is_full() const { return list_.size() >= kSrvTargetsMax; }
  void Add(const EndpointRecord* endpoint, uint16_t port) {
    if (is_full()) return;
    const EndpointRecord* last = list_.empty() ? nullptr : list_.back().endpoint;
    if (last != nullptr && last->label != endpoint->label) {
      begin_ = list_.size();
      seen_.clear();
    }
    if (IsNew(port)) list_.push_back({endpoint, port});
  }
  std::vector<SrvTarget> Take() { return std::move(list_); }

 private:
  static constexpr size_t kLookedThroughMax = 16;

  bool IsNew(uint16_t port) {
    const auto begin = list_.begin() + static_cast<ptrdiff_t>(begin_);
    if (list_.size() - begin_ < kLookedThroughMax) {
      return std::none_of(begin, list_.end(), [&](const auto& each) { return each.port == port; });
    }
    if (seen_.empty()) {
      seen_.resize(size_t{UINT16_MAX} + 1);
      for (auto each = begin; each != list_.end(); ++each) seen_[each->port] = true;
    }
    const bool is_new = !seen_[port];
    seen_[port] = true;
    return is_new;
  }

  std::vector<SrvTarget> list_;
  size_t begin_ = 0;        // Where those of the last label begin.
  std::vector<bool> seen_;  // Their ports, once there are many.
};

// Which ports of a service a name asks for; empty words match any.
struct PortFilter {
  std::string_view name;
  std::string_view protocol;
  bool asked() const { return !protocol.empty(); }
  std::span<const uint16_t> Of(const ServicePorts& ports) const {
    return ports.Find(protocol, name);
  }
};

ClusterName OfClusterIp(const ServiceRecord& service, const PortFilter& filter) {
  ClusterName found;
  SrvTargets targets;
  for (const uint16_t port : filter.Of(service.ports)) {
    if (targets.is_full()) break;
    targets.Add(nullptr, port);
  }
  found.targets = targets.Take();
  if (filter.asked() && found.targets.empty()) return Missing();
  found.form = Form::kPlain;
  found.service = &service;
  found.in_view = service.cluster_ips;
  return found;
}

std::span<const EndpointRecord> EndpointsUnder(const ServiceRecord& service,
                                               std::string_view label) {
  const std::span<const EndpointRecord> all = service.endpoints;
  if (label.empty()) return all;
  const auto begin = std::partition_point(all.begin(), all.end(),
                                          [&](const auto& each) { return each.label < label; });
  const auto end =
      std::partition_point(begin, all.end(), [&](const auto& each) { return each.label == label; });
  return {begin, end};
}

// Endpoints of a service; only those under `label` unless it is empty.
ClusterName OfEndpoints(const ServiceRecord& service, std::string_view label,
                        const PortFilter& filter) {
  ClusterName found;
  const auto has_such = [&](const auto& table) { return !filter.Of(*table).empty(); };
  const auto& tables = service.port_tables;
  const bool has_ports = std::any_of(tables.begin(), tables.end(), has_such);
  if (filter.asked() && !has_ports) return Missing();
  const bool whole = label.empty() && !filter.asked();
  if (whole) found.in_view = service.endpoint_addresses;
  auto& gathered = found.gathered;
  SrvTargets targets;
  const ServicePorts* table = nullptr;
  std::span<const uint16_t> numbers;  // Of that table.
  for (const EndpointRecord& each : EndpointsUnder(service, label)) {
    if ((targets.is_full() || !has_ports) && (whole || gathered.size() >= kAddressesMax)) break;
    if (table != each.ports.get()) numbers = filter.Of(*(table = each.ports.get()));
    if (filter.asked() && numbers.empty()) continue;
    const bool repeats_address = !gathered.empty() && gathered.back() == each.address;
    if (!whole && !repeats_address && gathered.size() < kAddressesMax) {
      gathered.push_back(each.address);
    }
    if (each.repeats_ports) continue;
    for (const uint16_t port : numbers) {
      if (targets.is_full()) break;
      targets.Add(&each, port);
    }
  }
  found.targets = targets.Take();
  if (found.addresses().empty()) return Missing();
  std::sort(gathered.begin(), gathered.end());
  gathered.erase(std::unique(gathered.begin(), gathered.end()), gathered.end());
  found.form = Form::kPlain;
  found.service = &service;
  return found;
}

ClusterName OfService(const ServiceRecord& service, const PortFilter& filter) {
  switch (service.form) {
    case ServiceRecord::Form::kClusterIp:
      return OfClusterIp(service, filter);
    case ServiceRecord::Form::kHeadless:
      return OfEndpoints(service, "", filter);
    case ServiceRecord::Form::kExternalName:
      break;
  }
  if (filter.asked() || !service.external_name) return Missing();
  ClusterName found = Empty();
  found.service = &service;
  found.alias = &*service.external_name;
  return found;
}

bool IsUnderscored(std::string_view label) {
  return label.size() > 1 && label[0] == '_';
}

// Labels before "svc", leftmost first.
ClusterName BelowSvc(const View& view, const Labels& labels, size_t count) {
  if (count == 0) return Empty();
  const std::string_view namespace_ = labels[count - 1];
  if (count == 1) return view.HasNamespace(namespace_) ? Empty() : Missing();
  const ServiceRecord* service = view.Find(namespace_, labels[count - 2]);
  if (service == nullptr) return Missing();
  if (count == 2) return OfService(*service, {});
  const std::string_view last = labels[count - 3];
  if (count == 3) {
    ClusterName endpoint = OfEndpoints(*service, last, {});
    if (endpoint.form != Form::kMissing || !IsUnderscored(last)) return endpoint;
    // "_tcp.web.ns.svc" has no records, but names below it may.
    const auto ports = OfService(*service, {.protocol = last.substr(1)});
    return ports.form == Form::kMissing ? Missing() : Empty();
  }
  if (count != 4 || !IsUnderscored(last) || !IsUnderscored(labels[0])) return Missing();
  return OfService(*service, {.name = labels[0].substr(1), .protocol = last.substr(1)});
}

std::optional<IpAddress> UndashedAddress(std::string_view label) {
  std::string text(label);
  const bool v4 = std::count(text.begin(), text.end(), '-') == 3 &&
                  text.find("--") == std::string::npos && text.find(':') == std::string::npos;
  std::replace(text.begin(), text.end(), '-', v4 ? '.' : ':');
  return ParseIp(text);
}

// Labels before "pod". The name says the address, so that no pod need be known.
ClusterName BelowPod(const View& view, const Labels& labels, size_t count) {
  if (count == 0) return Empty();
  if (count > 2 || !view.HasNamespace(labels[count - 1])) return Missing();
  if (count == 1) return Empty();
  const auto address = UndashedAddress(labels[0]);
  if (!address) return Missing();
  ClusterName found = Empty();
  found.gathered.push_back(*address);
  return found;
}

// Labels before "dns": "ns" is the zone's name server.
ClusterName BelowDns(const View& view, const Labels& labels, size_t count,
                     const ServerService& server) {
  if (count == 0) return Empty();
  if (count > 1 || labels[0] != "ns") return Missing();
  ClusterName found = Empty();
  const ServiceRecord* service = view.Find(server.namespace_, server.name);
  if (service != nullptr) found.in_view = service->cluster_ips;
  return found;
}

std::optional<IpAddress> ReverseV4(const Labels& labels) {
  if (labels.count() != 6) return std::nullopt;
  IpAddress address;
  for (size_t i = 0; i < 4; ++i) {
    const std::string_view text = labels[3 - i];
    uint8_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool padded = text.size() > 1 && text[0] == '0';
    if (error != std::errc() || end != text.data() + text.size() || padded) return std::nullopt;
    address.bytes[i] = value;
  }
  return address;
}

std::optional<IpAddress> ReverseV6(const Labels& labels) {
  if (labels.count() != 34) return std::nullopt;
  IpAddress address{.v6 = true};
  for (size_t i = 0; i < 32; ++i) {
    const std::string_view text = labels[31 - i];
    uint8_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || text.size() != 1 || end != text.data() + 1) return std::nullopt;
    address.bytes[i / 2] = static_cast<uint8_t>(address.bytes[i / 2] << 4 | value);
  }
  return address;
}

}  // namespace

ClusterName FindClusterName(const View& view, const Name& lower, const Name& zone,
                            const ServerService& server) {
  const Labels labels(lower, zone);
  const size_t count = labels.count();
  if (count == 0) {
    ClusterName apex;
    apex.form = Form::kApex;
    return apex;
  }
  const std::string_view last = labels[count - 1];
  if (last == "svc") return BelowSvc(view, labels, count - 1);
  if (last == "pod") return BelowPod(view, labels, count - 1);
  if (last == "dns") return BelowDns(view, labels, count - 1, server);
  if (count == 1 && last == "dns-version") {
    ClusterName version;
    version.form = Form::kVersion;
    return version;
  }
  return Missing();
}

std::optional<IpAddress> ReverseAddress(const Name& lower) {
  static const Name in_addr = *Name::FromText("in-addr.arpa.");
  static const Name ip6 = *Name::FromText("ip6.arpa.");
  if (lower.EndsWith(in_addr)) return ReverseV4(Labels(lower));
  if (lower.EndsWith(ip6)) return ReverseV6(Labels(lower));
  return std::nullopt;
}

}  // namespace skiff::dns
