// The cluster's names at one moment: what Services, EndpointSlices and Namespaces say, looked up by
// name and by address. Never changed once made, so that any number of threads read it without a
// lock; the next view shares with it all that stayed the same.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/rules/core/ip.h"
#include "dns/name.h"
#include "dns/service_ports.h"

namespace skiff::dns {

struct EndpointRecord {
  std::string label;  // The host name, or the address with dashes: what stands before the service.
  IpAddress address;
  std::shared_ptr<const ServicePorts> ports;  // Those of its slice.
  // An endpoint before it has the same label and ports: it adds an address and nothing else.
  bool repeats_ports = false;
};

// What is known under one service's name.
struct ServiceRecord {
  enum class Form : uint8_t { kClusterIp, kHeadless, kExternalName };
  Form form = Form::kClusterIp;
  std::string namespace_;
  std::string name;
  std::vector<IpAddress> cluster_ips;
  std::optional<Name> external_name;      // Of kExternalName; unset when it is an address.
  ServicePorts ports;                     // Of the service itself.
  std::vector<EndpointRecord> endpoints;  // Ready ones, sorted by label and address.
  std::vector<IpAddress> endpoint_addresses;  // Theirs, each once, sorted.
  // The ports of all slices, each once.
  std::vector<std::shared_ptr<const ServicePorts>> port_tables;

  // Sorts the endpoints, and fills in what is known of them as a whole.
  void IndexEndpoints();
};

// Lets maps of strings be asked with a string_view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct AddressHash {
  size_t operator()(const IpAddress& address) const;
};

class View {
 public:
  static constexpr size_t kShards = 256;
  using ServicePtr = std::shared_ptr<const ServiceRecord>;
  // By "namespace/name", in lower case as the API demands.
  using Services = std::unordered_map<std::string, ServicePtr, TextHash, std::equal_to<>>;
  using Namespaces = std::unordered_set<std::string, TextHash, std::equal_to<>>;
  // An address -> the names it has, below the zone and leftmost first: "web.default.svc".
  using Reverse = std::unordered_map<IpAddress, std::vector<std::string>, AddressHash>;
  using Addresses = std::unordered_set<IpAddress, AddressHash>;

  // nullptr when there is none. All in lower case.
  const ServiceRecord* Find(std::string_view namespace_, std::string_view name) const;
  bool HasNamespace(std::string_view namespace_) const;
  // nullptr when the address belongs to nobody here.
  const std::vector<std::string>* NamesOf(const IpAddress& address) const;
  // Whether a node of the cluster has the address.
  bool IsNode(const IpAddress& address) const;
  // Of the zone: grows with every change.
  uint32_t serial() const { return serial_; }

 private:
  friend class ViewBuilder;
  static size_t ServiceShard(std::string_view key);
  static size_t AddressShard(const IpAddress& address);

  // Empty shards are null.
  std::array<std::shared_ptr<const Services>, kShards> services_;
  std::array<std::shared_ptr<const Reverse>, kShards> reverse_;
  std::shared_ptr<const Namespaces> namespaces_;
  std::shared_ptr<const Addresses> nodes_;
  uint32_t serial_ = 0;
};

// Takes in changes and makes views. One thread.
class ViewBuilder {
 public:
  // Replaces what is known of the service, or forgets it when `record` is null.
  void Set(const std::string& namespace_, const std::string& name, View::ServicePtr record);
  void SetNamespaces(View::Namespaces namespaces);
  void SetNodes(View::Addresses nodes);
  // Costs what changed since the last one. `serial` is that of the zone unless it went back.
  std::shared_ptr<const View> Build(uint32_t serial);

 private:
  using NamesByAddress = std::vector<std::pair<IpAddress, std::string>>;
  static NamesByAddress NamesOf(const ServiceRecord& record);
  // Takes one list of names into another; both are sorted.
  using Change = void (*)(std::vector<std::string>& names, const std::vector<std::string>& list);
  void ChangeNames(const NamesByAddress& list, Change change);  // Sorted.

  std::array<View::Services, View::kShards> services_;
  std::array<View::Reverse, View::kShards> reverse_;
  std::array<bool, View::kShards> services_changed_{};
  std::array<bool, View::kShards> reverse_changed_{};
  View view_;  // The last one built.
};

}  // namespace skiff::dns
