// What stands under one name of the cluster's zone. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "dns/view.h"

namespace skiff::dns {

// Targets and addresses that are told of: no message holds as many records.
inline constexpr size_t kSrvTargetsMax = 4096;
inline constexpr size_t kAddressesMax = 4096;

// Where an SRV record points to: an endpoint, or the service itself when there is none.
struct SrvTarget {
  const EndpointRecord* endpoint = nullptr;
  uint16_t port = 0;
};

// Points into the view.
struct ClusterName {
  enum class Form : uint8_t {
    kMissing,  // NXDOMAIN
    kPlain,    // There, with what is below; perhaps nothing.
    kApex,     // The zone itself.
    kVersion,  // dns-version
  };
  Form form = Form::kMissing;
  const ServiceRecord* service = nullptr;
  // Each once: those of a whole service, where the view has them in one piece ...
  std::span<const IpAddress> in_view;
  std::vector<IpAddress> gathered;  // ... or kAddressesMax at most.
  std::vector<SrvTarget> targets;   // Each once, kSrvTargetsMax at most.
  const Name* alias = nullptr;      // Then there is nothing else.

  std::span<const IpAddress> addresses() const {
    return gathered.empty() ? in_view : std::span<const IpAddress>(gathered);
  }
};

struct ServerService {
  std::string_view namespace_;
  std::string_view name;
};

// `lower` is the zone or below it. `server`: whose addresses the zone's name server has.
ClusterName FindClusterName(const View& view, const Name& lower, const Name& zone,
                            const ServerService& server);

// The address that a name below in-addr.arpa or ip6.arpa stands for, when it is a whole one.
std::optional<IpAddress> ReverseAddress(const Name& lower);

}  // namespace skiff::dns
