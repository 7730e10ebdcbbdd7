// What a running server keeps as it should be, whoever deletes or changes it: the objects that a
// cluster cannot do without (system namespaces, the service `kubernetes` and its endpoints, flow
// control, its own APIServices, the config maps on authentication), and in each FlowSchema's status
// whether its priority level exists.
//
// Sleeps until something happens to one of those kinds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/server/bootstrap.h"
#include "apiserver/server/core.h"
#include "apiserver/watches/prefix_bell.h"
#include "base/control_loop.h"
#include "base/mutex.h"
#include "client/failure_news.h"
#include "http/message.h"

namespace skiff {

class Upkeep final : public ControlLoop {
 public:
  // Answers as to the server's own hand.
  using Ask = std::function<http::Response(const http::Request&)>;
  // `core` outlives the loop.
  Upkeep(Core& core, StartOptions options, Ask ask);

  // The map on authentication says these from now on, besides what it says already; "" where there
  // was none. Any thread.
  void UseClientAuthorities(const std::string& client_ca_pem, const std::string& proxy_ca_pem);

  Duration Step() override;

 private:
  struct Authorities {
    std::string client_ca_pem;
    std::string proxy_ca_pem;
  };
  // Into `kept_`; false when there are none.
  bool TakeAuthorities();
  Result<> Settle();
  Result<> CorrectEndpoints();
  Result<> CorrectTracking();
  Result<> CorrectAuthentication();
  Result<> CorrectFlowControl();
  // `found`: whether there was any.
  Result<> RemoveUnwantedFlowControl(const KindInfo& kind, bool& found);
  // Writes a ConfigMap of kube-system. One that changed meanwhile stays: that wakes us.
  Result<> PutMap(std::string_view name, const Json& document);
  Result<> SettleFlowSchemas();

  Core& core_;
  const StartOptions options_;
  const Ask ask_;
  std::vector<Json> kept_;
  std::vector<PrefixBell> bells_;
  FailureNews news_;
  bool failed_ = false;  // Everything is looked at again.
  Duration revise_at_ = Duration::zero();  // Monotonic: not before that is flow control corrected.
  // And then it is, as somebody has changed it, or not all of it could be corrected.
  Duration look_at_ = kNever;
  Mutex mutex_;
  std::optional<Authorities> authorities_ GUARDED_BY(mutex_);  // Not yet taken.
};

}  // namespace skiff
