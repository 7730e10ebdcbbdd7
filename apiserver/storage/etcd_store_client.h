// The connection to an etcd cluster: calls that wait for their answer, and the one long watch.
//
// One channel a member. Calls go to the member that answered last and move on when it does not; one
// that keeps silent behind a connection that lives is asked again when no other is there, or later.
// What may be asked twice, as a read, is asked of another member when the first has been silent for
// a while, and does not answer a question that costs nothing either: one that only takes long is
// not asked the same twice.
// While no member can be reached a call waits for kConnectWait, counted from when the cluster went
// away, so that an outage costs each caller little. gRPC reconnects in the background by itself, at
// most kReconnectMax apart.
//
// Errors are those that kube-apiserver passes on: HTTP 500 without a reason and etcd's own text
// ("etcdserver: request timed out", "etcdserver: leader changed"); kExpired for a compacted
// revision.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/storage/proto/etcd_rpc.pb.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

namespace etcd = ::etcdserverpb;

// The first key behind all that begin with `prefix`: what etcd calls the end of a range.
std::string EtcdPrefixEnd(std::string prefix);
// Whether nobody has answered, and the next question would wait as long in vain.
bool IsTimedOut(const Error& error);
inline Revision RevisionFrom(int64_t revision) {
  return Revision{static_cast<uint64_t>(revision)};
}

struct EtcdMember;
class EtcdFeed;

struct EtcdClientOptions {
  // URLs: http://host:port, https://host:port, unix:///path.
  std::vector<std::string> servers;
  // PEM texts. "": the system's authorities; no client certificate.
  std::string ca_pem = "";
  std::string certificate_pem = "";
  std::string key_pem = "";
  // Of a call, however many members keep silent. Longer than etcd's own limit of 7 s, so that one
  // that is asked alone gets to say what is wrong. Who leads renews its lease every 2 s and gives
  // up after 10: in between it can still ask another member.
  Duration call_timeout = 7500ms;
  // How long a member may take until it is asked whether it is there, and until it has said so.
  Duration look_after = 1500ms;
  Duration look_timeout = 1s;
};

// What follows a watch. Called on gRPC's threads, never two at a time.
class EtcdWatcher {
 public:
  virtual ~EtcdWatcher() = default;
  // The first revision that has not been seen: where the watch goes on after each reconnection.
  virtual Revision NextRevision() = 0;
  // The watch is in place: all from NextRevision on will come.
  virtual void OnWatching() = 0;
  // There is at least one. False: the watch has to start again.
  virtual bool OnEvents(const etcd::WatchResponse& response) = 0;
  // NextRevision was compacted: what can be seen begins after `compacted`. The watch starts again.
  virtual void OnCompacted(Revision compacted) = 0;
};

// Thread-safe.
class EtcdClient {
 public:
  static constexpr Duration kConnectWait = 2s;
  static constexpr Duration kReconnectMax = 1s;

  // kInvalid for a server that is no URL, or that mixes http and TLS files wrongly.
  static Result<std::unique_ptr<EtcdClient>> Create(EtcdClientOptions options, const Clock& clock);
  ~EtcdClient();

  // Fails when no member answers within `timeout`, or before `give_up` says so.
  Result<> WaitUntilReachable(
      Duration timeout, const std::function<bool()>& give_up = [] { return false; });
  // Linearizable unless the request says otherwise. Tried on other members when one is gone, or
  // keeps silent.
  Result<etcd::RangeResponse> Range(const etcd::RangeRequest& request);
  // Sent once: when the connection breaks under it, it may have happened or not.
  Result<etcd::TxnResponse> Transact(const etcd::TxnRequest& request);
  Result<> Compact(Revision revision);
  Result<etcd::LeaseGrantResponse> GrantLease(std::chrono::seconds ttl);
  // Some of what happened to any key after `after`, oldest first and whole revisions; waits until
  // there is something. What a key was before comes along. Tried on other members as Range.
  Result<etcd::WatchResponse> ReadHistory(Revision after);

  // Watches all keys from now on. `watcher` outlives the client. Once.
  void StartWatch(EtcdWatcher& watcher);
  // Something that etcd tells of has not come by it: unless anything has, it is opened anew. Any
  // thread, between StartWatch and StopWatch.
  void LeaveSilentWatch();
  // No call of the watcher runs or will run. Called by the destructor at the latest.
  void StopWatch();

 private:
  EtcdClient(EtcdClientOptions options, const Clock& clock);
  Result<> AddMember(const std::string& url);
  // The member to ask; fails when none can be reached in time.
  Result<EtcdMember*> Reachable(Duration wait);
  // From now on the next one is asked; `was_silent`: and this one last for a while.
  void Failed(EtcdMember& member, bool was_silent);
  // Whether a member besides this one is not known to be down, or to keep silent.
  bool HasAnother(const EtcdMember& member);
  // Whether it answers now what costs nothing: as linearizable as what others are asked.
  bool IsThere(EtcdMember& member);
  // `again`: it does no harm where it happens twice. `start(member, context, queue)` begins it.
  template <typename Response, typename Start>
  Result<Response> Call(bool again, Start start);

  const EtcdClientOptions options_;
  const Clock& clock_;
  std::vector<std::unique_ptr<EtcdMember>> members_;
  std::atomic<size_t> preferred_ = 0;
  std::atomic<int64_t> down_since_ns_ = 0;  // Monotonic; 0: the cluster can be reached.
  std::unique_ptr<EtcdFeed> feed_;
};

}  // namespace skiff
