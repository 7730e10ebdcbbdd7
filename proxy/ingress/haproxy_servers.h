// What a HAProxy that runs is told so that its servers become the endpoints that are wanted. Pure;
// what it has is read from itself, so that nothing need be remembered of it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/ingress/haproxy_config.h"

namespace skiff::ingress {

// Of the answer to "show servers state".
struct RunningServer {
  std::string backend;
  std::string name;
  bool in_use = true;  // Not in maintenance: it gets requests.
};
// Internal: it is no such answer.
Result<std::vector<RunningServer>> ParseServers(std::string_view text);

struct ServerChanges {
  // Adds servers and gives them requests; takes them from others, whose connections go on. All of
  // them must succeed.
  std::vector<std::string> must;
  // Removes servers that get no requests. HAProxy refuses that while one has connections: tried
  // again with later changes.
  std::vector<std::string> may;
};
// Backends that are not wanted keep their servers: requests are led there until a worker leads them
// elsewhere.
ServerChanges ChangesOf(const std::vector<RunningServer>& running,
                        const std::map<std::string, Backend>& wanted);
// Whether the answer to a command of `must` says that it was done.
bool IsDone(std::string_view answer);

// Of one conversation: longer texts might not go by its socket at once.
inline constexpr size_t kConversationBytesMax = 16 << 10;
// The next commands of `all`, from `begin` on, that one conversation has room for: one at least.
size_t EndOfConversation(const std::vector<std::string>& all, size_t begin);
// The answers to `count` commands of a conversation with prompts ("12605> " of a master that leads
// to a worker, "> " of the worker itself). Internal: it broke off.
//
//   "master> 12605> New server registered.\n\n12605> \n12605> "    two
Result<std::vector<std::string>> AnswersIn(std::string_view said, size_t count);

}  // namespace skiff::ingress
