#include "proxy/ingress/haproxy_servers.h"

#include <fmt/format.h>

#include <set>
#include <sstream>

namespace skiff::ingress {
namespace {

constexpr std::string_view kVersion = "1";
// srv_admin_state: bits of maintenance, by whatever cause.
constexpr int kMaintenance = 0x01 | 0x02 | 0x04 | 0x20;

}  // namespace

Result<std::vector<RunningServer>> ParseServers(std::string_view text) {
  std::vector<RunningServer> servers;
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || line != kVersion) {
    return Fail(Reason::kInternalError, "haproxy told no servers: " + line);
  }
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string backend_id, server_id, address;
    RunningServer server;
    int operational = 0, administrative = 0;
    if (!(words >> backend_id >> server.backend >> server_id >> server.name >> address >>
          operational >> administrative)) {
      return Fail(Reason::kInternalError, "haproxy told no servers: " + line);
    }
    server.in_use = (administrative & kMaintenance) == 0;
    servers.push_back(std::move(server));
  }
  return servers;
}

ServerChanges ChangesOf(const std::vector<RunningServer>& running,
                        const std::map<std::string, Backend>& wanted) {
  std::map<std::string, std::map<std::string, bool>> present;  // Whether it is in use.
  for (const RunningServer& server : running) present[server.backend][server.name] = server.in_use;
  ServerChanges changes;
  // What is added comes first: a backend is never empty in between.
  std::map<std::string, std::set<std::string>> kept;
  for (const auto& [name, backend] : wanted) {
    for (const auto& [server, target] : ServersOf(backend)) {
      kept[name].insert(server);
      const auto found = present[name].find(server);
      if (found != present[name].end() && found->second) continue;
      if (found == present[name].end()) {
        changes.must.push_back(fmt::format("add server {}/{} {}", name, server, target));
      }
      changes.must.push_back(fmt::format("set server {}/{} state ready", name, server));
    }
  }
  for (const RunningServer& server : running) {
    if (!wanted.contains(server.backend) || kept[server.backend].contains(server.name)) continue;
    const std::string target = server.backend + "/" + server.name;
    if (server.in_use) changes.must.push_back(fmt::format("set server {} state maint", target));
    changes.may.push_back("del server " + target);
  }
  return changes;
}

bool IsDone(std::string_view answer) {
  const size_t begin = answer.find_first_not_of(" \r\n");
  return begin == std::string_view::npos ||
         answer.substr(begin).starts_with("New server registered");
}

size_t EndOfConversation(const std::vector<std::string>& all, size_t begin) {
  size_t end = begin, bytes = 0;
  while (end < all.size()) {
    bytes += all[end].size() + 1;
    if (end > begin && bytes > kConversationBytesMax) break;
    ++end;
  }
  return end;
}

Result<std::vector<std::string>> AnswersIn(std::string_view said, size_t count) {
  const auto broken = [&] {
    return Fail(Reason::kInternalError,
                fmt::format("haproxy did not answer all of {} commands", count));
  };
  // It ends with a prompt, which waits for more.
  const size_t last = said.rfind('\n');
  if (last == std::string_view::npos || !said.ends_with("> ")) return broken();
  const std::string_view prompt = said.substr(last + 1);
  const std::string next = "\n" + std::string(prompt);
  std::vector<std::string> answers;
  size_t begin = said.find(prompt) + prompt.size();
  for (size_t end; (end = said.find(next, begin)) != std::string_view::npos;) {
    answers.emplace_back(said.substr(begin, end - begin));
    begin = end + next.size();
  }
  if (answers.size() != count) return broken();
  return answers;
}

}  // namespace skiff::ingress
