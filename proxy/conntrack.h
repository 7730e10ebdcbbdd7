// The kernel's memory of UDP conversations. A client that goes on sending would for ever reach the
// endpoint that it was sent to first, also when that has gone: such entries are deleted.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "proxy/service_map.h"

namespace skiff::proxy {

// The two directions of a UDP conversation, as far as services are concerned.
struct UdpEntry {
  std::string destination;  // Where the client sent to.
  int destination_port = 0;
  std::string reply_source;  // Who answers.
  int reply_source_port = 0;
  auto operator<=>(const UdpEntry&) const = default;
};

// Reads what `conntrack -L -p udp` prints; lines of another form are passed over. Pure.
std::set<UdpEntry> ParseUdpEntries(const std::string& listing);

// Those that were sent to a service address or node port of one of `keys` and are answered by
// nobody who serves there. Services that nobody serves are left alone. Pure.
std::vector<UdpEntry> StaleUdpEntries(const std::set<UdpEntry>& entries, const ServiceMap& services,
                                      const std::set<std::string>& keys);

// Whether any of them has UDP entries to clean after a change.
bool HasServedUdp(const ServiceMap& services, const std::set<std::string>& keys);

// Deletes what StaleUdpEntries finds in the kernel, by the program conntrack. Returns how many
// different entries those were; an error when the program is missing or refuses.
Result<int> DeleteStaleUdp(const ServiceMap& services, const std::set<std::string>& keys,
                           IpFamily family);

}  // namespace skiff::proxy
