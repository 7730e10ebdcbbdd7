// Links, routes and switches of the kernel that a node needs beside what CNI's plugins do. The door
// to libnl. Everything acts on the network namespace of the calling thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff {

struct Uplink {
  std::string name;  // "eth0"
  int mtu = 0;
};

// The interface of the default route with the lowest metric; unset without one.
Result<std::optional<Uplink>> FindUplink();

// A packet to `cidr` that no rule has sent elsewhere is refused here: it does not leave the
// machine. Longer prefixes and other routes to it still win. Repeating it, and removing what is not
// there, succeed.
Result<> AddUnreachableRoute(const std::string& cidr);
Result<> RemoveUnreachableRoute(const std::string& cidr);

// The kernel must route a packet before rules that refuse it see it, as those of services do: such
// packets are put on a device that leads nowhere, what this machine itself sends by a routing table
// of its own that comes first, with `source` as the address they leave with, and what it forwards
// by a route that is better than the unreachable one. A packet that no rule sends elsewhere or
// refuses ends there. `source`: where it is "", or the kernel does not
// take it, that one's choice.
Result<> AddServiceRoute(const std::string& cidr, const std::string& source);
// Removes them for all ranges: of a cluster that had another one as well.
Result<> RemoveServiceRoute();

// Succeeds when there is no such link.
Result<> DeleteLink(const std::string& name);

// Lets the node route for its pods: IP forwarding.
// Where a switch had another value that value is kept in `undo_path` for RestoreForwarding, before
// it is changed; what stands there already is older and stays. `ipv6`: for pods with IPv6 addresses
// too; the link of the default route goes on listening to routers that advertise themselves, which
// who forwards does not by itself.
Result<> EnableForwarding(const std::string& undo_path, bool ipv6);
// Puts the switches back as they were and removes the file. One that has gone with its link is
// none; of several that cannot be written the first is told, once all have been tried.
Result<> RestoreForwarding(const std::string& undo_path);
// What `from` would put back `to` does, too, but for what stands there already; `from` is removed.
Result<> HandOverForwarding(const std::string& from, const std::string& to);

}  // namespace skiff
