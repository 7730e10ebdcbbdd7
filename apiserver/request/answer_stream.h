// An answer that is made as it is taken, and ends by itself: unlike a watch or a log it waits for
// nobody but its client.
#pragma once

#include <cstddef>

#include "http/message.h"

namespace skiff {

class AnswerStream : public http::StreamSource {
 public:
  // What it holds of what is not taken yet, at most.
  virtual size_t HeldBytesMax() const = 0;
  bool EndsByItself() const final { return true; }
};

// nullptr: the response is no such stream.
inline AnswerStream* AnswerStreamOf(const http::Response& response) {
  return dynamic_cast<AnswerStream*>(response.stream.get());
}

}  // namespace skiff
