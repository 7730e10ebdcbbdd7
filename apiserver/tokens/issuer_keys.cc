#include "apiserver/tokens/issuer_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/issuer_url.h"
#include "base/hash.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kIssuerLog("issuer");
constexpr size_t kShownAnswerBytesMax = 200;

tl::unexpected<Error> IssuerFault(std::string text) {
  return Fail(Reason::kServiceUnavailable, std::move(text));
}

// Where an answer leads; "": it counts as it is.
std::string RedirectedTo(const WholeAnswer& answer, const std::string& from) {
  if (answer.status != 301 && answer.status != 302 && answer.status != 303 &&
      answer.status != 307 && answer.status != 308) {
    return "";
  }
  const std::string location(answer.Header("Location"));
  if (location.starts_with("https://")) return location;
  if (!location.starts_with('/') || location.starts_with("//")) return "";
  return "https://" + IssuerUrl::Parse(from).authority + location;
}

std::string ShownAnswer(const WholeAnswer& answer) {
  return fmt::format("{}: {}", answer.status, answer.body.substr(0, kShownAnswerBytesMax));
}

}  // namespace

Result<FetchPtr> BeginFetch(OutboundCalls& calls, const std::string& url,
                            const std::string& certificate_authority,
                            const std::string& bearer_token, size_t bytes_max, Duration time_max,
                            std::function<void()> told) {
  const IssuerUrl place = IssuerUrl::Parse(url);
  if (!place.error.empty()) return IssuerFault(place.error);
  if (place.scheme != "https" || place.host.empty()) {
    return IssuerFault(fmt::format("unsupported URL {}", Quoted(url)));
  }
  http::Upstream upstream;
  upstream.host = place.host;
  upstream.port = place.port;
  upstream.server_name = place.host;
  upstream.tls = TRY(calls.ContextFor({.ca_pem = certificate_authority}));
  upstream.connect_timeout = time_max;
  upstream.head_timeout = time_max;
  http::ClientRequest request{.method = "GET", .target = place.target};
  request.headers.emplace("Host", place.authority);
  request.headers.emplace("Accept", "application/json");
  request.headers.emplace("User-Agent", "kube-apiserver");
  if (!bearer_token.empty()) request.headers.emplace("Authorization", "Bearer " + bearer_token);
  return calls.Begin(std::move(upstream), std::move(request),
                     {.answer_bytes_max = bytes_max, .told = std::move(told)});
}

IssuerKeys::~IssuerKeys() {
  if (question_) question_->Cancel();
}

IssuerKeys::Keys IssuerKeys::Now() const {
  const MutexLock lock(mutex_);
  return keys_;
}

std::string IssuerKeys::Fault() const {
  const MutexLock lock(mutex_);
  return fault_;
}

IssuerKeys::Told IssuerKeys::told() const {
  const MutexLock lock(mutex_);
  return told_;
}

bool IssuerKeys::MayLearn() const {
  const MutexLock lock(mutex_);
  return under_way_ || parts_.clock.Monotonic() >= ended_at_ + kPause;
}

void IssuerKeys::Await(std::chrono::steady_clock::time_point deadline) {
  uint64_t before = 0;
  {
    const MutexLock lock(mutex_);
    wanted_ = true;
    before = rounds_;
  }
  parts_.wake();
  MutexLock lock(mutex_);
  while (rounds_ == before && !stopped_ && std::chrono::steady_clock::now() < deadline) {
    learnt_.wait_until(lock, deadline);
  }
}

void IssuerKeys::Stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  learnt_.notify_all();
}

void IssuerKeys::Ask(Stage stage, const std::string& url) {
  stage_ = stage;
  asked_at_ = parts_.clock.Monotonic();
  asked_url_ = url;
  {
    const MutexLock lock(mutex_);
    under_way_ = true;
    wanted_ = false;
  }
  auto question = BeginFetch(parts_.calls, url, place_.certificate_authority, "", kAnswerBytesMax,
                             kTimeMax, parts_.wake);
  if (!question) return Finish(Fail(question.error()));
  question_ = *std::move(question);
}

Duration IssuerKeys::Tend() {
  const Duration now = parts_.clock.Monotonic();
  if (question_) {
    if (auto answer = question_->Take()) {
      question_.reset();
      Hear(*answer);
    } else if (now - asked_at_ >= kTimeMax) {
      question_->Cancel();
      question_.reset();
      Finish(IssuerFault(fmt::format("Get {}: context deadline exceeded", Quoted(asked_url_))));
    }
  } else {
    bool is_asked = false;
    {
      const MutexLock lock(mutex_);
      is_asked = wanted_ && now >= ended_at_ + kPause;
    }
    if (now >= due_ || is_asked) {
      redirects_ = 0;
      if (keys_url_.empty()) {
        std::string url = place_.url;
        if (url.ends_with('/')) url.pop_back();
        Ask(Stage::kDiscovery, place_.discovery_url.empty()
                                   ? url + "/.well-known/openid-configuration"
                                   : place_.discovery_url);
      } else {
        Ask(Stage::kKeys, keys_url_);
      }
    }
  }
  if (question_) return std::max(Duration::zero(), asked_at_ + kTimeMax - now);
  bool is_wanted = false;
  {
    const MutexLock lock(mutex_);
    is_wanted = wanted_;
  }
  const Duration until_due = std::max(Duration::zero(), due_ - now);
  return is_wanted ? std::min(until_due, kPause) : until_due;
}

void IssuerKeys::Hear(const Result<WholeAnswer>& answer) {
  if (!answer) {
    return Finish(
        IssuerFault(fmt::format("Get {}: {}", Quoted(asked_url_), answer.error().message)));
  }
  const std::string elsewhere = RedirectedTo(*answer, asked_url_);
  if (!elsewhere.empty()) {
    if (++redirects_ <= kRedirectsMax) return Ask(stage_, elsewhere);
    return Finish(IssuerFault(
        fmt::format("Get {}: stopped after {} redirects", Quoted(asked_url_), kRedirectsMax)));
  }
  if (stage_ == Stage::kKeys) return Finish(HearKeys(*answer));
  if (const auto heard = HearDiscovery(*answer); !heard) return Finish(heard);
  redirects_ = 0;
  Ask(Stage::kKeys, keys_url_);
}

Result<> IssuerKeys::HearDiscovery(const WholeAnswer& answer) {
  if (answer.status != 200) return IssuerFault(ShownAnswer(answer));
  const auto document = ParseJson(answer.body);
  if (!document || !document->is_object()) {
    return IssuerFault("oidc: failed to decode provider discovery object");
  }
  const auto text = [&](const char* name) {
    const auto found = document->find(name);
    return found != document->end() && found->is_string() ? found->get<std::string>()
                                                          : std::string();
  };
  if (text("issuer") != place_.url) {
    return IssuerFault(
        fmt::format("oidc: issuer did not match the issuer returned by provider, "
                    "expected {} got {}",
                    Quoted(place_.url), Quoted(text("issuer"))));
  }
  if (text("jwks_uri").empty()) return IssuerFault("provider did not return JWKS URL");
  keys_url_ = text("jwks_uri");
  return {};
}

Result<> IssuerKeys::HearKeys(const WholeAnswer& answer) {
  if (answer.status != 200) {
    return IssuerFault(fmt::format("oidc: get keys failed: {}", ShownAnswer(answer)));
  }
  auto keys = TRY(ReadKeySet(answer.body));
  const MutexLock lock(mutex_);
  keys_ = std::make_shared<const std::vector<JsonWebKey>>(std::move(keys));
  told_.digest = "sha256:" + Hex(Sha256(answer.body));
  return {};
}

void IssuerKeys::Finish(const Result<>& result) {
  const bool was_keys = stage_ == Stage::kKeys;
  stage_ = Stage::kIdle;
  // Where its keys are may have changed as well.
  if (!result) keys_url_.clear();
  const Duration now = parts_.clock.Monotonic();
  due_ = now + (result ? kRefresh : kRetry);
  bool is_news = false;
  {
    const MutexLock lock(mutex_);
    const std::string fault = result ? "" : result.error().message;
    is_news = fault != fault_;
    fault_ = fault;
    under_way_ = false;
    wanted_ = false;
    ended_at_ = now;
    ++rounds_;
    if (result) {
      told_.succeeded = parts_.clock.Now();
    } else if (was_keys) {
      told_.failed = parts_.clock.Now();
    }
  }
  learnt_.notify_all();
  if (!is_news) return;
  if (result) {
    kIssuerLog.Info("keys known", {{"issuer", place_.url}});
  } else {
    kIssuerLog.Info("keys not known", {{"issuer", place_.url}, {"error", result.error().message}});
  }
}

}  // namespace skiff
