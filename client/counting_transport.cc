#include "client/counting_transport.h"

#include <utility>
#include <vector>

namespace skiff {
namespace {

const std::vector<double> kSizes = {64,    256,    512,     1024,    4096,    16384,
                                    65536, 262144, 1048576, 4194304, 16777216};

class CountingTransport final : public Transport {
 public:
  CountingTransport(std::unique_ptr<Transport> below, std::string host, const Clock& clock,
                    RequestMetrics metrics)
      : below_(std::move(below)), host_(std::move(host)), clock_(clock), metrics_(metrics) {}
  // What is watched has its answer when it begins, as in client-go.
  http::Response Send(http::Request request) override {
    const std::string method = request.method;
    metrics_.request_sizes.Observe({host_, method}, static_cast<double>(request.body.size()));
    const Duration begun = clock_.Monotonic();
    http::Response answer = below_->Send(std::move(request));
    const Duration took = clock_.Monotonic() - begun;
    metrics_.requests.Add({std::to_string(answer.status), host_, method});
    metrics_.durations.Observe({host_, method}, std::chrono::duration<double>(took).count());
    if (!answer.stream && !answer.upgrade) {
      metrics_.answer_sizes.Observe({host_, method}, static_cast<double>(answer.body.size()));
    }
    return answer;
  }

 private:
  const std::unique_ptr<Transport> below_;
  const std::string host_;
  const Clock& clock_;
  const RequestMetrics metrics_;
};

}  // namespace

RequestMetrics::RequestMetrics(MetricRegistry& metrics)
    : requests(metrics.AddCounter(
          {"rest_client_requests_total",
           "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.",
           {"code", "host", "method"}})),
      durations(metrics.AddHistogram(
          {"rest_client_request_duration_seconds",
           "[ALPHA] Request latency in seconds. Broken down by verb, and host.",
           {"host", "verb"}},
          {0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0})),
      request_sizes(metrics.AddHistogram({"rest_client_request_size_bytes",
                                          "[ALPHA] Request size in bytes. Broken down by verb and "
                                          "host.",
                                          {"host", "verb"}},
                                         kSizes)),
      answer_sizes(metrics.AddHistogram({"rest_client_response_size_bytes",
                                         "[ALPHA] Response size in bytes, but of what is streamed. "
                                         "Broken down by verb and host.",
                                         {"host", "verb"}},
                                        kSizes)) {}

std::string HostOfServer(const std::string& url) {
  constexpr std::string_view kScheme = "://";
  const size_t scheme = url.find(kScheme);
  const size_t begin = scheme == url.npos ? 0 : scheme + kScheme.size();
  return url.substr(begin, url.find('/', begin) - begin);
}

std::unique_ptr<Transport> MakeCountingTransport(std::unique_ptr<Transport> below, std::string host,
                                                 const Clock& clock, RequestMetrics metrics) {
  return std::make_unique<CountingTransport>(std::move(below), std::move(host), clock, metrics);
}

}  // namespace skiff
