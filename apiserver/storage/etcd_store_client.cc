#include "apiserver/storage/etcd_store_client.h"

#include <fmt/format.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <optional>

#include "apiserver/storage/etcd_store_feed.h"
#include "apiserver/storage/store_answers.h"
#include "base/at_once.h"

namespace skiff {
namespace {

constexpr char kTimedOut[] = "etcdserver: request timed out";
// How long to wait for one member before looking at the next.
constexpr Duration kMemberWait = 100ms;
// As etcd's own client; etcd's limit for one request is lower.
constexpr size_t kSentBytesMax = 2 << 20;
// How long one that kept silent is asked last. By then its connection is found to be dead, or it
// answers again.
constexpr Duration kDoubtedFor = 40s;
// A watch that reads history is answered at once that it is in place. What happened comes after
// that, and takes as long as there is much of it.
constexpr Duration kHistorySilence = 2s;

std::chrono::system_clock::time_point In(Duration length) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(length);
}

Error TimedOut() {
  return {.message = kTimedOut, .http_code = 500};
}

Error ErrorFrom(const grpc::Status& status) {
  const std::string& text = status.error_message();
  if (text.find("required revision has been compacted") != std::string::npos) {
    return ListExpired();
  }
  const bool late =
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
      (status.error_code() == grpc::StatusCode::UNAVAILABLE && !text.starts_with("etcdserver: "));
  return late ? TimedOut() : Error{.message = text, .http_code = 500};
}

grpc::ChannelArguments ChannelArguments() {
  grpc::ChannelArguments arguments;
  // A history of large objects comes in one message; etcd bounds its number of revisions.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   static_cast<int>(EtcdClient::kReconnectMax / 1ms));
  // As kube-apiserver: a member that is gone without a word is noticed after 40 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Two servers in one process do not share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

// What waits of a call, for one thread: one step at a time.
class EtcdSteps {
 public:
  ~EtcdSteps() {
    queue_.Shutdown();
    while (Await(kNever)) {
    }
  }
  // Whether the step is over within that time.
  bool Await(Duration longest) {
    void* tag = nullptr;
    if (longest == kNever) return queue_.Next(&tag, &ok_);
    return queue_.AsyncNext(&tag, &ok_, In(longest)) == grpc::CompletionQueue::GOT_EVENT;
  }
  // Whether the step, which is over, did what it should.
  bool went_well() const { return ok_; }
  grpc::CompletionQueue* queue() { return &queue_; }

 private:
  grpc::CompletionQueue queue_;
  bool ok_ = false;
};

// A call with one answer, whose thread may look aside while it waits.
template <typename Response>
class EtcdCall {
 public:
  template <typename Start>
  EtcdCall(Duration timeout, Start start) {
    context_.set_deadline(In(timeout));
    reader_ = start(&context_, steps_.queue());
    reader_->Finish(&response_, &status_, this);
  }
  ~EtcdCall() { context_.TryCancel(); }

  // Whether it is over within that time.
  bool Await(Duration longest) {
    if (!over_) over_ = steps_.Await(longest);
    return over_;
  }
  void Cancel() { context_.TryCancel(); }
  const grpc::Status& status() {
    Await(kNever);
    return status_;
  }
  Response& response() { return response_; }

 private:
  grpc::ClientContext context_;
  Response response_;
  grpc::Status status_;
  bool over_ = false;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
  EtcdSteps steps_;  // Gone first: nothing is written into the others any more.
};

// A watch that is over with the first that it is told.
class EtcdHistoryCall {
 public:
  EtcdHistoryCall(EtcdMember& member, Duration timeout) {
    context_.set_deadline(In(timeout));
    // One that hears no leader may not have come so far, and would keep silent until it has.
    EtcdFeed::AskForLeader(context_);
    stream_ = member.watch->AsyncWatch(&context_, steps_.queue(), this);
    open_ = Went(kHistorySilence);
  }
  ~EtcdHistoryCall() { context_.TryCancel(); }

  // False: it has ended before, or said nothing at all for so long.
  bool ReadAfter(Revision after, etcd::WatchResponse& response) {
    if (!open_) return false;
    stream_->Write(EtcdFeed::WatchAllFrom(Revision{after.value + 1}), this);
    if (!Went(kHistorySilence)) return false;
    Duration longest = kHistorySilence;
    while (response.events().empty() && response.compact_revision() == 0) {
      stream_->Read(&response, this);
      if (!Went(longest)) return false;
      longest = kNever;  // It has answered: all else ends with the time of the call.
    }
    return true;
  }
  bool was_silent() const { return silent_; }
  // Why it has ended; what the member said of that, where it did so itself.
  grpc::Status End() {
    grpc::Status status;
    if (!over_) context_.TryCancel();
    stream_->Finish(&status, this);
    steps_.Await(kNever);
    return status;
  }

 private:
  // The step under way. One that does not end in time is ended.
  bool Went(Duration longest) {
    if (!steps_.Await(longest)) {
      silent_ = true;
      context_.TryCancel();
      steps_.Await(kNever);
      return false;
    }
    over_ = !steps_.went_well();
    return !over_;
  }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<etcd::WatchRequest, etcd::WatchResponse>> stream_;
  bool open_ = false;
  bool silent_ = false;
  bool over_ = false;  // Without us.
  EtcdSteps steps_;
};

}  // namespace

std::string EtcdPrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xFF) prefix.pop_back();
  // Which etcd takes for "without end".
  if (prefix.empty()) return std::string(1, '\0');
  ++prefix.back();
  return prefix;
}

bool IsTimedOut(const Error& error) {
  return error.http_code == 500 && error.message == kTimedOut;
}

Result<std::unique_ptr<EtcdClient>> EtcdClient::Create(EtcdClientOptions options,
                                                       const Clock& clock) {
  std::unique_ptr<EtcdClient> client(new EtcdClient(std::move(options), clock));
  if (client->options_.servers.empty()) {
    return Fail(Reason::kInvalid, "--etcd-servers must be specified");
  }
  if (client->options_.certificate_pem.empty() != client->options_.key_pem.empty()) {
    return Fail(Reason::kInvalid,
                "--etcd-certfile and --etcd-keyfile must be given together or not at all");
  }
  for (const std::string& url : client->options_.servers) TRY(client->AddMember(url));
  return client;
}

EtcdClient::EtcdClient(EtcdClientOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

EtcdClient::~EtcdClient() {
  StopWatch();
}

Result<> EtcdClient::AddMember(const std::string& url) {
  auto member = std::make_unique<EtcdMember>();
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  std::string target = url;
  if (url.starts_with("https://")) {
    target = "dns:///" + url.substr(std::string_view("https://").size());
    credentials = grpc::SslCredentials({.pem_root_certs = options_.ca_pem,
                                        .pem_private_key = options_.key_pem,
                                        .pem_cert_chain = options_.certificate_pem});
  } else {
    if (url.starts_with("http://")) {
      target = "dns:///" + url.substr(std::string_view("http://").size());
    } else if (!url.starts_with("unix://")) {
      return Fail(Reason::kInvalid, fmt::format("invalid --etcd-servers URL \"{}\": must begin "
                                                "with http://, https:// or unix://",
                                                url));
    }
    credentials = grpc::InsecureChannelCredentials();
  }
  while (target.ends_with('/')) target.pop_back();
  member->channel = grpc::CreateCustomChannel(target, credentials, ChannelArguments());
  member->kv = etcd::KV::NewStub(member->channel);
  member->watch = etcd::Watch::NewStub(member->channel);
  member->lease = etcd::Lease::NewStub(member->channel);
  members_.push_back(std::move(member));
  return {};
}

Result<> EtcdClient::WaitUntilReachable(Duration timeout, const std::function<bool()>& give_up) {
  const Duration until = clock_.Monotonic() + timeout;
  for (size_t i = 0; clock_.Monotonic() < until && !give_up(); ++i) {
    const Duration left = until - clock_.Monotonic();
    if (members_[i % members_.size()]->channel->WaitForConnected(In(std::min(left, kMemberWait)))) {
      preferred_ = i % members_.size();
      return {};
    }
  }
  return Fail(TimedOut());
}

Result<EtcdMember*> EtcdClient::Reachable(Duration wait) {
  const size_t first = preferred_;
  const auto take = [&](size_t i) -> EtcdMember* {
    preferred_ = i;
    down_since_ns_ = 0;
    return members_[i].get();
  };
  const Duration now = clock_.Monotonic();
  std::optional<size_t> doubted;
  for (size_t i = 0; i < members_.size(); ++i) {
    const size_t index = (first + i) % members_.size();
    // Begins to connect where nobody has asked yet.
    if (members_[index]->channel->GetState(true) != GRPC_CHANNEL_READY) continue;
    if (Duration(members_[index]->doubted_until_ns.load()) <= now) return take(index);
    if (!doubted) doubted = index;
  }
  // It is there, though it may keep silent: the others get a moment to be found.
  for (size_t i = 0; doubted && i < members_.size(); ++i) {
    const size_t index = (first + i) % members_.size();
    if (Duration(members_[index]->doubted_until_ns.load()) > now) continue;
    if (members_[index]->channel->WaitForConnected(In(std::min(wait, kMemberWait)))) {
      return take(index);
    }
  }
  if (doubted) return take(*doubted);
  int64_t since = 0;
  if (down_since_ns_.compare_exchange_strong(since, now.count())) since = now.count();
  const Duration until = std::min(Duration(since) + kConnectWait, now + wait);
  for (size_t i = first;; ++i) {
    const Duration left = until - clock_.Monotonic();
    if (left <= Duration::zero()) break;
    const size_t index = i % members_.size();
    const Duration slice = members_.size() == 1 ? left : std::min(left, kMemberWait);
    if (members_[index]->channel->WaitForConnected(In(slice))) return take(index);
  }
  return Fail(TimedOut());
}

void EtcdClient::Failed(EtcdMember& member, bool was_silent) {
  if (was_silent) member.doubted_until_ns = (clock_.Monotonic() + kDoubtedFor).count();
  const size_t index = preferred_;
  if (members_[index].get() == &member) preferred_ = (index + 1) % members_.size();
}

// Those that nobody has asked yet begin to connect, and have until then to get there.
bool EtcdClient::HasAnother(const EtcdMember& member) {
  const Duration now = clock_.Monotonic();
  bool any = false;
  for (const auto& other : members_) {
    if (other.get() == &member) continue;
    const bool down = other->channel->GetState(true) == GRPC_CHANNEL_TRANSIENT_FAILURE;
    any |= !down && Duration(other->doubted_until_ns.load()) <= now;
  }
  return any;
}

bool EtcdClient::IsThere(EtcdMember& member) {
  etcd::RangeRequest request;
  request.set_key("health");
  request.set_count_only(true);
  grpc::ClientContext context;
  context.set_deadline(In(options_.look_timeout));
  etcd::RangeResponse response;
  const grpc::StatusCode code = member.kv->Range(&context, request, &response).error_code();
  return code != grpc::StatusCode::DEADLINE_EXCEEDED && code != grpc::StatusCode::UNAVAILABLE;
}

template <typename Response, typename Start>
Result<Response> EtcdClient::Call(bool again, Start start) {
  if (!MayWait()) return Fail(WouldWait());
  Duration left = options_.call_timeout;
  for (size_t tries_left = again ? members_.size() : 0;; --tries_left) {
    EtcdMember* const member = TRY(Reachable(kConnectWait));
    const bool may_leave = tries_left > 0 && HasAnother(*member);
    const Duration begun = clock_.Monotonic();
    EtcdCall<Response> call(
        left, [&](auto* context, auto* queue) { return start(*member, context, queue); });
    bool silent = false;
    while (may_leave && !silent && !call.Await(options_.look_after)) {
      silent = !IsThere(*member) && !call.Await(Duration::zero());
    }
    if (silent) call.Cancel();
    const grpc::Status& status = call.status();
    if (status.ok()) return std::move(call.response());
    const bool gone = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    const bool late = silent || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (gone || late) Failed(*member, late);
    left -= clock_.Monotonic() - begun;
    if ((!gone && !silent) || tries_left == 0 || left <= Duration::zero()) {
      return Fail(silent ? TimedOut() : ErrorFrom(status));
    }
  }
}

Result<etcd::RangeResponse> EtcdClient::Range(const etcd::RangeRequest& request) {
  return Call<etcd::RangeResponse>(true, [&](EtcdMember& member, auto* context, auto* queue) {
    return member.kv->AsyncRange(context, request, queue);
  });
}

Result<etcd::TxnResponse> EtcdClient::Transact(const etcd::TxnRequest& request) {
  if (const size_t bytes = request.ByteSizeLong(); bytes > kSentBytesMax) {
    // As kube-apiserver hears it of its client.
    return Fail(Error{.message = fmt::format("rpc error: code = ResourceExhausted desc = trying to "
                                             "send message larger than max ({} vs. {})",
                                             bytes, kSentBytesMax),
                      .http_code = 500});
  }
  return Call<etcd::TxnResponse>(false, [&](EtcdMember& member, auto* context, auto* queue) {
    return member.kv->AsyncTxn(context, request, queue);
  });
}

Result<> EtcdClient::Compact(Revision revision) {
  etcd::CompactionRequest request;
  request.set_revision(static_cast<int64_t>(revision.value));
  const auto done =
      Call<etcd::CompactionResponse>(true, [&](EtcdMember& member, auto* context, auto* queue) {
        return member.kv->AsyncCompact(context, request, queue);
      });
  // Somebody was faster, or compacted more.
  if (!done && done.error().reason != Reason::kExpired) return Fail(done.error());
  return {};
}

Result<etcd::LeaseGrantResponse> EtcdClient::GrantLease(std::chrono::seconds ttl) {
  etcd::LeaseGrantRequest request;
  request.set_ttl(ttl.count());
  return Call<etcd::LeaseGrantResponse>(true, [&](EtcdMember& member, auto* context, auto* queue) {
    return member.lease->AsyncLeaseGrant(context, request, queue);
  });
}

Result<etcd::WatchResponse> EtcdClient::ReadHistory(Revision after) {
  for (size_t tries_left = members_.size();; --tries_left) {
    EtcdMember* const member = TRY(Reachable(Duration::zero()));
    EtcdHistoryCall call(*member, options_.call_timeout);
    etcd::WatchResponse response;
    const bool read = call.ReadAfter(after, response);
    const grpc::Status status = call.End();
    if (read && response.compact_revision() > 0) return Fail(WatchExpired());
    if (read) return response;
    const bool gone = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (gone || call.was_silent()) Failed(*member, call.was_silent());
    const bool goes_on = gone || (call.was_silent() && HasAnother(*member));
    if (!goes_on || tries_left <= 1) {
      return Fail(call.was_silent() ? TimedOut() : ErrorFrom(status));
    }
  }
}

void EtcdClient::StartWatch(EtcdWatcher& watcher) {
  CHECK(!feed_);
  feed_ = std::make_unique<EtcdFeed>(members_, watcher, clock_);
  feed_->Start();
}

void EtcdClient::LeaveSilentWatch() {
  if (feed_) feed_->LeaveSilent();
}

void EtcdClient::StopWatch() {
  feed_.reset();
}

}  // namespace skiff
