#include "apiserver/server/program.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "api/rules/core/ip.h"
#include "apiserver/audit/audit.h"
#include "apiserver/auth/cert_dir.h"
#include "apiserver/auth/jwt.h"
#include "apiserver/auth/pki.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/server/flag_checks.h"
#include "apiserver/server/program_store.h"
#include "apiserver/tokens/server_identity.h"
#include "base/certificates.h"
#include "base/control_loop.h"
#include "base/feature_gates.h"
#include "base/heap_release.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/pem.h"
#include "base/processors.h"
#include "http/followed_files.h"
#include "http/server.h"
#include "http/tls.h"

namespace skiff {
namespace {

const Log kLog("apiserver");

constexpr Duration kStopGrace = 10s;
constexpr int kLoopThreadsMax = 32;
// For the loops of the server and its store. As many as may wait at one time for a disk, an etcd
// that keeps silent or others' servers, and some: what watchers and lists get must come round. One
// is started where all others are at work.
constexpr int kWorkThreads = 12;

// A processor each: what memory can answer is answered there.
int LoopThreads() {
  return std::min(UsableProcessors(), kLoopThreadsMax);
}

// The first address of this machine that others may reach.
std::string OwnAddress() {
  std::string found = "127.0.0.1";
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return found;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
    if ((at->ifa_flags & IFF_LOOPBACK) != 0 || (at->ifa_flags & IFF_UP) == 0) continue;
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    ::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    found = text;
    break;
  }
  ::freeifaddrs(list);
  return found;
}

// "": keys that nobody gave are kept in memory alone.
std::string GeneratedKeyPath(const ApiServerFlags& flags) {
  if (!flags.service_account_signing_key_file.empty()) return "";
  return flags.data_dir + "/service-account.key";
}

// A server whose objects, certificate and keys are elsewhere writes nothing of its own.
bool NeedsDataDirectory(const ApiServerFlags& flags) {
  return flags.etcd_servers.empty() || !GeneratedKeyPath(flags).empty() ||
         (flags.tls_cert_file.empty() && flags.cert_dir.empty());
}

Result<> MakeDirectory(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return Fail(Reason::kInternalError, "mkdir " + path + ": " + code.message());
  return {};
}

// A client certificate and its key; neither where neither is given.
Result<KeyPair> ClientPairOf(const std::string& certificate_file, const std::string& key_file) {
  if (certificate_file.empty() && key_file.empty()) return KeyPair();
  const auto read = TRY(http::ServerTls::FromFiles(certificate_file, key_file, ""));
  return KeyPair{read.certificate_pem, read.key_pem};
}

// Keys of service accounts.
Result<std::string> KeysOrEmpty(const std::string& path) {
  std::string pem = TRY(FileOrEmpty(path));
  if (path.empty()) return pem;
  if (const auto keys = TokenKey::FromPem(pem); !keys) {
    return Fail(Reason::kInvalid, path + ": " + keys.error().message);
  }
  return pem;
}

// All names and addresses by which clients know the server.
CertificateOrder ServerOrder(const ApiServerFlags& flags, const std::string& address) {
  const std::string host = ThisHost();
  CertificateOrder order{
      .common_name = "kube-apiserver",
      .dns_names = {host, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                    "kubernetes.default.svc.cluster.local"},
      .ip_addresses = {"127.0.0.1", address},
      .server = true};
  if (flags.bind_address != "0.0.0.0" && flags.bind_address != "::") {
    order.ip_addresses.push_back(flags.bind_address);
  }
  for (const std::string& name : flags.extra_names) {
    (ParseIp(name) ? order.ip_addresses : order.dns_names).push_back(name);
  }
  // By it pods know the server: the service "kubernetes".
  for (const std::string& range : flags.service_cluster_ip_ranges) {
    if (auto cidr = ParseCidr(range)) {
      IpAddress first = cidr->Network();
      ++first.bytes[first.bit_count() / 8 - 1];
      order.ip_addresses.push_back(first.Text());
    }
  }
  return order;
}

}  // namespace

Result<std::string> FileOrEmpty(const std::string& path) {
  if (path.empty()) return std::string();
  return ReadWholeFile(path);
}

struct ApiServerProcess::Impl {
  SystemClock clock;
  SystemRandom random;
  ProgramStore storage;
  std::unique_ptr<ApiServer> server;
  HeapRelease heap_release;
  std::unique_ptr<ThreadExecutor> executor;
  std::vector<ControlLoop*> work;  // What runs on it.
  // On a thread of its own: whoever else waits, for whatever, says nothing of the server's health.
  std::unique_ptr<ThreadExecutor> health_executor;
  ControlLoop* health = nullptr;
  std::unique_ptr<http::Loops> loops;
  http::ClientTls to_kubelets;  // As it was at the start.
  std::unique_ptr<NodeConnections> nodes;
  std::unique_ptr<http::Server> front;
  std::vector<std::unique_ptr<http::FollowedFiles>> files;  // On the executor as well.
  Mutex serving_mutex;
  http::ServerTls serving GUARDED_BY(serving_mutex);  // What `front` shows.
  std::string authority_pem;
  Duration shutdown_delay = Duration::zero();

  Result<http::ServerTls> TlsOf(const ApiServerFlags& flags, const std::string& address);
  Result<http::ServerTls> CertificateOf(const ApiServerFlags& flags, const std::string& address);
  Result<ApiServerOptions> OptionsOf(const ApiServerFlags& flags, const std::string& address);
  Result<> ConnectNodes(const ApiServerFlags& flags);
  // Shows what it makes of what is shown now; on error nothing changes.
  Result<> ShowAnew(const std::function<void(http::ServerTls& shown)>& change);
  // Certificates that others renew, and what is configured in files that others write.
  Result<> FollowFiles(const ApiServerFlags& flags);
  // Who signs client certificates: an authority that is taken out of its file counts no more, also
  // on connections that are open.
  void FollowAuthorities(const ApiServerFlags& flags);
};

Result<> ApiServerProcess::Impl::ShowAnew(
    const std::function<void(http::ServerTls& shown)>& change) {
  const MutexLock lock(serving_mutex);
  http::ServerTls next = serving;
  change(next);
  TRY(front->ReloadTls(next));
  serving = std::move(next);
  return {};
}

Result<> ApiServerProcess::Impl::FollowFiles(const ApiServerFlags& flags) {
  using Texts = std::vector<std::string>;
  const auto follow = [&](const std::string& certificate, const std::string& key,
                          http::FollowedFiles::Take take) {
    if (certificate.empty() || key.empty()) return;
    files.push_back(
        std::make_unique<http::FollowedFiles>(*loops, Texts{certificate, key}, std::move(take)));
    executor->Add(*files.back());
  };
  follow(flags.tls_cert_file, flags.tls_private_key_file, [this](const Texts& texts) {
    return ShowAnew([&](http::ServerTls& shown) {
      shown.certificate_pem = texts[0];
      shown.key_pem = texts[1];
    });
  });
  const auto named = TRY(NamedFilesOf(flags.port));
  for (size_t i = 0; i < named.size(); ++i) {
    follow(named[i].certificate, named[i].key, [this, i](const Texts& texts) {
      return ShowAnew([&](http::ServerTls& shown) {
        shown.named[i].certificate_pem = texts[0];
        shown.named[i].key_pem = texts[1];
      });
    });
  }
  follow(flags.proxy_client_cert_file, flags.proxy_client_key_file, [this](const Texts& texts) {
    return server->UseProxyCertificate(texts[0], texts[1]);
  });
  follow(flags.kubelet_client_certificate, flags.kubelet_client_key,
         [this](const Texts& texts) -> Result<> {
           http::ClientTls renewed = to_kubelets;
           renewed.certificate_pem = texts[0];
           renewed.key_pem = texts[1];
           nodes->kubelet_tls = TRY(http::MakeClientContext(renewed));
           return {};
         });
  const auto follow_configuration = [&](const std::string& file, http::FollowedFiles::Take take) {
    if (file.empty()) return;
    files.push_back(
        std::make_unique<http::FollowedFiles>(*loops, Texts{file}, std::move(take), 1min));
    executor->Add(*files.back());
  };
  follow_configuration(flags.tokens.authentication_config, [this](const Texts& texts) {
    return server->UseAuthenticationConfiguration(texts[0]);
  });
  follow_configuration(flags.authorization.config, [this](const Texts& texts) {
    return server->UseAuthorizationConfiguration(texts[0]);
  });
  FollowAuthorities(flags);
  return {};
}

void ApiServerProcess::Impl::FollowAuthorities(const ApiServerFlags& flags) {
  const bool of_users = !flags.client_ca_file.empty();
  const bool of_proxies = !flags.requestheader_client_ca_file.empty();
  std::vector<std::string> paths;
  if (of_users) paths.push_back(flags.client_ca_file);
  if (of_proxies) paths.push_back(flags.requestheader_client_ca_file);
  if (paths.empty()) return;
  const auto take = [this, of_users, of_proxies](const auto& texts) -> Result<> {
    // A file that is being written says nobody yet; "" is one that there is none of.
    for (const std::string& text : texts) TRY(ReadCertificates(text));
    const std::string users = of_users ? texts.front() : "";
    const std::string proxies = of_proxies ? texts.back() : "";
    TRY(server->UseClientAuthorities(users, proxies));
    return ShowAnew([&](http::ServerTls& shown) { shown.client_ca_pem = JoinPem(users, proxies); });
  };
  files.push_back(std::make_unique<http::FollowedFiles>(*loops, std::move(paths), take, 1min));
  executor->Add(*files.back());
}

Result<> ApiServerProcess::Impl::ConnectNodes(const ApiServerFlags& flags) {
  to_kubelets.ca_pem = TRY(http::ReadAuthorities(flags.kubelet_certificate_authority));
  // As kube-apiserver: without an authority kubelets are not verified.
  to_kubelets.insecure = to_kubelets.ca_pem.empty();
  const KeyPair pair =
      TRY(ClientPairOf(flags.kubelet_client_certificate, flags.kubelet_client_key));
  to_kubelets.certificate_pem = pair.certificate_pem;
  to_kubelets.key_pem = pair.key_pem;
  auto context = TRY(http::MakeClientContext(to_kubelets));
  nodes.reset(new NodeConnections{*loops, std::move(context), flags.socket_of_simulated});
  return {};
}

Result<http::ServerTls> ApiServerProcess::Impl::TlsOf(const ApiServerFlags& flags,
                                                      const std::string& address) {
  http::ServerTls tls = TRY(CertificateOf(flags, address));
  tls.client_ca_pem = TRY(http::ReadAuthorities(flags.client_ca_file));
  // Whose they are is seen when somebody is authenticated by them.
  const std::string of_proxies = TRY(http::ReadAuthorities(flags.requestheader_client_ca_file));
  tls.client_ca_pem = JoinPem(tls.client_ca_pem, of_proxies);
  tls.choices =
      TRY(http::ParseTlsChoices(flags.port.tls_min_version, flags.port.tls_cipher_suites));
  tls.named = TRY(NamedCertificatesOf(flags.port));
  return tls;
}

Result<http::ServerTls> ApiServerProcess::Impl::CertificateOf(const ApiServerFlags& flags,
                                                              const std::string& address) {
  if (!flags.tls_cert_file.empty()) {
    return http::ServerTls::FromFiles(flags.tls_cert_file, flags.tls_private_key_file, "");
  }
  const CertificateOrder order = ServerOrder(flags, address);
  if (!flags.cert_dir.empty()) {
    const CertDirFiles files = TRY(EnsureCertDir(flags.cert_dir, order, clock.Now()));
    return http::ServerTls::FromFiles(files.certificate, files.key, "");
  }
  Pki pki = TRY(Pki::Open(flags.data_dir + "/pki", clock.Now()));
  TRY(pki.EnsureLeaf("apiserver", order, clock.Now()));
  authority_pem = pki.authority().pem().certificate_pem;
  return http::ServerTls::FromFiles(pki.Path("apiserver.crt"), pki.Path("apiserver.key"), "");
}

Result<ApiServerOptions> ApiServerProcess::Impl::OptionsOf(const ApiServerFlags& flags,
                                                           const std::string& address) {
  ApiServerOptions options{
      .authorization_modes = flags.authorization_modes,
      .service_cluster_ip_ranges = flags.service_cluster_ip_ranges,
      .service_account_issuers = flags.service_account_issuers,
      .service_account_jwks_uri = flags.service_account_jwks_uri,
      .service_account_max_token_s =
          std::chrono::duration_cast<std::chrono::seconds>(flags.service_account_max_token).count(),
      .service_account_extends_tokens = flags.service_account_extend_tokens,
      .api_audiences = flags.api_audiences,
      .generated_key_path = GeneratedKeyPath(flags),
      .advertise_address = address,
      .secure_port = flags.secure_port,
      .shared_store = !flags.etcd_servers.empty(),
      .controllers_are_within = flags.controllers_are_within,
      .enabled_admission_plugins = flags.enable_admission_plugins,
      .disabled_admission_plugins = flags.disable_admission_plugins,
      .admission_settings = flags.admission_settings,
      .default_not_ready_toleration_s = flags.default_not_ready_toleration_s,
      .default_unreachable_toleration_s = flags.default_unreachable_toleration_s,
      .warns_of_unserved_kinds = flags.warn_unserved_kinds,
      .network_policies_are_enforced = flags.network_policies_are_enforced,
      .kinds_on_request = flags.kinds_on_request,
      .mutating_policies_act = flags.mutating_policies_act,
      .flow_control = flags.flow_control,
      .request_timeout = flags.request_timeout,
      .watch_time_min = std::chrono::seconds(flags.min_request_timeout_s),
      .resident = flags.resident,
      .identity_host = flags.has_identity_lease ? ThisHost() : ""};
  for (const std::string& name : flags.extra_names) {
    if (ParseIp(name)) options.other_addresses.push_back(name);
  }
  options.anonymous_auth = flags.anonymous_auth;
  options.authorization = TRY(AuthorizationOf(flags.authorization, flags.authorization_modes));
  options.outside_tokens = TRY(OutsideTokensOf(flags.tokens, flags.anonymous_auth.has_value()));
  std::vector<std::string> audit_notes;
  options.audit = TRY(AuditOptionsOf(flags.audit, audit_notes));
  Audit::LogNotes(audit_notes);
  const bool is_anywhere = flags.bind_address == "0.0.0.0" || flags.bind_address == "::";
  if (!is_anywhere) options.own_address = flags.bind_address;
  options.browser_access = flags.port.browser_access;
  options.external_hostname = flags.port.external_hostname;
  options.goaway_chance = TRY(GoawayChanceOf(flags.port));
  options.bootstrap_token_auth = flags.enable_bootstrap_token_auth;
  const auto ports = TRY(ParsePortRange(flags.service_node_port_range));
  options.node_port_min = ports.first;
  options.node_port_max = ports.second;
  options.token_file_text = TRY(FileOrEmpty(flags.token_auth_file));
  options.client_ca_pem = TRY(http::ReadAuthorities(flags.client_ca_file));
  options.front_proxy = flags.front_proxy;
  options.front_proxy.client_ca_pem =
      TRY(http::ReadAuthorities(flags.requestheader_client_ca_file));
  const KeyPair of_proxy =
      TRY(ClientPairOf(flags.proxy_client_cert_file, flags.proxy_client_key_file));
  options.proxy_client_certificate_pem = of_proxy.certificate_pem;
  options.proxy_client_key_pem = of_proxy.key_pem;
  options.rejects_forwarding_redirects = flags.aggregator_reject_forwarding_redirect;
  options.routes_to_endpoints = flags.enable_aggregator_routing;
  options.service_account_signing_key_pem =
      TRY(KeysOrEmpty(flags.service_account_signing_key_file));
  for (const std::string& file : flags.service_account_key_files) {
    std::string pem = TRY(KeysOrEmpty(file));
    options.service_account_key_pems.push_back(std::move(pem));
  }
  return options;
}

ApiServerProcess::ApiServerProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServerProcess::~ApiServerProcess() {
  Stop();
}

Result<std::unique_ptr<ApiServerProcess>> ApiServerProcess::Start(const ApiServerFlags& flags) {
  SetGate(SharedGate::kMaxUnavailableStatefulSet, flags.keeps_max_unavailable);
  auto impl = std::make_unique<Impl>();
  impl->shutdown_delay = flags.shutdown_delay;
  if (NeedsDataDirectory(flags)) TRY(MakeDirectory(flags.data_dir));
  const std::string address =
      flags.advertise_address.empty() ? OwnAddress() : flags.advertise_address;
  // Both wait for the disk or for others, so they do it at one time.
  std::optional<Result<http::ServerTls>> tls_made;
  std::jthread certificates([&] { tls_made = impl->TlsOf(flags, address); });
  auto opened = OpenProgramStore(flags, impl->clock, impl->random);
  certificates.join();
  impl->storage = TRY(std::move(opened));
  const http::ServerTls tls = TRY(*std::move(tls_made));
  ApiServerOptions options = TRY(impl->OptionsOf(flags, address));
  impl->loops = std::make_unique<http::Loops>(LoopThreads());
  TRY(impl->ConnectNodes(flags));
  const auto failed_handshakes = std::make_shared<std::atomic<uint64_t>>(0);
  impl->server = TRY(ApiServer::Create(
      std::move(options), {*impl->storage.store, impl->clock, impl->random, impl->nodes.get(),
                           impl->storage.alive, impl->storage.ready, nullptr,
                           impl->storage.checkpoint, impl->storage.encryption.get(),
                           impl->storage.find_moment, failed_handshakes, impl->storage.bytes}));
  TRY(impl->storage.settle());
  impl->executor = std::make_unique<ThreadExecutor>("apiserver", kWorkThreads);
  impl->health_executor = std::make_unique<ThreadExecutor>("health", 1);
  impl->health = &impl->server->WatchHealth();
  impl->health_executor->Add(*impl->health);
  impl->work.push_back(&impl->heap_release);
  for (ControlLoop* loop : impl->server->loops()) impl->work.push_back(loop);
  for (ControlLoop* loop : impl->storage.own_loops) impl->work.push_back(loop);
  for (const auto& loop : impl->storage.loops) impl->work.push_back(loop.get());
  for (ControlLoop* loop : impl->work) impl->executor->Add(*loop);
  http::Limits limits;
  if (flags.http2_max_streams_per_connection > 0) {
    limits.http2_streams_max = flags.http2_max_streams_per_connection;
  }
  impl->front = TRY(http::Server::Start({.bind_address = flags.bind_address,
                                         .port = flags.secure_port,
                                         .tls = tls,
                                         .http2 = !flags.disable_http2_serving,
                                         .limits = limits,
                                         .urgent_paths = {"/livez", "/readyz", "/healthz"},
                                         .prompt = impl->server.get(),
                                         .late = impl->server.get(),
                                         .failed_handshakes = failed_handshakes},
                                        *impl->loops, *impl->server));
  TRY(impl->ShowAnew([&](http::ServerTls& shown) { shown = tls; }));
  TRY(impl->FollowFiles(flags));
  kLog.Info("serving", {{"address", flags.bind_address}, {"port", impl->front->port()}});
  return std::unique_ptr<ApiServerProcess>(new ApiServerProcess(std::move(impl)));
}

ApiServer& ApiServerProcess::server() {
  return *impl_->server;
}
Store& ApiServerProcess::store() {
  return *impl_->storage.store;
}
int ApiServerProcess::port() const {
  return impl_->front->port();
}
const std::string& ApiServerProcess::authority_pem() const {
  return impl_->authority_pem;
}

void ApiServerProcess::Stop() {
  if (!impl_ || !impl_->front) return;
  for (const auto& each : impl_->files) impl_->executor->Remove(*each);
  impl_->files.clear();
  impl_->server->BeginShutdown();
  impl_->front->Stop(kStopGrace);
  impl_->front.reset();
  impl_->server->EndCalls();
  impl_->loops.reset();
  for (ControlLoop* loop : impl_->work) impl_->executor->Remove(*loop);
  impl_->health_executor->Remove(*impl_->health);
  impl_->executor.reset();
  impl_->health_executor.reset();
  impl_->server.reset();
  impl_->storage.loops.clear();
  impl_->storage.store.reset();
  impl_->storage.encryption.reset();
}

int ApiServerMain(const std::vector<std::string>& args) {
  return RunProgram(ParseApiServerFlags(args), [](const ApiServerFlags& flags) -> Result<int> {
    BeginProgram(flags.log);
    const auto process = ApiServerProcess::Start(flags);
    // What it waited for may have failed because of that, and is of no interest any more.
    if (!process && EndIsAsked()) return 0;
    if (!process) return Fail(process.error());
    WaitForSignal();
    kLog.Info("stopping");
    (*process)->Stop();
    return 0;
  });
}

}  // namespace skiff
