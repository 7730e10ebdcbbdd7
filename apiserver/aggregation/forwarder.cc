#include "apiserver/aggregation/forwarder.h"

#include <algorithm>

#include "apiserver/aggregation/identity.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/followed_stream.h"
#include "apiserver/request/foreign_content.h"
#include "apiserver/request/proxied_request.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/time_limit.h"
#include "base/text.h"
#include "http/tunnel.h"

namespace skiff {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kDeadlineCheckMs = 1000;
constexpr int kBadGateway = 502;

http::Response PlainText(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.SetHeader("X-Content-Type-Options", "nosniff");
  response.body = std::move(text) + "\n";
  return response;
}

http::Response ServiceUnavailable() {
  return PlainText(503, "service unavailable");
}

// An answer that took too long, in the words of the filter that would have said so.
http::Response TimedOut() {
  http::Response response;
  response.status = 504;
  response.content_type = "application/json";
  response.body = StatusText(TookTooLong());
  return response;
}

// An answer on its way. It counts until it is dropped, and is cut where it takes longer than it
// may.
class ForwardedBody final : public http::StreamSource {
 public:
  ForwardedBody(std::unique_ptr<http::StreamSource> inner, std::shared_ptr<void> place,
                Steady::time_point deadline)
      : place_(std::move(place)), inner_(std::move(inner)), deadline_(deadline) {}
  void Attach(http::Waker waker) override { inner_->Attach(std::move(waker)); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    if (Steady::now() >= deadline_) return http::Pulled::kAbort;
    return inner_->Pull(bytes_max, out);
  }
  int PullEveryMs() const override {
    return EndsByItself() ? kDeadlineCheckMs : 0;
  }
  // All but watches.
  bool EndsByItself() const override { return deadline_ != Steady::time_point::max(); }

 private:
  const std::shared_ptr<void> place_;
  const std::unique_ptr<http::StreamSource> inner_;
  const Steady::time_point deadline_;
};

// Where the other server sends the client elsewhere: the client would ask there with credentials
// that are for this one.
void RejectRedirect(http::Response& response) {
  const bool redirects = response.status >= 300 && response.status <= 399 &&
                         !response.Header("Location").empty();
  if (!redirects) return;
  response = {};
  response.status = kBadGateway;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "the backend attempted to redirect this request, which is not permitted";
}

// Over another connection protocol the client could say who he is himself: the server behind
// believes what comes by our certificate. What runs within one connection (WebSocket, SPDY) may.
bool MayTunnel(const http::Request& request) {
  if (!http::IsUpgrade(request)) return false;
  const std::string_view protocol = request.Header("Upgrade");
  return !http::HasToken(protocol, "h2c") && Lower(protocol).find("http/") == std::string::npos;
}

// What this server says with every answer, where the other one has not said it.
struct LastWord {
  std::string audit_id;
  bool rejects_redirects;
  bool closes;  // See LimitStrangers in api_server.cc.
  bool shown;   // By a browser.

  void operator()(http::Response& response) const {
    if (rejects_redirects) RejectRedirect(response);
    RemoveCorsHeaders(response);
    if (shown) KeepApart(response);
    if (response.Header("Audit-Id").empty()) response.SetHeader("Audit-Id", audit_id);
    if (response.Header("Cache-Control").empty()) {
      response.SetHeader("Cache-Control", "no-cache, private");
    }
    if (closes) response.SetHeader("Connection", "close");
  }
};

http::Response ForwardFailure(const Error& error, bool upgrade) {
  if (error.reason == Reason::kTimeout && !error.message.starts_with("dial")) return TimedOut();
  for (const char* wrong : {"invalid upgrade", "backend tried to switch"}) {
    if (error.message.starts_with(wrong)) return PlainText(503, error.message);
  }
  return PlainText(503, (upgrade ? "error dialing backend: " : "error trying to reach service: ") +
                            error.message);
}

// What does the same twice can be sent again when a connection that was used before breaks under
// it: the other server may be closing it.
bool MayAskTwice(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

// What is left of the time that the request asks for, if that is less than `usual`.
Duration TimeFor(const ApiRequest& request, Duration usual) {
  if (request.answer_deadline == Steady::time_point::max()) return usual;
  return std::clamp<Duration>(request.answer_deadline - Steady::now(), 1ms, usual);
}

// "/apis/<group>/<version>"
bool IsDiscovery(const ApiRequest& request) {
  return !request.info.is_resource && request.http.path.starts_with("/apis/");
}

bool HasComeBy(const std::string& name, const http::Request& request) {
  const auto [first, last] = request.headers.equal_range("Via");
  return std::any_of(first, last,
                     [&](const auto& via) { return via.second.find(name) != std::string::npos; });
}

}  // namespace

std::string Forwarder::OwnName() {
  const MutexLock lock(mutex_);
  if (own_name_.empty()) own_name_ = random_.Uid();
  return own_name_;
}

std::shared_ptr<ForwardLoad> Forwarder::LoadOf(const std::string& name) {
  const MutexLock lock(mutex_);
  auto& known = loads_[name];
  auto load = known.lock();
  if (!load) {
    load = std::make_shared<ForwardLoad>(limits_);
    known = load;
    // Those of APIServices that are gone.
    std::erase_if(loads_, [](const auto& each) { return each.second.expired(); });
  }
  return load;
}

Result<http::ClientRequest> Forwarder::RequestFor(const http::Upstream& upstream,
                                                  const ApiRequest& request,
                                                  const std::string& via) const {
  http::ClientRequest sent = http::ForwardedRequest(request.http);
  sent.target = EscapePath(request.http.path) + QueryText(request.http.query);
  if (!MayTunnel(request.http)) {
    sent.headers.erase("Upgrade");
    sent.headers.erase("Connection");
  }
  RemoveIdentity(front_proxy_, sent.headers);
  RemoveForwardedLookalikes(sent.headers);
  TRY(SetIdentity(request.user, sent.headers));
  const std::string host = HostOf(upstream);
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"Host", host},
                                    {"X-Forwarded-Uri", EscapePath(request.http.path)},
                                    {"X-Forwarded-Host", host},
                                    {"X-Forwarded-Proto", "https"}}) {
    sent.headers.erase(name);
    sent.headers.emplace(name, value);
  }
  sent.headers.emplace("Via", "1.1 " + via);
  if (sent.headers.count("Audit-Id") == 0) sent.headers.emplace("Audit-Id", random_.Uid());
  return sent;
}

Duration Forwarder::HeadTimeFor(const ApiRequest& request) const {
  return IsDiscovery(request) ? limits_.discovery_head_time : limits_.head_time;
}

http::Response Forwarder::Stream(http::Upstream upstream, http::ClientRequest sent,
                                 const ApiRequest& request, ForwardLoad::Place waiting,
                                 const std::shared_ptr<ForwardLoad>& load) {
  http::Loops* loops = backends_.loops();
  if (loops == nullptr) return ServiceUnavailable();
  const bool upgrade = MayTunnel(request.http);
  const bool goes_on = upgrade || IsLongRunning(request.info);
  const auto deadline =
      goes_on ? Steady::time_point::max()
              : std::min(Steady::now() + limits_.answer_time, request.answer_deadline);
  const bool is_stranger = request.user.InGroup(kGroupUnauthenticated);
  const LastWord finish{.audit_id = sent.headers.find("Audit-Id")->second,
                      .rejects_redirects = rejects_redirects_,
                      .closes = request.http.http2 && is_stranger,
                      .shown = IsFromBrowser(request.http)};
  http::Forwarding forwarding;
  upstream.connect_timeout = limits_.connect_time;
  upstream.head_timeout = kNever;
  if (!goes_on) {
    upstream.connect_timeout = TimeFor(request, limits_.connect_time);
    upstream.head_timeout = TimeFor(request, HeadTimeFor(request));
  }
  upstream.buffer_bytes_max = limits_.answer_buffer_bytes;
  const auto asked_until = goes_on ? Steady::time_point::max() : request.answer_deadline;
  forwarding.on_error = [finish, upgrade, waiting, asked_until](const Error& error) {
    const bool is_late = Steady::now() >= asked_until;
    http::Response response = is_late ? TimedOut() : ForwardFailure(error, upgrade);
    finish(response);
    return response;
  };
  forwarding.on_answer = [finish, load, deadline, waiting,
                          user = request.user.name](http::Response& response) {
    finish(response);
    if (response.upgrade) return KeepUntilOver(load->TakeAnswering(user), response);
    if (!response.stream) return;
    response.stream = std::make_unique<ForwardedBody>(std::move(response.stream),
                                                      load->TakeAnswering(user), deadline);
  };
  forwarding.upstream = std::move(upstream);
  forwarding.request = std::move(sent);
  return http::Forward(*loops, std::move(forwarding));
}

// A caller in this process has a thread to wait with, and none to pull by.
http::Response Forwarder::Collect(http::Upstream upstream, http::ClientRequest sent,
                                  const ApiRequest& request) {
  const LastWord finish{.audit_id = sent.headers.find("Audit-Id")->second,
                      .rejects_redirects = rejects_redirects_,
                      .closes = false,
                      .shown = false};
  const Duration connect_time = TimeFor(request, limits_.connect_time);
  const Duration head_time = TimeFor(request, HeadTimeFor(request));
  const auto fetch = backends_.Ask(std::move(upstream),
                                   {.method = std::move(sent.method),
                                    .target = std::move(sent.target),
                                    .headers = std::move(sent.headers),
                                    .body = std::move(sent.body),
                                    .answer_bytes_max = limits_.collected_bytes_max,
                                    .connect_timeout = connect_time,
                                    .head_timeout = head_time},
                                   request.user, nullptr);
  if (!fetch) return ServiceUnavailable();
  auto answer =
      (*fetch)->Wait(std::min(Steady::now() + connect_time + head_time, request.answer_deadline));
  (*fetch)->Cancel();
  http::Response response;
  if (answer) {
    response.status = answer->status;
    response.headers = std::move(answer->headers);
    for (const char* framing : {"Connection", "Transfer-Encoding", "Content-Length"}) {
      response.headers.erase(framing);
    }
    response.body = std::move(answer->body);
  } else if (Steady::now() >= request.answer_deadline) {
    response = TimedOut();
  } else {
    response = ForwardFailure(answer.error(), false);
  }
  finish(response);
  response.headers.erase("Audit-Id");  // Whoever answers in this process gives it one.
  return response;
}

Result<http::Response> Forwarder::Forward(const RemoteService& remote, const ApiRequest& request) {
  TRY(CheckBodySize(request.http));
  if (!remote.available) return ServiceUnavailable();
  const std::string own_name = OwnName();
  if (HasComeBy(own_name, request.http)) {
    return PlainText(503, "error trying to reach service: it leads back to this server");
  }
  auto context = backends_.ContextFor(remote);
  if (!context) return PlainText(500, context.error().message);
  auto upstream = backends_.Find(remote);
  if (!upstream) return ServiceUnavailable();
  upstream->tls = *context;
  auto sent = RequestFor(*upstream, request, own_name);
  if (!sent) return PlainText(503, "error trying to reach service: " + sent.error().message);
  const auto load = LoadOf(remote.name);
  auto waiting = load->TakeWaiting(request.user.name, request.http.Body().size());
  if (!waiting) return Fail(RefusedForNow());
  if (request.in_process && !IsLongRunning(request.info) && !MayTunnel(request.http)) {
    return Collect(std::move(*upstream), std::move(*sent), request);
  }
  sent->once = !MayAskTwice(sent->method);
  if (!MayTunnel(request.http)) upstream->kept = kept_;
  return Stream(std::move(*upstream), std::move(*sent), request, std::move(waiting), load);
}

}  // namespace skiff
