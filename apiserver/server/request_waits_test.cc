// Whom requests wait for, where many do.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class RequestWaitsTest : public HookFixture, public http::Handler {
 protected:
  RequestWaitsTest() { StartHook(*this); }
  ~RequestWaitsTest() override { StopHook(); }

  http::Response Handle(const http::Request& request) override {
    const Json review = Json::parse(request.body, nullptr, false);
    std::unique_lock lock(mutex_);
    int& asked = asked_now_[review["request"].value("operation", "")];
    ++asked;
    most_deletions_ = std::max(most_deletions_, asked_now_["DELETE"]);
    changed_.notify_all();
    changed_.wait(lock, [&] { return !holds_; });
    --asked;
    return Says(review, {{"allowed", true}});
  }
  // Begins to make an object, as over a connection: it is answered later.
  http::Response Begin(const std::string& path, const std::string& body,
                       const std::string& method = "POST") {
    http::Request request;
    request.method = method;
    request.path = request.target = path;
    request.headers.emplace("Authorization", "Bearer admin");
    request.headers.emplace(
        "Content-Type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
    request.body = body;
    const auto outcome = server_->TryHandle(request);
    EXPECT_TRUE(outcome.rest);
    auto response = *outcome.rest(request, nullptr);
    EXPECT_NE(response.pending, nullptr) << response.body;
    return response;
  }
  // Begins one of those that AwaitAll awaits.
  void Count(http::Response response) {
    responses_.push_back(std::move(response));
    responses_.back().pending->Start([this](const http::Response&) {
      const std::lock_guard lock(mutex_);
      ++answered_;
      changed_.notify_all();
    });
  }
  void BeginPod(const std::string& namespace_name) {
    Count(Begin("/api/v1/namespaces/" + namespace_name + "/pods",
                R"({"metadata": {"generateName": "p-"},
                    "spec": {"containers": [{"name": "c", "image": "i"}]}})"));
  }
  void AwaitAll() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_ == responses_.size(); });
  }

  void AwaitAsked(const std::string& operation, int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_now_[operation] >= count; });
  }

  // What the webhook is asked is answered from now on, or is not.
  void Hold(bool holds) {
    const std::lock_guard lock(mutex_);
    holds_ = holds;
    changed_.notify_all();
  }

  bool holds_ = false;
  std::map<std::string, int> asked_now_;  // By operation, and not answered.
  int most_deletions_ = 0;                // That were asked about at one time.
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t answered_ = 0;
  std::deque<http::Response> responses_;
};

TEST_F(RequestWaitsTest, PodsBeforeTheirAccountsLeaveRoomForWhoWaitsForAWebhook) {
  constexpr int kNamespaces = 5, kPodsOfEach = 60;
  Configure("validatingwebhookconfigurations", "v", {Hook("v")});
  const auto name = [](int i) { return "n" + std::to_string(i); };
  for (int i = 0; i < kNamespaces; ++i) {
    const Json space = {{"metadata", {{"name", name(i)}}}};
    ASSERT_EQ(Post("/api/v1/namespaces", space.dump()).code, 201);
  }
  for (int i = 0; i < kNamespaces * kPodsOfEach; ++i) BeginPod(name(i % kNamespaces));
  const auto begin = std::chrono::steady_clock::now();
  const auto map = Awaited(
      Begin("/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "a"}})"));
  EXPECT_EQ(map.status, 201) << map.body;
  // All threads together are held for a second and a half.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1300));
  for (int i = 0; i < kNamespaces; ++i) {
    Post("/api/v1/namespaces/" + name(i) + "/serviceaccounts",
         R"({"metadata": {"name": "default"}})");
  }
  AwaitAll();
}

// A patch says how little is to change, and not how much is there.
TEST_F(RequestWaitsTest, SmallPatchesOfALargeObjectTakeTheRoomOfWhatTheyMake) {
  // More than run at one time, and than run or stand in line where few have room to run.
  constexpr int kEntries = 10'000, kPatches = 400;
  Configure("validatingwebhookconfigurations", "v", {Hook("v")});
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  Json data = Json::object();
  for (int i = 0; i < kEntries; ++i) data["k" + std::to_string(i)] = "";
  for (const char* name : {"large", "small"}) {
    const Json map = {{"metadata", {{"name", name}}}, {"data", data}};
    ASSERT_EQ(Awaited(Begin(maps, map.dump())).status, 201);
    data = Json::object();
  }
  const auto refused_of = [&](const std::string& name) {
    Hold(true);
    int refused = 0;
    for (int i = 0; i < kPatches; ++i) {
      responses_.push_back(
          Begin(maps + "/" + name, R"({"metadata": {"labels": {"a": "b"}}})", "PATCH"));
      responses_.back().pending->Start([this, &refused](const http::Response& response) {
        const std::lock_guard lock(mutex_);
        refused += response.status == 429 ? 1 : 0;
        ++answered_;
        changed_.notify_all();
      });
    }
    Hold(false);
    AwaitAll();
    return refused;
  };
  EXPECT_EQ(refused_of("small"), 0);
  const int refused = refused_of("large");
  EXPECT_GT(refused, 0) << "those that are large run few at a time";
  EXPECT_LT(refused, kPatches / 2) << "and the others stand in line";
}

// Each holds an object that may be large while its webhook is asked.
TEST_F(RequestWaitsTest, OfOneCollectionFewDeletionsGoOnAtATime) {
  constexpr int kDeletions = 10;
  Configure("validatingwebhookconfigurations", "v", {Hook("v")});
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  ASSERT_EQ(Awaited(Begin(maps, R"({"metadata": {"name": "a"}})")).status, 201);
  Hold(true);
  for (int i = 0; i < kDeletions; ++i) Count(Begin(maps, "", "DELETE"));
  AwaitAsked("DELETE", 2);
  Count(Begin(maps, R"({"metadata": {"name": "b"}})"));
  AwaitAsked("CREATE", 1);
  Hold(false);
  AwaitAll();
  EXPECT_EQ(most_deletions_, 2);
}

}  // namespace
}  // namespace skiff
