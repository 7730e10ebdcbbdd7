#include "apiserver/aggregation/backends.h"

#include <fmt/format.h>

#include "api/rules/identity/x509.h"
#include "apiserver/aggregation/identity.h"
#include "apiserver/services/service_pods.h"

namespace skiff {

std::string HostOf(const http::Upstream& upstream) {
  const bool is_v6 = upstream.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", upstream.host, is_v6 ? "]" : "",
                     upstream.port);
}

Result<> Backends::UseCertificate(const std::string& certificate_pem, const std::string& key_pem) {
  TRY(http::MakeClientContext(
      {.insecure = true, .certificate_pem = certificate_pem, .key_pem = key_pem}));
  const MutexLock lock(mutex_);
  certificate_pem_ = certificate_pem;
  key_pem_ = key_pem;
  return {};
}

Result<http::Upstream> Backends::Find(const RemoteService& remote) const {
  if (remote.IsThisServer()) return Fail(Reason::kServiceUnavailable, "service unavailable");
  http::Upstream upstream =
      TRY(UpstreamOfService({parts_.store, parts_.random, parts_.nodes, parts_.to_endpoints},
                            remote.service_namespace, remote.service_name, remote.port));
  upstream.server_name = remote.server_name();
  return upstream;
}

Result<http::TlsContext> Backends::ContextFor(const RemoteService& remote) {
  if (remote.insecure) return TrustingContext();
  auto context = Context({.ca_pem = remote.ca_bundle});
  if (context) return context;
  return Fail(Reason::kInternalError, AuthoritiesFault(std::string_view(remote.ca_bundle)));
}

Result<http::TlsContext> Backends::TrustingContext() {
  return Context({.insecure = true});
}

Result<http::TlsContext> Backends::Context(http::ClientTls tls) {
  {
    const MutexLock lock(mutex_);
    tls.certificate_pem = certificate_pem_;
    tls.key_pem = key_pem_;
  }
  return calls_.ContextFor(tls);
}

Result<FetchPtr> Backends::Ask(http::Upstream upstream, Question question, const User& user,
                               std::function<void()> told) {
  http::ClientRequest request{.method = std::move(question.method),
                              .target = std::move(question.target),
                              .headers = std::move(question.headers),
                              .body = std::move(question.body)};
  TRY(SetIdentity(user, request.headers));
  request.headers.erase("Host");
  request.headers.emplace("Host", HostOf(upstream));
  upstream.connect_timeout = question.connect_timeout;
  upstream.head_timeout = question.head_timeout;
  return calls_.Begin(std::move(upstream), std::move(request),
                      {.answer_bytes_max = question.answer_bytes_max,
                       .more_bytes_max = question.more_bytes_max,
                       .told = std::move(told)});
}

}  // namespace skiff
