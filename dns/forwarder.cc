#include "dns/forwarder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "dns/upstream_message.h"

namespace skiff::dns {
namespace {

// As long as one UDP answer may be; over TCP a message says its own length.
constexpr size_t kDatagramBytesMax = 65535;

// Non-blocking and connected, so that the kernel passes on only what comes from there, and says
// when nobody listens. The kernel draws the local port.
int ConnectTo(const SocketAddress& address, int type) {
  const int fd = socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, address.get(), address.length) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

// The thread's own memory for what arrives.
std::span<uint8_t> ReceiveSpace() {
  static thread_local std::vector<uint8_t> space(kDatagramBytesMax);
  return space;
}

}  // namespace

// One question on its way through the servers.
class Forwarder::Exchange final : public Pollable {
 public:
  Exchange(Forwarder& owner, std::string key, UpstreamQuestion question, const IpAddress& client)
      : owner_(owner),
        key_(std::move(key)),
        client_(client),
        number_(owner.begun_++),
        question_(std::move(question)),
        deadline_(owner.dependencies_.poller.now() + owner.options_.total_timeout) {}
  ~Exchange() override { CloseSocket(); }

  const std::string& key() const { return key_; }
  // Who asked first, and how many exchanges were begun before.
  const IpAddress& client() const { return client_; }
  uint64_t number() const { return number_; }
  std::vector<Waiter>& waiters() { return waiters_; }

  // Asks the next server; gives up when there is none or no time.
  void Next();
  void CloseSocket() {
    if (fd_ >= 0) owner_.dependencies_.poller.Close(fd_);
    fd_ = -1;
  }
  void OnReady(uint32_t events) override;
  void OnDue() override {
    owner_.Failed(upstream_);
    Next();
  }

 private:
  void Send(int type);
  void OnDatagram();
  void OnStream(uint32_t events);
  // True when `message` ends the wait of this attempt.
  bool Take(Bytes message);
  void AttemptFailed() {
    owner_.Failed(upstream_);
    Next();
  }

  Forwarder& owner_;
  const std::string key_;
  const IpAddress client_;
  const uint64_t number_;
  const UpstreamQuestion question_;
  const Duration deadline_;
  std::vector<Waiter> waiters_;
  std::vector<UpstreamPtr> tried_;
  UpstreamPtr upstream_;  // The last of them.
  bool edns_ = true;
  int fd_ = -1;
  bool stream_ = false;
  uint16_t id_ = 0;
  std::vector<uint8_t> out_;  // Over TCP: what is still to be sent ...
  std::vector<uint8_t> in_;   // ... and what has come, with its length before it.
  // What a server that failed said; the client hears it when no other knows better.
  std::shared_ptr<const CachedMessage> failure_;
};

void Forwarder::Exchange::Next() {
  CloseSocket();
  const auto& dependencies = owner_.dependencies_;
  const auto next = dependencies.upstreams.Pick(tried_, dependencies.random.Next());
  if (!next || dependencies.poller.now() >= deadline_) return owner_.Finish(*this, failure_);
  upstream_ = next;
  tried_.push_back(next);
  owner_.ProbeForLoop(next);
  edns_ = true;
  Send(SOCK_DGRAM);
}

void Forwarder::Exchange::Send(int type) {
  CloseSocket();
  Poller& poller = owner_.dependencies_.poller;
  stream_ = type == SOCK_STREAM;
  id_ = static_cast<uint16_t>(owner_.dependencies_.random.Next());
  fd_ = ConnectTo(upstream_->address(), type);
  if (fd_ < 0) return AttemptFailed();
  const auto query = MakeUpstreamQuery(question_, id_, edns_);
  if (stream_) {
    out_.assign({static_cast<uint8_t>(query.size() >> 8), static_cast<uint8_t>(query.size())});
    out_.insert(out_.end(), query.begin(), query.end());
    in_.clear();
  } else if (send(fd_, query.data(), query.size(), 0) < 0) {
    return AttemptFailed();
  }
  poller.Watch(fd_, stream_ ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
  poller.SetDue(*this, std::min(poller.now() + owner_.options_.attempt_timeout, deadline_));
}

void Forwarder::Exchange::OnReady(uint32_t events) {
  if (fd_ < 0) return;  // Closed earlier in this round.
  if (stream_) {
    OnStream(events);
  } else {
    OnDatagram();
  }
}

void Forwarder::Exchange::OnDatagram() {
  const auto space = ReceiveSpace();
  const ssize_t bytes = recv(fd_, space.data(), space.size(), 0);
  if (bytes >= 0) {
    Take(space.first(static_cast<size_t>(bytes)));
  } else if (errno != EAGAIN && errno != EINTR) {
    AttemptFailed();
  }
}

void Forwarder::Exchange::OnStream(uint32_t events) {
  if (!out_.empty()) {
    const ssize_t sent = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return AttemptFailed();
    if (sent > 0) out_.erase(out_.begin(), out_.begin() + sent);
    if (out_.empty()) owner_.dependencies_.poller.Change(fd_, EPOLLIN, *this);
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  const auto space = ReceiveSpace();
  const ssize_t bytes = recv(fd_, space.data(), space.size(), 0);
  if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (bytes <= 0) return AttemptFailed();
  in_.insert(in_.end(), space.begin(), space.begin() + bytes);
  if (in_.size() < 2) return;
  const size_t length = Get16(in_, 0);
  if (in_.size() - 2 < length) return;
  if (!Take(Bytes(in_).subspan(2, length))) AttemptFailed();
}

bool Forwarder::Exchange::Take(Bytes message) {
  const auto judged = JudgeUpstreamAnswer(message, question_, id_, edns_);
  if (judged == UpstreamAnswer::kForeign) return false;
  upstream_->Succeeded();
  if (judged == UpstreamAnswer::kTruncated) {
    // Over TCP nothing is cut short.
    if (stream_) return false;
    Send(SOCK_STREAM);
    return true;
  }
  if (judged == UpstreamAnswer::kNoEdns && edns_) {
    edns_ = false;
    Send(SOCK_DGRAM);
    return true;
  }
  auto made = CachedMessage::Make(message, question_.name, question_.type,
                                  owner_.dependencies_.poller.now(), owner_.options_.cache_times);
  if (judged == UpstreamAnswer::kGood && made) {
    owner_.Finish(*this, std::move(made));
    return true;
  }
  if (made) failure_ = std::move(made);
  Next();
  return true;
}

// Asks one server one thing, for the sake of being answered: again and again while it is down.
class Forwarder::Probe final : public Pollable {
 public:
  Probe(Forwarder& owner, UpstreamPtr upstream, UpstreamQuestion question)
      : owner_(owner), upstream_(std::move(upstream)), question_(std::move(question)) {}
  ~Probe() override { CloseSocket(); }

  void Send() {
    CloseSocket();
    Poller& poller = owner_.dependencies_.poller;
    id_ = static_cast<uint16_t>(owner_.dependencies_.random.Next());
    fd_ = ConnectTo(upstream_->address(), SOCK_DGRAM);
    if (fd_ >= 0) {
      const auto query = MakeUpstreamQuery(question_, id_, true);
      (void)!send(fd_, query.data(), query.size(), 0);  // Not sent is not answered.
      poller.Watch(fd_, EPOLLIN, *this);
    }
    poller.SetDue(*this, poller.now() + owner_.options_.probe_period);
  }
  void OnReady(uint32_t) override {
    if (fd_ < 0) return;
    const auto space = ReceiveSpace();
    const ssize_t bytes = recv(fd_, space.data(), space.size(), 0);
    if (bytes < 0) return CloseSocket();
    const auto judged =
        JudgeUpstreamAnswer(space.first(static_cast<size_t>(bytes)), question_, id_, true);
    if (judged == UpstreamAnswer::kForeign) return;
    const bool was_down = upstream_->IsDown();
    upstream_->Succeeded();
    if (was_down) {
      owner_.log_.Info("upstream answers again", {{"upstream", upstream_->address().Text()}});
    }
    Done();
  }
  void OnDue() override {
    // One probe of loops is enough: only servers that are down are asked again.
    if (upstream_->IsDown()) return Send();
    Done();
  }

 private:
  void CloseSocket() {
    if (fd_ >= 0) owner_.dependencies_.poller.Close(fd_);
    fd_ = -1;
  }
  void Done() {
    CloseSocket();
    const auto self = owner_.probes_.extract(this);
    owner_.dependencies_.poller.Dispose(self.mapped());
  }

  Forwarder& owner_;
  const UpstreamPtr upstream_;
  const UpstreamQuestion question_;
  int fd_ = -1;
  uint16_t id_ = 0;
};

Forwarder::Forwarder(Dependencies dependencies, ForwardOptions options, Deliver deliver)
    : dependencies_(dependencies), options_(options), deliver_(std::move(deliver)) {}

Forwarder::~Forwarder() {
  for (auto& [key, exchange] : exchanges_) dependencies_.poller.SetDue(*exchange, kNever);
  for (auto& [pointer, probe] : probes_) dependencies_.poller.SetDue(*probe, kNever);
}

void Forwarder::Ask(const CacheKey& key, const Name& target, Waiter waiter) {
  const IpAddress client = waiter.source.client;
  std::vector<Waiter> gone;
  const bool has_room = waiting_.total() < options_.all_waiters_max || MakeRoomToWait(client, gone);
  const bool joined = has_room && Join(std::string(key.view()), target, waiter, gone);
  if (!joined) deliver_(waiter, nullptr);
  for (const Waiter& each : gone) deliver_(each, nullptr);
}

bool Forwarder::Join(const std::string& key, const Name& target, Waiter& waiter,
                     std::vector<Waiter>& gone) {
  const IpAddress client = waiter.source.client;
  if (const auto known = exchanges_.find(key); known != exchanges_.end()) {
    auto& waiters = known->second->waiters();
    if (waiters.size() >= options_.waiters_max && !MakeRoomAmong(waiters, client, gone)) {
      return false;
    }
    waiting_.Add(client);
    waiters.push_back(std::move(waiter));
    return true;
  }
  if (exchanges_.size() >= options_.exchanges_max && !MakeRoomFor(client, gone)) return false;
  UpstreamQuestion question{target, waiter.query.type, waiter.query.dnssec_ok,
                            waiter.query.checking_disabled()};
  auto exchange = std::make_shared<Exchange>(*this, key, std::move(question), client);
  exchange->waiters().push_back(std::move(waiter));
  exchanges_[key] = exchange;
  shares_.Add(client);
  waiting_.Add(client);
  exchange->Next();
  return true;
}

bool Forwarder::MakeRoomFor(const IpAddress& client, std::vector<Waiter>& gone) {
  const auto who = shares_.WhoMakesRoomFor(client);
  if (!who) return false;
  Exchange* oldest = nullptr;
  for (const auto& [key, exchange] : exchanges_) {
    const bool is_older = oldest == nullptr || exchange->number() < oldest->number();
    if (is_older && exchange->client() == *who) oldest = exchange.get();
  }
  for (Waiter& each : Withdraw(*oldest)) gone.push_back(std::move(each));
  return true;
}

// An exchange that nobody waits for any more is given up.
bool Forwarder::MakeRoomToWait(const IpAddress& client, std::vector<Waiter>& gone) {
  const auto who = waiting_.WhoMakesRoomFor(client);
  if (!who) return false;
  for (const auto& [key, exchange] : exchanges_) {
    auto& waiters = exchange->waiters();
    const auto one = std::find_if(waiters.begin(), waiters.end(),
                                  [&](const Waiter& each) { return each.source.client == *who; });
    if (one == waiters.end()) continue;
    if (waiters.size() == 1) {
      gone.push_back(std::move(Withdraw(*exchange).front()));
    } else {
      waiting_.Remove(*who);
      gone.push_back(std::move(*one));
      waiters.erase(one);
    }
    return true;
  }
  return false;
}

bool Forwarder::MakeRoomAmong(std::vector<Waiter>& waiters, const IpAddress& client,
                              std::vector<Waiter>& gone) {
  ClientShares shares;
  for (const Waiter& each : waiters) shares.Add(each.source.client);
  const auto who = shares.WhoMakesRoomFor(client);
  if (!who) return false;
  const auto oldest = std::find_if(waiters.begin(), waiters.end(), [&](const Waiter& each) {
    return each.source.client == *who;
  });
  waiting_.Remove(*who);
  gone.push_back(std::move(*oldest));
  waiters.erase(oldest);
  return true;
}

std::vector<Waiter> Forwarder::Withdraw(Exchange& exchange) {
  exchange.CloseSocket();
  const auto self = exchanges_.extract(exchange.key());
  shares_.Remove(exchange.client());
  for (const Waiter& each : exchange.waiters()) waiting_.Remove(each.source.client);
  dependencies_.poller.Dispose(self.mapped());
  return std::move(exchange.waiters());
}

void Forwarder::Finish(Exchange& exchange, std::shared_ptr<const CachedMessage> message) {
  const std::vector<Waiter> waiters = Withdraw(exchange);
  if (message) {
    const Query& query = waiters.front().query;
    const Name& target =
        waiters.front().aliases.empty() ? query.name : waiters.front().aliases.back();
    Name lower = target;
    lower.Lower();
    dependencies_.cache.Put(CacheKey(lower, query.type, query.dnssec_ok, query.checking_disabled()),
                            message);
  }
  for (const Waiter& waiter : waiters) deliver_(waiter, message.get());
}

void Forwarder::Failed(const UpstreamPtr& upstream) {
  if (!upstream->Failed()) return;
  log_.Info("upstream does not answer", {{"upstream", upstream->address().Text()}});
  StartProbe(upstream, Name(), type::kNs);
}

void Forwarder::StartProbe(const UpstreamPtr& upstream, const Name& name, uint16_t type) {
  auto probe = std::make_shared<Probe>(*this, upstream, UpstreamQuestion{name, type});
  Probe* const pointer = probe.get();
  probes_[pointer] = std::move(probe);
  pointer->Send();
}

void Forwarder::ProbeForLoop(const UpstreamPtr& upstream) {
  if (upstream->TakeLoopProbe()) StartProbe(upstream, upstream->loop_probe(), type::kHinfo);
}

void Forwarder::ProbeForLoops() {
  for (const UpstreamPtr& upstream : dependencies_.upstreams.All()) ProbeForLoop(upstream);
}

}  // namespace skiff::dns
