#include "kubelet/network/cni_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/values.h"
#include "base/process.h"
#include "base/whole_file.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr char kLibcniCache[] = "/var/lib/cni";

bool IsIpv6(const std::string& cidr) {
  return cidr.find(':') != std::string::npos;
}

// portmap makes three chains in the nat table on first use and never removes them. They go once no
// pod's chain hangs on them, and with them the jumps to them.
void RemovePortmapChains(const std::string& iptables) {
  const auto saved = RunChecked({.argv = {iptables, "-w", "-t", "nat", "-S"}});
  if (!saved || saved->find("-N CNI-HOSTPORT-DNAT") == std::string::npos) return;
  if (saved->find("-A CNI-HOSTPORT-DNAT") != std::string::npos) return;  // Still in use.
  const auto run = [&](std::vector<std::string> words) {
    std::vector<std::string> argv = {iptables, "-w", "-t", "nat"};
    argv.insert(argv.end(), words.begin(), words.end());
    // What is not there needs no removing.
    (void)RunProcess({.argv = argv});
  };
  const std::vector<std::string> local = {"-m",    "addrtype", "--dst-type",
                                          "LOCAL", "-j",       "CNI-HOSTPORT-DNAT"};
  for (const char* chain : {"PREROUTING", "OUTPUT"}) {
    std::vector<std::string> words = {"-D", chain};
    words.insert(words.end(), local.begin(), local.end());
    run(words);
  }
  run({"-D", "POSTROUTING", "-m", "comment", "--comment", "CNI portfwd requiring masquerade", "-j",
       "CNI-HOSTPORT-MASQ"});
  for (const char* chain : {"CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"}) {
    run({"-F", chain});
    run({"-X", chain});
  }
}

}  // namespace

CniPlugins FindCniPlugins(const std::vector<std::string>& folders) {
  CniPlugins best{.missing = {"ptp", "host-local", "portmap", "loopback"}};
  const std::vector<std::string> wanted = best.missing;
  for (const std::string& folder : folders) {
    CniPlugins here{.folder = folder};
    for (const std::string& plugin : wanted) {
      if (access((folder + "/" + plugin).c_str(), X_OK) != 0) here.missing.push_back(plugin);
    }
    if (here.missing.size() < best.missing.size()) best = std::move(here);
  }
  return best;
}

std::string CniConflist(const CniNetwork& network) {
  Json ranges = Json::array();
  Json routes = Json::array();
  for (const std::string& cidr : network.pod_cidrs) {
    ranges.push_back({{{"subnet", cidr}}});
    routes.push_back({{"dst", IsIpv6(cidr) ? "::/0" : "0.0.0.0/0"}});
  }
  const Json cable = {{"type", "ptp"},
                      {"ipMasq", false},
                      {"mtu", network.mtu},
                      {"ipam",
                       {{"type", "host-local"},
                        {"dataDir", network.ipam_directory},
                        {"ranges", ranges},
                        {"routes", routes}}}};
  Json portmap = {{"type", "portmap"}, {"capabilities", {{"portMappings", true}}}};
  if (!network.kept_ports.empty()) {
    portmap["conditionsV4"] = portmap["conditionsV6"] = {
        "-m", "multiport", "!", "--dports", fmt::format("{}", fmt::join(network.kept_ports, ","))};
  }
  const Json conflist = {
      {"cniVersion", "0.4.0"}, {"name", network.name}, {"plugins", {cable, portmap}}};
  return conflist.dump(2) + "\n";
}

Result<> WriteCniConfig(const std::string& directory, const CniNetwork& network) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return Fail(Reason::kForbidden, directory + ": " + error.message());
  const std::string path = directory + "/10-" + network.name + ".conflist";
  const std::string text = CniConflist(network);
  if (const auto before = ReadWholeFile(path); before && *before == text) return {};
  const std::string temporary = directory + "/." + network.name + ".new";
  std::ofstream file(temporary, std::ios::trunc);
  file << text;
  if (!file.flush()) return Fail(Reason::kForbidden, temporary + ": cannot be written");
  fs::rename(temporary, path, error);
  if (error) return Fail(Reason::kForbidden, path + ": " + error.message());
  return {};
}

Result<> RemoveCniNetwork(const CniNetwork& network) {
  std::error_code error;
  if (!network.ipam_directory.empty()) fs::remove_all(network.ipam_directory, error);
  for (const auto& entry : fs::directory_iterator(std::string(kLibcniCache) + "/results", error)) {
    const std::string file = entry.path().filename();
    if (file.starts_with(network.name + "-")) fs::remove(entry.path(), error);
  }
  for (const std::string folder : {"/results", "/cache", ""}) {
    rmdir((kLibcniCache + folder).c_str());  // Only if nobody else keeps something there.
  }
  for (const char* iptables : {"iptables", "ip6tables"}) RemovePortmapChains(iptables);
  return {};
}

}  // namespace skiff
