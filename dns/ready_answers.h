// Replies that one thread has given, byte for byte, so that the same query again costs one look and
// one copy. Below them lie the view and the cache, which say how long a reply may be repeated:
//
//   query:  [id] flags, counts, question as the client spells it, EDNS     = the key
//   reply:  [id] ...   the id is put in, addresses change places, all else stays
//
// Belongs to one thread. Bounded: within a set of places, the reply nearest to its end goes.
#pragma once

#include <vector>

#include "base/clock.h"
#include "dns/address_run.h"

namespace skiff::dns {

class ReadyAnswers {
 public:
  static constexpr size_t kAnswersMax = 4096;
  static constexpr size_t kBytesMax = 1024;  // Of a query and its reply; longer ones are not kept.

  ReadyAnswers() { Clear(); }
  void Clear();
  // Writes the reply to `space` and returns it; empty when there is none from a view of this
  // `generation`, or it has ended. `space` holds any reply that was given.
  Bytes Find(Bytes query, uint64_t generation, Duration now, uint64_t random,
             std::span<uint8_t> space);
  // `reply` answers `query` until `until` (kNever: always) as long as the view is the same.
  void Put(Bytes query, Bytes reply, uint64_t generation, Duration now, Duration until);

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kSetsAtFirst = 16;

  struct Answer {
    size_t hash = 0;
    uint64_t generation = 0;
    Duration until{};  // Zero: the place is free.
    uint16_t query_bytes = 0;
    AddressRun run;
    std::vector<uint8_t> bytes;  // The query behind its id, then the reply.
  };
  std::span<Answer> SetOf(size_t hash);
  void Grow();

  std::vector<Answer> answers_;  // kWays places a set; a power of two of sets.
};

}  // namespace skiff::dns
