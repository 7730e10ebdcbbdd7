#include "cli/compose/named_ports.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace skiff::cli::compose {
namespace {

constexpr int kAskedPortMax = 65535;
// What looks like names and ports may be thousands of times or addresses.
constexpr size_t kAskedNamesMax = 10'000;

bool IsOfName(char c) {
  return IsAlnum(c) || c == '-' || c == '_' || c == '.';
}

// Where services say whom they ask.
constexpr const char* kAskingKeys[] = {"environment", "command", "entrypoint", "pre_start"};

// The number that stands there, and nothing of a name behind it; 0 where it is no port.
int PortAt(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_number = error == std::errc() && end != text.data() && IsDigit(text[0]);
  if (!is_number || port > kAskedPortMax) return 0;
  if (end != text.data() + text.size() && IsOfName(*end)) return 0;
  return port;
}

void LookIn(std::string_view text, NamedPorts& found) {
  size_t begin = 0;  // Behind what ended the last name.
  for (size_t i = 0; i < text.size() && found.size() < kAskedNamesMax; ++i) {
    if (IsOfName(text[i])) continue;
    if (text[i] == ':' && i > begin) {
      const int port = PortAt(text.substr(i + 1));
      if (port > 0) found[std::string(text.substr(begin, i - begin))].insert(port);
    }
    begin = i + 1;
  }
}

void LookIn(const Node& node, NamedPorts& found) {
  if (node.IsScalar()) LookIn(node.Text(), found);
  for (const Node& item : node.items) LookIn(item, found);
  for (const Member& member : node.members) LookIn(member.node, found);
}

bool HasOneOf(const std::set<std::string>& names, std::string_view text) {
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && IsOfName(text[i])) continue;
    if (names.contains(std::string(text.substr(begin, i - begin)))) return true;
    begin = i + 1;
  }
  return false;
}

}  // namespace

NamedPorts PortsNamedIn(const Node& services) {
  NamedPorts found;
  for (const Member& service : services.members) {
    for (const char* key : kAskingKeys) LookIn(service.node[key], found);
    LookIn(service.node["healthcheck"]["test"], found);
  }
  return found;
}

bool AsksItself(const Node& service, const std::set<std::string>& names) {
  NamedPorts asked;
  for (const char* key : kAskingKeys) LookIn(service[key], asked);
  const std::vector<std::string> test = service["healthcheck"]["test"].Texts();
  return std::ranges::any_of(names, [&](const auto& name) { return asked.contains(name); }) ||
         std::ranges::any_of(test, [&](const auto& word) { return HasOneOf(names, word); });
}

}  // namespace skiff::cli::compose
