// Calls of webhooks: where one is, the request to it, and the wait for its answer. Nothing that a
// webhook does reaches beyond its call: an answer has a size and a time, and redirects are not
// followed.
//
//   auto call = caller.Start(where, std::move(review), timeout, deadline);   // Returns at once.
//   const auto reply = call->Wait();                         // At the deadline at the latest.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "apiserver/identity/outbound_calls.h"
#include "apiserver/storage/store.h"
#include "base/error.h"
#include "base/id.h"
#include "http/client.h"

namespace skiff {

struct NodeConnections;

// Longer answers fail. A patch of the largest object fits, twice over.
inline constexpr size_t kWebhookAnswerBytesMax = 8 << 20;

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
};

struct WebhookReply {
  int status = 0;
  std::string content_type;
  std::string body;
};

// Dropped, it is ended.
class WebhookCall {
 public:
  using Deadline = Fetch::Deadline;
  // One that could not even begin.
  explicit WebhookCall(Error error) : error_(std::move(error)) {}
  WebhookCall(FetchPtr fetch, std::string url, Deadline deadline)
      : fetch_(std::move(fetch)), url_(std::move(url)), deadline_(deadline) {}
  ~WebhookCall();
  WebhookCall(const WebhookCall&) = delete;
  WebhookCall& operator=(const WebhookCall&) = delete;

  // Once. Fails with the text behind "failed to call webhook: ".
  Result<WebhookReply> Wait();

 private:
  const FetchPtr fetch_;  // Null: `error_` says why.
  const Error error_;
  const std::string url_;
  const Deadline deadline_ = {};
};

// Thread-safe.
class WebhookCaller {
 public:
  using Deadline = Fetch::Deadline;
  struct Parts {
    Store& store;
    Random& random;
    http::Loops* loops;  // nullptr: nothing can be called.
    const NodeConnections* nodes;  // nullptr: none is simulated.
  };
  explicit WebhookCaller(Parts parts) : parts_(parts), calls_(parts.loops) {}

  // `timeout` is what the webhook is told; `deadline` is when it is over.
  std::unique_ptr<WebhookCall> Start(const WebhookPlace& place, std::string body,
                                     std::optional<std::chrono::seconds> timeout,
                                     Deadline deadline);
  // Ends the wait for every call there is, and begins no more. Any thread.
  void Stop() { calls_.Stop(); }

 private:
  struct Route;
  Result<Route> RouteTo(const WebhookPlace& place);
  Result<http::TlsContext> ContextFor(const std::string& ca_bundle);

  const Parts parts_;
  const std::shared_ptr<http::KeptConnections> kept_ = http::MakeKeptConnections();
  OutboundCalls calls_;
};

}  // namespace skiff
