// Answers of others, kept for as long as they allow (RFC 1035, 2308), as messages ready to be sent:
// only the id, the client's spelling of the name, the flags and the TTLs are put in.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "dns/address_run.h"
#include "dns/answer.h"
#include "dns/record_copy.h"

namespace skiff::dns {

// Names a cached message: the question, and the flags that change what others answer.
class CacheKey {
 public:
  CacheKey(const Name& lower, uint16_t type, bool dnssec_ok, bool checking_disabled);
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, Name::kBytesMax + 3> bytes_;
  size_t size_;
};

struct CacheTimes {
  uint32_t positive_max_s = 3600;
  uint32_t negative_max_s = 1800;
  uint32_t failure_s = 5;  // RFC 2308, 7.1: at most five minutes.
};

// One answer. Immutable.
class CachedMessage {
 public:
  // `from`: an answer to `query` for `target`, checked to be one. nullptr when it is malformed.
  static std::shared_ptr<const CachedMessage> Make(Bytes from, const Name& target, uint16_t type,
                                                   Duration now, const CacheTimes& times);
  bool expired(Duration now) const { return now >= expires_; }
  // How long a reply of now stays as it is: its TTLs count down once a second.
  Duration UnchangedUntil(Duration now) const;
  // Whether it may be kept at all; others were answered with it once.
  bool lasts() const { return expires_ > made_; }
  Rcode rcode() const { return static_cast<Rcode>(wire_[3] & flag::kRcodeMask); }

  // The reply to `query`, which asks for the name this was made for.
  Bytes Reply(const Query& query, const ZoneOptions& options, bool tcp, Duration now,
              uint64_t random, std::span<uint8_t> space) const;
  // The reply to a query whose name leads to this one by `aliases`; the last of them is ours.
  Bytes ReplyBehind(const std::vector<Name>& aliases, const Query& query,
                    const ZoneOptions& options, bool tcp, Duration now,
                    std::span<uint8_t> space) const;
  size_t size() const { return wire_.size(); }

  CachedMessage() = default;  // For Make.

 private:
  void SetTimes(Duration now, const CacheTimes& times);
  size_t QuestionEnd() const;
  void CountDown(Duration now, std::span<uint8_t> message) const;
  // How many records fit into this many bytes.
  size_t FittingRecords(size_t bytes) const;

  std::vector<uint8_t> wire_;
  std::vector<RecordMark> marks_;
  AddressRun run_;
  Duration made_{};
  Duration expires_{};
};

// Thread-safe. Bounded: the entry that was not asked for longest (by the second-chance rule) goes.
class Cache {
 public:
  static constexpr size_t kMessageBytesMax = 8 << 10;  // Longer ones are not kept.

  // 0 keeps nothing.
  explicit Cache(size_t entries_max);
  std::shared_ptr<const CachedMessage> Find(const CacheKey& key, Duration now);
  void Put(const CacheKey& key, std::shared_ptr<const CachedMessage> message);
  size_t size() const;

 private:
  static constexpr size_t kShards = 16;
  struct Entry {
    std::string key;
    std::shared_ptr<const CachedMessage> message;
    bool used = false;  // Since the hand passed.
  };
  struct alignas(64) Shard {
    mutable Mutex mutex;
    std::vector<Entry> entries GUARDED_BY(mutex);  // Never more than its share.
    std::unordered_map<std::string_view, size_t> index GUARDED_BY(mutex);  // Keys lie in `entries`.
    size_t hand GUARDED_BY(mutex) = 0;
  };
  Shard& ShardOf(const CacheKey& key);

  const size_t entries_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace skiff::dns
