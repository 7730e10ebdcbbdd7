#include "apiserver/tokens/token_webhook.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "apiserver/auth/pki.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/issuer_url.h"
#include "apiserver/webhooks/caller.h"
#include "base/at_once.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

namespace skiff {
namespace {

const Log kTokenWebhookLog("token-webhook");
constexpr std::string_view kReviewGroup = "authentication.k8s.io/";
// Between two tries; each is half as long again as the one before.
constexpr std::chrono::milliseconds kFirstPause{500};

// A server of a kubeconfig may be without a scheme.
std::string ServerUrl(const std::string& server) {
  return server.find("://") == server.npos ? "http://" + server : server;
}

bool IsRetried(int status) {
  return status == 429 || status == 500 || status == 504;
}

std::vector<std::string> TextsOf(const Json& json) {
  std::vector<std::string> texts;
  if (!json.is_array()) return texts;
  for (const Json& each : json) {
    if (each.is_string()) texts.push_back(each.get<std::string>());
  }
  return texts;
}

std::string TextIn(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>()
                                                                       : std::string();
}

User UserInReview(const Json& json) {
  User user{.name = TextIn(json, "username"), .uid = TextIn(json, "uid")};
  if (!json.is_object()) return user;
  user.groups = TextsOf(json.value("groups", Json()));
  const Json extra = json.value("extra", Json());
  if (!extra.is_object()) return user;
  for (const auto& [key, values] : extra.items()) user.extra[key] = TextsOf(values);
  return user;
}

}  // namespace

std::string TokenReviewText(const std::string& version, std::string_view token,
                            const std::vector<std::string>& audiences) {
  Json spec = {{"token", token}};
  if (!audiences.empty()) spec["audiences"] = audiences;
  return DumpJson({{"kind", "TokenReview"},
                   {"apiVersion", std::string(kReviewGroup) + version},
                   {"metadata", Json::object()},
                   {"spec", std::move(spec)},
                   {"status", {{"user", Json::object()}}}});
}

Result<TokenVerdict> ReadTokenReview(std::string_view body, const std::string& version,
                                     const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& own) {
  const auto review = ParseJson(body);
  if (!review || TextIn(*review, "kind") != "TokenReview" ||
      TextIn(*review, "apiVersion") != std::string(kReviewGroup) + version) {
    return Fail(Reason::kInternalError,
                fmt::format("the webhook did not answer with a TokenReview of {}{}", kReviewGroup,
                            version));
  }
  const Json status = review->value("status", Json::object());
  if (!status.is_object()) return Fail(Reason::kInternalError, "status of the review is no object");
  TokenVerdict verdict;
  std::vector<std::string> shared;
  if (!wanted.empty()) {
    std::vector<std::string> got = TextsOf(status.value("audiences", Json()));
    if (got.empty()) got = own;
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(shared), [&](const auto& each) {
      return std::find(got.begin(), got.end(), each) != got.end();
    });
    if (shared.empty()) return verdict;
  }
  if (status.value("authenticated", Json()) != true) {
    verdict.error = TextIn(status, "error");
    return verdict;
  }
  verdict.user =
      TokenUser{.user = UserInReview(status.value("user", Json())), .audiences = std::move(shared)};
  return verdict;
}

Result<std::unique_ptr<TokenWebhook>> TokenWebhook::Create(TokenWebhookOptions options,
                                                           Parts parts) {
  if (options.version != "v1" && options.version != "v1beta1") {
    return Fail(Reason::kInvalid,
                fmt::format("unsupported authentication webhook version {}, supported versions are "
                            "\"v1\", \"v1beta1\"",
                            Quoted(options.version)));
  }
  const HttpsOptions& server = options.server;
  const IssuerUrl place = IssuerUrl::Parse(ServerUrl(server.server));
  if (!place.error.empty() || place.host.empty()) {
    return Fail(Reason::kInvalid, place.error.empty() ? "host must be a URL or a host:port pair: " +
                                                            Quoted(server.server)
                                                      : place.error);
  }
  http::Upstream upstream;
  upstream.host = place.host;
  upstream.port = place.scheme == "http" && place.authority.rfind(':') == place.authority.npos
                      ? 80
                      : place.port;
  if (place.scheme == "https") {
    upstream.server_name = server.tls_server_name.empty() ? place.host : server.tls_server_name;
    upstream.tls = TRY(parts.calls.ContextFor({.ca_pem = server.certificate_authority,
                                               .insecure = server.insecure_skip_tls_verify,
                                               .certificate_pem = server.client_certificate,
                                               .key_pem = server.client_key}));
  }
  upstream.kept = http::MakeKeptConnections();
  return std::unique_ptr<TokenWebhook>(
      new TokenWebhook(std::move(options), std::move(parts), std::move(upstream)));
}

TokenWebhook::TokenWebhook(TokenWebhookOptions options, Parts parts, http::Upstream upstream)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      upstream_(std::move(upstream)),
      target_(IssuerUrl::Parse(ServerUrl(options_.server.server)).target + "?timeout=30s"),
      host_(IssuerUrl::Parse(ServerUrl(options_.server.server)).authority) {}

Result<http::ClientRequest> TokenWebhook::RequestOf(const std::string& body) const {
  http::ClientRequest request{.method = "POST", .target = target_};
  request.headers.emplace("Host", host_);
  request.headers.emplace("Content-Type", "application/json");
  request.headers.emplace("Accept", "application/json, */*");
  request.headers.emplace("User-Agent", "kube-apiserver");
  const HttpsOptions& server = options_.server;
  std::string token = server.token;
  if (!server.token_file.empty()) {
    const std::string text = TRY(ReadWholeFile(server.token_file));
    token = WithoutBlanks(text);
  } else if (server.credentials) {
    token = TRY(server.credentials->Get())
    .token;
  }
  if (!token.empty()) {
    request.headers.emplace("Authorization", "Bearer " + token);
  } else if (!server.username.empty()) {
    request.headers.emplace("Authorization",
                            "Basic " + Base64(server.username + ":" + server.password));
  }
  request.body = body;
  return request;
}

Result<WholeAnswer> TokenWebhook::Send(const std::string& body, Fetch::Deadline deadline) {
  auto request = TRY(RequestOf(body));
  http::Upstream upstream = upstream_;
  upstream.connect_timeout = kTimeMax;
  upstream.head_timeout = kTimeMax;
  ++asked_;
  const auto fetch = TRY(parts_.calls.Begin(std::move(upstream), std::move(request),
                                            {.answer_bytes_max = kAnswerBytesMax}));
  auto answer = fetch->Wait(deadline);
  if (!answer) fetch->Cancel();
  return answer;
}

TokenWebhook::Answer TokenWebhook::Review(std::string_view token,
                                          const std::vector<std::string>& audiences) {
  using RealClock = std::chrono::steady_clock;
  const auto deadline = RealClock::now() + kTimeMax;
  const std::string body = TokenReviewText(options_.version, token, audiences);
  auto pause = kFirstPause;
  std::string error;
  for (int tries = 1; tries <= kTriesMax; ++tries) {
    auto answer = Send(body, deadline);
    if (!answer) {
      error = fmt::format("Post {}: {}", Quoted(options_.server.server), answer.error().message);
      if (error.find("connection reset") == error.npos) break;
    } else if (answer->status >= 200 && answer->status < 300) {
      auto verdict = ReadTokenReview(answer->body, options_.version, audiences, parts_.audiences);
      if (!verdict) {
        error = verdict.error().message;
        break;
      }
      // Who says why not may say something else the next time.
      const bool is_final = verdict->user.has_value() || verdict->error.empty();
      return {*std::move(verdict), is_final, answer->body.size()};
    } else {
      // Not with what: it may repeat the token.
      error = fmt::format("the server answered with {}", answer->status);
      if (!IsRetried(answer->status) && !RetryAfter(*answer)) break;
    }
    if (tries == kTriesMax || RealClock::now() + pause >= deadline ||
        !parts_.calls.WaitUntil(RealClock::now() + pause)) {
      break;
    }
    pause += pause / 2;
  }
  kTokenWebhookLog.Info("webhook not asked", {{"error", error}});
  return {{.error = std::move(error)}, false, 0};
}

std::optional<TokenVerdict> TokenWebhook::Ask(std::string_view token,
                                              const std::vector<std::string>& audiences) {
  const std::string digest = TokenDigest(token, audiences);
  if (auto known = remembered_.Find(digest, parts_.clock.Monotonic())) return known;
  if (!MayWait() || !MayWaitLong()) return std::nullopt;
  std::shared_ptr<Question> question;
  {
    MutexLock lock(mutex_);
    if (stopped_) return TokenVerdict{.error = "context canceled"};
    auto& entry = under_way_[digest];
    if (entry) {
      question = entry;
      while (!question->done && !stopped_) answered_.wait(lock);
      return question->done ? question->verdict : TokenVerdict{.error = "context canceled"};
    }
    entry = question = std::make_shared<Question>();
  }
  Answer answer = Review(token, audiences);
  if (answer.is_final && options_.cache_ttl > Duration::zero()) {
    remembered_.Keep(digest, answer.verdict, answer.bytes,
                     parts_.clock.Monotonic() + options_.cache_ttl);
  }
  {
    const MutexLock lock(mutex_);
    question->done = true;
    question->verdict = answer.verdict;
    under_way_.erase(digest);
  }
  answered_.notify_all();
  return std::move(answer.verdict);
}

void TokenWebhook::Stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  answered_.notify_all();
}

}  // namespace skiff
