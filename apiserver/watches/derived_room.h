// How much may be kept with an event of what is derived from it: frames, and the event in other
// versions. Who makes these may make them many times larger than what is stored (a webhook that
// converts, defaults of another version, a Table's columns), and the ring that keeps the event
// counts what is stored alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace skiff {

// Of one event, shared by what is derived of what is derived. Thread-safe.
class DerivedRoom {
 public:
  explicit DerivedRoom(size_t bytes) : left_(bytes) {}
  size_t left() const { return left_; }

 private:
  friend class DerivedPlace;
  std::atomic<size_t> left_;
};
using DerivedRoomPtr = std::shared_ptr<DerivedRoom>;

// Gives back what it took.
class DerivedPlace {
 public:
  // nullopt: there is not so much left.
  static std::optional<DerivedPlace> Take(const DerivedRoomPtr& room, size_t bytes) {
    size_t left = room->left_;
    do {
      if (left < bytes) return std::nullopt;
    } while (!room->left_.compare_exchange_weak(left, left - bytes));
    return DerivedPlace(room, bytes);
  }
  DerivedPlace(DerivedPlace&& other) noexcept = default;
  DerivedPlace& operator=(DerivedPlace&& other) noexcept {
    std::swap(room_, other.room_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DerivedPlace() {
    if (room_ != nullptr) room_->left_ += bytes_;
  }

 private:
  DerivedPlace(DerivedRoomPtr room, size_t bytes) : room_(std::move(room)), bytes_(bytes) {}

  DerivedRoomPtr room_;
  size_t bytes_;
};

}  // namespace skiff
