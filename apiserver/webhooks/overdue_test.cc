// Requests whose time is over when webhooks have been asked.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "apiserver/webhooks/hook_fixture.h"
#include "base/text.h"

namespace skiff {
namespace {

// /hangs never answers, and who does not need it goes on without it, nor does /marked of what is
// being deleted; /refuses does at once.
class Overdue : public HookFixture, public http::Handler {
 protected:
  Overdue() { StartHook(*this); }
  ~Overdue() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      changed_.notify_all();
    }
    StopHook();
  }
  http::Response Handle(const http::Request& request) override {
    const Json review = Json::parse(request.body);
    const Json& old = review["request"]["oldObject"];
    const bool is_marked = old.is_object() && old["metadata"].contains("deletionTimestamp");
    if (request.path == "/hangs" || (request.path == "/marked" && is_marked)) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return over_; });
    }
    return Says(review, {{"allowed", request.path != "/refuses"}});
  }
  static Json Rules(const std::string& group, const std::string& resource) {
    return {{{"operations", {"*"}},
             {"apiGroups", {group}},
             {"apiVersions", {"v1"}},
             {"resources", {resource}}}};
  }
  void HangAt(const std::string& group, const std::string& resource) {
    Configure("validatingwebhookconfigurations", "hangs",
              {Hook("hangs", {{"failurePolicy", "Ignore"}, {"rules", Rules(group, resource)}})});
  }
  void ExpectOverdue(const std::string& method, const std::string& path, const std::string& body) {
    const Answer answer = Ask(method, path, body, "application/json");
    EXPECT_EQ(answer.code, 504) << method << " " << path;
    EXPECT_EQ(answer.message(), "Timeout: request did not complete within the allotted timeout");
  }

  const std::string maps_ = "/api/v1/namespaces/default/configmaps";
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
};

TEST_F(Overdue, ADryRunIsNotAnswered) {
  ASSERT_EQ(Post(maps_, R"({"metadata": {"name": "a"}})").code, 201);
  HangAt("", "configmaps");
  const std::string query = "?dryRun=All&timeout=50ms";
  ExpectOverdue("POST", maps_ + query, R"({"metadata": {"name": "b"}})");
  ExpectOverdue("PUT", maps_ + "/a" + query, R"({"metadata": {"name": "a"}, "data": {"b": "c"}})");
  ExpectOverdue("DELETE", maps_ + "/a" + query, "");
  ExpectOverdue("DELETE", maps_ + query, "");
  // Nor is what changes nothing.
  ExpectOverdue("PUT", maps_ + "/a?timeout=50ms", R"({"metadata": {"name": "a"}})");
}

TEST_F(Overdue, AReviewIsNotAnswered) {
  HangAt("authorization.k8s.io", "subjectaccessreviews");
  ExpectOverdue(
      "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews?timeout=50ms",
      R"({"spec": {"user": "ann", "nonResourceAttributes": {"path": "/", "verb": "get"}}})");
}

TEST_F(Overdue, NoTokenIsIssued) {
  const std::string accounts = "/api/v1/namespaces/default/serviceaccounts";
  ASSERT_EQ(Post(accounts, R"({"metadata": {"name": "a"}})").code, 201);
  HangAt("", "serviceaccounts/token");
  ExpectOverdue("POST", accounts + "/a/token?timeout=50ms", R"({"spec": {}})");
}

TEST_F(Overdue, NothingIsTakenFromADisruptionBudget) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  const std::string budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/few";
  ASSERT_EQ(Post(pods, R"({"metadata": {"name": "a", "labels": {"app": "a"}},
                           "spec": {"containers": [{"name": "c", "image": "i"}]}})")
                .code,
            201);
  ASSERT_EQ(Ask("PATCH", pods + "/a/status",
                R"({"status": {"phase": "Running",
                               "conditions": [{"type": "Ready", "status": "True"}]}})",
                "application/merge-patch+json")
                .code,
            200);
  ASSERT_EQ(Post("/apis/policy/v1/namespaces/default/poddisruptionbudgets",
                 R"({"metadata": {"name": "few"},
                     "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}})")
                .code,
            201);
  ASSERT_EQ(Ask("PATCH", budget + "/status",
                R"({"status": {"observedGeneration": 1, "disruptionsAllowed": 1,
                               "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2}})",
                "application/merge-patch+json")
                .code,
            200);
  HangAt("", "pods/eviction");
  ExpectOverdue("POST", pods + "/a/eviction?timeout=50ms", R"({"metadata": {"name": "a"}})");
  EXPECT_EQ(Get(budget).body["status"]["disruptionsAllowed"], 1);
  EXPECT_EQ(Get(pods + "/a").code, 200);
}

TEST_F(Overdue, ARefusalIsNotPassedOn) {
  Configure("validatingwebhookconfigurations", "refuses", {Hook("refuses")});
  EXPECT_EQ(Post(maps_, R"({"metadata": {"name": "b"}})").code, 400);
  HangAt("", "configmaps");
  ExpectOverdue("POST", maps_ + "?timeout=50ms", R"({"metadata": {"name": "b"}})");
}

// A pod that goes at once is marked first, and asked about again.
TEST_F(Overdue, NothingIsWrittenOfADeletionThatIsAskedAboutAgain) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  const auto made =
      Post(pods,
           R"({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  ASSERT_EQ(made.code, 201);
  for (const char* policy : {"Ignore", "Fail"}) {
    Configure("validatingwebhookconfigurations", "marked-" + Lower(policy),
              {Hook("marked", {{"failurePolicy", policy}, {"rules", Rules("", "pods")}})});
    ExpectOverdue("DELETE", pods + "/a?timeout=50ms", "");
    EXPECT_EQ(Get(pods + "/a").body, made.body);
  }
}

}  // namespace
}  // namespace skiff
