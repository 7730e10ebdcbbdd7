// `drain`: what it makes go, what keeps it from that, and what it waits for.
#include <gmock/gmock.h>

#include <set>

#include "api/codec/json.h"
#include "cli/json_text.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A server of one node and its pods, which go at once when they may.
class DrainTest : public ProgramTest {
 protected:
  DrainTest() {
    server_ = [this](const http::Request& request) { return Answer(request); };
  }

  Json& Pod(const std::string& name, const std::string& owner = "ReplicaSet") {
    Json& pod = pods_[name];
    pod = {{"apiVersion", "v1"},
           {"kind", "Pod"},
           {"metadata", {{"name", name}, {"namespace", "default"}, {"uid", "u-" + name}}},
           {"spec", Json::object()}};
    if (owner.empty()) return pod;
    pod["metadata"]["ownerReferences"] = Json::array({{{"apiVersion", "apps/v1"},
                                                       {"kind", owner},
                                                       {"name", "owner-of-" + name},
                                                       {"controller", true}}});
    return pod;
  }

  // The server's refusal to evict that pod; counted down.
  struct Refusal {
    int times = 1;
    int code = 429;
    Json status = {{"kind", "Status"}, {"reason", "TooManyRequests"}, {"message", "its budget"}};
  };

  std::map<std::string, Json> pods_;
  std::map<std::string, Refusal> refusals_;
  std::set<std::string> daemon_sets_;
  std::vector<std::string> evicted_;
  std::vector<std::string> deleted_;

 private:
  static http::Response Missing(const std::string& what) {
    http::Response response;
    response.status = 404;
    response.body =
        Json{{"kind", "Status"}, {"reason", "NotFound"}, {"message", what + " not found"}}.dump();
    return response;
  }

  http::Response Answer(const http::Request& request) {
    http::Response response;
    const std::string& path = request.path;
    const std::string name = path.substr(path.rfind('/') + 1);
    if (path == "/api") {
      response.body = R"({"versions": ["v1"]})";
    } else if (path == "/apis") {
      response.body =
          R"({"groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version":
             "v1"}], "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"}}]})";
    } else if (path == "/api/v1") {
      response.body =
          R"({"resources": [{"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get", "list"]},
             {"name": "nodes", "kind": "Node", "namespaced": false, "verbs": ["get", "list"]}]})";
    } else if (path == "/apis/apps/v1") {
      response.body = R"({"resources": [{"name": "daemonsets", "kind": "DaemonSet", "namespaced":
                         true, "verbs": ["get", "list"]}]})";
    } else if (path.find("/daemonsets/") != path.npos) {
      if (!daemon_sets_.contains(name)) return Missing("daemonsets.apps \"" + name + "\"");
      response.body = R"({"kind": "DaemonSet"})";
    } else if (path.ends_with("/eviction")) {
      return Evict(path.substr(0, path.size() - std::string("/eviction").size()));
    } else if (path.ends_with("/pods")) {
      response.body = Listed(std::string(request.Query("fieldSelector").value_or("")));
    } else if (path.find("/pods/") != path.npos) {
      if (!pods_.contains(name)) return Missing("pods \"" + name + "\"");
      response.body = pods_[name].dump();
      if (request.method == "DELETE") {
        deleted_.push_back(name);
        pods_.erase(name);
      }
    } else {
      response.body = R"({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}})";
    }
    return response;
  }

  std::string Listed(const std::string& fields) {
    Json items = Json::array();
    for (const auto& [name, pod] : pods_) {
      if (fields == "metadata.name=" + name || fields.starts_with("spec.nodeName=")) {
        items.push_back(pod);
      }
    }
    return Json{{"items", items}, {"metadata", {{"resourceVersion", "7"}}}}.dump();
  }

  http::Response Evict(const std::string& path) {
    http::Response response;
    const std::string name = path.substr(path.rfind('/') + 1);
    if (const auto found = refusals_.find(name); found != refusals_.end()) {
      if (found->second.times-- > 0) {
        response.status = found->second.code;
        response.body = found->second.status.dump();
        return response;
      }
    }
    evicted_.push_back(name);
    if (At(pods_[name], "metadata", "deletionTimestamp").is_null()) pods_.erase(name);
    response.body = R"({"kind": "Status", "status": "Success"})";
    return response;
  }
};

// A kubelet that is away never ends it.
TEST_F(DrainTest, APodThatHasBeenGoingForLongIsNotWaitedFor) {
  Pod("p");
  const auto answer = server_;
  server_ = [&](const http::Request& request) {
    if (request.path.ends_with("/eviction")) {
      pods_["p"]["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z";
    }
    return answer(request);
  };
  EXPECT_EQ(Run("drain", {"n", "--skip-wait-for-delete-timeout=1"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("evicting pod default/p\n"
                              "pod \"p\" has DeletionTimestamp older than 1 seconds, "
                              "skipping\nnode/n drained\n"));
}

TEST_F(DrainTest, APodThatABudgetHoldsBackKeepsNoOtherFromGoing) {
  Pod("a");
  Pod("b");
  refusals_["a"] = {.times = 2};
  EXPECT_EQ(Run("drain", {"n"}), 0) << err_;
  EXPECT_THAT(evicted_, ElementsAre("b", "a"));
  EXPECT_EQ(pauses_, 2);
  EXPECT_THAT(err_, HasSubstr("error when evicting pods/\"a\" -n \"default\" (will retry after "
                              "5s): its budget\n"));
  EXPECT_THAT(out_, HasSubstr("evicting pod default/b\npod/b evicted\nevicting pod default/a\n"))
      << "who waits for one sees the other go";
  EXPECT_THAT(out_, HasSubstr("evicting pod default/a\npod/a evicted\nnode/n drained\n"));
}

TEST_F(DrainTest, WhatIsNoNodeIsNotMarked) {
  Pod("a");
  for (const char* verb : {"cordon", "uncordon", "drain"}) {
    EXPECT_EQ(Run(verb, {"pod/a"}), 1);
    EXPECT_EQ(err_, "error: expected resource of type node, got \"/v1, Resource=pods\"\n");
    EXPECT_EQ(Run(verb, {"n", "pod/a"}), 1);
    EXPECT_EQ(err_, "error: you may only specify a single resource type\n");
  }
  EXPECT_EQ(out_, "");
}

TEST_F(DrainTest, WhatWentWrongWithOnePodIsToldWhenTheOthersAreGone) {
  Pod("a");
  Pod("b");
  refusals_["a"] = {
      .code = 500,
      .status = {{"kind", "Status"}, {"reason", "InternalError"}, {"message", "two budgets"}}};
  EXPECT_EQ(Run("drain", {"n"}), 1);
  EXPECT_THAT(evicted_, ElementsAre("b"));
  const std::string why = "error when evicting pods/\"a\" -n \"default\": two budgets";
  EXPECT_EQ(err_, "There are pending pods in node \"n\" when an error occurred: " + why +
                      "\npod/a\nerror: unable to drain node \"n\" due to error: " + why +
                      ", continuing command...\nThere are pending nodes to be drained:\n n\n" +
                      why + "\n");
}

TEST_F(DrainTest, APodWhoseNamespaceEndsGoesWithIt) {
  Pod("a");
  refusals_["a"] = {
      .times = 1,
      .code = 403,
      .status = {
          {"kind", "Status"},
          {"reason", "Forbidden"},
          {"message", "it is being terminated"},
          {"details", {{"causes", Json::array({Json{{"reason", "NamespaceTerminating"}}})}}}}};
  EXPECT_EQ(Run("drain", {"n"}), 0) << err_;
  EXPECT_EQ(pauses_, 1);
  EXPECT_EQ(err_,
            "error when evicting pod \"a\" from terminating namespace \"default\" (will "
            "retry after 5s): it is being terminated\n");
}

TEST_F(DrainTest, APodThatADaemonSetLeftBehindGoesWhereThatIsForced) {
  Pod("left", "DaemonSet");
  Pod("kept", "DaemonSet");
  daemon_sets_ = {"owner-of-kept"};
  EXPECT_EQ(Run("drain", {"n", "--ignore-daemonsets"}), 1);
  EXPECT_THAT(err_, HasSubstr("\ncannot delete daemonsets.apps \"owner-of-left\" not found: "
                              "default/left\n"));
  EXPECT_THAT(evicted_, IsEmpty());
  EXPECT_EQ(Run("drain", {"n", "--ignore-daemonsets", "--force"}), 0);
  EXPECT_EQ(err_, "Warning: ignoring DaemonSet-managed Pods: default/kept\n");
  EXPECT_THAT(evicted_, ElementsAre("left"));
}

TEST_F(DrainTest, EachCauseHasItsLineAndEachPodTheFirstOfIts) {
  Pod("a", "")["spec"]["volumes"] = Json::array({{{"name", "v"}, {"emptyDir", Json::object()}}});
  Pod("b", "");
  EXPECT_EQ(Run("drain", {"n"}), 1);
  const std::string alone =
      "cannot delete Pods that declare no controller (use --force to override): default/b";
  const std::string local =
      "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/a";
  EXPECT_EQ(err_, "error: unable to drain node \"n\" due to error: [" + alone + ", " + local +
                      "], continuing command...\nThere are pending nodes to be drained:\n n\n" +
                      alone + "\n" + local + "\n");
}

TEST_F(DrainTest, ANodeThatCannotBeMarkedIsToldAndDrainedAllTheSame) {
  Pod("a");
  const auto answer = server_;
  server_ = [&](const http::Request& request) {
    if (request.method != "PATCH") return answer(request);
    http::Response response;
    response.status = 403;
    response.body = R"({"kind": "Status", "reason": "Forbidden", "message": "not for you"})";
    return response;
  };
  EXPECT_EQ(Run("cordon", {"n", "m"}), 0) << "as kubectl";
  EXPECT_EQ(err_,
            "error: unable to cordon node \"n\": not for you\n"
            "error: unable to cordon node \"m\": not for you\n");
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run("drain", {"n"}), 0) << "as kubectl";
  EXPECT_EQ(err_, "error: unable to cordon node \"n\": not for you\n");
  EXPECT_THAT(evicted_, ElementsAre("a"));
  EXPECT_THAT(out_, HasSubstr("node/n drained\n"));
}

// As they have who were given what a drain needs, and no more.
TEST_F(DrainTest, WhoMayNotWatchPodsAsksForThem) {
  Pod("a");
  const auto answer = server_;
  int asked = 0;
  server_ = [&, answer](const http::Request& request) {
    http::Response response;
    if (request.Query("fieldSelector").value_or("") == "metadata.name=a") {
      response.status = 403;
      response.body = R"({"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403})";
      return response;
    }
    // It takes two moments to go.
    if (request.path.ends_with("/pods/a") && ++asked <= 2) {
      response.body = R"({"kind": "Pod", "metadata": {"name": "a", "uid": "u-a"}})";
      return response;
    }
    return answer(request);
  };
  EXPECT_EQ(Run("drain", {"n"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("pod/a evicted\nnode/n drained\n"));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(pauses_, 2);
}

// Between two looks at a node its taints may have changed by somebody else's hand.
TEST_F(DrainTest, TaintsOfANodeThatChangesMeanwhileAreNotLost) {
  int patches = 0;
  Json sent;
  const auto answer = server_;
  server_ = [&](const http::Request& request) {
    if (!request.path.ends_with("/nodes/n")) return answer(request);
    http::Response response;
    Json node = {{"kind", "Node"},
                 {"apiVersion", "v1"},
                 {"metadata", {{"name", "n"}, {"resourceVersion", std::to_string(patches + 1)}}}};
    if (patches > 0) {
      node["spec"]["taints"] = Json::array({{{"key", "theirs"}, {"effect", "NoExecute"}}});
    }
    response.body = node.dump();
    if (request.method == "PATCH" && ++patches == 1) {
      response.status = 409;
      response.body = R"({"kind": "Status", "reason": "Conflict", "message": "it has changed"})";
    }
    if (request.method == "PATCH") sent = *ParseJson(request.Body());
    return response;
  };
  EXPECT_EQ(Run("taint", {"node", "n", "a=b:NoSchedule"}), 0) << err_;
  EXPECT_EQ(out_, "node/n tainted\n");
  EXPECT_EQ(patches, 2);
  EXPECT_EQ(TextAt(sent, "metadata", "resourceVersion"), "2");
  const Json& taints = At(sent, "spec", "taints");
  ASSERT_EQ(taints.size(), 2u);
  EXPECT_EQ(TextAt(taints[1], "key"), "theirs");
}

// As kubectl's: whoever says --all or a selector has said which nodes.
TEST_F(DrainTest, NamesBesideAllNodesSayNothing) {
  std::vector<std::string> patched;
  server_ = [&](const http::Request& request) {
    http::Response response;
    const Json node = {{"kind", "Node"}, {"apiVersion", "v1"}, {"metadata", {{"name", "n"}}}};
    response.body = request.path.ends_with("/nodes")
                        ? Json{{"kind", "NodeList"}, {"items", {node}}}.dump()
                        : node.dump();
    if (request.method == "PATCH") patched.push_back(request.path);
    return response;
  };
  for (const char* which : {"--all", "--selector=a=b"}) {
    EXPECT_EQ(Run("taint", {"node", "other", "a=b:NoSchedule", which}), 0) << err_;
    EXPECT_EQ(out_, "node/n tainted\n") << which;
  }
  EXPECT_THAT(patched, ElementsAre("/api/v1/nodes/n", "/api/v1/nodes/n"));
}

TEST_F(DrainTest, WithoutEvictionsPodsAreDeleted) {
  Pod("a");
  EXPECT_EQ(Run("drain", {"n", "--disable-eviction"}), 0) << err_;
  EXPECT_THAT(deleted_, ElementsAre("a"));
  EXPECT_THAT(out_, HasSubstr("pod/a deleted\nnode/n drained\n"));
  EXPECT_THAT(out_, Not(HasSubstr("evict")));
}

}  // namespace
}  // namespace skiff::cli
