#include "skiff/pod_addresses.h"

#include <fmt/format.h>

#include "api/rules/core/ip.h"
#include "controllers/nodes/cidr_allocator.h"
#include "controllers/program.h"

namespace skiff {
namespace {

constexpr char kUsualCidr[] = "10.244.0.0/16";
constexpr char kWideCidr[] = "10.128.0.0/9";

// How many blocks a range has; 0: it cannot be cut into such.
int BlocksIn(const Cidr& cidr) {
  const ControllerOptions options;
  const int block =
      cidr.address.v6 ? options.node_cidr_mask_size_ipv6 : options.node_cidr_mask_size_ipv4;
  const int bits = block - cidr.prefix_length;
  return bits < 0 || bits > CidrAllocator::kBlockBitsMax ? 0 : 1 << bits;
}

}  // namespace

std::string DefaultClusterCidr(int nodes) {
  return nodes <= BlocksIn(*ParseCidr(kUsualCidr)) ? kUsualCidr : kWideCidr;
}

Result<> CheckClusterCidr(const std::string& text, int nodes) {
  const auto cidr = ParseCidr(text);
  if (!cidr) return Fail(Reason::kInvalid, fmt::format("--cluster-cidr: \"{}\" is no CIDR", text));
  const int blocks = BlocksIn(*cidr);
  if (blocks >= nodes) return {};
  const std::string why =
      blocks == 0 ? fmt::format("it must be from {} to {}", cidr->address.v6 ? "/48" : "/8",
                                cidr->address.v6 ? "/64" : "/24")
                  : fmt::format("it has blocks for {} nodes, and {} are asked for", blocks, nodes);
  return Fail(Reason::kInvalid, fmt::format("--cluster-cidr={}: {}", text, why));
}

}  // namespace skiff
