// The ports of a Service or of a slice, found by name without looking through them: either may have
// twenty thousand, and whoever may ask asks for names that are none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::dns {

struct ServicePort {
  std::string name;      // In lower case; "": none, found under no _port name.
  std::string protocol;  // "tcp", "udp", "sctp"
  uint16_t port = 0;
  bool operator==(const ServicePort&) const = default;
};

// Never changed once made.
class ServicePorts {
 public:
  ServicePorts() = default;
  explicit ServicePorts(std::vector<ServicePort> ports);
  // The numbers of the ports of that protocol and name; an empty word stands for any, and a name
  // comes with its protocol. Without words each number comes once, in the order they were given.
  std::span<const uint16_t> Find(std::string_view protocol, std::string_view name) const;

 private:
  std::vector<ServicePort> sorted_;       // By protocol, then name.
  std::vector<uint16_t> sorted_numbers_;  // Theirs.
  std::vector<uint16_t> numbers_;
};

}  // namespace skiff::dns
