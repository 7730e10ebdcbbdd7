// Tells of requests what a policy wants told, stage by stage.
//
//   auto told = audit.Begin(request, info, user, impersonated);  // Null: nothing of this one.
//   told->annotations().emplace("pod-security...", ...);
//   ToldRequest::Finish(told, request, status, response);         // Once.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/audit/audit_event.h"
#include "apiserver/audit/audit_log.h"
#include "apiserver/audit/audit_options.h"
#include "apiserver/audit/audit_policy.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/metrics.h"
#include "http/message.h"

namespace skiff {

struct ApiRequest;

class Audit;

// Of who names his request himself; who does so at greater length gets a name.
inline constexpr size_t kAuditIdBytesMax = 128;

// One request that is told of. When it goes without an answer, that is told. Not thread-safe: it
// belongs to whoever serves the request at the moment, one after the other.
class ToldRequest {
 public:
  // `is_long`: its answer goes on, as that of a watch.
  ToldRequest(Audit& audit, AuditEvent event, AuditDecision decision, bool is_long)
      : audit_(audit), event_(std::move(event)), decision_(decision), is_long_(is_long) {}
  ~ToldRequest();
  ToldRequest(const ToldRequest&) = delete;
  ToldRequest& operator=(const ToldRequest&) = delete;

  const std::string& id() const { return event_.id; }
  // What those add who look at the request, by emplace: the first value of a key stays.
  std::map<std::string, std::string>& annotations() { return event_.annotations; }
  bool shows_requests() const { return decision_.level >= AuditLevel::kRequest; }
  // It is served from the start once more: nothing has been found out about it.
  void BeginAgain() { event_.annotations.clear(); }
  // The answer, as it is before it is compressed; `status` is the metav1.Status that it is, null
  // else. Of a stream the end is told when it ends.
  static void Finish(const std::shared_ptr<ToldRequest>& told, const ApiRequest& request,
                     Json status, http::Response& response);
  // The same of who could not be told apart from anybody.
  void FinishUnauthenticated(const http::Request& request, Json status);

 private:
  friend class Audit;
  friend class ToldPending;
  // What of it the client is sent by whoever keeps the connection from now on.
  static void FollowStream(const std::shared_ptr<ToldRequest>& told, http::Response& response);
  void TakeBodies(const ApiRequest& request, const http::Response& response);
  void TakeRequest(const ApiRequest& request);
  void TakeResponse(const ApiRequest& request, const http::Response& response);
  void Tell(AuditStage stage);

  Audit& audit_;
  AuditEvent event_;
  const AuditDecision decision_;
  const bool is_long_;
  bool over_ = false;
};
using ToldRequestPtr = std::shared_ptr<ToldRequest>;

// Thread-safe. Outlives what it began.
class Audit {
 public:
  Audit(AuditPolicy policy, std::unique_ptr<AuditLog> log, bool is_legacy, const Clock& clock,
        Random& random, MetricRegistry& metrics);
  static Result<std::unique_ptr<Audit>> Create(const AuditOptions& options, const Clock& clock,
                                               Random& random, MetricRegistry& metrics);
  // What a policy was found to have no use for.
  static void LogNotes(const std::vector<std::string>& notes);

  // False in an attempt that would have to wait for room (base/at_once.h).
  bool AwaitRoom();
  // Null: the policy wants nothing told of it. `user` has no name where nobody knows who asks, and
  // then the answer alone is told; `impersonated`: null, or who `user` wants to be.
  ToldRequestPtr Begin(const http::Request& request, const RequestInfo& info, const User& user,
                       const User* impersonated);
  AuditLog& log() { return *log_; }

 private:
  friend class ToldRequest;
  void Tell(const AuditEvent& event, AuditStage stage);

  const AuditPolicy policy_;
  const std::unique_ptr<AuditLog> log_;
  const bool is_legacy_;
  const Clock& clock_;
  Random& random_;
  CounterFamily& events_;
  CounterFamily& levels_;
};

}  // namespace skiff
