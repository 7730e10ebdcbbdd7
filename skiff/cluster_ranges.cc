#include "skiff/cluster_ranges.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "api/rules/core/ip.h"
#include "skiff/pod_addresses.h"

namespace skiff {
namespace {

// Eight addresses, as kube-apiserver wants at least; the tenth is the cluster's DNS.
constexpr int kServiceMaskMax = 28;

tl::unexpected<Error> Invalid(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

bool ShareAddresses(const Cidr& a, const Cidr& b) {
  return a.address.v6 == b.address.v6 && (a.Contains(b.Network()) || b.Contains(a.Network()));
}

}  // namespace

Result<> CheckClusterRanges(const ClusterRanges& ranges) {
  const auto services = ParseCidr(ranges.services);
  const auto pods = ParseCidr(ranges.pods);
  for (const auto& [flag, text, cidr] :
       {std::tuple("service-cluster-ip-range", ranges.services, services),
        std::tuple("cluster-cidr", ranges.pods, pods)}) {
    if (!cidr) return Invalid(fmt::format("--{}: \"{}\" is no CIDR", flag, text));
  }
  if (ShareAddresses(*services, *pods)) {
    return Invalid(
        fmt::format("--cluster-cidr={} and --service-cluster-ip-range={} overlap: pods and "
                    "services must not have the same addresses",
                    ranges.pods, ranges.services));
  }
  if (!services->address.v6 && services->prefix_length > kServiceMaskMax) {
    return Invalid(fmt::format("--service-cluster-ip-range={} is too small: it must have /{} or "
                               "more addresses",
                               ranges.services, kServiceMaskMax));
  }
  return CheckClusterCidr(ranges.pods, ranges.nodes);
}

}  // namespace skiff
