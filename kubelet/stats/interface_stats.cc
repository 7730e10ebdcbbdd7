#include "kubelet/stats/interface_stats.h"

#include <algorithm>

#include "api/text/utf8.h"
#include "kubelet/stats/stat_files.h"

namespace skiff::kubelet {
namespace {

constexpr size_t kInterfacesMax = 256;

bool IsLeftOut(std::string_view name) {
  static constexpr std::string_view kPrefixes[] = {"lo", "veth", "docker", "nerdctl"};
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

std::vector<InterfaceStats> InterfacesFrom(std::string_view net_dev) {
  std::vector<InterfaceStats> interfaces;
  ForEachLine(net_dev, [&](std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || interfaces.size() >= kInterfacesMax) return;
    const auto names = WordsOf(line.substr(0, colon));
    const auto words = WordsOf(line.substr(colon + 1));
    // Received: bytes, packets, errors, dropped and four more; then the same of what was sent.
    constexpr size_t kFields = 16, kSent = 8;
    if (names.size() != 1 || words.size() < kFields || IsLeftOut(names[0])) return;
    const auto way = [&](size_t first) {
      const auto at = [&](size_t i) { return LeadingNumber(words[first + i]).value_or(0); };
      return InterfaceStats::Way{at(0), at(1), at(2), at(3)};
    };
    // Who may name the interfaces of a pod may use any bytes, which no document would hold.
    interfaces.push_back({MendUtf8(names[0]), way(0), way(kSent)});
  });
  return interfaces;
}

const InterfaceStats* DefaultInterface(const std::vector<InterfaceStats>& interfaces) {
  const auto found = std::find_if(interfaces.begin(), interfaces.end(),
                                  [](const auto& each) { return each.name == "eth0"; });
  if (found != interfaces.end()) return &*found;
  return interfaces.empty() ? nullptr : &interfaces.front();
}

}  // namespace skiff::kubelet
