#include "client/counting_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::HasSubstr;

TEST(CountingTransportTest, ServersAreCalledByHostAndPort) {
  EXPECT_EQ(HostOfServer("https://127.0.0.1:6443"), "127.0.0.1:6443");
  EXPECT_EQ(HostOfServer("https://[::1]:6443/"), "[::1]:6443");
  EXPECT_EQ(HostOfServer("https://api.example/clusters/one"), "api.example");
  EXPECT_EQ(HostOfServer("localhost:8080"), "localhost:8080");
}

TEST(CountingTransportTest, WhatIsSentIsCountedByMethodAndCode) {
  MetricRegistry registry;
  FakeClock clock;
  const auto counting =
      MakeCountingTransport(std::make_unique<InProcessTransport>([&](const http::Request&) {
                              clock.Advance(200ms);
                              return http::Response{.status = 404, .body = "none"};
                            }),
                            "host", clock, RequestMetrics(registry));
  http::Request request;
  request.method = "GET";
  EXPECT_EQ(counting->Send(request).status, 404);
  const std::string text = registry.Text();
  EXPECT_THAT(text,
              HasSubstr(R"(rest_client_requests_total{code="404",host="host",method="GET"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(rest_client_request_duration_seconds_bucket{host="host",)"
                              R"(verb="GET",le="0.25"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(rest_client_response_size_bytes_sum{host="host",verb="GET"} 4)"));
}

}  // namespace
}  // namespace skiff
