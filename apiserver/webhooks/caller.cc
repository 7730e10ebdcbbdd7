#include "apiserver/webhooks/caller.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/rules/identity/x509.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/services/service_pods.h"
#include "base/at_once.h"

namespace skiff {

// Where a webhook is, and what it is asked by.
struct WebhookCaller::Route {
  http::Upstream upstream;
  std::string host;  // As the URL has it.
  std::string path;
  std::optional<Error> unreachable = {};
};

namespace {

using CallClock = std::chrono::steady_clock;

// "https://host[:port]/path"
Result<> ReadUrl(const std::string& url, std::string& host, std::string& path) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) {
    return Fail(Reason::kInvalid, "Unparsable URL: " + url);
  }
  const std::string rest = url.substr(kScheme.size());
  const size_t slash = rest.find('/');
  host = rest.substr(0, slash);
  path = slash == std::string::npos ? "" : rest.substr(slash);
  if (host.empty()) return Fail(Reason::kInvalid, "Unparsable URL: " + url);
  return {};
}

// "//a/./b/../c/" -> "/a/c", as Go's clients write every path: envtest of controller-runtime gives
// its webhooks URLs with two slashes, and Go's servers answer those with a redirect.
std::string CleanPath(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      out.erase(std::min(out.rfind('/'), out.size()));
      continue;
    }
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

constinit thread_local bool asks_here = false;

// While this thread asks this server for a review: one that had to be reviewed itself would have no
// end.
class AskingHere {
 public:
  AskingHere() : is_first_(!std::exchange(asks_here, true)) {}
  ~AskingHere() {
    if (is_first_) asks_here = false;
  }
  AskingHere(const AskingHere&) = delete;
  AskingHere& operator=(const AskingHere&) = delete;
  bool is_first() const { return is_first_; }

 private:
  const bool is_first_;
};

constexpr const char* kOwnHost = "kubernetes.default.svc:443";

OutboundCalls::Wanted AnswerTo(const std::string& question) {
  return {.answer_bytes_max = WebhookAnswerBytesMax(question.size()),
          .more_bytes_max = MoreWebhookAnswerBytesMax(question.size())};
}

http::Headers ReviewHeaders(const std::string& host) {
  return {{"Host", host},
          {"Content-Type", "application/json"},
          {"Accept", "application/json, */*"},
          {"User-Agent", "kube-apiserver-admission"}};
}

// What is left, as the one who is asked is to take no longer.
void SetTimeout(http::Request& request, Duration left) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left);
  const std::string query = fmt::format("timeout={}s", std::max(seconds, 1s).count());
  request.query = http::ParseQuery(query);
  request.target = request.path + "?" + query;
}

std::string WholeBody(const http::Response& response) {
  std::string body = response.body;
  for (const http::SharedBytes& piece : response.pieces) body.append(*piece);
  return body;
}

// "[::1]:8443" -> "::1", 8443
void SplitHost(const std::string& text, http::Upstream& upstream) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  upstream.host = text.substr(0, has_port ? colon : text.size());
  upstream.port = 443;
  if (has_port) {
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), upstream.port);
  }
  if (upstream.host.starts_with('[')) {
    upstream.host = upstream.host.substr(1, upstream.host.size() - 2);
  }
}

}  // namespace

bool WebhookPlace::IsThisServer() const {
  if (url.empty()) {
    return service_namespace == "default" && service_name == "kubernetes" && port == 443;
  }
  std::string host, url_path;
  return ReadUrl(url, host, url_path) && (host == kOwnHost || host + ":443" == kOwnHost);
}

WebhookCall::~WebhookCall() {
  if (fetch_ != nullptr) fetch_->Cancel();
}

std::string WebhookCall::Url() const {
  return "https://" + host_ + request_.target;
}

Error WebhookCall::Failure(Error error) const {
  // A connection that is not made in time is one more way to be late.
  if (error.reason == Reason::kTimeout && CallClock::now() >= deadline_) {
    error.message = "context deadline exceeded";
  }
  error.message = fetch_->has_begun()
                      ? "unexpected error when reading response body. Please retry. Original "
                        "error: " + error.message
                      : fmt::format("Post {}: {}", Quoted(Url()), error.message);
  return error;
}

Result<> WebhookCall::BeginAgain(std::string target) {
  request_.target = std::move(target);
  upstream_.connect_timeout = std::max(Duration::zero(), Duration(deadline_ - CallClock::now()));
  fetch_ = TRY(calls_->Begin(upstream_, request_, AnswerTo(request_.body)));
  return {};
}

Result<WebhookReply> WebhookCall::AskHere() {
  // An attempt within an attempt is not foreseen.
  if (!MayWaitLong()) return Fail(WouldWait());
  const auto failed = [&](Reason reason, const char* why) {
    return Fail(reason, fmt::format("Post {}: {}", Quoted(Url()), why));
  };
  // Those that are begun at once are asked one after the other.
  const Duration left = deadline_ - CallClock::now();
  if (left <= Duration::zero()) return failed(Reason::kTimeout, "context deadline exceeded");
  const AskingHere asking;
  if (!asking.is_first()) return failed(Reason::kInternalError, "this server asks itself already");
  SetTimeout(asked_here_, left);
  const http::Response response = ask_here_(asked_here_);
  if (response.pending || response.stream || response.upgrade) {
    return failed(Reason::kInternalError, "the answer has no end");
  }
  const std::string_view type = response.content_type;
  return WebhookReply{
      .status = response.status,
      .content_type = std::string(type.empty() ? response.Header("Content-Type") : type),
      .body = WholeBody(response)};
}

Result<WebhookReply> WebhookCall::Wait() {
  if (ask_here_) return AskHere();
  if (fetch_ == nullptr) return Fail(error_);
  const std::string first_target = request_.target;
  for (int redirects = 0, retries = 0;;) {
    auto answer = fetch_->Wait(deadline_);
    if (!answer) return Fail(Failure(std::move(answer).error()));
    if (auto target = RedirectTarget(*answer, host_)) {
      if (++redirects > kWebhookRedirectsMax) {
        return Fail(Reason::kInternalError,
                    fmt::format("Post {}: stopped after {} redirects", Quoted(Url()),
                                kWebhookRedirectsMax));
      }
      TRY(BeginAgain(*std::move(target)));
      continue;
    }
    const auto pause = RetryAfter(*answer);
    if (pause && ++retries <= kWebhookRetriesMax && CallClock::now() + *pause < deadline_ &&
        calls_->WaitUntil(CallClock::now() + *pause)) {
      redirects = 0;
      TRY(BeginAgain(first_target));
      continue;
    }
    return WebhookReply{.status = answer->status,
                        .content_type = std::string(answer->Header("Content-Type")),
                        .body = std::move(answer->body)};
  }
}

std::optional<std::string> RedirectTarget(const WholeAnswer& answer, std::string_view host) {
  if (answer.status != 307 && answer.status != 308) return std::nullopt;
  std::string_view location = answer.Header("Location");
  const std::string origin = "https://" + std::string(host);
  if (location.starts_with(origin)) location.remove_prefix(origin.size());
  if (!location.starts_with('/') || location.starts_with("//")) return std::nullopt;
  // What no request line has.
  constexpr char kDelete = 0x7f;
  const auto is_control = [](char c) { return (c >= '\0' && c <= ' ') || c == kDelete; };
  if (std::any_of(location.begin(), location.end(), is_control)) return std::nullopt;
  return std::string(location.substr(0, location.find('#')));
}

std::optional<std::chrono::seconds> RetryAfter(const WholeAnswer& answer) {
  if (answer.status != 429 && answer.status < 500) return std::nullopt;
  const std::string_view text = answer.Header("Retry-After");
  int32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(std::max(seconds, 0));
}

Result<http::TlsContext> WebhookCaller::ContextFor(const std::string& ca_bundle) {
  auto context = calls_.ContextFor({.ca_pem = ca_bundle});
  if (context) return context;
  return Fail(Reason::kInvalid, AuthoritiesFault(std::string_view(ca_bundle)));
}

Result<WebhookCaller::Route> WebhookCaller::RouteTo(const WebhookPlace& place) {
  Route route;
  std::string name;
  if (!place.url.empty()) {
    TRY(ReadUrl(place.url, route.host, route.path));
    SplitHost(route.host, route.upstream);
    name = route.upstream.host;
  } else if (!place.service_name.empty()) {
    name = place.service_name + "." + place.service_namespace + ".svc";
    route.host = fmt::format("{}:{}", name, place.port);
    route.path = place.path;
    auto resolved =
        UpstreamOfService({parts_.store, parts_.random, parts_.nodes, parts_.to_endpoints},
                          place.service_namespace, place.service_name, place.port);
    if (resolved) {
      route.upstream = std::move(*resolved);
    } else {
      route.unreachable = resolved.error();
    }
  } else {
    return Fail(Reason::kInvalid, "webhook configuration must have either service or URL");
  }
  route.path = CleanPath(route.path);
  route.upstream.server_name = name;
  route.upstream.tls = TRY(ContextFor(place.ca_bundle));
  return route;
}

std::unique_ptr<WebhookCall> WebhookCaller::StartHere(const WebhookPlace& place, std::string body,
                                                      Deadline deadline) const {
  std::string host, path = place.path;
  if (!place.url.empty()) (void)ReadUrl(place.url, host, path);
  http::Request request;
  request.method = "POST";
  request.path = CleanPath(path);
  SetTimeout(request, deadline - CallClock::now());
  request.headers = ReviewHeaders(kOwnHost);
  request.body = std::move(body);
  return std::make_unique<WebhookCall>(parts_.ask_self, kOwnHost, std::move(request), deadline);
}

std::unique_ptr<WebhookCall> WebhookCaller::Start(const WebhookPlace& place, std::string body,
                                                  std::optional<std::chrono::seconds> timeout,
                                                  Deadline deadline) {
  const auto failed = [](Error error) { return std::make_unique<WebhookCall>(std::move(error)); };
  if (place.IsThisServer() && parts_.ask_self) return StartHere(place, std::move(body), deadline);
  auto route = RouteTo(place);
  if (!route) return failed(route.error());
  std::string target = route->path;
  if (timeout) target += fmt::format("?timeout={}s", timeout->count());
  const std::string url = "https://" + route->host + target;
  const Duration left = deadline - CallClock::now();
  if (left <= Duration::zero()) {
    return failed(
        {Reason::kTimeout, fmt::format("Post {}: context deadline exceeded", Quoted(url))});
  }
  if (route->unreachable) {
    Error error = *route->unreachable;
    error.message = fmt::format("Post {}: {}", Quoted(url), error.message);
    return failed(std::move(error));
  }
  route->upstream.connect_timeout = left;
  route->upstream.kept = kept_;
  http::ClientRequest request{.method = "POST", .target = std::move(target)};
  request.headers = ReviewHeaders(route->host);
  request.body = std::move(body);
  auto fetch = calls_.Begin(route->upstream, request, AnswerTo(request.body));
  if (!fetch) return failed(fetch.error());
  return std::make_unique<WebhookCall>(calls_, *std::move(fetch), std::move(route->upstream),
                                       std::move(request), deadline);
}

}  // namespace skiff
