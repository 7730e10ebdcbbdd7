// Text packed as gzip does: for clients that take it so, and for what is kept and seldom read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

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

// Back, of what somebody else packed, as it comes in pieces. Several packed texts in a row are one
// text. Errors are InternalError, in Go's words. Holds 48 KiB.
class GunzipStream {
 public:
  GunzipStream();
  ~GunzipStream();
  GunzipStream(const GunzipStream&) = delete;
  GunzipStream& operator=(const GunzipStream&) = delete;
  // Appends to `out` what `bytes` come to. Stops where that has more than `out_bytes_max` bytes,
  // and a few thousand at the most: a few packed bytes may be gigabytes.
  Result<> Add(std::string_view bytes, size_t out_bytes_max, std::string& out);
  // Nothing comes any more: fails where something is missing.
  Result<> End() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace skiff
