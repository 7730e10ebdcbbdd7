#include "client/fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace skiff {
namespace {

constexpr size_t kFetchPullBytes = 64 << 10;

bool IsUnsaid(const http::ClientRequest& request, const char* header) {
  const auto found = request.headers.find(header);
  return found == request.headers.end() || found->second.empty();
}

}  // namespace

void Fetch::Start(http::Loops& loops, http::Upstream upstream, http::ClientRequest request) {
  takes_gzip_ = bytes_max_ > 0 && request.method != "HEAD" &&
                IsUnsaid(request, "Accept-Encoding") && IsUnsaid(request, "Range");
  if (takes_gzip_) {
    request.headers.erase("Accept-Encoding");
    request.headers.emplace("Accept-Encoding", "gzip");
  }
  auto exchange = http::Open(loops, std::move(upstream), std::move(request),
                             [weak = weak_from_this()](Result<http::Opened> opened) {
                               if (const auto self = weak.lock()) self->OnOpened(std::move(opened));
                             });
  const std::lock_guard lock(mutex_);
  if (!result_) exchange_ = std::move(exchange);
}

void Fetch::OnOpened(Result<http::Opened> opened) {
  const std::lock_guard lock(mutex_);
  if (result_) return;
  if (!opened) return End(Fail(opened.error()));
  has_begun_ = true;
  answer_.status = opened->status;
  answer_.headers = std::move(opened->headers);
  if (bytes_max_ == 0) return End(std::move(answer_));
  if (!opened->body) return End(Fail(Reason::kServiceUnavailable, "unexpected EOF"));
  body_ = std::move(opened->body);
  if (takes_gzip_ && http::EqualsIgnoreCase(answer_.Header("Content-Encoding"), "gzip")) {
    gunzip_ = std::make_unique<GunzipStream>();
    for (const char* of_packed : {"Content-Encoding", "Content-Length"}) {
      answer_.headers.erase(of_packed);
    }
  }
  body_->Attach([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Read();
  });
  ReadLocked();
}

void Fetch::Read() {
  const std::lock_guard lock(mutex_);
  ReadLocked();
}

void Fetch::ReadLocked() {
  while (!result_ && body_) {
    std::vector<http::SharedBytes> chunks;
    const http::Pulled pulled = body_->Pull(kFetchPullBytes, chunks);
    for (const auto& chunk : chunks) {
      if (auto appended = Append(*chunk); !appended) return End(Fail(appended.error()));
    }
    if (pulled == http::Pulled::kEnd) {
      if (gunzip_) {
        if (auto whole = gunzip_->End(); !whole) return End(Fail(whole.error()));
      }
      return End(std::move(answer_));
    }
    if (pulled == http::Pulled::kAbort) {
      return End(Fail(Reason::kServiceUnavailable, body_->Fault()));
    }
    if (pulled == http::Pulled::kIdle) return;
  }
}

bool LongAnswers::Take(size_t bytes) {
  size_t left = left_;
  while (left >= bytes) {
    if (left_.compare_exchange_weak(left, left - bytes)) return true;
  }
  return false;
}

Fetch::~Fetch() {
  if (has_grown_) long_answers_->GiveBack(more_bytes_max_);
}

bool Fetch::Grow() {
  if (has_grown_ || long_answers_ == nullptr || !long_answers_->Take(more_bytes_max_)) return false;
  has_grown_ = true;
  bytes_max_ += more_bytes_max_;
  return true;
}

Result<> Fetch::Append(std::string_view bytes) {
  if (gunzip_) {
    packed_bytes_ += bytes.size();
    const size_t bytes_max = has_grown_ ? bytes_max_ : bytes_max_ + more_bytes_max_;
    if (packed_bytes_ <= bytes_max) TRY(gunzip_->Add(bytes, bytes_max, answer_.body));
  } else {
    answer_.body += bytes;
  }
  const size_t size = std::max(packed_bytes_, answer_.body.size());
  if (size <= bytes_max_ || (Grow() && size <= bytes_max_)) return {};
  return Fail(Reason::kInternalError,
              fmt::format("the answer is longer than {} bytes", bytes_max_));
}

void Fetch::End(Result<WholeAnswer> result) {
  result_ = std::move(result);
  body_ = nullptr;
  gunzip_ = nullptr;
  ended_.notify_all();
  if (const auto told = std::exchange(told_, nullptr)) told();
}

std::optional<Result<WholeAnswer>> Fetch::Take() {
  const std::lock_guard lock(mutex_);
  if (!result_) return std::nullopt;
  return std::move(*result_);
}

Result<WholeAnswer> Fetch::Wait(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const bool ended = ended_.wait_until(lock, deadline, [&] { return result_.has_value(); });
  if (ended) return std::move(*result_);
  return Fail(Reason::kTimeout, "context deadline exceeded");
}

void Fetch::Cancel() {
  std::unique_ptr<http::Exchange> dropped;
  const std::lock_guard lock(mutex_);
  told_ = nullptr;
  dropped = std::move(exchange_);
  if (!result_) End(Fail(Reason::kServiceUnavailable, "context canceled"));
}

}  // namespace skiff
