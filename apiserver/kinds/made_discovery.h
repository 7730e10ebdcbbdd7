// Discovery documents that were made already: whoever asks again gets them from memory, on the loop
// that has his connection.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/kinds/served_kinds.h"
#include "base/mutex.h"
#include "http/message.h"

namespace skiff {

// Thread-safe.
class MadeDiscovery {
 public:
  // What the documents tell of. Of another state none is kept.
  struct State {
    std::shared_ptr<const Served> served;
    ApiServiceTablePtr others;
    bool operator==(const State&) const = default;
  };
  // `name`: all that the answer depends on beside the state.
  std::optional<http::Response> Find(const State& state, std::string_view name);
  void Keep(const State& state, std::string name, const http::Response& response);

 private:
  static constexpr size_t kBytesMax = 1 << 20;  // Past it all are let go.
  struct Made {
    http::Headers headers;
    std::string content_type;
    std::string body;
  };

  Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const Made>, std::less<>> made_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skiff
