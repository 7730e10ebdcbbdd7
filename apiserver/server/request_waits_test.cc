// Whom requests wait for, where many do.
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class RequestWaitsTest : public HookFixture, public http::Handler {
 protected:
  RequestWaitsTest() { StartHook(*this); }
  ~RequestWaitsTest() override { StopHook(); }

  http::Response Handle(const http::Request& request) override {
    return Says(Json::parse(request.body, nullptr, false), {{"allowed", true}});
  }
  // Begins to make an object, as over a connection: it is answered later.
  http::Response Begin(const std::string& path, const std::string& body) {
    http::Request request;
    request.method = "POST";
    request.path = request.target = path;
    request.headers.emplace("Authorization", "Bearer admin");
    request.headers.emplace("Content-Type", "application/json");
    request.body = body;
    const auto outcome = server_->TryHandle(request);
    EXPECT_TRUE(outcome.rest);
    auto response = *outcome.rest(request, nullptr);
    EXPECT_NE(response.pending, nullptr) << response.body;
    return response;
  }
  void BeginPod(const std::string& namespace_name) {
    responses_.push_back(Begin("/api/v1/namespaces/" + namespace_name + "/pods",
                               R"({"metadata": {"generateName": "p-"},
                                   "spec": {"containers": [{"name": "c", "image": "i"}]}})"));
    responses_.back().pending->Start([this](const http::Response&) {
      const std::lock_guard lock(mutex_);
      ++answered_;
      changed_.notify_all();
    });
  }
  void AwaitAll() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_ == responses_.size(); });
  }

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

}  // namespace
}  // namespace skiff
