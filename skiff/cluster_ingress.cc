#include "skiff/cluster_ingress.h"

#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "apiserver/auth/pki.h"
#include "base/certificates.h"
#include "base/log.h"
#include "base/pem.h"
#include "client/recorder.h"
#include "proxy/ingress/ingress_loop.h"
#include "proxy/ingress/unserved_ingresses.h"
#include "skiff/cluster_ranges.h"
#include "skiff/node.h"
#include "skiff/node_flags.h"

namespace skiff {
namespace {

constexpr int kIngressPortMax = 65535;

std::string IngressDirectory(const std::string& data_dir) {
  return data_dir + "/ingress";
}

// Whom Debian's package makes for it; "" where there is none.
std::string HaproxyUser() {
  constexpr char kName[] = "haproxy";
  return geteuid() == 0 && getpwnam(kName) != nullptr ? kName : "";
}

// For names that no certificate is for: clients that verify refuse it. Kept, so that a new start
// changes nothing.
Result<std::string> DefaultCertificate(const std::string& directory, TimePoint now) {
  const std::string path = directory + "/default.pem";
  if (const auto kept = ReadWholeFile(path); kept && !NeedsRenewal(*kept, now)) return *kept;
  const auto authority = TRY(CertificateAuthority::Create("skiff ingress", now));
  const KeyPair pair = TRY(authority.Issue({.common_name = "skiff-ingress.invalid",
                                            .dns_names = {"skiff-ingress.invalid"},
                                            .server = true,
                                            .lifetime = kAuthorityLifetime},
                                           now));
  const std::string pem = JoinPem(pair.certificate_pem, pair.key_pem);
  TRY(WriteWholeFile(path, pem, 0600));
  return pem;
}

Result<ingress::HaproxySettings> SettingsOf(const ClusterOptions& options, TimePoint now) {
  ingress::HaproxySettings settings;
  settings.directory = IngressDirectory(options.data_dir);
  if (!ingress::IsPlainDirectory(settings.directory)) {
    return Fail(Reason::kInvalid, "haproxy cannot be told the path " + settings.directory +
                                      "; choose another directory with --data-dir");
  }
  std::error_code error;
  std::filesystem::create_directories(settings.directory, error);
  if (error) return Fail(Reason::kForbidden, settings.directory + ": " + error.message());
  settings.user = HaproxyUser();
  if (HasIpv6(options.cluster_cidr)) settings.addresses.emplace_back("::");
  settings.http_port = options.ingress_http_port;
  settings.https_port = options.ingress_https_port;
  settings.metrics_port = options.ingress_metrics_port;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    settings.descriptors =
        static_cast<int>(std::min<rlim_t>(limit.rlim_max, ingress::kDescriptorsMax));
  }
  settings.default_certificate = TRY(DefaultCertificate(settings.directory, now));
  return settings;
}

}  // namespace

bool IsIngressWanted(const ClusterOptions& options) {
  return options.ingress && options.simulated_nodes == 0;
}

bool IngressRuns(const std::string& data_dir) {
  return ingress::Haproxy(IngressDirectory(data_dir)).Process().has_value();
}

Result<> CheckIngressFlags(const ClusterOptions& options) {
  TRY(CheckFlagNumber("ingress-http-port", options.ingress_http_port, 0, kIngressPortMax));
  TRY(CheckFlagNumber("ingress-https-port", options.ingress_https_port, 0, kIngressPortMax));
  return CheckFlagNumber("ingress-metrics-port", options.ingress_metrics_port, 0, kIngressPortMax);
}

struct ClusterIngress::Parts {
  explicit Parts(const Dependencies& dependencies)
      : executor(dependencies.executor),
        client(dependencies.transport, "skiff-ingress"),
        events(client, dependencies.clock),
        recorder(events, dependencies.clock, "skiff-ingress", "") {}

  Executor& executor;
  Client client;
  EventSink events;
  EventRecorder recorder;
  std::unique_ptr<ControlLoop> loop;
};

std::unique_ptr<ClusterIngress> ClusterIngress::Start(const ClusterOptions& options,
                                                      Dependencies dependencies) {
  const Log log("ingress");
  auto parts = std::make_unique<Parts>(dependencies);
  const ingress::IngressLoop::Dependencies with{dependencies.informers, parts->client,
                                                parts->recorder, dependencies.clock};
  const std::vector<std::string> addresses = NodeAddresses(options);
  std::string why_not;
  if (IsIngressWanted(options)) {
    if (auto settings = SettingsOf(options, dependencies.clock.Now())) {
      parts->loop = std::make_unique<ingress::IngressLoop>(with, std::move(*settings), addresses);
    } else {
      log.Error("no ingresses are served", {{"error", settings.error().message}});
      why_not = settings.error().message + "; mend that, and start the server again";
    }
  }
  if (!parts->loop) {
    // One that nobody tells of endpoints any more would lead to whoever has their addresses next.
    if (!StopIngress(options.data_dir)) log.Error("haproxy does not end");
    parts->loop = std::make_unique<ingress::UnservedIngresses>(with, addresses.at(0), why_not);
  }
  parts->executor.Add(parts->events);
  parts->executor.Add(*parts->loop);
  return std::unique_ptr<ClusterIngress>(new ClusterIngress(std::move(parts)));
}

ClusterIngress::ClusterIngress(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ClusterIngress::~ClusterIngress() {
  parts_->executor.Remove(*parts_->loop);
  parts_->executor.Remove(parts_->events);
}

bool StopIngress(const std::string& data_dir) {
  return ingress::Haproxy(IngressDirectory(data_dir)).Stop();
}

}  // namespace skiff
