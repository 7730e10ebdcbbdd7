// The query of pods/log (PodLogOptions), checked, and as the kubelet is asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/text/time_text.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct LogOptions {
  std::string container;
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<int64_t> since_seconds;
  std::optional<Instant> since_time;
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;

  // The kubelet's query: in alphabetical order, "" when there is nothing to say.
  std::string KubeletQuery() const;
};

// BadRequest with Go's text for what does not parse, Invalid for what makes no sense.
Result<LogOptions> ParseLogOptions(const http::Request& request, const std::string& pod_name);

// The `ports` of pods/portforward; BadRequest for one that is no number.
Result<> CheckForwardedPorts(const http::Request& request);

}  // namespace skiff
