#include "cli/forwarded_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "api/text/go_text.h"
#include "base/text.h"

namespace skiff::cli {
namespace {

std::optional<int> Number(const std::string& text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "LOCAL:REMOTE"; of what has another number of colons both are the first part, as kubectl has it.
std::pair<std::string, std::string> SplitPort(const std::string& text) {
  const auto parts = Split(text, ':');
  return {parts[0], parts.size() == 2 ? parts[1] : parts[0]};
}

// A port of the pod by its name.
Result<int> NamedPodPort(const Json& pod, const std::string& text) {
  for (const Json& container : At(pod, "spec", "containers")) {
    for (const Json& port : At(container, "ports")) {
      if (TextAt(port, "name") == text) return static_cast<int>(IntAt(port, "containerPort"));
    }
  }
  return CliError(fmt::format("Pod '{}' does not have a named port '{}'", NameOf(pod), text));
}

// A port of the service by its name.
Result<int> NamedServicePort(const Json& service, const std::string& text) {
  for (const Json& port : At(service, "spec", "ports")) {
    if (TextAt(port, "name") == text) return static_cast<int>(IntAt(port, "port"));
  }
  return CliError(
      fmt::format("Service '{}' does not have a named port '{}'", NameOf(service), text));
}

// The port of the pod behind one of the service.
Result<int> ServiceTarget(const Json& service, const Json& pod, int wanted) {
  for (const Json& port : At(service, "spec", "ports")) {
    const int number = static_cast<int>(IntAt(port, "port"));
    if (number != wanted) continue;
    // Without an address of its own it leads nobody to other ports.
    if (TextAt(service, "spec", "clusterIP") == "None") return number;
    const Json& target = At(port, "targetPort");
    if (target.is_string()) return NamedPodPort(pod, target.get<std::string>());
    return target.is_number() && target != 0 ? target.get<int>() : number;
  }
  return CliError(
      fmt::format("Service {} does not have a service port {}", NameOf(service), wanted));
}

// Streams carry TCP alone; a port that is of both protocols is one of TCP.
Result<> RefuseUdp(const std::string& text, int number, const std::vector<Json>& ports,
                   const char* member) {
  bool udp = false;
  for (const Json& port : ports) {
    if (IntAt(port, member) != number) continue;
    const std::string protocol = TextAt(port, "protocol");
    if (protocol.empty() || protocol == "TCP") return {};
    udp |= protocol == "UDP";
  }
  if (!udp) return {};
  return CliError(fmt::format("UDP protocol is not supported for {}", text));
}

std::vector<Json> PortsOf(const Json& pod, const Json& service) {
  std::vector<Json> ports;
  if (!service.is_null()) {
    for (const Json& port : At(service, "spec", "ports")) ports.push_back(port);
    return ports;
  }
  for (const Json& container : At(pod, "spec", "containers")) {
    for (const Json& port : At(container, "ports")) ports.push_back(port);
  }
  return ports;
}

}  // namespace

Result<Args> InNumbers(const Args& words, const Json& pod, const Json& service) {
  const bool of_service = !service.is_null();
  const auto ports = PortsOf(pod, service);
  Args numbers;
  for (size_t i = 1; i < words.size(); ++i) {
    auto [local, remote] = SplitPort(words[i]);
    if (remote.empty() && !of_service) return CliError("remote port cannot be empty");
    std::optional<int> number = Number(remote);
    const bool named = !number;
    if (named) {
      number = TRY(of_service ? NamedServicePort(service, remote) : NamedPodPort(pod, remote));
    }
    TRY(RefuseUdp(remote, *number, ports, of_service ? "port" : "containerPort"));
    if (named && of_service && local == remote) local = std::to_string(*number);
    if (of_service) number = TRY(ServiceTarget(service, pod, *number));
    const std::string target = named || of_service ? std::to_string(*number) : remote;
    const bool more = std::count(words[i].begin(), words[i].end(), ':') > 1;
    numbers.push_back(more ? words[i]  // Which nobody can mean; kubectl takes the first part.
                      : local == (of_service ? target : remote) ? target
                                                                : local + ":" + target);
  }
  return numbers;
}

namespace {

Result<int> PortNumber(const std::string& text, const char* whose) {
  uint16_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc() && end == text.data() + text.size()) return value;
  const bool digits =
      !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return CliError(fmt::format("error parsing {} port '{}': strconv.ParseUint: parsing {}: {}", whose,
                              text, GoQuote(text),
                              digits ? "value out of range" : "invalid syntax"));
}

}  // namespace

Result<std::vector<PortPair>> ParsePorts(const Args& words) {
  std::vector<PortPair> pairs;
  for (const std::string& word : words) {
    const auto parts = Split(word, ':');
    if (parts.size() > 2) return CliError(fmt::format("invalid port format '{}'", word));
    PortPair pair;
    // Nothing before the colon: any that is free.
    if (parts.size() == 1 || !parts[0].empty()) pair.local = TRY(PortNumber(parts[0], "local"));
    pair.remote = TRY(PortNumber(parts.back(), "remote"));
    if (pair.remote == 0) return CliError("remote port must be > 0");
    pairs.push_back(pair);
  }
  return pairs;
}

Result<std::vector<ListenAddress>> ParseListenAddresses(const std::vector<std::string>& texts) {
  const auto is_address = [](int family, const std::string& text) {
    in6_addr bytes = {};  // Large enough for either family.
    return inet_pton(family, text.c_str(), &bytes) == 1;
  };
  if (texts.empty()) return CliError("you must specify at least 1 address");
  std::map<std::string, bool> found;  // Whether it is of localhost, by address.
  for (const std::string& text : texts) {
    if (text == "localhost") {
      found.try_emplace("127.0.0.1", true);
      found.try_emplace("::1", true);
    } else if (is_address(AF_INET, text) || is_address(AF_INET6, text)) {
      found[text] = false;
    } else {
      return CliError(fmt::format("{} is not a valid IP", text));
    }
  }
  std::vector<ListenAddress> addresses;
  for (const auto& [address, is_of_localhost] : found) {
    addresses.push_back({address, is_of_localhost});
  }
  return addresses;
}

}  // namespace skiff::cli
