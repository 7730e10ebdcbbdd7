#include "proxy/ingress/haproxy_contents.h"

#include <fmt/format.h>

#include <sstream>

namespace skiff::ingress {
namespace {

using Entries = std::map<std::string, std::string>;

Entries EntriesOf(const std::string& map_text) {
  Entries entries;
  std::istringstream lines(map_text);
  std::string key, value;
  while (lines >> key >> value) entries[key] = value;
  return entries;
}

struct MapChanges {
  std::vector<ContentCommand> added, removed;
};

void AddMap(const std::string& file, const Entries& before, const Entries& after,
            MapChanges& changes) {
  for (const auto& [key, value] : after) {
    const auto found = before.find(key);
    if (found != before.end() && found->second == value) continue;
    const char* verb = found == before.end() ? "add" : "set";
    changes.added.push_back({fmt::format("{} map {} {} {}", verb, file, key, value), ""});
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) {
      changes.removed.push_back({fmt::format("del map {} {}", file, key), ""});
    }
  }
}

}  // namespace

std::optional<std::vector<ContentCommand>> ContentChanges(
    const std::map<std::string, std::string>& before,
    const std::map<std::string, std::string>& after) {
  std::vector<ContentCommand> commands;
  MapChanges maps;
  for (const auto& [name, text] : after) {
    const auto found = before.find(name);
    if (found == before.end()) return std::nullopt;
    if (found->second == text) continue;
    if (name.ends_with(".map")) {
      AddMap(name, EntriesOf(found->second), EntriesOf(text), maps);
    } else if (name.starts_with("certificates/")) {
      commands.push_back({fmt::format("set ssl cert {} <<\n{}", name, text), "ransaction"});
      commands.push_back({"commit ssl cert " + name, "Success!"});
    } else {
      return std::nullopt;
    }
  }
  for (auto* each : {&maps.added, &maps.removed}) {
    commands.insert(commands.end(), each->begin(), each->end());
  }
  if (commands.size() > kContentCommandsMax) return std::nullopt;
  for (const ContentCommand& command : commands) {
    if (command.text.size() > kContentCommandBytesMax) return std::nullopt;
  }
  return commands;
}

bool IsContentDone(const ContentCommand& command, const std::string& answer) {
  if (!command.done.empty()) return answer.find(command.done) != answer.npos;
  return answer.find_first_not_of(" \r\n") == answer.npos;
}

}  // namespace skiff::ingress
