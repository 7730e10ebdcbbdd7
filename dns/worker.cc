#include "dns/worker.h"

#include <sys/prctl.h>

#include "base/log.h"

namespace skiff::dns {
namespace {

const Log kWorkerLog("dns");

void Count(std::atomic<uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

Worker::Worker(const Dependencies& dependencies, const WorkerOptions& options, Sockets sockets)
    : zone_(options.zone),
      cache_(dependencies.cache),
      upstreams_(dependencies.upstreams),
      gate_(options.allowed),
      views_(dependencies.views),
      shuffler_(dependencies.random.Next()),
      space_(kMessageBytesMax),
      forwarder_(
          {poller_, upstreams_, cache_, dependencies.random}, options.forward,
          [this](const Waiter& waiter, const CachedMessage* message) { Deliver(waiter, message); }),
      udp_(poller_, sockets.udp, options.zone.udp_bytes_max,
           [this](Bytes query, const UdpPeer& peer, std::span<uint8_t> space) {
             return HandleUdp(query, peer, space);
           }),
      tcp_(poller_, sockets.tcp, options.tcp,
           [this](Bytes query, const std::shared_ptr<TcpConnection>& from, std::span<uint8_t> space,
                  bool* later) { return HandleTcp(query, from, space, later); }) {}

Worker::~Worker() {
  poller_.Stop();
  if (thread_.joinable()) thread_.join();
}

void Worker::Start(bool probes_for_loops) {
  thread_ = std::jthread([this, probes_for_loops] {
    prctl(PR_SET_NAME, "dns");
    if (probes_for_loops) forwarder_.ProbeForLoops();
    poller_.Run();
  });
}

void Worker::FollowUpstreams() {
  const bool forwards = !upstreams_.empty();
  if (forwards == zone_.forwards) return;
  zone_.forwards = forwards;
  ready_.Clear();
}

Bytes Worker::HandleUdp(Bytes message, const UdpPeer& peer, std::span<uint8_t> space) {
  Count(queries_);
  FollowUpstreams();
  const View* const view = views_.Get();
  if (!gate_.Admits(peer.address, view)) return Refuse(message, space);
  const uint64_t generation = views_.generation();
  const Duration now = poller_.now();
  const Bytes known = ready_.Find(message, generation, now, shuffler_.Next(), space);
  if (!known.empty()) return known;
  bool later = false;
  const Reply reply = MakeReply(message, view, false, space, &later, [&] {
    return QuerySource{.udp = peer, .client = peer.address.ip()};
  });
  if (!reply.message.empty() && reply.until > now) {
    ready_.Put(message, reply.message, generation, now, reply.until);
  }
  return reply.message;
}

Bytes Worker::HandleTcp(Bytes message, const std::shared_ptr<TcpConnection>& from,
                        std::span<uint8_t> space, bool* later) {
  Count(queries_);
  FollowUpstreams();
  const View* const view = views_.Get();
  if (!gate_.Admits(from->peer(), view)) return Refuse(message, space);
  const auto source = [&] {
    return QuerySource{.tcp = from, .is_tcp = true, .client = from->peer().ip()};
  };
  return MakeReply(message, view, true, space, later, source).message;
}

Bytes Worker::Refuse(Bytes message, std::span<uint8_t> space) const {
  Query query;
  if (ParseQuery(message, &query) == QueryFault::kNotAQuery) return {};
  return ReplyWithCode(query, Rcode::kRefused, zone_, space);
}

template <typename MakeSource>
Worker::Reply Worker::MakeReply(Bytes message, const View* view, bool tcp, std::span<uint8_t> space,
                                bool* later, const MakeSource& source) {
  Query query;
  Outcome outcome = Answer(message, view, zone_, tcp, shuffler_.Next(), space, &query);
  if (outcome.kind != Outcome::Kind::kForward) return {outcome.message, kNever};
  if (query.type == type::kHinfo && upstreams_.SawLoopProbe(query.lower)) {
    kWorkerLog.Error("an upstream server asks this one; it is left out");
    return {ReplyWithCode(query, Rcode::kRefused, zone_, space)};
  }
  const Name target = outcome.targets.empty() ? query.name : outcome.targets.back();
  Name lower = target;
  lower.Lower();
  const CacheKey key(lower, query.type, query.dnssec_ok, query.checking_disabled());
  if (const auto cached = cache_.Find(key, poller_.now())) {
    return {Render(*cached, query, outcome.targets, tcp, space),
            cached->UnchangedUntil(poller_.now())};
  }
  Count(forwarded_);
  *later = true;
  forwarder_.Ask(key, target, {source(), query, std::move(outcome.targets)});
  return {};
}

Bytes Worker::Render(const CachedMessage& message, const Query& query,
                     const std::vector<Name>& aliases, bool tcp, std::span<uint8_t> space) {
  const Duration now = poller_.now();
  if (!aliases.empty()) {
    return message.ReplyBehind(aliases, query, zone_, tcp, now, space);
  }
  return message.Reply(query, zone_, tcp, now, shuffler_.Next(), space);
}

void Worker::Deliver(const Waiter& waiter, const CachedMessage* message) {
  const QuerySource& source = waiter.source;
  const Bytes reply = message != nullptr
                          ? Render(*message, waiter.query, waiter.aliases, source.is_tcp, space_)
                          : ReplyWithCode(waiter.query, Rcode::kServFail, zone_, space_);
  if (!source.is_tcp) return udp_.Send(reply, source.udp);
  if (const auto connection = source.tcp.lock()) connection->Send(reply);
}

}  // namespace skiff::dns
