#include "skiff/cluster_ranges.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "api/rules/ip.h"

namespace skiff {
namespace {

// What node-ipam gives to each node.
constexpr int kNodeMaskSize = 24;
// Eight addresses, as kube-apiserver wants at least; the tenth is the cluster's DNS.
constexpr int kServiceMaskMax = 28;

tl::unexpected<Error> Invalid(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

bool Overlap(const Cidr& a, const Cidr& b) {
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
  if (Overlap(*services, *pods)) {
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
  if (pods->address.v6) return {};
  if (pods->prefix_length > kNodeMaskSize) {
    return Invalid(fmt::format("invalid --cluster-cidr={}, mask size of cluster CIDR must be less "
                               "than or equal to --node-cidr-mask-size configured for CIDR family, "
                               "which is {}",
                               ranges.pods, kNodeMaskSize));
  }
  const int64_t room = int64_t{1} << (kNodeMaskSize - pods->prefix_length);
  if (ranges.nodes <= room) return {};
  return Invalid(fmt::format("--cluster-cidr={} has room for {} nodes with a /{} each, and --nodes "
                             "asks for {}",
                             ranges.pods, room, kNodeMaskSize, ranges.nodes));
}

}  // namespace skiff
