#include "cli/one_saying.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

// Which of a ReplicaSet's pods is the first for kubectl 1.35.
class FindPodTest : public ProgramTest {
 protected:
  struct Chosen {
    std::string for_commands;
    std::string for_logs;
  };
  Chosen Of(const char* pods) {
    server_ = ServerOf("apps", {{"replicasets", "ReplicaSet"}},
                       {{"/apis/apps/v1/namespaces/default/replicasets/r",
                         R"({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata":
                             {"name": "r"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}})"},
                        {"/api/v1/namespaces/default/pods", pods}});
    Chosen chosen;
    for (const auto& [verb, name] :
         {std::pair("attach", &chosen.for_commands), std::pair("logs", &chosen.for_logs)}) {
      EXPECT_EQ(Run(verb, {"rs/r", "-c", "none"}), 1);
      const std::string before = verb == std::string("logs") ? "using pod/" : "in pod ";
      const size_t at = err_.find(before);
      if (at == std::string::npos) return {err_, err_};
      const size_t begin = at + before.size();
      *name = err_.substr(begin, err_.find_first_of("_\n", begin) - begin);
    }
    return chosen;
  }
};

TEST_F(FindPodTest, CommandsGoToOneThatRunsAndLogsMayBeOfOneThatHasEnded) {
  const Chosen chosen = Of(R"({"items": [
      {"metadata": {"name": "runs", "creationTimestamp": "2026-01-02T00:00:00Z"},
       "spec": {"nodeName": "n"}, "status": {"phase": "Running"}},
      {"metadata": {"name": "ended", "creationTimestamp": "2026-01-01T00:00:00Z"},
       "spec": {"nodeName": "n"}, "status": {"phase": "Failed"}}]})");
  EXPECT_EQ(chosen.for_commands, "runs");
  EXPECT_EQ(chosen.for_logs, "ended");
}

TEST_F(FindPodTest, CommandsGoToOneThatStays) {
  const Chosen chosen = Of(R"({"items": [
      {"metadata": {"name": "stays", "creationTimestamp": "2026-01-02T00:00:00Z"},
       "spec": {"nodeName": "n"}, "status": {"phase": "Running"}},
      {"metadata": {"name": "leaves", "creationTimestamp": "2026-01-01T00:00:00Z",
                    "deletionTimestamp": "2026-01-03T00:00:00Z"},
       "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}]})");
  EXPECT_EQ(chosen.for_commands, "stays");
  EXPECT_EQ(chosen.for_logs, "leaves");
}

TEST_F(FindPodTest, OneThatIsNotThereYetIsAwaited) {
  int watches = 0;
  const auto answers =
      ServerOf("apps", {{"replicasets", "ReplicaSet"}},
               {{"/apis/apps/v1/namespaces/default/replicasets/r",
                 R"({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "r"},
                     "spec": {"selector": {"matchLabels": {"a": "b"}}}})"},
                {"/api/v1/namespaces/default/pods",
                 R"({"metadata": {"resourceVersion": "7"}, "items": []})"}});
  server_ = [&](const http::Request& request) {
    if (!request.Query("watch")) return answers(request);
    EXPECT_EQ(request.path, "/api/v1/namespaces/default/pods");
    EXPECT_EQ(request.Query("labelSelector"), "a=b");
    EXPECT_EQ(request.Query("resourceVersion"), "7");
    http::Response response;
    response.status = 200;
    response.stream = std::make_unique<OneSaying>(
        ++watches == 1 ? ""
                       : R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"late"},)"
                         R"("spec":{"containers":[{"name":"c"}]}}})"
                         "\n");
    return response;
  };
  EXPECT_EQ(Run("attach", {"rs/r", "-c", "none"}), 1);
  EXPECT_EQ(watches, 2) << "the first was closed";
  EXPECT_EQ(pauses_, 1) << "in between";
  EXPECT_NE(err_.find("late"), std::string::npos) << err_;
  EXPECT_EQ(Run("attach", {"rs/r", "--pod-running-timeout=1ns"}), 1);
  EXPECT_EQ(err_, "error: timed out waiting for the condition\n");
}

TEST_F(FindPodTest, WhatSelectsNoPodsIsToldByItsType) {
  server_ = ServerOf("", {},
                     {{"/api/v1/namespaces/default/services/ext",
                       R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ext"}})"},
                      {"/api/v1/nodes/n",
                       R"({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})"}});
  EXPECT_EQ(Run("port-forward", {"svc/ext", "1:1"}), 1);
  EXPECT_EQ(err_,
            "error: cannot attach to *v1.Service: invalid service 'ext': Service is defined "
            "without a selector\n");
  EXPECT_EQ(Run("logs", {"svc/ext"}), 1);
  EXPECT_EQ(err_,
            "error: cannot get the logs from *v1.Service: invalid service 'ext': Service is "
            "defined without a selector\n");
  EXPECT_EQ(Run("logs", {"node/n"}), 1);
  EXPECT_EQ(err_,
            "error: cannot get the logs from *v1.Node: selector for *v1.Node not implemented\n");
}

TEST_F(FindPodTest, RestartsOfSidecarsCountAfterThoseOfContainers) {
  const Chosen chosen = Of(R"({"items": [
      {"metadata": {"name": "calm"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running",
       "initContainerStatuses": [{"name": "i", "restartCount": 9}]}},
      {"metadata": {"name": "busy"},
       "spec": {"nodeName": "n", "initContainers": [{"name": "s", "restartPolicy": "Always"}]},
       "status": {"phase": "Running",
                  "initContainerStatuses": [{"name": "s", "restartCount": 1}]}}]})");
  EXPECT_EQ(chosen.for_commands, "calm");
  EXPECT_EQ(chosen.for_logs, "busy");
}

}  // namespace
}  // namespace skiff::cli
