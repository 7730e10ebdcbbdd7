// What one part of a process gives another where text would go between machines: http::Request and
// http::Response carry it, api/codec/handed.h says what it may be.
#pragma once

#include <cstddef>
#include <string>

namespace skiff {

// One thread at a time.
class Handed {
 public:
  virtual ~Handed() = default;
  // What is sent in its place to another process; made when it is asked for first.
  virtual const std::string& Text() const = 0;
  // How long that is.
  virtual size_t TextBytes() const { return Text().size(); }
};

}  // namespace skiff
