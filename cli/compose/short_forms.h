// The short forms of ports and mounts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/compose/canonical.h"

namespace skiff::cli::compose {

// "8080:80/udp", "127.0.0.1:8000-8010:80-90", 80 -> {host_ip, published, target, protocol}
Result<Node> LongPort(const Node& port);
// "./conf:/etc/app:ro", "data:/var/lib", "/cache" -> {type, source, target, read_only, ...}
Result<Node> LongMount(const Node& mount, const Surroundings& around);

// The first and last of "80" or "8000-8010"; each is 1 to 65535.
struct PortRange {
  int first = 0;
  int last = 0;
  int count() const { return last - first + 1; }
};
// The mark of a mount's source that was no full path.
inline constexpr char kRelative[] = "relative";

std::optional<PortRange> ParsePortRange(const std::string& text);
// "tcp", "UDP", "sctp"
bool IsPortProtocol(std::string_view word);

}  // namespace skiff::cli::compose
