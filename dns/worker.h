// One thread of the server: its sockets, and what becomes of each query.
//
//   datagram ──► may it ask? ──► ready answers ──► the cluster's names ──► cache ──► upstream
//                                     ▲                  │                  │
//                                     └── UDP replies ───┴──────────────────┘
#pragma once

#include <atomic>
#include <thread>

#include "base/id.h"
#include "dns/cache.h"
#include "dns/forwarder.h"
#include "dns/query_gate.h"
#include "dns/ready_answers.h"
#include "dns/tcp_listener.h"
#include "dns/udp_socket.h"
#include "dns/view_source.h"

namespace skiff::dns {

// Orders addresses; nobody is harmed who guesses it.
class Shuffler {
 public:
  explicit Shuffler(uint64_t seed) : state_(seed | 1) {}
  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  uint64_t state_;
};

struct WorkerOptions {
  ZoneOptions zone;
  ForwardOptions forward;
  TcpLimits tcp;
  std::vector<Cidr> allowed;  // As in ServerOptions.
};

class Worker {
 public:
  // All of them are shared with the other workers, and outlive this one.
  struct Dependencies {
    Cache& cache;
    Upstreams& upstreams;
    const ViewSource& views;
    Random& random;
  };
  // Bound to the same port; owned by the worker.
  struct Sockets {
    int udp = -1;
    int tcp = -1;
  };
  Worker(const Dependencies& dependencies, const WorkerOptions& options, Sockets sockets);
  ~Worker();
  // One of the workers looks whether upstream servers lead back here.
  void Start(bool probes_for_loops);

  // Any thread.
  uint64_t queries() const { return queries_.load(std::memory_order_relaxed); }
  uint64_t forwarded() const { return forwarded_.load(std::memory_order_relaxed); }

 private:
  // A reply, and how long a query of the same bytes may be given the same one.
  struct Reply {
    Bytes message = {};  // Empty: none, or not now.
    Duration until = Duration::zero();
  };

  // Whether there is anybody who knows what we do not: replies say so.
  void FollowUpstreams();
  Bytes HandleUdp(Bytes message, const UdpPeer& peer, std::span<uint8_t> space);
  Bytes HandleTcp(Bytes message, const std::shared_ptr<TcpConnection>& from,
                  std::span<uint8_t> space, bool* later);
  Bytes Refuse(Bytes message, std::span<uint8_t> space) const;
  // Asks upstream, with `source`, when nothing is known here: then `*later` is set.
  template <typename MakeSource>
  Reply MakeReply(Bytes message, const View* view, bool tcp, std::span<uint8_t> space, bool* later,
                  const MakeSource& source);
  Bytes Render(const CachedMessage& message, const Query& query, const std::vector<Name>& aliases,
               bool tcp, std::span<uint8_t> space);
  void Deliver(const Waiter& waiter, const CachedMessage* message);

  ZoneOptions zone_;
  Cache& cache_;
  Upstreams& upstreams_;
  const QueryGate gate_;
  Poller poller_;
  ViewReader views_;
  Shuffler shuffler_;
  ReadyAnswers ready_;
  std::vector<uint8_t> space_;
  Forwarder forwarder_;
  UdpSocket udp_;
  TcpListener tcp_;
  // Written by the worker's thread alone.
  std::atomic<uint64_t> queries_ = 0;
  std::atomic<uint64_t> forwarded_ = 0;
  std::jthread thread_;
};

}  // namespace skiff::dns
