// Writes that no thread waits for (decision 0062).
#include "apiserver/objects/late_write.h"

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class LateWriteTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  static http::Request RequestOf(const std::string& method, const std::string& path,
                                 const std::string& body = "", const std::string& type = "") {
    http::Request request;
    request.method = method;
    request.target = path;
    const size_t mark = path.find('?');
    request.path = path.substr(0, mark);
    if (mark != std::string::npos) request.query = http::ParseQuery(path.substr(mark + 1));
    request.body = body;
    request.headers.emplace("Authorization", "Bearer admin");
    if (!type.empty()) request.headers.emplace("Content-Type", type);
    return request;
  }
  // The code of the answer, if it came later; 0: it was there at once.
  int Later(const http::Request& request) {
    const auto reply = std::make_shared<AwaitedReply>();
    const auto response = server_->HandleLater(request, reply);
    return response ? 0 : reply->Await().status;
  }
  static std::string Map(const std::string& name, size_t bytes = 1) {
    return Json{{"metadata", {{"name", name}}}, {"data", {{"text", std::string(bytes, 'x')}}}}
        .dump();
  }
};

TEST_F(LateWriteTest, WritesOfObjectsAreLeftToTheStore) {
  const std::string map = std::string(kMaps) + "/a";
  EXPECT_EQ(Later(RequestOf("POST", kMaps, Map("a"))), 201);
  EXPECT_EQ(Later(RequestOf("PUT", map, Map("a", 2))), 200);
  const std::string patch = R"({"metadata": {"labels": {"a": "b"}}})";
  EXPECT_EQ(Later(RequestOf("PATCH", map, patch, "application/merge-patch+json")), 200);
  EXPECT_EQ(Later(RequestOf("PATCH", map + "?fieldManager=me&force=true",
                            R"({"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "c"}})",
                            "application/apply-patch+yaml")),
            200);
  EXPECT_EQ(Get(map).body["data"]["b"], "c");
  EXPECT_EQ(Get(map).body["metadata"]["labels"]["a"], "b");
  EXPECT_EQ(Later(RequestOf("DELETE", map)), 200);
  EXPECT_EQ(Get(map).code, 404);
}

TEST_F(LateWriteTest, WhatTakesTimeOrWritesNothingIsAnsweredAtOnce) {
  const std::string map = std::string(kMaps) + "/a";
  EXPECT_EQ(Later(RequestOf("POST", kMaps, Map("large", LateWrite::kBytesMax))), 0);
  EXPECT_EQ(Get(std::string(kMaps) + "/large").code, 200);
  EXPECT_EQ(Later(RequestOf("POST", std::string(kMaps) + "?dryRun=All", Map("a"))), 0);
  EXPECT_EQ(Later(RequestOf("POST", std::string(kMaps) + "?pretty=true", Map("a"))), 0);
  const std::string same = Get(map).response.body;
  EXPECT_EQ(Later(RequestOf("PUT", map, same)), 0) << "nothing changes";
  EXPECT_EQ(Later(RequestOf("GET", map)), 0);
  // An object that owns addresses keeps them, or gives them back, as the write ends.
  const std::string services = "/api/v1/namespaces/default/services";
  const std::string service = R"({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}})";
  EXPECT_EQ(Later(RequestOf("POST", services, service)), 0);
  EXPECT_EQ(Later(RequestOf("DELETE", services + "/s")), 0);
  EXPECT_EQ(Get(services + "/s").code, 404);
}

TEST_F(LateWriteTest, WhoeverComesSecondIsToldAsEver) {
  ASSERT_EQ(Post(kMaps, Map("a")).code, 201);
  const std::string map = std::string(kMaps) + "/a";
  const Json read = Get(map).body;
  const auto again = Post(kMaps, Map("a"));
  EXPECT_EQ(again.code, 409);
  EXPECT_EQ(again.message(), "configmaps \"a\" already exists");
  Json changed = read;
  changed["data"]["text"] = "mine";
  EXPECT_EQ(Ask("PUT", map, changed.dump()).code, 200);
  changed["data"]["text"] = "yours";
  const auto stale = Ask("PUT", map, changed.dump());
  EXPECT_EQ(stale.code, 409);
  EXPECT_THAT(stale.message(), testing::HasSubstr("the object has been modified"));
}

// Who is served anew is not to be charged anew: there may be no room for that.
TEST_F(LateWriteTest, WhatWasChargedIsChargedOnce) {
  const std::string quotas = "/api/v1/namespaces/default/resourcequotas";
  ASSERT_EQ(Post(quotas, R"({"metadata": {"name": "q"}, "spec": {"hard":
                             {"count/configmaps": "3"}}})").code,
            201);
  Json quota = Get(quotas + "/q").body;
  quota["status"] = {{"hard", {{"count/configmaps", "3"}}}, {"used", {{"count/configmaps", "0"}}}};
  ASSERT_EQ(Ask("PUT", quotas + "/q/status", quota.dump()).code, 200);
  const auto used = [&] { return Get(quotas + "/q").body["status"]["used"]["count/configmaps"]; };
  ASSERT_EQ(Post(kMaps, Map("a")).code, 201);
  EXPECT_EQ(used(), "1");
  const auto again = Post(kMaps, Map("a"));
  EXPECT_EQ(again.code, 409) << again.message();
  EXPECT_EQ(used(), "2") << "as ever, until the controller counts anew";
}

// Those that lose a race are served anew from what is there by then, and none is lost.
TEST_F(LateWriteTest, RacesAreRunAnew) {
  constexpr int kThreads = 8, kPatches = 25;
  ASSERT_EQ(Post(kMaps, Map("a")).code, 201);
  const std::string map = std::string(kMaps) + "/a";
  std::atomic<int> later = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kPatches; ++i) {
          const Json patch = {{"data", {{std::to_string(t) + "-" + std::to_string(i), "x"}}}};
          const int code = Later(
              RequestOf("PATCH", map, patch.dump(), "application/merge-patch+json"));
          EXPECT_EQ(code, 200);
          later += code == 200;
        }
      });
    }
  }
  EXPECT_EQ(later, kThreads * kPatches);
  EXPECT_EQ(Get(map).body["data"].size(), kThreads * kPatches + 1);
}

// Answers on the store's thread, and looks at once whether the request is over.
class LookingReply final : public http::LateReply {
 public:
  explicit LookingReply(std::function<std::string()> look) : look_(std::move(look)) {}
  void OnLoop(Make make) override {
    (void)make();
    make = nullptr;
    seen_.set_value(look_());
  }
  void OnWorker(Make make) override { OnLoop(std::move(make)); }
  std::string Seen() { return seen_.get_future().get(); }

 private:
  const std::function<std::string()> look_;
  std::promise<std::string> seen_;
};

TEST_F(LateWriteTest, WhatIsAnsweredIsNoLongerInFlight) {
  const auto reply =
      std::make_shared<LookingReply>([this] { return Get("/metrics").response.body; });
  const auto request = RequestOf("POST", kMaps, Map("a"));
  ASSERT_FALSE(server_->HandleLater(request, reply));
  EXPECT_THAT(reply->Seen(),
              testing::HasSubstr("inflight_requests{request_kind=\"mutating\"} 0\n"));
}

}  // namespace
}  // namespace skiff
