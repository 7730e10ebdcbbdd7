#include "apiserver/storage/etcd_store_feed.h"

#include <algorithm>

namespace skiff {
namespace {

constexpr Duration kRetryFirst = 50ms;

}  // namespace

etcd::WatchRequest EtcdFeed::WatchAllFrom(Revision first) {
  etcd::WatchRequest request;
  auto& create = *request.mutable_create_request();
  // From the first key on, without end.
  create.set_key(std::string(1, '\0'));
  create.set_range_end(std::string(1, '\0'));
  create.set_start_revision(static_cast<int64_t>(first.value));
  create.set_prev_kv(true);
  return request;
}

void EtcdFeed::AskForLeader(grpc::ClientContext& context) {
  context.AddMetadata("hasleader", "true");
}

// One stream. gRPC has the only pointer to it, so it deletes itself when it is done.
class EtcdFeed::Stream final
    : public grpc::ClientBidiReactor<etcd::WatchRequest, etcd::WatchResponse> {
 public:
  Stream(EtcdFeed& feed, std::shared_ptr<grpc::ClientContext> context)
      : feed_(feed), context_(std::move(context)) {}

  void Start(EtcdMember& member) {
    request_ = WatchAllFrom(feed_.watcher_.NextRevision());
    AskForLeader(*context_);
    member.watch->async()->Watch(context_.get(), this);
    StartWrite(&request_);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.canceled() || response_.compact_revision() > 0) {
      reason_ = response_.cancel_reason();
      if (response_.compact_revision() > 0) {
        feed_.watcher_.OnCompacted(Revision{static_cast<uint64_t>(response_.compact_revision())});
      }
      context_->TryCancel();
      return;
    }
    if (response_.created()) {
      watching_ = true;
      feed_.Watching();
    }
    feed_.Heard(response_.events_size() > 0);
    if (response_.events_size() > 0 && !feed_.watcher_.OnEvents(response_)) {
      reason_ = "events are missing";
      context_->TryCancel();
      return;
    }
    response_.Clear();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    EtcdFeed& feed = feed_;
    const bool was_watching = watching_;
    const grpc::Status why =
        reason_.empty() ? status : grpc::Status(grpc::StatusCode::ABORTED, reason_);
    delete this;
    feed.Ended(why, was_watching);
  }

 private:
  EtcdFeed& feed_;
  const std::shared_ptr<grpc::ClientContext> context_;
  etcd::WatchRequest request_;
  etcd::WatchResponse response_;
  std::string reason_;
  bool watching_ = false;
};

EtcdFeed::~EtcdFeed() {
  std::shared_ptr<grpc::ClientContext> context;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    context = context_;
  }
  if (context) context->TryCancel();
  alarm_.Cancel();
  MutexLock lock(mutex_);
  while (running_) stopped_.wait(lock);
}

void EtcdFeed::Start() {
  wait_ = kRetryFirst;
  {
    MutexLock lock(mutex_);
    running_ = true;
  }
  Connect();
}

void EtcdFeed::Heard(bool events) {
  const MutexLock lock(mutex_);
  heard_at_ = clock_.Monotonic();
  if (events) silence_max_ = kSilenceFirst;
}

void EtcdFeed::LeaveSilent() {
  std::shared_ptr<grpc::ClientContext> context;
  {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    if (!context_ || now - heard_at_ < silence_max_) return;
    silence_max_ = std::min(silence_max_ * 2, kSilenceMax);
    heard_at_ = now;
    context = context_;
  }
  context->TryCancel();
}

bool EtcdFeed::GoesOn() {
  if (!stopping_) return true;
  running_ = false;
  stopped_.notify_all();
  return false;
}

void EtcdFeed::Connect() {
  auto context = std::make_shared<grpc::ClientContext>();
  {
    MutexLock lock(mutex_);
    if (!GoesOn()) return;
    context_ = context;
    heard_at_ = clock_.Monotonic();
  }
  auto* const stream = new Stream(*this, std::move(context));
  stream->Start(*members_[member_ % members_.size()]);
}

void EtcdFeed::Watching() {
  if (interrupted_) log_.Info("watch of etcd resumed");
  interrupted_ = false;
  watcher_.OnWatching();
}

void EtcdFeed::Ended(const grpc::Status& status, bool was_watching) {
  if (was_watching) wait_ = kRetryFirst;
  {
    MutexLock lock(mutex_);
    context_.reset();
    if (!GoesOn()) return;
  }
  if (was_watching || !interrupted_) {
    log_.Info("watch of etcd interrupted", {{"error", status.error_message()}});
  }
  interrupted_ = true;
  ++member_;
  const auto due = std::chrono::system_clock::now() +
                   std::chrono::duration_cast<std::chrono::system_clock::duration>(wait_);
  wait_ = std::min(wait_ * 2, EtcdClient::kReconnectMax);
  MutexLock lock(mutex_);
  if (!GoesOn()) return;
  alarm_.Set(due, [this](bool) { Connect(); });
}

}  // namespace skiff
