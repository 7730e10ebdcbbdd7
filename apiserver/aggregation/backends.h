// How this server reaches those that answer for other versions: where they are, by which
// certificates it knows them, and by which they know it.
#pragma once

#include <functional>
#include <string>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/auth/user.h"
#include "apiserver/identity/outbound_calls.h"
#include "apiserver/storage/store.h"
#include "base/id.h"
#include "base/mutex.h"
#include "http/client.h"

namespace skiff {

struct NodeConnections;

// Thread-safe.
class Backends {
 public:
  struct Parts {
    Store& store;
    Random& random;
    http::Loops* loops;            // nullptr: nobody can be reached.
    const NodeConnections* nodes;  // nullptr: none is simulated.
    bool to_endpoints = false;     // As of ServicePodParts.
  };
  explicit Backends(Parts parts) : parts_(parts), calls_(parts.loops) {}
  // By which they know that it is us; "", as at first: not at all. New connections use it. On error
  // nothing changes.
  Result<> UseCertificate(const std::string& certificate_pem, const std::string& key_pem);

  // Where the service leads now. Fails with NotFound and ServiceUnavailable when it leads nowhere,
  // or back to this server, which would be asked by itself what it has to ask itself for.
  Result<http::Upstream> Find(const RemoteService& remote) const;
  // For connections to it. Fails when the bundle of authorities cannot be read.
  Result<http::TlsContext> ContextFor(const RemoteService& remote);
  // The same without a look at who it is.
  Result<http::TlsContext> TrustingContext();

  struct Question {
    std::string method = "GET";
    std::string target;
    http::Headers headers = {};
    std::string body = {};
    size_t answer_bytes_max = 64 << 10;  // As of Fetch.
    size_t more_bytes_max = 0;           // As of OutboundCalls::Wanted.
    Duration connect_timeout = 5s;
    Duration head_timeout = 5s;
  };
  // Asks as `user`; the answer tells `told` (Fetch). `upstream` has its TLS.
  Result<FetchPtr> Ask(http::Upstream upstream, Question question, const User& user,
                       std::function<void()> told);
  // The same on connections that the caller makes by himself; nullptr: none are made any more.
  http::Loops* loops() { return calls_.loops(); }
  // Ends the wait for every answer there is, and asks nobody any more. Any thread.
  void Stop() { calls_.Stop(); }

 private:
  Result<http::TlsContext> Context(http::ClientTls tls);

  const Parts parts_;
  OutboundCalls calls_;
  Mutex mutex_;
  std::string certificate_pem_ GUARDED_BY(mutex_);
  std::string key_pem_ GUARDED_BY(mutex_);
};

// "10.0.0.7:443", as a URL names it.
std::string HostOf(const http::Upstream& upstream);

}  // namespace skiff
