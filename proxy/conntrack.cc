#include "proxy/conntrack.h"

#include <charconv>
#include <map>
#include <sstream>

#include "base/process.h"

namespace skiff::proxy {
namespace {

constexpr Duration kConntrackTimeout = 60s;
// Deleting is a program each; what is over is deleted after the next change.
constexpr size_t kDeletionsMax = 1000;

int ToPort(const std::string& text) {
  int port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

// "10.0.0.1:80", "[::1]:80".
std::string Address(const std::string& ip, int port) {
  ServiceEndpoint endpoint;
  endpoint.ip = ip;
  endpoint.port = port;
  return endpoint.Address();
}

// Who serves behind every address, "ip:port", and every node port.
struct Serving {
  std::map<std::string, std::set<std::string>> addresses;
  std::map<int, std::set<std::string>> node_ports;
};

Serving ServingOf(const ServiceMap& services, const std::set<std::string>& keys) {
  Serving serving;
  for (const std::string& key : keys) {
    const auto found = services.find(key);
    if (found == services.end() || found->second.serving.empty()) continue;
    const ServicePortRules& service = found->second;
    const std::set<std::string> endpoints(service.serving.begin(), service.serving.end());
    serving.addresses[Address(service.cluster_ip, service.port)] = endpoints;
    for (const std::string& ip : service.external_ips) {
      serving.addresses[Address(ip, service.port)] = endpoints;
    }
    for (const std::string& ip : service.load_balancer_ips) {
      serving.addresses[Address(ip, service.port)] = endpoints;
    }
    if (service.node_port != 0) serving.node_ports[service.node_port] = endpoints;
  }
  return serving;
}

}  // namespace

std::set<UdpEntry> ParseUdpEntries(const std::string& listing) {
  std::set<UdpEntry> entries;
  std::istringstream lines(listing);
  for (std::string line; std::getline(lines, line);) {
    // Each word comes twice: for the way there and for the way back.
    std::map<std::string, std::vector<std::string>> values;
    std::istringstream words(line);
    std::string protocol;
    words >> protocol;
    if (protocol != "udp") continue;
    for (std::string word; words >> word;) {
      const size_t equals = word.find('=');
      if (equals != std::string::npos) {
        values[word.substr(0, equals)].push_back(word.substr(equals + 1));
      }
    }
    if (values["src"].size() < 2 || values["dst"].size() < 2 || values["sport"].size() < 2 ||
        values["dport"].size() < 2) {
      continue;
    }
    entries.insert({values["dst"][0], ToPort(values["dport"][0]), values["src"][1],
                    ToPort(values["sport"][1])});
  }
  return entries;
}

std::vector<UdpEntry> StaleUdpEntries(const std::set<UdpEntry>& entries, const ServiceMap& services,
                                      const std::set<std::string>& keys) {
  const Serving serving = ServingOf(services, keys);
  std::vector<UdpEntry> stale;
  for (const UdpEntry& entry : entries) {
    const std::string answers = Address(entry.reply_source, entry.reply_source_port);
    const auto address = serving.addresses.find(Address(entry.destination, entry.destination_port));
    const auto node_port = serving.node_ports.find(entry.destination_port);
    if (address != serving.addresses.end()) {
      if (!address->second.contains(answers)) stale.push_back(entry);
    } else if (node_port != serving.node_ports.end()) {
      if (!node_port->second.contains(answers)) stale.push_back(entry);
    }
  }
  return stale;
}

bool HasServedUdp(const ServiceMap& services, const std::set<std::string>& keys) {
  for (const std::string& key : keys) {
    const auto found = services.find(key);
    if (found != services.end() && !found->second.serving.empty()) return true;
  }
  return false;
}

Result<int> DeleteStaleUdp(const ServiceMap& services, const std::set<std::string>& keys,
                           IpFamily family) {
  const std::string family_name = family == IpFamily::kIpv6 ? "ipv6" : "ipv4";
  const std::string listing = TRY(RunChecked(
      {.argv = {"conntrack", "-L", "-f", family_name, "-p", "udp"}, .timeout = kConntrackTimeout}));
  const auto stale = StaleUdpEntries(ParseUdpEntries(listing), services, keys);
  int deleted = 0;
  for (const UdpEntry& entry : stale) {
    if (static_cast<size_t>(deleted) == kDeletionsMax) break;
    // An entry may have ended in the meantime, which the program reports as a failure.
    TRY(RunProcess(
        {.argv = {"conntrack", "-D", "-f", family_name, "-p", "udp", "--orig-dst",
                  entry.destination, "--orig-port-dst", std::to_string(entry.destination_port),
                  "--reply-src", entry.reply_source, "--reply-port-src",
                  std::to_string(entry.reply_source_port)},
         .timeout = kConntrackTimeout}));
    ++deleted;
  }
  return deleted;
}

}  // namespace skiff::proxy
