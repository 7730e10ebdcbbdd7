// By what it is seen which API servers there are: a Lease in kube-system for each, as
// kube-apiserver has it (its feature APIServerIdentity).
//
//   apiserver-<digest of the machine's name>   label
//   apiserver.kubernetes.io/identity=kube-apiserver,
//                                              held by <that name>_<uid of this start>
//
// Each server renews its own every kPeriod, and takes it away when it ends. Leases of servers that
// ended without doing so are removed by the others, or by the next start, once they have run out.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "api/gen/meta_v1.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "client/failure_news.h"
#include "http/message.h"

namespace skiff {

class IdentityLease final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 10s;
  // Until one that is not renewed has run out, and how often such ones are looked for.
  static constexpr Duration kLasts = 1h;
  static constexpr Duration kCollectEvery = 1h;

  // Answers as to the server's own hand.
  using Ask = std::function<http::Response(const http::Request&)>;
  // `store` and `clock` outlive the loop. `host`: this machine's name.
  IdentityLease(Store& store, const Clock& clock, Random& random, std::string host, Ask ask);

  Duration Step() override;
  // The server ends: Step does nothing from now on. Asks nobody who could keep it waiting.
  void Withdraw();

  const std::string& name() const { return name_; }

 private:
  // What an earlier start has left: nobody is to take it for this one.
  Result<> Begin();
  Result<> Renew();
  Result<> Create();
  Result<> Collect();
  Result<> Remove(const meta_v1::ObjectMeta& lease, Revision as_of);
  // Fails but where the answer is one of success, or `expected`.
  Result<http::Response> Asked(http::Request request, int expected) const;
  // If it is this server's still: two on one machine have one name.
  void RemoveOwn();

  Store& store_;
  const Clock& clock_;
  const std::string host_;
  const std::string name_;
  const std::string holder_;
  const Ask ask_;
  const Log log_{"identity lease"};
  FailureNews news_;
  bool begun_ = false;                      // As it should.
  Duration collect_at_ = Duration::zero();  // Monotonic.
  std::atomic<bool> withdrawn_ = false;
};

}  // namespace skiff
