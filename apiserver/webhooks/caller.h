// Calls of webhooks: where one is, the request to it, and the wait for its answer. Nothing that a
// webhook does reaches beyond its call: an answer has a size and a time, and leads to another place
// only of the same server.
//
//   auto call = caller.Start(where, std::move(review), timeout, deadline);   // Returns at once.
//   const auto reply = call->Wait();                         // At the deadline at the latest.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apiserver/identity/outbound_calls.h"
#include "apiserver/storage/store.h"
#include "base/error.h"
#include "base/id.h"
#include "http/client.h"
#include "http/message.h"

namespace skiff {

struct NodeConnections;

// Longer answers fail, and so do those that are longer than what was asked gives reason for: many
// are heard at one time.
inline constexpr size_t kWebhookAnswerBytesMax = 8 << 20;
constexpr size_t WebhookAnswerBytesMax(size_t question_bytes) {
  constexpr size_t kLargestObject = 9 << 18, kGrowth = 4;  // In base64, with what is around it.
  return std::min(kWebhookAnswerBytesMax, kLargestObject + kGrowth * question_bytes);
}
// What a small question may be answered with all the same, while few are so long: a patch by what
// is as long as a request may be, in base64, and an object of that length.
inline constexpr size_t kLongWebhookAnswerBytesMax = 17 << 18;
constexpr size_t MoreWebhookAnswerBytesMax(size_t question_bytes) {
  const size_t usual = WebhookAnswerBytesMax(question_bytes);
  return kLongWebhookAnswerBytesMax - std::min(kLongWebhookAnswerBytesMax, usual);
}

// WebhookClientConfig, of admission and of conversion alike.
struct WebhookPlace {
  std::string url;  // "": by service.
  std::string service_namespace;
  std::string service_name;
  std::string path;
  int port = 443;
  std::string ca_bundle;

  // Of any generated struct with its fields.
  template <typename Config>
  static WebhookPlace Of(const Config& config) {
    WebhookPlace place{.ca_bundle = config.ca_bundle};
    if (config.url) place.url = *config.url;
    if (!config.service) return place;
    place.service_namespace = config.service->namespace_;
    place.service_name = config.service->name;
    place.path = config.service->path.value_or("");
    place.port = config.service->port.value_or(443);
    return place;
  }

  // Whether it is this server itself, as of those who answer reviews as API servers behind it. It
  // is asked as its own hand, whoever the bundle says that it is, as kube-apiserver does.
  bool IsThisServer() const;
};

struct WebhookReply {
  int status = 0;
  std::string content_type;
  std::string body;
};

// As Go's client and client-go have it.
inline constexpr int kWebhookRedirectsMax = 10;
inline constexpr int kWebhookRetriesMax = 10;

// Dropped, it is ended.
//
// An answer of 307 or 308 with a Location on the same host and port is followed, with the review:
// other redirects are answers, as they lead away from whom the configuration names, or make a
// review a GET without one. One of 429, or from 500 on, with a Retry-After in seconds is asked for
// again after those, while its time lasts: longer than that nobody waits, and that is the answer.
class WebhookCall {
 public:
  using Deadline = Fetch::Deadline;
  // One that could not even begin.
  explicit WebhookCall(Error error) : error_(std::move(error)) {}
  // `upstream` and `request`, which has a Host, are what `fetch` was begun with, to begin it again;
  // `calls` outlives the call.
  WebhookCall(OutboundCalls& calls, FetchPtr fetch, http::Upstream upstream,
              http::ClientRequest request, Deadline deadline)
      : calls_(&calls),
        fetch_(std::move(fetch)),
        host_(request.headers.find("Host")->second),
        upstream_(std::move(upstream)),
        request_(std::move(request)),
        deadline_(deadline) {}
  // One of this server, which is asked on the thread of who waits for it, by `ask`.
  WebhookCall(std::function<http::Response(const http::Request&)> ask, std::string host,
              http::Request request, Deadline deadline)
      : ask_here_(std::move(ask)),
        asked_here_(std::move(request)),
        host_(std::move(host)),
        deadline_(deadline) {
    request_.target = asked_here_.target;
  }
  ~WebhookCall();
  WebhookCall(const WebhookCall&) = delete;
  WebhookCall& operator=(const WebhookCall&) = delete;

  // Once; until the deadline at the latest. Fails with the text behind "failed to call webhook: ".
  Result<WebhookReply> Wait();

 private:
  Error Failure(Error error) const;
  std::string Url() const;
  Result<> BeginAgain(std::string target);
  Result<WebhookReply> AskHere();

  OutboundCalls* const calls_ = nullptr;
  // Null: it is somebody else.
  const std::function<http::Response(const http::Request&)> ask_here_;
  http::Request asked_here_;
  FetchPtr fetch_;  // Null of one who is asked here; else `error_` says why.
  const Error error_;
  const std::string host_;  // As the URL has it.
  http::Upstream upstream_;
  http::ClientRequest request_;
  const Deadline deadline_ = {};
};

// Where an answer leads that is followed, as a request has it: `host` is whom it came from.
// nullopt: it counts as it is.
std::optional<std::string> RedirectTarget(const WholeAnswer& answer, std::string_view host);
// After how long an answer asks to be asked for again; nullopt: it does not.
std::optional<std::chrono::seconds> RetryAfter(const WholeAnswer& answer);

// Thread-safe.
class WebhookCaller {
 public:
  using Deadline = Fetch::Deadline;
  struct Parts {
    Store& store;
    Random& random;
    http::Loops* loops;  // nullptr: nothing can be called.
    const NodeConnections* nodes;  // nullptr: none is simulated.
    // As the server itself, and served as anybody is; null: it is asked as others are.
    std::function<http::Response(const http::Request&)> ask_self;
    bool to_endpoints = false;  // As of ServicePodParts.
  };
  explicit WebhookCaller(Parts parts) : parts_(std::move(parts)), calls_(parts_.loops) {}

  // `timeout` is what the webhook is told; `deadline` is when it is over.
  std::unique_ptr<WebhookCall> Start(const WebhookPlace& place, std::string body,
                                     std::optional<std::chrono::seconds> timeout,
                                     Deadline deadline);
  // Ends the wait for every call there is, and begins no more. Any thread.
  void Stop() { calls_.Stop(); }

 private:
  struct Route;
  Result<Route> RouteTo(const WebhookPlace& place);
  std::unique_ptr<WebhookCall> StartHere(const WebhookPlace& place, std::string body,
                                         Deadline deadline) const;
  Result<http::TlsContext> ContextFor(const std::string& ca_bundle);

  const Parts parts_;
  const std::shared_ptr<http::KeptConnections> kept_ = http::MakeKeptConnections();
  OutboundCalls calls_;
};

}  // namespace skiff
