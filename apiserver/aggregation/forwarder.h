// Requests for what another server answers: put to it in the name of who asked, and its answer
// streamed back. No thread waits, buffers are bounded both ways, and upgrades become tunnels.
//
// What a server does harms its own clients alone, and what one of these does no other: what
// requests to it hold is bounded (forward_load.h), further ones are told 429. What has come here by
// this server already is not passed on again: that would have no end.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/aggregation/backends.h"
#include "apiserver/aggregation/forward_load.h"
#include "apiserver/auth/front_proxy.h"
#include "apiserver/request/request_context.h"
#include "base/id.h"
#include "base/mutex.h"
#include "http/message.h"

namespace skiff {

// Thread-safe.
class Forwarder {
 public:
  struct Parts {
    Backends& backends;
    Random& random;
    const FrontProxyOptions& front_proxy;  // Nobody but us says who asks, in these words either.
    bool rejects_redirects;
    ForwardLimits limits;
  };
  explicit Forwarder(const Parts& parts)
      : backends_(parts.backends),
        random_(parts.random),
        front_proxy_(parts.front_proxy),
        rejects_redirects_(parts.rejects_redirects),
        limits_(parts.limits) {}

  // The request has been authenticated and authorized. Fails with what the client is told as a
  // Status.
  Result<http::Response> Forward(const RemoteService& remote, const ApiRequest& request);

 private:
  std::shared_ptr<ForwardLoad> LoadOf(const std::string& name);
  // As this server calls itself in Via (RFC 9110, 7.6.3): no other one is called so.
  std::string OwnName();
  Result<http::ClientRequest> RequestFor(const http::Upstream& upstream, const ApiRequest& request,
                                         const std::string& via) const;
  Duration HeadTimeFor(const ApiRequest& request) const;
  http::Response Stream(http::Upstream upstream, http::ClientRequest sent,
                        const ApiRequest& request, ForwardLoad::Place waiting,
                        const std::shared_ptr<ForwardLoad>& load);
  http::Response Collect(http::Upstream upstream, http::ClientRequest sent,
                         const ApiRequest& request);

  Backends& backends_;
  Random& random_;
  const FrontProxyOptions& front_proxy_;
  const bool rejects_redirects_;
  const ForwardLimits limits_;
  const std::shared_ptr<http::KeptConnections> kept_ = http::MakeKeptConnections();
  Mutex mutex_;
  std::string own_name_ GUARDED_BY(mutex_);  // "": nobody has asked yet.
  std::map<std::string, std::weak_ptr<ForwardLoad>> loads_ GUARDED_BY(mutex_);  // By APIService.
};

}  // namespace skiff
