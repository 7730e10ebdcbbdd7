#include "skiff/node_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kubelet/configuration.h"
#include "kubelet/eviction.h"
#include "proxy/iptables_flavour.h"

namespace skiff {

Result<> CheckFlagNumber(const char* flag, int value, int least, int most) {
  if (value >= least && value <= most) return {};
  return Fail(Reason::kInvalid,
              fmt::format("--{}={}: it must be between {} and {}", flag, value, least, most));
}

Result<> CheckNodeFlags(ClusterOptions& options) {
  constexpr int kPortMax = 65535;
  if (options.data_dir.empty()) return Fail(Reason::kInvalid, "--data-dir: it must not be empty");
  TRY(CheckFlagNumber("kubelet-port", options.kubelet_port, 1, kPortMax));
  TRY(CheckFlagNumber("cluster-dns-port", options.cluster_dns_port, 1, kPortMax));
  TRY(proxy::ParseIptablesFlavour(options.iptables_flavour));
  if (!options.eviction_hard.empty()) {
    kubelet::EvictionTexts texts;
    texts.hard = TRY(kubelet::ParsePairs("eviction-hard", options.eviction_hard, '<'));
    TRY(kubelet::ParseThresholds(texts));
  }
  std::erase(options.register_with_taints, "");
  for (const std::string& taint : options.register_with_taints) {
    TRY(kubelet::ParseTaint(taint));
  }
  for (const std::string& archive : options.image_archives) {
    if (access(archive.c_str(), R_OK) == 0) continue;
    return Fail(Reason::kInvalid,
                fmt::format("--load-image: {}: {}", archive, std::strerror(errno)));
  }
  return {};
}

}  // namespace skiff
