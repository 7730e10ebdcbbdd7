// What clients may hold of a server while nobody has yet said who they are: connections by address,
// and the bytes of requests from their arrival until they have been handled.
//
//   Intake intake({.bytes_max = 128 << 20, .bytes_per_address_max = 32 << 20});
//   Intake::Share share(intake, "192.0.2.1");
//   if (!share.Resize(buffer.capacity())) Refuse();        // The share stays as it was.
//   ... request handled, share destroyed ...               // The bytes are given back.
//
// Who has shown a certificate that verified is counted apart, so that strangers cannot take the
// room of those who are known.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace skiff::http {

// Gives back what the buffer holds, which `buffer = {}` would keep.
inline void LetGo(std::string& buffer) {
  std::string().swap(buffer);
}

// Thread-safe. Outlives its shares.
class Intake {
 public:
  struct Limits {
    size_t connections_per_address_max = 0;
    size_t bytes_max = 0;              // Of all strangers.
    size_t bytes_per_address_max = 0;  // Of the strangers at one address.
    size_t known_bytes_max = 0;        // Of all who are known.
  };

  // The bytes that a connection or a request holds.
  class Share {
   public:
    Share() = default;
    // `address` "": nobody's in particular, as of a local socket; only the totals count.
    Share(Intake& intake, std::string address) : intake_(&intake), address_(std::move(address)) {}
    Share(Share&& other) noexcept { *this = std::move(other); }
    Share& operator=(Share&& other) noexcept;
    ~Share();
    // Below `kFreeBytes` nothing is counted. False when it may not grow so far.
    bool Resize(size_t bytes);
    // Counts all of them, for what can be done without. False where it would leave less than half
    // of the room.
    bool TakeSpare(size_t bytes);
    // From now on counted with those who are known. Before the first Resize.
    void MarkKnown() { known_ = true; }
    // The same holder's next share, which holds nothing yet.
    Share Next() const;

   private:
    Intake* intake_ = nullptr;
    std::string address_;
    bool known_ = false;
    size_t bytes_ = 0;
  };

  // Requests of ordinary size always have room, whatever others hold: connections are bounded.
  static constexpr size_t kFreeBytes = 8 << 10;

  explicit Intake(const Limits& limits) : limits_(limits) {}

  // One more connection from there; false when there are too many, and nothing is counted.
  bool Connect(const std::string& address);
  void Disconnect(const std::string& address);
  size_t bytes() const;

 private:
  struct Held {
    size_t connections = 0;
    size_t bytes = 0;
  };
  // `part`: of the room, one in so many.
  bool Change(const std::string& address, bool known, size_t from, size_t to, size_t part = 1);
  void DropIfEmpty(const std::string& address) REQUIRES(mutex_);

  const Limits limits_;
  mutable Mutex mutex_;
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  size_t known_bytes_ GUARDED_BY(mutex_) = 0;
  // Addresses that hold anything.
  std::unordered_map<std::string, Held> by_address_ GUARDED_BY(mutex_);
};

}  // namespace skiff::http
