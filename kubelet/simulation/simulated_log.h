// What a simulated container has to say: a few lines, in the runtime's own format.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "http/stream.h"
#include "kubelet/cri.h"
#include "kubelet/streaming/log_file.h"
#include "kubelet/streaming/log_followers.h"

namespace skiff::kubelet {

// Its log so far, in CRI's format: that it started, and when it has ended how. Pure.
std::string SimulatedLog(const core_v1::Pod& pod, const cri::ContainerStatus& container);

// What a client that asked like this is shown of a log in CRI's format. Pure.
std::string ShownLog(std::string_view log, const LogOptions& options);

// Sends the log, and to who follows it what comes until the container has ended. `read` is the log
// as it is now, and does not block; `container` is nullptr unless it is followed.
class SimulatedLogStream final : public http::StreamSource {
 public:
  SimulatedLogStream(std::function<std::string()> read, LogOptions options,
                     std::shared_ptr<FollowedContainer> container)
      : read_(std::move(read)), options_(options), container_(std::move(container)) {}
  void Attach(http::Waker waker) override;
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override;

 private:
  const std::function<std::string()> read_;
  LogOptions options_;
  const std::shared_ptr<FollowedContainer> container_;
  size_t read_bytes_ = 0;  // Of the log.
};

}  // namespace skiff::kubelet
