#include "dns/service_ports.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace skiff::dns {
namespace {

using PortWords = std::pair<std::string_view, std::string_view>;

// Compares as much of a port's words as was asked for.
PortWords WordsOf(const ServicePort& port, bool with_name) {
  return {port.protocol, with_name ? std::string_view(port.name) : std::string_view()};
}

}  // namespace

ServicePorts::ServicePorts(std::vector<ServicePort> ports) {
  std::vector<bool> seen(size_t{UINT16_MAX} + 1);
  for (const ServicePort& each : ports) {
    if (!seen[each.port]) numbers_.push_back(each.port);
    seen[each.port] = true;
  }
  std::stable_sort(ports.begin(), ports.end(), [](const ServicePort& a, const ServicePort& b) {
    return std::tie(a.protocol, a.name) < std::tie(b.protocol, b.name);
  });
  for (const ServicePort& each : ports) sorted_numbers_.push_back(each.port);
  sorted_ = std::move(ports);
}

std::span<const uint16_t> ServicePorts::Find(std::string_view protocol,
                                             std::string_view name) const {
  if (protocol.empty()) return numbers_;
  const bool with_name = !name.empty();
  const PortWords wanted{protocol, name};
  const auto begin = std::partition_point(
      sorted_.begin(), sorted_.end(),
      [&](const ServicePort& each) { return WordsOf(each, with_name) < wanted; });
  const auto end = std::partition_point(begin, sorted_.end(), [&](const ServicePort& each) {
    return WordsOf(each, with_name) == wanted;
  });
  return std::span(sorted_numbers_)
      .subspan(static_cast<size_t>(begin - sorted_.begin()), static_cast<size_t>(end - begin));
}

}  // namespace skiff::dns
