// A server, and one webhook of it: a real one too, over TLS on loopback.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/codec/base64.h"
#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {

class WebhookTest : public HookFixture, public http::Handler {
 protected:
  using Review = Json;
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  WebhookTest() { StartHook(*this); }
  ~WebhookTest() override {
    Release();
    StopHook();
  }

  // What the webhook at a path says to a review.
  using Answers = std::function<http::Response(const Json& review)>;
  void At(const std::string& path, Answers answers) {
    const std::lock_guard lock(mutex_);
    answers_[path] = std::move(answers);
  }
  http::Response Handle(const http::Request& request) override {
    Answers answers;
    const Json review = Json::parse(request.body, nullptr, false);
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back({request.path, review});
      targets_.push_back(request.target);
      last_headers_ = request.headers;
      answers = answers_[request.path];
    }
    return answers ? answers(review) : Says(review, {{"allowed", true}});
  }
  static Answers Patches(const std::string& patch) {
    return [patch](const Json& review) {
      return Says(review,
                  {{"allowed", true}, {"patchType", "JSONPatch"}, {"patch", EncodeBase64(patch)}});
    };
  }
  static Answers Denies(Json status) {
    return [status](const Json& review) {
      return Says(review, {{"allowed", false}, {"status", status}});
    };
  }

  void Mutating(std::vector<Json> hooks) {
    Configure("mutatingwebhookconfigurations", "m", std::move(hooks));
  }
  void Validating(std::vector<Json> hooks) {
    Configure("validatingwebhookconfigurations", "v", std::move(hooks));
  }
  Answer MakeMap(const std::string& name, const std::string& query = "") {
    return Post(kMaps + query, R"({"metadata": {"name": ")" + name + R"("}, "data": {"a": "b"}})");
  }
  Answer MakePod(const std::string& name) {
    return Post("/api/v1/namespaces/default/pods",
                R"({"metadata": {"name": ")" + name +
                    R"("}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  }
  // What makes a webhook one for objects that are made of a kind without a group.
  static Json OnCreate(const std::string& resource) {
    return {{"rules",
             {{{"operations", {"CREATE"}},
               {"apiGroups", {""}},
               {"apiVersions", {"v1"}},
               {"resources", {resource}}}}}};
  }
  std::vector<std::string> Called() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, review] : calls_) paths.push_back(path);
    return paths;
  }
  Json LastRequest() {
    const std::lock_guard lock(mutex_);
    return calls_.empty() ? Json() : calls_.back().second["request"];
  }
  std::string LastHeader(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = last_headers_.find(name);
    return found == last_headers_.end() ? "" : found->second;
  }
  // Holds whoever calls it until the test is over, or until Release.
  void Hang() {
    std::unique_lock lock(mutex_);
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return released_; });
  }
  void AwaitHanging(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hanging_ >= count; });
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Answers> answers_;
  std::vector<std::pair<std::string, Json>> calls_;
  std::vector<std::string> targets_;
  http::Headers last_headers_;
  int hanging_ = 0;
  bool released_ = false;
};

}  // namespace skiff
