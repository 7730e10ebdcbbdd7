#include "controllers/nodes/node_ranges.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace skiff {
namespace {

constexpr size_t kRangesMax = 2;

tl::unexpected<Error> Wrong(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

Result<std::vector<PodCidr>> RangesOf(const std::vector<std::string>& texts) {
  if (texts.empty()) return Wrong("invalid CIDR[0]: <nil> (invalid CIDR address: )");
  std::vector<PodCidr> ranges;
  for (const std::string& text : texts) {
    const auto range = PodCidr::Parse(text);
    if (!range) {
      return Wrong(
          fmt::format("invalid CIDR[{}]: <nil> ({})", ranges.size(), range.error().message));
    }
    ranges.push_back(*range);
  }
  const auto sixes =
      std::count_if(ranges.begin(), ranges.end(), [](const PodCidr& range) { return range.ipv6; });
  const bool has_both = sixes > 0 && static_cast<size_t>(sixes) < ranges.size();
  if (ranges.size() > 1 && !has_both) {
    return Wrong(
        fmt::format("len of ClusterCIDRs=={} and they are not configured as dual stack (at least "
                    "one from each IPFamily",
                    ranges.size()));
  }
  if (ranges.size() > kRangesMax) {
    return Wrong(fmt::format("length of clusterCIDRs is:{} more than max allowed of {}",
                             ranges.size(), kRangesMax));
  }
  return ranges;
}

Result<> CheckMasks(const NodeMaskSizes& given, const std::vector<PodCidr>& ranges) {
  if (ranges.size() > 1) {
    if (given.any == 0) return {};
    return Wrong("usage of --node-cidr-mask-size is not allowed with dual-stack clusters");
  }
  if (given.any != 0 && (given.ipv4 != 0 || given.ipv6 != 0)) {
    return Wrong(
        "usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if "
        "--node-cidr-mask-size is set. For dual-stack clusters please unset it and use IPFamily "
        "specific flags");
  }
  if (given.ipv4 != 0 && ranges[0].ipv6) {
    return Wrong(
        "usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster");
  }
  if (given.ipv6 != 0 && !ranges[0].ipv6) {
    return Wrong(
        "usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster");
  }
  return {};
}

}  // namespace

Result<> TakeMaskSizes(const NodeMaskSizes& given, ControllerOptions& to) {
  for (const int size : {given.any, given.ipv4}) {
    if (size != 0) to.node_cidr_mask_size_ipv4 = size;
  }
  for (const int size : {given.any, given.ipv6}) {
    if (size != 0) to.node_cidr_mask_size_ipv6 = size;
  }
  if (!to.allocate_node_cidrs || !RunsController("node-ipam-controller", to)) return {};
  const std::vector<PodCidr> ranges = TRY(RangesOf(to.cluster_cidrs));
  TRY(CheckMasks(given, ranges));
  for (const PodCidr& range : ranges) {
    const int size = range.ipv6 ? to.node_cidr_mask_size_ipv6 : to.node_cidr_mask_size_ipv4;
    if (size >= range.prefix) continue;
    return Wrong(
        "Controller: Invalid --cluster-cidr, mask size of cluster CIDR must be less than or equal "
        "to --node-cidr-mask-size configured for CIDR family");
  }
  TRY(AllocatorsFor(to));
  return {};
}

Result<std::vector<CidrAllocator>> AllocatorsFor(const ControllerOptions& options) {
  std::vector<PodCidr> reserved;
  for (const std::string& text : options.service_cidrs) {
    if (const auto range = PodCidr::Parse(text)) {
      reserved.push_back(*range);
    } else {
      Log("node-ipam")
          .Info(
              "a service CIDR cannot be read, and is not left out of what nodes are "
              "given",
              {{"error", range.error().message}});
    }
  }
  std::vector<CidrAllocator> allocators;
  for (const PodCidr& range : TRY(RangesOf(options.cluster_cidrs))) {
    const int block =
        range.ipv6 ? options.node_cidr_mask_size_ipv6 : options.node_cidr_mask_size_ipv4;
    auto allocator = TRY(CidrAllocator::Make(range, block, reserved));
    allocators.push_back(std::move(allocator));
  }
  return allocators;
}

}  // namespace skiff
