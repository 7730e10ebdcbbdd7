#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class ServerMetricsTest : public ServerFixture {
 protected:
  std::string Scrape() { return Get("/metrics").response.body; }
};

bool Has(const std::string& text, std::string_view line) {
  return text.find("\n" + std::string(line) + "\n") != std::string::npos;
}

TEST_F(ServerMetricsTest, RequestsAreCountedByWhatTheyAskedFor) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  for (const char* name : {"a", "b", "c"})
    Post(path, R"({"metadata": {"name": ")" + std::string(name) + "\"}}");
  Get(path);
  Get(path + "/none");
  Ask("DELETE", "/apis/apps/v1/namespaces/default/deployments?dryRun=All");
  Get("/api/v1/namespaces/default/serviceaccounts/default/token");
  Get("/api/v1/namespaces/default/nonsense");
  const std::string text = Scrape();
  const std::string labels = R"(group="",version="v1",resource="configmaps",subresource="",)";
  EXPECT_TRUE(Has(text, "apiserver_request_total{verb=\"POST\",dry_run=\"\"," + labels +
                            R"(scope="resource",component="apiserver",code="201"} 3)"))
      << text;
  EXPECT_TRUE(Has(text, "apiserver_request_total{verb=\"LIST\",dry_run=\"\"," + labels +
                            R"(scope="namespace",component="apiserver",code="200"} 1)"));
  EXPECT_TRUE(Has(text, "apiserver_request_total{verb=\"GET\",dry_run=\"\"," + labels +
                            R"(scope="resource",component="apiserver",code="404"} 1)"));
  EXPECT_TRUE(Has(text, R"(apiserver_request_total{verb="DELETECOLLECTION",dry_run="All",)"
                        R"(group="apps",version="v1",resource="deployments",subresource="",)"
                        R"(scope="namespace",component="apiserver",code="200"} 1)"));
  EXPECT_TRUE(Has(text, R"(apiserver_request_total{verb="GET",dry_run="",group="",version="v1",)"
                        R"(resource="serviceaccounts",subresource="token",scope="resource",)"
                        R"(component="apiserver",code="405"} 1)"));
  EXPECT_EQ(text.find("nonsense"), std::string::npos);
  EXPECT_TRUE(Has(text, "apiserver_request_duration_seconds_count{verb=\"POST\",dry_run=\"\"," +
                            labels + R"(scope="resource",component="apiserver"} 3)"));
}

TEST_F(ServerMetricsTest, DeprecatedApisAreNamedOnceSomebodyAskedForThem) {
  const std::string family = "apiserver_requested_deprecated_apis";
  Get("/api/v1/namespaces/default/configmaps");
  EXPECT_EQ(Scrape().find(family), std::string::npos);
  Get("/api/v1/namespaces/default/endpoints");
  Get("/api/v1/endpoints");
  const std::string text = Scrape();
  EXPECT_TRUE(Has(text, family + R"({group="",version="v1",resource="endpoints",subresource="",)"
                                 R"(removed_release=""} 1)"))
      << text;
  EXPECT_EQ(text.find(family + R"({group="",version="v1",resource="configmaps")"),
            std::string::npos);
}

TEST_F(ServerMetricsTest, ConnectionsAndOddPathsAreCountedByTheirRoute) {
  const std::string pod = "/api/v1/namespaces/default/pods/none";
  Get(pod + "/log");
  Ask("POST", pod + "/exec");
  Ask("PUT", "/api/v1/watch/namespaces/default/pods/none");
  Ask("PUT", "/api/v1/watch/namespaces/default/pods/none/status");
  const std::string text = Scrape();
  for (const char* name : {"log", "exec"}) {
    EXPECT_TRUE(Has(text, R"(apiserver_request_total{verb="CONNECT",dry_run="",group="",)"
                          R"(version="v1",resource="pods",subresource=")" +
                              std::string(name) +
                              R"(",scope="resource",component="apiserver",code="404"} 1)"))
        << text;
  }
  EXPECT_TRUE(Has(text, R"(apiserver_request_total{verb="WATCH",dry_run="",group="",version="v1",)"
                        R"(resource="pods",subresource="",scope="resource",)"
                        R"(component="apiserver",code="405"} 1)"));
  EXPECT_TRUE(Has(text, R"(apiserver_request_total{verb="WATCH",dry_run="",group="",version="",)"
                        R"(resource="",subresource="",scope="",component="apiserver",)"
                        R"(code="404"} 1)"));
}

TEST_F(ServerMetricsTest, ObjectsAreCountedWhereTheyAreStored) {
  // Beside the one that the server makes itself.
  Post("/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "a"}})");
  const std::string text = Scrape();
  EXPECT_TRUE(Has(text, R"(apiserver_storage_objects{resource="configmaps"} 2)"));
  EXPECT_TRUE(Has(text, R"(apiserver_storage_objects{resource="namespaces"} 4)"));
  EXPECT_TRUE(Has(text, R"(apiserver_storage_objects{resource="deployments.apps"} 0)"));
  EXPECT_TRUE(Has(text,
                  "etcd_requests_total{operation=\"create\",group=\"\","
                  "resource=\"configmaps\"} 2"));
  EXPECT_TRUE(Has(text, R"(apiserver_current_inflight_requests{request_kind="mutating"} 0)"));
}

TEST_F(ServerMetricsTest, OnlyAnswersToReadsAreMeasured) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  const std::string body = R"({"metadata": {"name": "a"}})";
  Post(path, body);
  Get(path);
  Ask("DELETE", path + "/a");
  const std::string text = Scrape();
  EXPECT_NE(text.find("apiserver_response_sizes_count{verb=\"LIST\""), std::string::npos);
  EXPECT_EQ(text.find("apiserver_response_sizes_count{verb=\"POST\""), std::string::npos);
  EXPECT_EQ(text.find("apiserver_response_sizes_count{verb=\"DELETE\""), std::string::npos);
  EXPECT_TRUE(Has(text,
                  "apiserver_request_body_size_bytes_sum{group=\"\",resource=\"configmaps\","
                  "verb=\"create\"} " +
                      std::to_string(body.size())))
      << text;
  EXPECT_TRUE(Has(text, R"(apiserver_request_body_size_bytes_count{group="",)"
                        R"(resource="configmaps",verb="delete"} 1)"));
}

TEST_F(ServerMetricsTest, WhatItTakesToKnowAndToAllowAUserIsTimed) {
  Get("/api/v1/namespaces/default/configmaps");
  Ask("GET", "/api/v1/secrets", "", "", "alice");
  const std::string text = Scrape();
  const auto is_timed = [&](const std::string& family, const std::string& result) {
    return text.find("\n" + family + "_duration_seconds_count{result=\"" + result + "\"} ") !=
           std::string::npos;
  };
  EXPECT_TRUE(is_timed("authentication", "success")) << text;
  EXPECT_TRUE(is_timed("authorization", "allowed")) << text;
  EXPECT_TRUE(is_timed("authorization", "no-opinion")) << text;
}

TEST_F(ServerMetricsTest, SentEventsAreCounted) {
  Post("/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "a"}})");
  {
    auto watch = Get("/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=0");
    ASSERT_TRUE(watch.response.stream);
    watch.response.stream->Attach([] {});
    std::vector<http::SharedBytes> out;
    watch.response.stream->Pull(1 << 20, out);
    ASSERT_FALSE(out.empty());
  }
  const std::string text = Scrape();
  EXPECT_NE(text.find(R"(apiserver_watch_events_total{group="",version="v1",)"
                      R"(resource="configmaps"})"),
            std::string::npos)
      << text;
}

TEST_F(ServerMetricsTest, TheScopeOfAWatchIsWhatItNames) {
  const std::string begin =
      "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&"
      "resourceVersionMatch=NotOlderThan";
  const auto watch = [&](const std::string& path, const std::string& more = "") {
    auto answer = Get(path + "?" + begin + more);
    ASSERT_TRUE(answer.response.stream);
    answer.response.stream->Attach([] {});
    const auto events = Events(answer.response);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back()["type"], "BOOKMARK");
  };
  watch("/api/v1/configmaps");
  watch("/api/v1/namespaces/default/configmaps");
  watch("/api/v1/namespaces/default/configmaps", "&fieldSelector=metadata.name=a");
  const std::string text = Scrape();
  for (const char* scope : {"cluster", "namespace", "resource"}) {
    EXPECT_TRUE(Has(text, R"(apiserver_watch_list_duration_seconds_count{group="",version="v1",)"
                          R"(resource="configmaps",scope=")" +
                              std::string(scope) + "\"} 1"))
        << scope << "\n"
        << text;
  }
}

TEST_F(ServerMetricsTest, AddressesAndPortsOfServicesAreCounted) {
  const std::string path = "/api/v1/namespaces/default/services";
  const std::string ports = R"("ports": [{"port": 80}])";
  EXPECT_EQ(
      Post(path, R"({"metadata": {"name": "a"}, "spec": {"type": "NodePort", )" + ports + "}}")
          .code,
      201);
  const std::string text = Scrape();
  EXPECT_NE(text.find("kube_apiserver_clusterip_allocator_allocation_total{cidr="),
            std::string::npos)
      << text;
  EXPECT_TRUE(
      Has(text, R"(kube_apiserver_nodeport_allocator_allocation_total{scope="dynamic"} 1)"));
  EXPECT_TRUE(Has(text, "kube_apiserver_nodeport_allocator_allocated_ports 1"));
  EXPECT_TRUE(Has(text, "kube_apiserver_nodeport_allocator_available_ports 2767"));
}

TEST_F(ServerMetricsTest, OnlyThoseWhoMayReadThem) {
  EXPECT_EQ(Ask("GET", "/metrics", "", "", "alice").code, 403);
  EXPECT_EQ(Get("/metrics").response.content_type, "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(ServerMetricsTest, AWatchCountsWhileItLasts) {
  const std::string line =
      R"(apiserver_longrunning_requests{verb="WATCH",group="",version="v1",resource="pods",)"
      R"(subresource="",scope="namespace",component="apiserver"} )";
  {
    const auto watch = Get("/api/v1/namespaces/default/pods?watch=1");
    ASSERT_TRUE(watch.response.stream);
    EXPECT_TRUE(Has(Scrape(), line + "1"));
  }
  EXPECT_TRUE(Has(Scrape(), line + "0"));
}

}  // namespace
}  // namespace skiff
