#include "apiserver/aggregation/backends.h"

#include <fmt/format.h>

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
  contexts_.clear();
  return {};
}

Result<http::Upstream> Backends::Find(const RemoteService& remote) const {
  http::Upstream upstream =
      TRY(UpstreamOfService({parts_.store, parts_.random, parts_.nodes}, remote.service_namespace,
                            remote.service_name, remote.port));
  upstream.server_name = remote.server_name();
  return upstream;
}

Result<http::TlsContext> Backends::ContextFor(const RemoteService& remote) {
  if (remote.insecure) return TrustingContext();
  auto context = Context("ca:" + remote.ca_bundle, {.ca_pem = remote.ca_bundle});
  if (context) return context;
  return Fail(Reason::kInternalError,
              "unable to load root certificates: unable to parse bytes as PEM block");
}

Result<http::TlsContext> Backends::TrustingContext() {
  return Context("trusting", {.insecure = true});
}

Result<http::TlsContext> Backends::Context(const std::string& key, http::ClientTls tls) {
  const MutexLock lock(mutex_);
  const auto found = contexts_.find(key);
  if (found != contexts_.end()) return found->second;
  tls.certificate_pem = certificate_pem_;
  tls.key_pem = key_pem_;
  auto made = http::MakeClientContext(tls);
  if (!made) return made;
  if (contexts_.size() >= kBackendAuthoritiesMax) contexts_.clear();
  contexts_.emplace(key, *made);
  return made;
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
  const auto fetch = std::make_shared<Fetch>(question.answer_bytes_max, std::move(told));
  // Under the lock, as the loops may be gone after Stop. It does not block.
  const MutexLock lock(mutex_);
  if (stopped_ || parts_.loops == nullptr) {
    return Fail(Reason::kServiceUnavailable, "this server calls nobody");
  }
  std::erase_if(under_way_, [](const auto& each) { return each.expired(); });
  under_way_.insert(fetch);
  fetch->Start(*parts_.loops, std::move(upstream), std::move(request));
  return fetch;
}

http::Loops* Backends::loops() {
  const MutexLock lock(mutex_);
  return stopped_ ? nullptr : parts_.loops;
}

void Backends::Stop() {
  std::set<std::weak_ptr<Fetch>, std::owner_less<>> under_way;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    under_way.swap(under_way_);
  }
  for (const auto& each : under_way) {
    if (const auto fetch = each.lock()) fetch->Cancel();
  }
}

}  // namespace skiff
