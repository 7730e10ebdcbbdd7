#include "apiserver/storage/etcd_store_client.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
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
// The part of its time after which what may be asked twice is asked of another member instead. The
// rest is for that one: no third is asked, so that what only takes long is not cut short again.
constexpr int kFirstAskedPart = 3;
// Reading history may hold up a loop of connections.
constexpr Duration kHistoryTimeout = 2s;

std::chrono::system_clock::time_point In(Duration length) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(length);
}

Error ErrorFrom(const grpc::Status& status) {
  const std::string& text = status.error_message();
  if (text.find("required revision has been compacted") != std::string::npos) {
    return ListExpired();
  }
  const bool late =
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
      (status.error_code() == grpc::StatusCode::UNAVAILABLE && !text.starts_with("etcdserver: "));
  return {.message = late ? kTimedOut : text, .http_code = 500};
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

}  // namespace

std::string EtcdPrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xFF) prefix.pop_back();
  // Which etcd takes for "without end".
  if (prefix.empty()) return std::string(1, '\0');
  ++prefix.back();
  return prefix;
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
  return Fail(Error{.message = kTimedOut, .http_code = 500});
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
  return Fail(Error{.message = kTimedOut, .http_code = 500});
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

template <typename Response, typename Ask>
Result<Response> EtcdClient::Call(bool again, Ask ask) {
  if (!MayWait()) return Fail(WouldWait());
  Duration left = options_.call_timeout;
  bool may_leave = again;  // Who keeps silent.
  for (size_t tries_left = again ? members_.size() : 0;; --tries_left) {
    EtcdMember* const member = TRY(Reachable(kConnectWait));
    may_leave = may_leave && tries_left > 0 && HasAnother(*member);
    const Duration wait = may_leave ? left / kFirstAskedPart : left;
    grpc::ClientContext context;
    context.set_deadline(In(wait));
    Response response;
    const grpc::Status status = ask(*member, &context, &response);
    if (status.ok()) return response;
    const bool gone = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    const bool silent = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (gone || silent) Failed(*member, silent);
    if ((!gone && !(silent && may_leave)) || tries_left == 0) return Fail(ErrorFrom(status));
    if (!silent) continue;
    left -= wait;
    may_leave = false;
  }
}

Result<etcd::RangeResponse> EtcdClient::Range(const etcd::RangeRequest& request) {
  return Call<etcd::RangeResponse>(true, [&](EtcdMember& member, auto* context, auto* response) {
    return member.kv->Range(context, request, response);
  });
}

Result<etcd::TxnResponse> EtcdClient::Transact(const etcd::TxnRequest& request) {
  if (const size_t bytes = request.ByteSizeLong(); bytes > kSentBytesMax) {
    return Fail(Error{.message = fmt::format("trying to send message larger than max ({} vs. {})",
                                             bytes, kSentBytesMax),
                      .http_code = 500});
  }
  return Call<etcd::TxnResponse>(false, [&](EtcdMember& member, auto* context, auto* response) {
    return member.kv->Txn(context, request, response);
  });
}

Result<> EtcdClient::Compact(Revision revision) {
  etcd::CompactionRequest request;
  request.set_revision(static_cast<int64_t>(revision.value));
  const auto done =
      Call<etcd::CompactionResponse>(true, [&](EtcdMember& member, auto* context, auto* response) {
        return member.kv->Compact(context, request, response);
      });
  // Somebody was faster, or compacted more.
  if (!done && done.error().reason != Reason::kExpired) return Fail(done.error());
  return {};
}

Result<etcd::LeaseGrantResponse> EtcdClient::GrantLease(std::chrono::seconds ttl) {
  etcd::LeaseGrantRequest request;
  request.set_ttl(ttl.count());
  return Call<etcd::LeaseGrantResponse>(
      true, [&](EtcdMember& member, auto* context, auto* response) {
        return member.lease->LeaseGrant(context, request, response);
      });
}

Result<etcd::WatchResponse> EtcdClient::ReadHistory(Revision after) {
  EtcdMember* const member = TRY(Reachable(Duration::zero()));
  grpc::ClientContext context;
  context.set_deadline(In(kHistoryTimeout));
  const auto stream = member->watch->Watch(&context);
  etcd::WatchResponse response;
  bool compacted = false;
  if (stream->Write(EtcdFeed::WatchAllFrom(Revision{after.value + 1}))) {
    while (!compacted && response.events().empty() && stream->Read(&response)) {
      compacted = response.compact_revision() > 0;
    }
  }
  context.TryCancel();
  const grpc::Status status = stream->Finish();
  if (compacted) return Fail(WatchExpired());
  if (response.events().empty()) return Fail(ErrorFrom(status));
  return response;
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
