// Calls of webhooks: where one is, the request to it, and the wait for its answer. Nothing that a
// webhook does reaches beyond its call: an answer has a size and a time, and redirects are not
// followed.
//
//   auto call = caller.Start(where, std::move(review), timeout, deadline);   // Returns at once.
//   const auto reply = call->Wait();                         // At the deadline at the latest.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "apiserver/storage/store.h"
#include "base/error.h"
#include "base/id.h"
#include "base/mutex.h"
#include "http/client.h"

namespace skiff {

struct NodeConnections;

// Longer answers fail. A patch of the largest object fits, twice over.
inline constexpr size_t kWebhookAnswerBytesMax = 8 << 20;
// TLS contexts of as many authorities are kept; past it the oldest is made anew when it is needed.
inline constexpr size_t kWebhookAuthoritiesMax = 200;

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

class WebhookArrival;

class WebhookCall {
 public:
  virtual ~WebhookCall() = default;
  // Once. Fails with the text behind "failed to call webhook: ".
  virtual Result<WebhookReply> Wait() = 0;
};

// Thread-safe.
class WebhookCaller {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  struct Parts {
    Store& store;
    Random& random;
    http::Loops* loops;  // nullptr: nothing can be called.
    const NodeConnections* nodes;  // nullptr: none is simulated.
  };
  explicit WebhookCaller(Parts parts) : parts_(parts) {}

  // `timeout` is what the webhook is told; `deadline` is when it is over.
  std::unique_ptr<WebhookCall> Start(const WebhookPlace& place, std::string body,
                                     std::optional<std::chrono::seconds> timeout,
                                     Deadline deadline);
  // Ends the wait for every call there is, and begins no more. Any thread.
  void Stop();

 private:
  struct Route;
  Result<Route> RouteTo(const WebhookPlace& place);
  Result<http::TlsContext> ContextFor(const std::string& ca_bundle);

  const Parts parts_;
  const std::shared_ptr<http::KeptConnections> kept_ = http::MakeKeptConnections();
  Mutex mutex_;
  std::map<std::string, http::TlsContext> contexts_ GUARDED_BY(mutex_);  // By authorities.
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::set<std::weak_ptr<WebhookArrival>, std::owner_less<>> under_way_ GUARDED_BY(mutex_);
};

}  // namespace skiff
