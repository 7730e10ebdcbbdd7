#include "e2e/simulation/simulated_http.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff {
namespace {

constexpr uint64_t kAnswerMsMax = 300;

// Says at its due time what the container answers by then.
class HttpAttempt final : public kubelet::ProbeAttempt, public ControlLoop {
 public:
  struct Request {
    std::string container_id;
    std::string path;
    Duration answered_at{};  // Monotonic.
    Duration given_up_at{};
  };
  HttpAttempt(const SimulatedHttp& http, Request request,
          std::function<void(kubelet::ProbeOutcome)> done)
      : http_(http), request_(std::move(request)), done_(std::move(done)) {
    http_.executor.Add(*this);
  }
  ~HttpAttempt() override { http_.executor.Remove(*this); }

  Duration Step() override {
    if (!done_) return kNever;
    const Duration now = http_.clock.Monotonic();
    if (now < request_.answered_at) return request_.answered_at - now;
    const auto status = http_.get(request_.container_id, request_.path);
    if (!status && now < request_.given_up_at) return request_.given_up_at - now;
    const auto done = std::exchange(done_, nullptr);
    if (!status) {
      done({false, "context deadline exceeded", ""});
    } else if (*status < 200 || *status >= 400) {
      done({false, fmt::format("HTTP probe failed with statuscode: {}", *status), ""});
    } else {
      done({true, "", ""});
    }
    return kNever;
  }

 private:
  const SimulatedHttp http_;
  const Request request_;
  std::function<void(kubelet::ProbeOutcome)> done_;
};

}  // namespace

std::unique_ptr<kubelet::ProbeAttempt> SimulatedHttp::Start(
    const core_v1::Probe& probe, const kubelet::ProbeSubject& subject,
    std::function<void(kubelet::ProbeOutcome)> done) const {
  const Duration now = clock.Monotonic();
  return std::make_unique<HttpAttempt>(
      *this,
      HttpAttempt::Request{subject.container_id, probe.http_get->path,
                       now + std::chrono::milliseconds(random.Below(kAnswerMsMax)),
                       now + std::chrono::seconds(std::max(1, probe.timeout_seconds))},
      std::move(done));
}

}  // namespace skiff
