// The one long watch of a store: a stream to some member, opened again with back-off whenever it
// ends, from the revision where it ended.
//
//   Start ──► connecting ──► watching ──► events ... ──► ended ──► waiting ──┐
//                ▲                                                           │
//                └────────────── kRetryFirst ... kReconnectMax ──────────────┘
//
// Who knows that something has happened which does not come may have it leave a member that keeps
// silent.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "apiserver/storage/etcd_store_client.h"
#include "apiserver/storage/proto/etcd_rpc.grpc.pb.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {

struct EtcdMember {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<etcd::KV::Stub> kv;
  std::unique_ptr<etcd::Watch::Stub> watch;
  std::unique_ptr<etcd::Lease::Stub> lease;
  std::atomic<int64_t> doubted_until_ns = 0;  // Monotonic. It let a call wait in vain.
};

// Has no thread of its own: everything happens on gRPC's, one step at a time.
class EtcdFeed {
 public:
  using Members = std::vector<std::unique_ptr<EtcdMember>>;
  // All outlive the feed.
  EtcdFeed(const Members& members, EtcdWatcher& watcher, const Clock& clock)
      : members_(members), watcher_(watcher), clock_(clock) {}
  // Waits for a call of the watcher that runs.
  ~EtcdFeed();
  void Start();
  // Something is overdue: the stream ends, and another one begins at the next member, unless
  // something came a moment ago. Any thread.
  void LeaveSilent();

  // Asks for all keys, and what they were before. Every revision shows, whomever it concerns: that
  // is how a store knows that nothing is missing. (etcd before 3.4.25 may answer a request for
  // progress ahead of events that are on their way.)
  static etcd::WatchRequest WatchAllFrom(Revision first);
  // A member that has no leader, or loses it, ends a stream that was asked for so ("etcdserver: no
  // leader"), instead of keeping silent.
  static void AskForLeader(grpc::ClientContext& context);

  // How long a stream may have said nothing. What is left in vain is left later the next time: to
  // read what has happened may take long.
  static constexpr Duration kSilenceFirst = 2s;
  static constexpr Duration kSilenceMax = 1min;

 private:
  class Stream;
  void Connect();
  void Heard(bool events);
  void Watching();
  void Ended(const grpc::Status& status, bool was_watching);
  // False when the feed is being stopped, and nothing runs any more.
  bool GoesOn() REQUIRES(mutex_);

  const Members& members_;
  EtcdWatcher& watcher_;
  const Clock& clock_;
  const Log log_{"etcd"};
  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool running_ GUARDED_BY(mutex_) = false;  // A stream or the alarm will call back.
  std::shared_ptr<grpc::ClientContext> context_ GUARDED_BY(mutex_);  // Of the stream, if any.
  Duration heard_at_ GUARDED_BY(mutex_) = Duration(0);  // Monotonic; or when it began to connect.
  Duration silence_max_ GUARDED_BY(mutex_) = kSilenceFirst;
  grpc::Alarm alarm_;
  // Of whatever runs.
  size_t member_ = 0;
  Duration wait_;
  bool interrupted_ = false;
};

}  // namespace skiff
