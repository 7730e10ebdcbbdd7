#include "controllers/scheduler/extenders/extender_client.h"

#include <fmt/format.h>

namespace skiff::scheduler {
namespace {

constexpr Duration kLookAgainAfter = 1s;  // At a certificate that may have been renewed.

}  // namespace

std::optional<Result<std::string>> ExtenderCall::Take(Duration now) {
  const auto fail = [&](const std::string& why) -> Result<std::string> {
    return Fail(Reason::kServiceUnavailable, fmt::format("Post \"{}\": {}", question_.url, why));
  };
  auto answer = fetch_->Take();
  if (!answer) {
    if (now < question_.deadline) return std::nullopt;
    return fail(fetch_->has_begun()
                    ? "context deadline exceeded (Client.Timeout or context cancellation while "
                      "reading body)"
                    : "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  }
  if (!*answer) return fail(answer->error().message);
  if ((*answer)->status != 200) {
    return Result<std::string>(Fail(Reason::kServiceUnavailable,
                                    fmt::format("failed {} with extender at URL {}, code {}",
                                                question_.verb, question_.url, (*answer)->status)));
  }
  return std::move((*answer)->body);
}

Result<std::unique_ptr<ExtenderClient>> ExtenderClient::Make(ExtenderOptions options,
                                                             http::Loops& loops) {
  std::unique_ptr<ExtenderClient> client(new ExtenderClient(std::move(options), loops));
  const ExtenderOptions& of = client->options_;
  client->server_ = TRY(ParseServerUrl(of.url_prefix));
  HttpsOptions route{.server = of.url_prefix};
  client->route_ = TRY(ProxyRoute::To(route, client->server_));
  if (!client->server_.tls) return client;
  auto tls = TRY(client->MakeTls(of.tls.certificate_pem, of.tls.key_pem));
  const MutexLock lock(client->mutex_);
  client->tls_ = std::move(tls);
  client->known_ = {of.tls.certificate_pem, of.tls.key_pem};
  return client;
}

Result<http::TlsContext> ExtenderClient::MakeTls(const std::string& certificate_pem,
                                                 const std::string& key_pem) const {
  return http::MakeClientContext({.ca_pem = options_.tls.ca_pem,
                                  .insecure = options_.tls.insecure,
                                  .server_name = options_.tls.server_name,
                                  .certificate_pem = certificate_pem,
                                  .key_pem = key_pem});
}

// As long as the two are not a pair, as between one file and the next, those before are good.
http::TlsContext ExtenderClient::Tls(Duration now) {
  const MutexLock lock(mutex_);
  if (!tls_ || !options_.tls.renewed || now < look_again_at_) return tls_;
  look_again_at_ = now + kLookAgainAfter;
  auto renewed = options_.tls.renewed();
  if (renewed && renewed->certificate_pem == known_.certificate_pem &&
      renewed->key_pem == known_.key_pem) {
    return tls_;
  }
  auto made = renewed ? MakeTls(renewed->certificate_pem, renewed->key_pem) : Fail(renewed.error());
  if (made) {
    tls_ = *std::move(made);
    known_ = *std::move(renewed);
  } else {
    log_.Info("certificate for extender not renewed",
              {{"extender", options_.url_prefix}, {"error", made.error().message}});
  }
  return tls_;
}

std::unique_ptr<ExtenderCall> ExtenderClient::Begin(const std::string& verb, std::string question,
                                                    Duration now, std::function<void()> told) {
  http::Upstream upstream{.host = server_.host, .port = server_.port, .tls = Tls(now)};
  upstream.server_name = options_.tls.server_name;
  upstream.connect_timeout = options_.timeout;
  upstream.kept = kept_;
  http::ClientRequest request{.method = "POST", .target = server_.path_prefix + "/" + verb};
  request.headers.emplace("Host", server_.authority);
  request.headers.emplace("Content-Type", "application/json");
  request.headers.emplace("User-Agent", "kube-scheduler");
  if (route_) {
    upstream.dial = [route = route_, patience = options_.timeout] {
      return route->Connect(patience);
    };
    if (route_->AsksProxy()) {
      request.target = route_->Target(request.target);
      for (const auto& [name, value] : route_->ProxyHeaders()) request.headers.emplace(name, value);
    }
  }
  std::string url = options_.url_prefix;
  while (url.ends_with('/')) url.pop_back();
  const size_t answer_bytes_max = kExtenderAnswerBytesMax + 4 * question.size();
  request.body = std::move(question);
  const auto fetch = std::make_shared<Fetch>(answer_bytes_max, std::move(told));
  fetch->Start(loops_, std::move(upstream), std::move(request));
  return std::make_unique<ExtenderCall>(
      ExtenderCall::Question{verb, url + "/" + verb, now + options_.timeout}, fetch);
}

}  // namespace skiff::scheduler
