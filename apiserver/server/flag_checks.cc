#include "apiserver/server/flag_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/kinds/versions.h"
#include "api/rules/core/ip.h"
#include "apiserver/request/api_errors.h"
#include "base/text.h"
#include "http/certificate_flags.h"

namespace skiff {
namespace {

constexpr int kPortMax = 65535;

tl::unexpected<Error> Invalid(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

Result<> CheckAddress(const char* flag, const std::string& address) {
  if (ParseIp(address)) return {};
  return Invalid(fmt::format("invalid argument {0} for \"--{1}\" flag: failed to parse IP: {0}",
                             Quoted(address), flag));
}

}  // namespace

Result<std::pair<int, int>> ParsePortRange(const std::string& text) {
  const auto refused = [&](const std::string& why) {
    return Invalid(fmt::format("invalid argument {} for \"--service-node-port-range\" flag: {}",
                               Quoted(text), why));
  };
  const std::string value(WithoutBlanks(text));
  const size_t mark = std::min(value.find_first_of("-+"), value.size());
  const bool is_offset = value.find('+') != value.npos;
  if (is_offset && value.find('-') != value.npos) {
    return refused("unable to parse port range: " + value);
  }
  std::vector<int> ports;
  for (const std::string& number :
       {value.substr(0, mark), value.substr(std::min(mark + 1, value.size()))}) {
    if (ports.size() == 1 && mark == value.size()) break;
    int& port = ports.emplace_back();
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
    if (error != std::errc() || end != number.data() + number.size()) {
      return refused(fmt::format(
          "strconv.Atoi: parsing {}: {}", Quoted(number),
          error == std::errc::result_out_of_range ? "value out of range" : "invalid syntax"));
    }
  }
  const int64_t first = ports[0];
  const int64_t last = ports.size() == 1 ? first : is_offset ? first + ports[1] : ports[1];
  if (first > kPortMax || last > kPortMax) {
    return refused("the port range cannot be greater than 65535: " + value);
  }
  if (last < first) return refused("end port cannot be less than start port: " + value);
  if (first < 1) return refused("no port has a number less than 1: " + value);
  return std::pair(static_cast<int>(first), static_cast<int>(last));
}

Result<> CheckPairsOfFiles(const ApiServerFlags& flags) {
  TRY(http::CheckGivenTogether(flags.tls_cert_file, flags.tls_private_key_file, "--tls-cert-file",
                               "--tls-private-key-file"));
  TRY(http::CheckGivenTogether(flags.kubelet_client_certificate, flags.kubelet_client_key,
                               "--kubelet-client-certificate", "--kubelet-client-key"));
  TRY(http::CheckGivenTogether(flags.proxy_client_cert_file, flags.proxy_client_key_file,
                               "--proxy-client-cert-file", "--proxy-client-key-file"));
  return http::CheckGivenTogether(flags.etcd_cert_file, flags.etcd_key_file, "--etcd-certfile",
                                  "--etcd-keyfile");
}

Result<> CheckServerFlags(const ApiServerFlags& flags) {
  TRY(CheckAddress("bind-address", flags.bind_address));
  if (!flags.advertise_address.empty()) {
    TRY(CheckAddress("advertise-address", flags.advertise_address));
  }
  if (flags.secure_port < 1 || flags.secure_port > kPortMax) {
    return Invalid(fmt::format("--secure-port {} must be between 1 and 65535, inclusive. It cannot "
                               "be turned off with 0",
                               flags.secure_port));
  }
  for (const auto& [flag, time] :
       {std::pair("event-ttl", flags.event_ttl),
        std::pair("etcd-compaction-interval", flags.etcd_compaction_interval),
        std::pair("request-timeout", flags.request_timeout),
        std::pair("shutdown-delay-duration", flags.shutdown_delay),
        std::pair("storage-initialization-timeout", flags.storage_initialization_timeout)}) {
    if (time < Duration(0)) return Invalid(fmt::format("--{} can not be negative value", flag));
  }
  // kube-apiserver takes it, and then answers everything with 504.
  if (flags.request_timeout == Duration(0)) {
    return Invalid("--request-timeout must be greater than 0: no request could be answered");
  }
  const FlowControlOptions& flow = flags.flow_control;
  for (const auto& [flag, count] :
       {std::pair("min-request-timeout", flags.min_request_timeout_s),
        std::pair("max-requests-inflight", flow.reading_max),
        std::pair("max-mutating-requests-inflight", flow.writing_max)}) {
    if (count < 0) return Invalid(fmt::format("--{} can not be negative value", flag));
  }
  if (flow.on && flow.reading_max + int64_t{flow.writing_max} == 0) {
    return Invalid("invalid configuration: MaxRequestsInFlight=0 and MaxMutatingRequestsInFlight=0; "
                   "they must add up to something positive");
  }
  // kube-apiserver waits for what it does not serve, and ends. It is the version that they are kept
  // in that it waits for.
  const auto is_missing = [&](const KindInfo* kind) {
    return &StorageKindOf(*kind) == kind &&
           std::ranges::find(flags.kinds_on_request, kind) == flags.kinds_on_request.end();
  };
  if (flags.mutating_policies_act && std::ranges::any_of(KindsOnRequest(), is_missing)) {
    return Invalid("--feature-gates=MutatingAdmissionPolicy=true needs "
                   "--runtime-config=admissionregistration.k8s.io/v1beta1=true");
  }
  if (flags.data_dir.empty() && flags.etcd_servers.empty()) {
    return Invalid("--data-dir must not be empty without --etcd-servers");
  }
  return {};
}

Result<> CheckServiceRanges(const ApiServerFlags& flags, const Flags::Given& given) {
  const std::vector<std::string>& texts = flags.service_cluster_ip_ranges;
  if (texts.empty()) return {};
  constexpr int kHostBitsMin = 3;
  const auto first = ParseCidr(texts[0]);
  if (!first) return Invalid("service-cluster-ip-range[0] is not a valid cidr");
  if (first->address.bit_count() - first->prefix_length < kHostBitsMin) {
    return Invalid(
        "error determining service IP ranges for primary service cidr: the service cluster IP "
        "range must be at least 8 IP addresses");
  }
  if (texts.size() > 1) {
    const auto second = ParseCidr(texts[1]);
    if (!second) return Invalid("service-cluster-ip-range[1] is not an ip net");
    if (texts.size() > 2) {
      return Invalid("--service-cluster-ip-range must not contain more than two entries");
    }
    if (first->address.v6 == second->address.v6) {
      return Invalid(
          "--service-cluster-ip-range[0] and --service-cluster-ip-range[1] must be of "
          "different IP family");
    }
  }
  const bool is_told = std::find(given.begin(), given.end(),
                                 std::pair<std::string, std::string>("endpoint-reconciler-type",
                                                                     "none")) == given.end();
  const auto advertised = ParseIp(flags.advertise_address);
  if (is_told && advertised && advertised->v6 != first->address.v6) {
    return Invalid(fmt::format("service IP family \"{}/{}\" must match public address family {}",
                               first->Network().Text(), first->prefix_length,
                               Quoted(flags.advertise_address)));
  }
  return {};
}

}  // namespace skiff
