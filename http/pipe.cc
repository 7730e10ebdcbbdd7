#include "http/pipe.h"

#include <algorithm>
#include <limits>

namespace skiff::http {
namespace {

constexpr size_t kJoinedPieceBytesMax = 4096;

}  // namespace

void Pipe::OnRoom(Waker waker) {
  MutexLock lock(mutex_);
  on_room_ = std::move(waker);
}

size_t Pipe::Room() const {
  MutexLock lock(mutex_);
  return RoomLocked();
}

size_t Pipe::RoomLocked() const {
  if (left_) return std::numeric_limits<size_t>::max();
  return bytes_ < bytes_max_ ? bytes_max_ - bytes_ : 0;
}

void Pipe::Write(std::string bytes) {
  Waker wake;
  {
    MutexLock lock(mutex_);
    wake = Add(std::move(bytes));
  }
  if (wake) wake();
}

size_t Pipe::Offer(std::string_view bytes) {
  Waker wake;
  size_t taken = 0;
  {
    MutexLock lock(mutex_);
    taken = std::min(bytes.size(), RoomLocked());
    wake = Add(std::string(bytes.substr(0, taken)));
  }
  if (wake) wake();
  return taken;
}

Waker Pipe::Add(std::string bytes) {
  if (bytes.empty() || left_ || ended_) return nullptr;
  bytes_ += bytes.size();
  if (bytes_ >= bytes_max_) was_full_ = true;
  // What comes byte by byte would cost a hundred times as much as it is counted for.
  if (!pieces_.empty() && pieces_.back()->size() + bytes.size() <= kJoinedPieceBytesMax) {
    *pieces_.back() += bytes;
  } else {
    pieces_.push_back(std::make_shared<std::string>(std::move(bytes)));
  }
  return on_data_;
}

std::string Pipe::fault() const {
  MutexLock lock(mutex_);
  return fault_;
}

void Pipe::EndAs(bool in_order, std::string fault) {
  Waker wake;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    ended_ = true;
    in_order_ = in_order;
    fault_ = std::move(fault);
    wake = on_data_;
  }
  if (wake) wake();
}

bool Pipe::reader_left() const {
  MutexLock lock(mutex_);
  return left_;
}

void Pipe::OnData(Waker waker) {
  MutexLock lock(mutex_);
  on_data_ = std::move(waker);
}

Pulled Pipe::Pull(size_t bytes_max, std::vector<SharedBytes>& out) {
  Waker wake;
  Pulled pulled = Pulled::kMore;
  {
    MutexLock lock(mutex_);
    size_t taken = 0;
    while (!pieces_.empty() && taken < bytes_max) {
      taken += pieces_.front()->size();
      out.push_back(std::move(pieces_.front()));
      pieces_.pop_front();
    }
    bytes_ -= taken;
    if (pieces_.empty()) {
      pulled = !ended_ ? Pulled::kIdle : in_order_ ? Pulled::kEnd : Pulled::kAbort;
    }
    // Not at the first free byte, or each side would wake the other for crumbs.
    if (was_full_ && bytes_ <= bytes_max_ / 2) {
      was_full_ = false;
      wake = on_room_;
    }
  }
  if (wake) wake();
  return pulled;
}

void Pipe::Leave() {
  Waker wake;
  {
    MutexLock lock(mutex_);
    left_ = true;
    pieces_.clear();
    bytes_ = 0;
    wake = std::move(on_room_);
    on_data_ = nullptr;
  }
  if (wake) wake();
}

}  // namespace skiff::http
