#include "skiff/cluster_pki.h"

#include <fmt/format.h>

#include <filesystem>

#include "api/text/patterns.h"
#include "api/values.h"
#include "skiff/host_facts.h"
#include "skiff/node.h"

namespace skiff {
namespace {

bool IsAnyAddress(const std::string& address) {
  return address == "0.0.0.0" || address == "::";
}

std::string UrlOf(const std::string& host, int port) {
  return host.find(':') == std::string::npos ? fmt::format("https://{}:{}", host, port)
                                             : fmt::format("https://[{}]:{}", host, port);
}

// What stands behind a command about the cluster whose certificates are in that directory.
std::string DataDirOfPki(const std::filesystem::path& directory) {
  return DataDirWords(directory.parent_path().string());
}

Result<> RequireAuthority(const std::string& directory) {
  const std::string lost = LostHalf(directory);
  if (lost.empty()) return {};
  return Fail(Reason::kNotFound,
              fmt::format("{} is missing, and the certificates of this cluster are signed with it: "
                          "put it back, or begin anew after `skiff down{}`",
                          lost, DataDirOfPki(directory)));
}

// Nobody accepts what an authority signs before its time, or after it.
Result<> RequireTimeOf(const std::string& authority, TimePoint now) {
  const Validity validity = TRY(ValidityOf(TRY(ReadWholeFile(authority))));
  const bool has_begun = validity.not_before <= now;
  if (has_begun && now < validity.not_after) return {};
  const TimePoint bound = has_begun ? validity.not_after : validity.not_before;
  return Fail(Reason::kInvalid,
              fmt::format("{}, which the certificates of this cluster are signed with, is valid {} "
                          "{}, and this machine's clock says {}: if that is wrong, set it; else "
                          "begin anew after `skiff down{}`",
                          authority, has_begun ? "until" : "from", Time(bound).Rfc3339(),
                          Time(now).Rfc3339(),
                          DataDirOfPki(std::filesystem::path(authority).parent_path())));
}

}  // namespace

Result<Pki> MakeClusterPki(const ClusterOptions& options, const Clock& clock) {
  TRY(RequireAuthority(options.data_dir + "/pki"));
  Pki pki = TRY(Pki::Open(options.data_dir + "/pki", clock.Now()));
  TRY(RequireTimeOf(pki.Path("ca.crt"), clock.Now()));
  const std::string node = NodeName(options);
  std::vector<std::string> addresses = NodeAddresses(options);
  addresses.insert(addresses.begin(), "127.0.0.1");
  TRY(pki.EnsureLeaf("kubelet",
                     {.common_name = "system:node:" + node,
                      .organizations = {"system:nodes"},
                      .dns_names = {node, "localhost"},
                      .ip_addresses = std::move(addresses),
                      .server = true},
                     clock.Now()));
  TRY(pki.EnsureLeaf("apiserver-kubelet-client",
                     {.common_name = "kube-apiserver-kubelet-client",
                      .organizations = {"system:masters"},
                      .client = true},
                     clock.Now()));
  TRY(pki.EnsureLeaf(
      "admin",
      {.common_name = "kubernetes-admin", .organizations = {"system:masters"}, .client = true},
      clock.Now()));
  TRY(EnsureFrontProxy(pki.directory(), clock.Now()));
  TRY(RequireTimeOf(pki.Path("front-proxy-ca.crt"), clock.Now()));
  return pki;
}

Result<> WriteAdminKubeconfig(const ClusterOptions& options, const Pki& pki) {
  const KeyPair admin = {
    TRY(ReadWholeFile(pki.Path("admin.crt"))),
    TRY(ReadWholeFile(pki.Path("admin.key")))
  };
  return WriteWholeFile(
      AdminKubeconfigPath(options),
      KubeconfigText(AdminServerUrl(options), pki.authority().pem().certificate_pem,
                     "kubernetes-admin", admin),
      0600);
}

std::string AdminServerUrl(const ClusterOptions& options) {
  return UrlOf(IsAnyAddress(options.bind_address) ? "127.0.0.1" : options.bind_address,
               options.secure_port);
}

std::string HostOf(const std::string& endpoint) {
  constexpr std::string_view kHostPort = "(?:([a-zA-Z0-9.-]+)|\\[([0-9a-fA-F:]+)\\]):\\d{1,5}";
  std::string host, v6;
  RE2::FullMatch(endpoint, *TakePattern(kHostPort).compiled, &host, &v6);
  return host + v6;
}

std::string ServerUrlOf(const ClusterOptions& options) {
  if (!options.control_plane_endpoint.empty()) return "https://" + options.control_plane_endpoint;
  return UrlOf(IsAnyAddress(options.bind_address) ? NodeAddress() : options.bind_address,
               options.secure_port);
}

}  // namespace skiff
