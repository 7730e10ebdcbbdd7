#include "kubelet/streaming/kubelet_paths.h"

#include <gtest/gtest.h>

#include "kubelet/streaming/kubelet_access.h"

namespace skiff::kubelet {
namespace {

http::Request RequestOf(const std::string& method, const std::string& path) {
  http::Request request;
  request.method = method;
  request.path = path;
  return request;
}

int Unserved(const std::string& path, const ServedPaths& served = {}) {
  const auto refused = RefuseUnserved(RequestOf("GET", path), served);
  return refused ? refused->status : 0;
}

int WrongMethod(const std::string& method, const std::string& path) {
  const auto refused = RefuseMethod(RequestOf(method, path), {});
  return refused ? refused->status : 0;
}

TEST(KubeletPaths, WhatIsNotServedIsNobodysToBeRefused) {
  for (const char* path : {"/", "/none", "/metrics/", "/metrics/none", "/healthz/none", "/flagz",
                           "/statusz", "/configz/", "/podsx"}) {
    EXPECT_EQ(Unserved(path), 404) << path;
  }
  for (const char* path : {"/stats", "/runningpods", "/checkpoint", "/logs"}) {
    EXPECT_EQ(Unserved(path), 307) << path;
  }
  for (const char* path : {"/healthz", "/healthz/ping", "/pods", "/pods/", "/exec/a/b/c",
                           "/metrics", "/metrics/probes", "/stats/none", "/configz",
                           "/runningpods/"}) {
    EXPECT_EQ(Unserved(path), 0) << path;
  }
  EXPECT_EQ(RefuseUnserved(RequestOf("GET", "/stats"), {})->Header("Location"), "/stats/");
}

TEST(KubeletPaths, EachFormHasItsMethods) {
  EXPECT_EQ(WrongMethod("POST", "/metrics"), 0);
  EXPECT_EQ(WrongMethod("POST", "/pods"), 405);
  EXPECT_EQ(WrongMethod("GET", "/pods/x"), 404);
  EXPECT_EQ(WrongMethod("GET", "/run/a/b/c"), 405);
  EXPECT_EQ(WrongMethod("POST", "/run/a/b/u/c"), 0);
  EXPECT_EQ(WrongMethod("GET", "/exec/a/b/c"), 0);
  EXPECT_EQ(WrongMethod("DELETE", "/exec/a/b/c"), 405);
  EXPECT_EQ(WrongMethod("GET", "/containerLogs/a/b"), 404);
  EXPECT_EQ(WrongMethod("GET", "/stats/"), 404);
  EXPECT_EQ(WrongMethod("POST", "/stats/summary"), 0);
  EXPECT_EQ(WrongMethod("PUT", "/stats/summary"), 405);
}

TEST(KubeletPaths, WhatIsTurnedOffSaysSo) {
  const auto said = [](const std::string& method, const std::string& path, ServedPaths served) {
    const auto refused = RefuseMethod(RequestOf(method, path), served);
    return refused && refused->status == 405 ? refused->body : "";
  };
  const ServedPaths off{.debugging = false};
  EXPECT_EQ(said("GET", "/logs/", {}), "");
  EXPECT_EQ(said("POST", "/logs/syslog", {}), "405: Method Not Allowed");
  EXPECT_EQ(said("POST", "/logs/syslog", {.system_logs = false}), "logs endpoint is disabled.\n");
  EXPECT_EQ(said("GET", "/debug/pprof/heap", {}), "profiling endpoint is disabled.\n");
  EXPECT_EQ(said("PUT", "/debug/flags/v", {}), "");
  EXPECT_EQ(said("PUT", "/debug/flags/v", {.debug_flags = false}), "flags endpoint is disabled.\n");
  for (const char* path : {"/exec/a/b/c", "/run/a/b/c", "/logs/", "/runningpods/",
                           "/containerLogs/a/b/c", "/debug/pprof/"}) {
    EXPECT_EQ(said("GET", path, off), "Debug endpoints are disabled.\n") << path;
    EXPECT_EQ(Unserved(path, off), 0) << path;
  }
  for (const char* path : {"/configz", "/debug/flags/v", "/checkpoint/a/b/c"}) {
    EXPECT_EQ(Unserved(path, off), 404) << path;
  }
  for (const char* path : {"/pods", "/stats/summary", "/metrics", "/healthz"}) {
    EXPECT_EQ(said("GET", path, off), "") << path;
    EXPECT_EQ(Unserved(path, off), 0) << path;
  }
}

TEST(KubeletPaths, RequestsAreCountedByWhatTheyAskFor) {
  EXPECT_EQ(ClassOf(RequestOf("GET", "/metrics/probes")).path, "metrics/probes");
  EXPECT_EQ(ClassOf(RequestOf("GET", "/exec/a/b/c")).path, "exec");
  EXPECT_TRUE(ClassOf(RequestOf("GET", "/exec/a/b/c")).is_long_running);
  // Whatever strangers make up is one.
  EXPECT_EQ(ClassOf(RequestOf("BREW", "/coffee")).path, "other");
  EXPECT_EQ(ClassOf(RequestOf("BREW", "/coffee")).method, "other");
}

TEST(KubeletPaths, EachBelongsToASubresourceOfTheNode) {
  using Names = std::vector<std::string_view>;
  EXPECT_EQ(SubresourcesOf("/pods"), (Names{"pods", "proxy"}));
  EXPECT_EQ(SubresourcesOf("/runningpods/"), (Names{"pods", "proxy"}));
  EXPECT_EQ(SubresourcesOf("/healthz/ping"), (Names{"healthz", "proxy"}));
  EXPECT_EQ(SubresourcesOf("/configz"), (Names{"configz", "proxy"}));
  EXPECT_EQ(SubresourcesOf("/metrics/cadvisor"), (Names{"metrics"}));
  EXPECT_EQ(SubresourcesOf("/stats/summary"), (Names{"stats"}));
  EXPECT_EQ(SubresourcesOf("/checkpoint/a/b/c"), (Names{"checkpoint"}));
  EXPECT_EQ(SubresourcesOf("/exec/a/b/c"), (Names{"proxy"}));
  EXPECT_EQ(SubresourcesOf("/logs/syslog"), (Names{"log"}));
  EXPECT_EQ(SubresourcesOf("/debug/flags/v"), (Names{"proxy"}));
  EXPECT_EQ(SubresourcesOf("/metricsx"), (Names{"proxy"}));
}

}  // namespace
}  // namespace skiff::kubelet
