// What client-go counts of the requests that a program sends, around the transport that sends them.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "client/transport.h"

namespace skiff {

// client-go's rest_client_requests_total, and how long requests take and how large they and their
// answers are; once a registry.
struct RequestMetrics {
  explicit RequestMetrics(MetricRegistry& metrics);
  CounterFamily& requests;
  HistogramFamily& durations;
  HistogramFamily& request_sizes;
  HistogramFamily& answer_sizes;
};

// "127.0.0.1:6443" of "https://127.0.0.1:6443": what metrics call a server.
std::string HostOfServer(const std::string& url);

// Counts there what is sent, as of that host.
std::unique_ptr<Transport> MakeCountingTransport(std::unique_ptr<Transport> below, std::string host,
                                                 const Clock& clock, RequestMetrics metrics);

}  // namespace skiff
