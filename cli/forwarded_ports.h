// The ports of `port-forward`, as they are typed.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/json_text.h"

namespace skiff::cli {

struct PortPair {
  int local = 0;  // 0: any free one.
  int remote = 0;
};

// The words after the first, with numbers of the pod's ports in the place of names, and of ports of
// the service if it is one.
Result<Args> InNumbers(const Args& words, const Json& pod, const Json& service);
// [LOCAL:]REMOTE
Result<std::vector<PortPair>> ParsePorts(const Args& words);

struct ListenAddress {
  std::string address;
  bool is_of_localhost = false;  // One of the two will do; each of all others is needed.
};
// Each address once, in order; "localhost" is one of either family.
Result<std::vector<ListenAddress>> ParseListenAddresses(const std::vector<std::string>& texts);

}  // namespace skiff::cli
