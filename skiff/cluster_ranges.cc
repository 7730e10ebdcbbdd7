#include "skiff/cluster_ranges.h"

#include <fmt/format.h>

#include <utility>

#include "skiff/pod_addresses.h"

namespace skiff {
namespace {

// Eight addresses, as kube-apiserver wants at least; the tenth is the cluster's DNS.
constexpr int kServiceMaskMax = 28;
constexpr int kServiceMaskMinIpv6 = 64;
constexpr int kServiceMaskMaxIpv6 = 124;

tl::unexpected<Error> Invalid(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

Result<std::vector<Cidr>> ReadCidrs(const char* flag, const std::string& text) {
  std::vector<Cidr> cidrs;
  for (const std::string& each : CidrsOf(text)) {
    const auto cidr = ParseCidr(each);
    if (!cidr) return Invalid(fmt::format("--{}: \"{}\" is no CIDR", flag, each));
    cidrs.push_back(*cidr);
  }
  if (cidrs.size() > 2 || (cidrs.size() == 2 && cidrs[0].address.v6 == cidrs[1].address.v6)) {
    return Invalid(
        fmt::format("--{}={}: it must be one CIDR, or one of IPv4 and one of IPv6", flag, text));
  }
  return cidrs;
}

Result<> CheckServices(const Cidr& services, const std::string& text) {
  if (!services.address.v6 && services.prefix_length > kServiceMaskMax) {
    return Invalid(
        fmt::format("--service-cluster-ip-range={} is too small: it must have /{} or "
                    "more addresses",
                    text, kServiceMaskMax));
  }
  if (services.address.v6 && (services.prefix_length < kServiceMaskMinIpv6 ||
                              services.prefix_length > kServiceMaskMaxIpv6)) {
    return Invalid(fmt::format("--service-cluster-ip-range={}: it must be from /{} to /{}", text,
                               kServiceMaskMinIpv6, kServiceMaskMaxIpv6));
  }
  return {};
}

}  // namespace

std::vector<std::string> CidrsOf(const std::string& text) {
  std::vector<std::string> cidrs;
  size_t begin = 0;
  for (size_t comma = text.find(','); comma != std::string::npos; comma = text.find(',', begin)) {
    cidrs.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  cidrs.push_back(text.substr(begin));
  return cidrs;
}

bool HasIpv6(const std::string& text) {
  return text.find(':') != std::string::npos;
}

bool Overlap(const Cidr& a, const Cidr& b) {
  return a.address.v6 == b.address.v6 && (a.Contains(b.Network()) || b.Contains(a.Network()));
}

Result<> CheckFamilies(const ClusterRanges& ranges) {
  const auto services = TRY(ReadCidrs("service-cluster-ip-range", ranges.services));
  const auto pods = TRY(ReadCidrs("cluster-cidr", ranges.pods));
  bool same_families = services.size() == pods.size();
  for (size_t i = 0; same_families && i < pods.size(); ++i) {
    same_families = services[i].address.v6 == pods[i].address.v6;
  }
  if (!same_families) {
    return Invalid(
        fmt::format("--cluster-cidr={} and --service-cluster-ip-range={} are not of the same "
                    "families: give both one CIDR of IPv4, or both one of IPv4 and one of IPv6",
                    ranges.pods, ranges.services));
  }
  if (ranges.are_nodes_real && pods[0].address.v6) {
    return Invalid(
        fmt::format("--cluster-cidr={}: the first one must be of IPv4, as the address of "
                    "a node is",
                    ranges.pods));
  }
  return {};
}

Result<> CheckClusterRanges(const ClusterRanges& ranges) {
  TRY(CheckFamilies(ranges));
  const auto services = TRY(ReadCidrs("service-cluster-ip-range", ranges.services));
  const auto pods = TRY(ReadCidrs("cluster-cidr", ranges.pods));
  for (size_t i = 0; i < pods.size(); ++i) {
    if (Overlap(services[i], pods[i])) {
      return Invalid(
          fmt::format("--cluster-cidr={} and --service-cluster-ip-range={} overlap: pods and "
                      "services must not have the same addresses",
                      ranges.pods, ranges.services));
    }
    TRY(CheckServices(services[i], CidrsOf(ranges.services)[i]));
    TRY(CheckClusterCidr(CidrsOf(ranges.pods)[i], ranges.nodes));
  }
  return {};
}

}  // namespace skiff
