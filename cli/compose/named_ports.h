// Ports at which services are asked by others, as far as their variables and commands tell: of
// "amqp://user:word@mq:5672/" it is 5672 of mq. In Compose each port of a container is reached by
// its name; a Service leads to those that are said. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "cli/compose/node.h"

namespace skiff::cli::compose {

// By what stands before the colon, whatever it is the name of.
using NamedPorts = std::map<std::string, std::set<int>>;
NamedPorts PortsNamedIn(const Node& services);

// Whether a service that is called so asks itself by a name of its own, in a variable or a command
// with its port, or in its health check: it has to be led there before it is healthy, or never is.
bool AsksItself(const Node& service, const std::set<std::string>& names);

}  // namespace skiff::cli::compose
