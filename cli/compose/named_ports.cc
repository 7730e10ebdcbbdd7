#include "cli/compose/named_ports.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/text.h"
#include "cli/json_text.h"

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

// Whether a name that stands between these is a host's, as in "http://web/", "nc -z web 80" and
// "ping -h web"; and not a user's, as in "pg_isready -U web" and "db://web:word@localhost".
bool IsHost(std::string_view before, std::string_view after) {
  if (after.starts_with(':')) return PortAt(after.substr(1)) > 0;
  if (before.ends_with('@')) return true;
  if (before.ends_with("//")) {
    return after.substr(0, after.find_first_of("/ ")).find('@') == after.npos;
  }
  const std::string_view next = WithoutBlanks(after, " ");
  if (next.size() < after.size() && PortAt(next) > 0) return true;
  const std::string_view last = WithoutBlanks(before, " =");
  const auto is_flag = [&](std::string_view flag) { return last.ends_with(flag); };
  return last.size() < before.size() && (is_flag(" -h") || is_flag(" -H") || is_flag("--host"));
}

bool AsksOneOf(const std::set<std::string>& names, std::string_view text) {
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && IsOfName(text[i])) continue;
    const bool is_one = names.contains(std::string(text.substr(begin, i - begin)));
    if (is_one && IsHost(text.substr(0, begin), text.substr(i))) return true;
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
  return std::ranges::any_of(names, [&](const auto& name) { return asked.contains(name); }) ||
         AsksOneOf(names, Join(service["healthcheck"]["test"].Texts(), " "));
}

}  // namespace skiff::cli::compose
