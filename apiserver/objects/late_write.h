// A write that is all that is left to do of a request, and that no thread waits for.
//
// Whoever serves a request that has a place for it may put the write there, say how it is answered,
// and give up with LeftToWrite, which nobody gets to see. The server has it stored; a request that
// loses a race by then (somebody was faster) is served again from the start, by a thread that
// waits. So whoever serves it must not have done anything yet that may not be done twice.
#pragma once

#include <functional>

#include "apiserver/storage/store.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct LateWrite {
  // Larger objects are a worker's to answer: loops of connections have no time for them.
  static constexpr size_t kBytesMax = 64 << 10;

  Write write;
  // Called on a loop once it is stored: answers from memory, in no time. Null: nothing was left.
  std::function<Result<http::Response>(const Written& written)> answer;
};

inline tl::unexpected<Error> LeftToWrite() {
  return Fail(Reason::kInternalError, "the write was left to the store");
}

}  // namespace skiff
