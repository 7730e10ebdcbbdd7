// Who may ask the kubelet for what. A caller shows a client certificate of the cluster's CA or a
// bearer token, of which the API server says whose it is (TokenReview); it also says whether they
// may do that to this node (SubjectAccessReview): to the subresource of `nodes` that the path
// belongs to.
//
//   GET /metrics/probes   get nodes/metrics      Prometheus
//   GET /pods             get nodes/pods, or else nodes/proxy
//   POST /exec/...        create nodes/proxy
//   GET /exec/...         create nodes/proxy     of a kubelet of Kubernetes get
//
// The API server itself is not asked about itself.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/authentication_v1.h"
#include "base/certificates.h"
#include "base/client_authorities.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/client.h"
#include "http/message.h"

namespace skiff::kubelet {

// "/pods/" -> {"pods", "proxy"}: whoever may do either, may. Pure.
std::vector<std::string_view> SubresourcesOf(std::string_view path);

// Thread-safe.
class KubeletAccess {
 public:
  // `reviews` speaks as this node; nullptr: there is no API, and nobody else to ask.
  KubeletAccess(std::string node_name, Client* reviews, const Clock& clock,
                bool takes_tokens = true)
      : node_name_(std::move(node_name)),
        reviews_(reviews),
        clock_(clock),
        takes_tokens_(takes_tokens) {}
  // Who signs client certificates from now on, also of connections that are open; "": whoever the
  // handshake took. Any thread.
  void UseAuthorities(const std::string& pem);
  // nullopt: it is to be answered.
  std::optional<http::Response> Refuse(const http::Request& request);

 private:
  using Caller = authentication_v1::UserInfo;
  // As the kubelet keeps them.
  static constexpr Duration kCallerLifetime = std::chrono::minutes(2);
  static constexpr Duration kAllowedLifetime = std::chrono::minutes(5);
  static constexpr Duration kDeniedLifetime = 30s;
  // A clock that is put right may make somebody of nobody.
  static constexpr Duration kNobodyTime = 1min;
  static constexpr size_t kKeptMax = 1024;  // Past it all are asked for anew.
  // Each holds a worker of the server while it is under way: strangers must not hold all of them.
  static constexpr int kReviewsMax = 12;

  struct Known {
    Caller caller;
    Duration until{};  // Monotonic.
  };
  struct Decision {
    bool allowed = false;
    Duration until{};
  };
  // Whether an authority signed a certificate, and when that is so.
  struct Trust {
    bool is_trusted = false;
    Validity judged;
  };
  class Turn;
  bool IsTrusted(const http::PeerCertificate& peer);
  // Unauthorized: nobody. TooManyRequests: it cannot be asked now.
  Result<Caller> CallerOf(const http::Request& request, std::string& key);
  Result<Caller> CallerOfToken(const std::string& token, const std::string& key);
  Result<bool> IsAllowed(const Caller& caller, const std::string& key, std::string_view verb,
                         std::string_view subresource);

  const std::string node_name_;
  Client* const reviews_;
  const Clock& clock_;
  const bool takes_tokens_;
  std::atomic<int> under_way_ = 0;
  Mutex mutex_;  // Not held while the API server is asked.
  std::shared_ptr<const ClientAuthorities> authorities_ GUARDED_BY(mutex_);  // nullptr: "".
  std::map<std::string, Trust> trusted_ GUARDED_BY(mutex_);  // By digest of the certificate.
  std::map<std::string, Known> callers_ GUARDED_BY(mutex_);  // By digest of the token.
  // Tokens that are nobody's, until when: however many are made up, those who are known stay so.
  std::map<std::string, Duration> strangers_ GUARDED_BY(mutex_);
  std::map<std::string, Decision> decisions_ GUARDED_BY(mutex_);  // By who, verb, subresource.
};

}  // namespace skiff::kubelet
