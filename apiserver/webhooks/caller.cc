#include "apiserver/webhooks/caller.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>

#include "apiserver/identity/tls_words.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/services/service_pods.h"

namespace skiff {

// Where a webhook is, and what it is asked by.
struct WebhookCaller::Route {
  http::Upstream upstream;
  std::string host;  // As the URL has it.
  std::string path;
  std::optional<Error> unreachable = {};
};

// The answer as it arrives on a loop, and the thread that waits for it.
class WebhookArrival {
 public:
  void Opened(Result<http::Opened> opened) {
    const std::lock_guard lock(mutex_);
    opened_ = std::move(opened);
    news_ = true;
    heard_.notify_all();
  }
  void Wake() {
    const std::lock_guard lock(mutex_);
    news_ = true;
    heard_.notify_all();
  }
  // No answer is waited for any more.
  void Cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    heard_.notify_all();
  }
  // False: the time is over.
  bool WaitForNews(WebhookCaller::Deadline deadline) {
    std::unique_lock lock(mutex_);
    const bool heard = heard_.wait_until(lock, deadline, [&] { return news_ || cancelled_; });
    news_ = false;
    return heard && !cancelled_;
  }
  std::optional<Result<http::Opened>> TakeOpened() {
    const std::lock_guard lock(mutex_);
    return std::exchange(opened_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::condition_variable heard_;
  bool news_ = false;
  bool cancelled_ = false;
  std::optional<Result<http::Opened>> opened_;
};

namespace {

using CallClock = std::chrono::steady_clock;

constexpr size_t kPullBytes = 64 << 10;

class CallUnderWay final : public WebhookCall {
 public:
  CallUnderWay(std::string url, std::string name, WebhookCaller::Deadline deadline)
      : url_(std::move(url)), name_(std::move(name)), deadline_(deadline) {}

  void Open(http::Loops& loops, http::Upstream upstream, http::ClientRequest request) {
    exchange_ = http::Open(loops, std::move(upstream), std::move(request),
                           [arrival = arrival_](Result<http::Opened> opened) {
                             arrival->Opened(std::move(opened));
                           });
  }

  const std::shared_ptr<WebhookArrival>& arrival() const { return arrival_; }

  Result<WebhookReply> Wait() override {
    auto reply = Read();
    exchange_ = nullptr;
    if (reply) return reply;
    return Fail(reply.error().reason, fmt::format("Post {}: {}", Quoted(url_),
                                                  TlsInGoWords(reply.error().message, name_)));
  }

 private:
  Result<WebhookReply> Read() {
    std::optional<Result<http::Opened>> opened;
    while (!opened) {
      if (!arrival_->WaitForNews(deadline_)) return Late();
      opened = arrival_->TakeOpened();
    }
    if (!*opened) {
      // A connection that is not made in time is one more way to be late.
      const Error& error = opened->error();
      if (error.reason == Reason::kTimeout && CallClock::now() >= deadline_) return Late();
      return Fail(error);
    }
    http::Opened& answer = **opened;
    WebhookReply reply{.status = answer.status};
    const auto type = answer.headers.find("Content-Type");
    if (type != answer.headers.end()) reply.content_type = type->second;
    if (!answer.body) return Fail(Reason::kServiceUnavailable, "unexpected EOF");
    answer.body->Attach([arrival = arrival_] { arrival->Wake(); });
    TRY(ReadBody(*answer.body, reply.body));
    return reply;
  }

  Result<> ReadBody(http::StreamSource& body, std::string& out) {
    for (;;) {
      std::vector<http::SharedBytes> chunks;
      const http::Pulled pulled = body.Pull(kPullBytes, chunks);
      for (const auto& chunk : chunks) out += *chunk;
      if (out.size() > kWebhookAnswerBytesMax) {
        return Fail(Reason::kInternalError,
                    fmt::format("the answer is longer than {} bytes", kWebhookAnswerBytesMax));
      }
      if (pulled == http::Pulled::kEnd) return {};
      if (pulled == http::Pulled::kAbort) {
        return Fail(Reason::kServiceUnavailable, "unexpected EOF");
      }
      const bool more = pulled == http::Pulled::kMore && CallClock::now() < deadline_;
      if (!more && !arrival_->WaitForNews(deadline_)) return Late();
    }
  }

  static tl::unexpected<Error> Late() {
    return Fail(Reason::kTimeout, "context deadline exceeded");
  }

  const std::string url_;
  const std::string name_;
  const WebhookCaller::Deadline deadline_;
  const std::shared_ptr<WebhookArrival> arrival_ = std::make_shared<WebhookArrival>();
  std::unique_ptr<http::Exchange> exchange_;
};

// What could not even begin.
class FailedCall final : public WebhookCall {
 public:
  explicit FailedCall(Error error) : error_(std::move(error)) {}
  Result<WebhookReply> Wait() override { return Fail(error_); }

 private:
  const Error error_;
};

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

Result<http::TlsContext> WebhookCaller::ContextFor(const std::string& ca_bundle) {
  const MutexLock lock(mutex_);
  const auto found = contexts_.find(ca_bundle);
  if (found != contexts_.end()) return found->second;
  auto made = http::MakeClientContext({.ca_pem = ca_bundle});
  if (!made) {
    return Fail(Reason::kInvalid,
                "could not get REST client: unable to load root certificates: unable to parse "
                "bytes as PEM block");
  }
  if (contexts_.size() >= kWebhookAuthoritiesMax) contexts_.clear();
  contexts_.emplace(ca_bundle, *made);
  return made;
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
    auto resolved = UpstreamOfService({parts_.store, parts_.random, parts_.nodes},
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

std::unique_ptr<WebhookCall> WebhookCaller::Start(const WebhookPlace& place, std::string body,
                                                  std::optional<std::chrono::seconds> timeout,
                                                  Deadline deadline) {
  auto route = RouteTo(place);
  if (!route) return std::make_unique<FailedCall>(route.error());
  std::string target = route->path;
  if (timeout) target += fmt::format("?timeout={}s", timeout->count());
  const std::string url = "https://" + route->host + target;
  const Duration left = deadline - CallClock::now();
  if (left <= Duration::zero()) {
    return std::make_unique<FailedCall>(Error{
        Reason::kTimeout, fmt::format("Post {}: context deadline exceeded", Quoted(url))});
  }
  if (parts_.loops == nullptr) {
    return std::make_unique<FailedCall>(Error{Reason::kInternalError, "this server calls nobody"});
  }
  if (route->unreachable) {
    Error error = *route->unreachable;
    error.message = fmt::format("Post {}: {}", Quoted(url), error.message);
    return std::make_unique<FailedCall>(std::move(error));
  }
  route->upstream.connect_timeout = left;
  route->upstream.kept = kept_;
  http::ClientRequest request{.method = "POST", .target = std::move(target)};
  request.headers.emplace("Host", route->host);
  request.headers.emplace("Content-Type", "application/json");
  request.headers.emplace("Accept", "application/json");
  request.headers.emplace("User-Agent", "kube-apiserver-admission");
  request.body = std::move(body);
  auto call = std::make_unique<CallUnderWay>(url, route->upstream.server_name, deadline);
  {
    const MutexLock lock(mutex_);
    if (stopped_) {
      return std::make_unique<FailedCall>(Error{Reason::kServiceUnavailable, "context canceled"});
    }
    std::erase_if(under_way_, [](const auto& each) { return each.expired(); });
    under_way_.insert(call->arrival());
  }
  call->Open(*parts_.loops, std::move(route->upstream), std::move(request));
  return call;
}

void WebhookCaller::Stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  for (const auto& each : under_way_) {
    if (const auto arrival = each.lock()) arrival->Cancel();
  }
}

}  // namespace skiff
