#include "skiff/given_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/shell_word.h"
#include "base/text.h"
#include "skiff/daemon.h"
#include "skiff/free_port.h"
#include "skiff/host_facts.h"
#include "skiff/up.h"

namespace skiff {
namespace {

// What `up` would do by this flag alone: two texts may mean the same.
UpFlags MeaningOf(const Flags::Given& given, const std::string& name) {
  std::vector<std::string> args;
  for (const auto& [each, value] : given) {
    if (each == name) args.push_back(fmt::format("--{}={}", name, value));
  }
  UpFlags meaning;
  Flags flags("skiff up");
  AddUpFlags(flags, meaning);
  (void)flags.Parse(args);  // They have been read before.
  return meaning;
}

// What a mark says of addresses that are not the usual ones, unless a flag of its says it. Where it
// says nothing they are.
std::string RangeFlags(const ClusterOptions& made) {
  ClusterOptions usual;
  usual.simulated_nodes = made.simulated_nodes;
  usual.cluster_cidr.clear();
  ChooseAddresses(usual);
  std::string flags;
  const auto add = [&](const std::string& name, const std::string& value,
                       const std::string& otherwise) {
    const bool is_given =
        std::any_of(made.start_flags.begin(), made.start_flags.end(),
                    [&](const std::string& flag) { return flag.starts_with(name + "="); });
    if (!is_given && !value.empty() && value != otherwise) {
      flags += " " + name + "=" + ShellWord(value);
    }
  };
  add("--service-cluster-ip-range", made.service_cidr, usual.service_cidr);
  add("--cluster-cidr", made.cluster_cidr, usual.cluster_cidr);
  return flags;
}

// A mark may be another's: what it has is not pasted into a shell but as flags.
bool IsFlag(std::string_view text) {
  const std::string_view name = text.substr(0, text.find('='));
  return name.starts_with("--") &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsAlnum(c) || c == '-'; });
}

}  // namespace

bool IsGiven(const Flags& flags, std::string_view name) {
  const auto& given = flags.given();
  return std::any_of(given.begin(), given.end(),
                     [&](const auto& flag) { return flag.first == name; });
}

bool IsGivenAgain(const Flags::Given& given, Flags::Given::const_iterator at) {
  return std::any_of(at + 1, given.end(),
                     [&](const auto& flag) { return flag.first == at->first; });
}

std::vector<std::string> FlagsForNewStart(const Flags::Given& asked,
                                          const std::vector<std::string>& running) {
  // These are no property of the cluster that runs.
  const std::set<std::string> others = {"data-dir", "foreground", "merge-kubeconfig"};
  UpFlags ignored;
  Flags flags("skiff up");
  AddUpFlags(flags, ignored);
  (void)flags.Parse(running);  // It runs: they were right.
  std::vector<std::string> different;
  for (auto at = asked.begin(); at != asked.end(); ++at) {
    const auto& [name, value] = *at;
    if (others.contains(name) || IsGivenAgain(asked, at)) continue;
    if (MeaningOf(asked, name) == MeaningOf(flags.given(), name)) continue;
    different.push_back(fmt::format("--{}={}", name, value));
  }
  return different;
}

std::vector<std::string> FlagsToStartAgain(const Flags::Given& given) {
  // Of one start alone, or kept by the cluster itself.
  static const std::set<std::string> kLeftOut = {
      "data-dir",        "foreground", "merge-kubeconfig", "leave-nothing", "load-image",
      "bootstrap-token", "v"};
  static const std::set<std::string> kPaths = {"join-file", "etcd-cafile", "etcd-certfile",
                                               "etcd-keyfile", "encryption-provider-config"};
  std::vector<std::string> flags;
  for (const auto& [name, value] : given) {
    if (kLeftOut.contains(name)) continue;
    const std::string text = kPaths.contains(name) ? PathAsTyped(value) : value;
    flags.push_back(text == "true" ? "--" + name : fmt::format("--{}={}", name, text));
  }
  return flags;
}

namespace {

constexpr std::string_view kSecurePort = "--secure-port=";

// The port that the flags ask for.
int SecurePortOf(const std::vector<std::string>& flags) {
  int port = kUsualSecurePort;
  for (const std::string& flag : flags) {
    if (flag.starts_with(kSecurePort)) port = std::atoi(flag.c_str() + kSecurePort.size());
  }
  return port;
}

ClusterOptions ReadMarkOf(const std::string& data_dir) {
  ClusterOptions made{.data_dir = data_dir};
  made.service_cidr.clear();
  made.cluster_cidr.clear();
  ReadClusterMark(made);
  return made;
}

// "skiff up", and what starts that cluster.
std::string UpCommandFor(const ClusterOptions& made) {
  std::string command = "skiff up";
  for (const std::string& flag : made.start_flags) {
    if (!IsFlag(flag)) continue;
    const size_t value = flag.find('=') + 1;  // 0: it has none.
    command += " " + (value == 0 ? flag : flag.substr(0, value) + ShellWord(flag.substr(value)));
  }
  if (made.start_flags.empty() && made.simulated_nodes > 0) {
    command += fmt::format(" --nodes={}", made.simulated_nodes);
  }
  return command + RangeFlags(made) + DataDirWords(made.data_dir);
}

}  // namespace

std::string UpCommandOf(const std::string& data_dir) {
  return UpCommandFor(ReadMarkOf(data_dir));
}

std::string UpCommandOfCopy(const std::string& data_dir) {
  ClusterOptions made = ReadMarkOf(data_dir);
  if (IsPortFree(SecurePortOf(made.start_flags))) return UpCommandFor(made);
  const auto free = NextFreePort();
  if (!free) return UpCommandFor(made);
  // What there was before there were such flags says how many nodes it has, and nothing else.
  if (made.start_flags.empty() && made.simulated_nodes > 0) {
    made.start_flags = {fmt::format("--nodes={}", made.simulated_nodes)};
  }
  std::erase_if(made.start_flags,
                [](const std::string& flag) { return flag.starts_with(kSecurePort); });
  made.start_flags.push_back(fmt::format("{}{}", kSecurePort, *free));
  return UpCommandFor(made);
}

bool IsOfRealNodes(const std::string& flag) {
  static const std::set<std::string> kOfRealNodes = {"node-name",
                                                     "kubelet-port",
                                                     "container-runtime-endpoint",
                                                     "load-image",
                                                     "eviction-hard",
                                                     "eviction-pressure-transition-period",
                                                     "leave-nothing",
                                                     "register-with-taints",
                                                     "iptables-flavour",
                                                     "ingress",
                                                     "ingress-http-port",
                                                     "ingress-https-port",
                                                     "ingress-metrics-port"};
  return kOfRealNodes.contains(flag);
}

Result<> CheckFlagsOfSimulated(const Flags::Given& given) {
  const auto nodes = std::find_if(given.begin(), given.end(),
                                  [](const auto& flag) { return flag.first == "nodes"; });
  if (nodes == given.end()) return {};
  if (nodes->second == "0") {
    return Fail(Reason::kInvalid,
                "--nodes=0: a cluster has a node; without the flag, this machine is it");
  }
  for (const auto& [name, value] : given) {
    const bool is_off = name == "leave-nothing" && value == "false";
    if (is_off || !IsOfRealNodes(name)) continue;
    return Fail(Reason::kInvalid,
                fmt::format("--{}: it is for a node that runs containers, and those of --nodes=N "
                            "are simulated: leave one of the two out",
                            name));
  }
  return {};
}

}  // namespace skiff
