// The machine's logs: the files below a folder, as Go's file server shows them. Links are followed
// where they stay below it: pods may have written there, too.
#pragma once

#include <string>

#include "http/message.h"

namespace skiff::kubelet {

// Thread-safe.
class SystemLogs {
 public:
  static constexpr size_t kEntriesMax = 50'000;  // Of a folder that is shown; more is an error.
  explicit SystemLogs(std::string root) : root_(std::move(root)) {}
  // `request` is for a path below /logs/.
  http::Response Answer(const http::Request& request) const;

 private:
  const std::string root_;
};

}  // namespace skiff::kubelet
