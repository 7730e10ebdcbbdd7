// Asks upstream servers for what is neither the cluster's nor cached. Belongs to one thread, and
// waits for nothing: everything goes on by its poller.
//
//   query ──► UDP to a server ──► answer: cached, sent to all who wait for it
//              │  │  └─ truncated: the same over TCP
//              │  └─ SERVFAIL, REFUSED, nothing in time: the next server
//              └─ FORMERR without EDNS in it: again, without EDNS
//
// Against forged answers: every query has a socket, thus a port, of its own and a random id, and an
// answer must repeat the question. Equal questions at the same time are one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "dns/cache.h"
#include "dns/client_shares.h"
#include "dns/poller.h"
#include "dns/query_source.h"
#include "dns/upstreams.h"

namespace skiff::dns {

struct ForwardOptions {
  Duration attempt_timeout = 2s;
  Duration total_timeout = 5s;
  Duration probe_period = 500ms;
  // Of questions that are on their way, of who waits for one of them, and of who waits for any: a
  // waiter is a kilobyte or two. More: one of the client that has most makes room, or it is the one
  // that asks: SERVFAIL at once.
  size_t exchanges_max = 2048;
  size_t waiters_max = 256;
  size_t all_waiters_max = 8192;
  CacheTimes cache_times;
};

// Who waits for an answer, and for what.
struct Waiter {
  QuerySource source;
  Query query;
  std::vector<Name> aliases;  // From the question's name to what is asked upstream.
};

class Forwarder {
 public:
  struct Dependencies {
    Poller& poller;
    Upstreams& upstreams;
    Cache& cache;
    Random& random;
  };
  // Called with each waiter, once. `message` is null when nobody answered: SERVFAIL.
  using Deliver = std::function<void(const Waiter& waiter, const CachedMessage* message)>;
  Forwarder(Dependencies dependencies, ForwardOptions options, Deliver deliver);
  ~Forwarder();

  // `key` is that of `target`, whose case goes upstream.
  void Ask(const CacheKey& key, const Name& target, Waiter waiter);
  // Asks every server for its probe of loops; those that come later are asked when they are first
  // needed. Whether it answers tells of its health as well.
  void ProbeForLoops();

 private:
  class Exchange;
  class Probe;
  // Puts whoever has to go into `gone`, to be told when all is in its place: a connection that is
  // answered may ask its next question before deliver_ returns.
  bool MakeRoomFor(const IpAddress& client, std::vector<Waiter>& gone);
  bool MakeRoomAmong(std::vector<Waiter>& waiters, const IpAddress& client,
                     std::vector<Waiter>& gone);
  bool MakeRoomToWait(const IpAddress& client, std::vector<Waiter>& gone);
  // Adds the waiter to the exchange that is on its way, or begins one. False, and nothing is done
  // with it, where there is no room.
  bool Join(const std::string& key, const Name& target, Waiter& waiter, std::vector<Waiter>& gone);
  // It is on its way no more; returns who waited for it.
  std::vector<Waiter> Withdraw(Exchange& exchange);
  void Finish(Exchange& exchange, std::shared_ptr<const CachedMessage> message);
  void Failed(const UpstreamPtr& upstream);
  void StartProbe(const UpstreamPtr& upstream, const Name& name, uint16_t type);
  void ProbeForLoop(const UpstreamPtr& upstream);

  const Dependencies dependencies_;
  const ForwardOptions options_;
  const Deliver deliver_;
  const Log log_{"dns"};
  std::unordered_map<std::string, std::shared_ptr<Exchange>> exchanges_;
  ClientShares shares_;   // Of the exchanges, by who began them.
  ClientShares waiting_;  // Of the waiters of all of them.
  uint64_t begun_ = 0;   // Exchanges, so far.
  std::unordered_map<Probe*, std::shared_ptr<Probe>> probes_;
};

}  // namespace skiff::dns
