// Text packed as gzip does: for clients that take it so, and for what is kept and seldom read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace skiff {

enum class GzipLevel : int { kFastest = 1, kSmallest = 9 };

// The same text makes the same bytes at each level: no time is written.
std::string Gzip(std::string_view text, GzipLevel level = GzipLevel::kFastest);
// Back; "" on text that is not gzip. Whatever it comes to is held: for what was packed here.
std::string Gunzip(std::string_view bytes);

// gzip of a text that comes in pieces. Holds a quarter of a megabyte.
class GzipStream {
 public:
  GzipStream();
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  // Appends to `out` what there is by now of the text up to and with `text`; all of it where that
  // is the last. Nothing once it has failed, for want of memory.
  void Add(std::string_view text, bool is_last, std::string& out);
  bool failed() const { return failed_; }

 private:
  struct State;
  const std::unique_ptr<State> state_;
  bool failed_ = false;
};

}  // namespace skiff
