// What the server counts of its requests, under kube-apiserver's names.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/authorizer.h"
#include "apiserver/auth/user.h"
#include "apiserver/request/request_context.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http/message.h"

namespace skiff {

// The buckets of times, in seconds.
std::vector<double> RequestSecondsBounds();

// How long an answer took.
struct RequestTimes {
  Duration since_arrival{};  // Of the request's head.
  Duration at_work{};        // Without what it waited for its turn.
};

class ServerMetrics {
 public:
  ServerMetrics();
  // apiserver_storage_objects, counted in `store` when somebody asks; it outlives this.
  void CountObjectsOf(Store& store);
  // apiserver_storage_size_bytes; nothing is told of nullopt.
  void TellStoreBytes(std::function<std::optional<uint64_t>()> bytes);
  // apiserver_tls_handshake_errors_total.
  void TellFailedHandshakes(std::shared_ptr<const std::atomic<uint64_t>> count);

  // A request is in flight while this lives; streams are so only until they begin.
  class InFlight {
   public:
    InFlight(ServerMetrics& metrics, bool read_only)
        : count_(read_only ? metrics.reading_ : metrics.writing_) {
      count_.fetch_add(1, std::memory_order_relaxed);
    }
    ~InFlight() { count_.fetch_sub(1, std::memory_order_relaxed); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

   private:
    std::atomic<int64_t>& count_;
  };
  // Counts the answer; one that goes on, as a stream, a tunnel, or one of these in the making, is
  // counted among the long-running ones until it is dropped, which must happen before this dies.
  void Answered(const ApiRequest& request, http::Response& response, const RequestTimes& times);
  // Whoever shows no credentials is nobody, and known as that. Not of this process's own requests.
  void Authenticated(const Result<User>& user, Duration took);
  void Authorized(const Verdict& verdict, Duration took);
  // So long a client's certificate is good still, with which it has just asked.
  void ShownCertificate(Duration left);
  // Counts the answer to who was not let in.
  void Refused(const ApiRequest& request, const http::Response& response);

  MetricRegistry& registry() { return registry_; }

 private:
  void Count(const ApiRequest& request, const http::Response& response);
  // Verb, group, version, resource, subresource, scope: counted until it is dropped.
  std::shared_ptr<void> CountLongRunning(std::array<std::string, 6> labels);

  MetricRegistry registry_;
  std::atomic<int64_t> reading_ = 0;
  std::atomic<int64_t> writing_ = 0;
  CounterFamily& requests_;
  CounterFamily& terminations_;
  HistogramFamily& seconds_;
  HistogramFamily& sli_seconds_;
  HistogramFamily& response_bytes_;
  CounterFamily& authenticated_;
  CounterFamily& authentications_;
  CounterFamily& authorizations_;
  HistogramFamily& certificate_seconds_;
  HistogramFamily& authentication_seconds_;
  HistogramFamily& authorization_seconds_;
  HistogramFamily& body_bytes_;
  // By the labels of what goes on: begun less ended. Who counts there may be let go of by a
  // loop that outlasts the server.
  const std::shared_ptr<ShardedRows> long_running_ = std::make_shared<ShardedRows>(1);
  ShardedRows deprecated_{1};  // By the labels of what was asked for all the same.
};

}  // namespace skiff
