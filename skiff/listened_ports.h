// The ports of this machine that programs listen at.
#pragma once

#include <istream>
#include <set>
#include <string>

#include "controllers/network/service_load_balancer_plan.h"

namespace skiff {

// Of what the kernel says in /proc/net/tcp and the like. Not those at loopback addresses: what
// comes for an address of the machine does not reach them. A UDP socket that waits for one peer
// alone does not listen.
void AddListenedPorts(std::istream& sockets, const std::string& protocol, std::set<NodePort>& out);
std::set<NodePort> ListenedPorts();

}  // namespace skiff
