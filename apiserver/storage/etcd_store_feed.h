// The one long watch of a store: a stream to some member, opened again with back-off whenever it
// ends, from the revision where it ended.
//
//   Start ──► connecting ──► watching ──► events ... ──► ended ──► waiting ──┐
//                ▲                                                           │
//                └────────────── kRetryFirst ... kReconnectMax ──────────────┘
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

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
};

// Has no thread of its own: everything happens on gRPC's, one step at a time.
class EtcdFeed {
 public:
  using Members = std::vector<std::unique_ptr<EtcdMember>>;
  // Both outlive the feed.
  EtcdFeed(const Members& members, EtcdWatcher& watcher) : members_(members), watcher_(watcher) {}
  // Waits for a call of the watcher that runs.
  ~EtcdFeed();
  void Start();

  // Asks for all keys, and what they were before. Every revision shows, whomever it concerns: that
  // is how a store knows that nothing is missing. (etcd before 3.4.25 may answer a request for
  // progress ahead of events that are on their way.)
  static etcd::WatchRequest WatchAllFrom(Revision first);

 private:
  class Stream;
  void Connect();
  void Watching();
  void Ended(const grpc::Status& status, bool was_watching);
  // False when the feed is being stopped, and nothing runs any more.
  bool GoesOn() REQUIRES(mutex_);

  const Members& members_;
  EtcdWatcher& watcher_;
  const Log log_{"etcd"};
  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool running_ GUARDED_BY(mutex_) = false;  // A stream or the alarm will call back.
  std::shared_ptr<grpc::ClientContext> context_ GUARDED_BY(mutex_);  // Of the stream, if any.
  grpc::Alarm alarm_;
  // Of whatever runs.
  size_t member_ = 0;
  Duration wait_;
  bool interrupted_ = false;
};

}  // namespace skiff
