#include "skiff/certs.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "api/rules/core/ip.h"
#include "apiserver/auth/pki.h"
#include "base/program.h"
#include "base/terminal.h"
#include "client/kubeconfig.h"
#include "skiff/cluster_ranges.h"
#include "skiff/daemon.h"
#include "skiff/node.h"

namespace skiff {
namespace {

using Told = std::function<void(const std::string& line)>;

struct Identity {
  const char* file;
  std::string user;
  std::vector<std::string> groups = {};
};

std::vector<Identity> Identities(const std::string& node) {
  return {{"admin.conf", "kubernetes-admin", {"system:masters"}},
          {"controller-manager.conf", "system:kube-controller-manager"},
          {"scheduler.conf", "system:kube-scheduler"},
          {"kubelet.conf", "system:node:" + node, {"system:nodes"}},
          {"kube-proxy.conf", "system:kube-proxy"}};
}

// By which the pods of the cluster know the server: the address of the service "kubernetes".
Result<std::string> FirstServiceAddress(const std::string& service_cidr) {
  const auto cidr = ParseCidr(CidrsOf(service_cidr).front());
  if (!cidr) {
    return Fail(Reason::kInvalid, fmt::format("invalid argument \"{0}\" for \"--service-cidr\" "
                                              "flag: invalid CIDR address: {0}",
                                              service_cidr));
  }
  IpAddress first = cidr->Network();
  ++first.bytes[first.bit_count() / 8 - 1];
  return first.Text();
}

Result<CertificateOrder> ServerOrder(const CertsOptions& options) {
  const std::string address =
      options.advertise_address.empty() ? NodeAddress() : options.advertise_address;
  if (!ParseIp(address)) {
    return Fail(Reason::kInvalid,
                fmt::format("invalid argument \"{}\" for \"--apiserver-advertise-address\" flag: "
                            "not an IP address",
                            address));
  }
  const std::string service_address = TRY(FirstServiceAddress(options.service_cidr));
  CertificateOrder order{.common_name = "kube-apiserver",
                         .dns_names = {NodeName({}), "localhost", "kubernetes",
                                       "kubernetes.default", "kubernetes.default.svc",
                                       "kubernetes.default.svc." + options.service_dns_domain},
                         .ip_addresses = {"127.0.0.1", service_address},
                         .server = true};
  if (address != "127.0.0.1") order.ip_addresses.push_back(address);
  for (const std::string& name : options.extra_sans) {
    (ParseIp(name) ? order.ip_addresses : order.dns_names).push_back(name);
  }
  return order;
}

// Whether the file is a kubeconfig of this user and server, good for a while.
bool StillServes(const std::string& path, const Identity& identity, const std::string& server,
                 const std::string& authority_pem, TimePoint now) {
  const auto config = Kubeconfig::Load(path);
  if (!config) return false;
  const auto options = config->Options();
  if (!options || options->server != server || !options->impersonation.empty()) return false;
  if (options->certificate_authority != authority_pem) return false;
  const auto names = NamesOfCertificate(options->client_certificate);
  return names && names->common_name == identity.user && names->organizations == identity.groups &&
         !NeedsRenewal(options->client_certificate, now);
}

Result<> WriteKubeconfig(const Pki& pki, const std::string& path, const Identity& identity,
                         const std::string& server, TimePoint now, const Told& told) {
  const std::string& authority = pki.authority().pem().certificate_pem;
  if (StillServes(path, identity, server, authority, now)) {
    told("kept " + path);
    return {};
  }
  const KeyPair pair = TRY(pki.authority().Issue(
      {.common_name = identity.user, .organizations = identity.groups, .client = true}, now));
  TRY(WriteWholeFile(path, KubeconfigText(server, authority, identity.user, pair), 0600));
  told("wrote " + path);
  return {};
}

void AddFlags(Flags& flags, CertsOptions& to) {
  flags.Add("cert-dir", to.cert_dir, "Where certificates and keys are put.");
  flags.Add("kubeconfig-dir", to.kubeconfig_dir, "Where kubeconfigs are put.");
  flags.Add("node-name", to.node_name,
            "The node whose kubelet.conf is written, as its kubelet's --hostname-override; the "
            "host's name.");
  flags.Add("apiserver-advertise-address", to.advertise_address,
            "The address by which others reach the API server; that of the default route.");
  flags.Add("apiserver-bind-port", to.bind_port, "The port of the API server.");
  flags.Add("apiserver-cert-extra-sans", to.extra_sans,
            "More names and addresses for the API server's certificate.");
  flags.Add("control-plane-endpoint", to.control_plane_endpoint,
            "HOST:PORT that kubeconfigs name; 127.0.0.1 and the port of the API server.");
  flags.Add("service-cidr", to.service_cidr, "Addresses of services.");
  flags.Add("service-dns-domain", to.service_dns_domain, "The domain of the cluster's names.");
}

}  // namespace

Result<> WriteCerts(const CertsOptions& options, TimePoint now, const Told& told) {
  const CertificateOrder server = TRY(ServerOrder(options));
  if (options.bind_port < 1 || options.bind_port > 65535) {
    return Fail(Reason::kInvalid, fmt::format("invalid argument \"{}\" for "
                                              "\"--apiserver-bind-port\" flag: must be between 1 "
                                              "and 65535",
                                              options.bind_port));
  }
  std::error_code error;
  std::filesystem::create_directories(options.kubeconfig_dir, error);
  if (error) return Fail(Reason::kForbidden, options.kubeconfig_dir + ": " + error.message());
  Pki pki = TRY(Pki::Open(options.cert_dir, now));
  const auto leaf = [&](const char* name, const CertificateOrder& order) -> Result<> {
    const bool written = TRY(pki.EnsureLeaf(name, order, now));
    told((written ? "wrote " : "kept ") + pki.Path(name) + ".crt");
    return {};
  };
  TRY(leaf("apiserver", server));
  TRY(leaf("apiserver-kubelet-client", {.common_name = "kube-apiserver-kubelet-client",
                                        .organizations = {"system:masters"},
                                        .client = true}));
  const bool written = TRY(EnsureFrontProxy(options.cert_dir, now));
  told((written ? "wrote " : "kept ") + pki.Path(kFrontProxyClient) + ".crt");
  TRY(pki.EnsureServiceAccountKey(KeyKind::kRsa2048));
  const std::string endpoint = options.control_plane_endpoint.empty()
                                   ? fmt::format("127.0.0.1:{}", options.bind_port)
                                   : options.control_plane_endpoint;
  const std::string node = NodeName({.node_name = options.node_name});
  for (const Identity& identity : Identities(node)) {
    TRY(WriteKubeconfig(pki, options.kubeconfig_dir + "/" + identity.file, identity,
                        "https://" + endpoint, now, told));
  }
  return {};
}

// As kubeadm's groups of commands do it: what is there is said, and nothing is done.
int CertsMain(const std::vector<std::string>& args) {
  constexpr char kGroup[] =
      "The certificates and kubeconfigs of a control plane whose programs run apart.\n\n"
      "Usage:\n  skiff certs [command]\n\n"
      "Available Commands:\n"
      "  all         Write all that are missing, about to expire, or for others than the flags "
      "say\n\n"
      "Use \"skiff certs all --help\" for its flags.\n";
  const std::string word = args.empty() ? "" : args[0];
  if (word == "--help" || word == "-h" || word.empty()) {
    std::printf("%s", Wrapped(kGroup, TerminalWidth()).c_str());
    return word.empty() ? 1 : 0;
  }
  if (word != "all") {
    const std::string what = word.starts_with('-')
                                 ? "unknown flag: " + word.substr(0, word.find('='))
                                 : "invalid subcommand \"" + word + "\"";
    std::fprintf(stderr, "error: %s\nSee 'skiff certs -h' for help and examples\n", what.c_str());
    return 1;
  }
  CertsOptions options;
  Flags flags("skiff certs all");
  AddFlags(flags, options);
  const auto goes_on = ParseOrHelp(flags, {args.begin() + 1, args.end()});
  if (!goes_on) return Complain(goes_on.error().message);
  if (!*goes_on) return 0;
  const SystemClock clock;
  const auto written = WriteCerts(
      options, clock.Now(), [](const std::string& line) { std::printf("%s\n", line.c_str()); });
  return written ? 0 : Complain(written.error().message);
}

}  // namespace skiff
