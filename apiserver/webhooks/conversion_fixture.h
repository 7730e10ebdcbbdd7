// A server with custom resources whose versions a webhook converts, which is a real one too, over
// TLS on loopback. v1 has {"spec": {"hostPort": "h:80"}}, v2 {"spec": {"host": "h", "port": "80"}}.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/codec/base64.h"
#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {

// One watch and what it has sent; waits for what is made aside.
class Watching {
 public:
  explicit Watching(http::Response response) : response_(std::move(response)) {
    // Who wakes us may still be at it when we are gone.
    response_.stream->Attach([bell = bell_] {
      const std::lock_guard lock(bell->mutex);
      bell->rang = true;
      bell->changed.notify_all();
    });
  }
  // Null: the watch is over.
  Json Next() { return NextBefore(std::chrono::steady_clock::time_point::max()); }
  // The same where nothing has come.
  Json NextWithin(Duration time) { return NextBefore(std::chrono::steady_clock::now() + time); }

 private:
  Json NextBefore(std::chrono::steady_clock::time_point end) {
    while (events_.empty()) {
      if (is_over_) return Json();
      std::vector<http::SharedBytes> chunks;
      const http::Pulled pulled = response_.stream->Pull(1 << 20, chunks);
      for (const auto& chunk : chunks) events_.push_back(Json::parse(*chunk));
      is_over_ = pulled == http::Pulled::kEnd;
      if (!events_.empty() || is_over_ || pulled == http::Pulled::kMore) continue;
      std::unique_lock lock(bell_->mutex);
      const auto rang = [&] { return bell_->rang; };
      if (!bell_->changed.wait_until(lock, end, rang)) return Json();
      bell_->rang = false;
    }
    Json first = std::move(events_.front());
    events_.erase(events_.begin());
    return first;
  }

  struct Bell {
    std::mutex mutex;
    std::condition_variable changed;
    bool rang = false;
  };
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  bool is_over_ = false;
  std::vector<Json> events_;
  http::Response response_;
};

class Conversion : public HookFixture, public http::Handler {
 protected:
  Conversion() { StartHook(*this); }
  ~Conversion() override {
    {
      const std::lock_guard lock(mutex_);
      hangs_ = false;
      changed_.notify_all();
    }
    StopHook();
  }

  http::Response Handle(const http::Request& request) override {
    Json review = Json::parse(request.body);
    std::function<void(Json&)> lie;
    {
      std::unique_lock lock(mutex_);
      reviews_.push_back(review["request"]);
      ++asked_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return !hangs_; });
      lie = lie_;
    }
    Json converted = Json::array();
    for (Json object : review["request"]["objects"]) {
      const std::string to = review["request"]["desiredAPIVersion"];
      Json& spec = object["spec"];
      if (to == "g.io/v2" && spec.contains("hostPort")) {
        const std::string text = spec["hostPort"];
        spec["host"] = text.substr(0, text.find(':'));
        spec["port"] = text.substr(text.find(':') + 1);
        spec.erase("hostPort");
      } else if (to == "g.io/v1" && spec.contains("host")) {
        const std::string host = spec["host"], port = spec["port"];
        spec = {{"hostPort", host + ":" + port}};
      }
      object["apiVersion"] = to;
      object["metadata"]["annotations"]["converted"] = to;
      converted.push_back(std::move(object));
    }
    Json response = {{"uid", review["request"]["uid"]},
                     {"result", {{"status", "Success"}}},
                     {"convertedObjects", std::move(converted)}};
    if (lie) lie(response);
    http::Response answer;
    answer.content_type = "application/json";
    answer.body = Json{{"apiVersion", review["apiVersion"]},
                       {"kind", "ConversionReview"},
                       {"response", std::move(response)}}
                      .dump();
    return answer;
  }

  static Json Version(const std::string& name, bool stored, const std::string& field) {
    return {{"name", name},
            {"served", true},
            {"storage", stored},
            {"subresources", {{"status", Json::object()}}},
            {"selectableFields", {{{"jsonPath", ".spec." + field}}}},
            {"additionalPrinterColumns",
             {{{"name", field}, {"type", "string"}, {"jsonPath", ".spec." + field}}}},
            {"schema",
             {{"openAPIV3Schema",
               Json::parse(R"({"type": "object", "properties": {
                   "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                            "properties": {"kept": {"type": "string", "default": ")" +
                           name + R"("}, ")" + field + R"(": {"type": "string"}}},
                   "status": {"type": "object",
                              "properties": {"ready": {"type": "boolean"}}}}})")}}}};
  }
  Json Definition(const std::string& stored = "v1") {
    return {{"apiVersion", "apiextensions.k8s.io/v1"},
            {"kind", "CustomResourceDefinition"},
            {"metadata", {{"name", "sites.g.io"}}},
            {"spec",
             {{"group", "g.io"},
              {"scope", "Namespaced"},
              {"names", {{"plural", "sites"}, {"kind", "Site"}}},
              {"conversion",
               {{"strategy", "Webhook"},
                {"webhook",
                 {{"conversionReviewVersions", {"v7", "v1"}},
                  {"clientConfig",
                   {{"url", "https://127.0.0.1:" + std::to_string(hook_->port()) + "/convert"},
                    {"caBundle", EncodeBase64(authority_.certificate_pem())}}}}}}},
              {"versions",
               {Version("v1", stored == "v1", "hostPort"),
                Version("v2", stored == "v2", "host")}}}}};
  }
  void Define() {
    const Answer created = Post(definitions_, Definition().dump());
    ASSERT_EQ(created.code, 201) << created.message();
    Settle();
  }
  // From now on objects are stored as v2.
  void StoreAsV2() {
    const Answer changed = Merge(definitions_ + "/sites.g.io",
                                 Json{{"spec", Definition("v2")["spec"]}}.dump());
    ASSERT_EQ(changed.code, 200) << changed.message();
    Settle();
  }
  static std::string In(const std::string& version, const std::string& rest = "") {
    return "/apis/g.io/" + version + "/namespaces/default/sites" + rest;
  }
  Answer MakeV1(const std::string& name, const std::string& host_port) {
    return Post(In("v1"), Json{{"apiVersion", "g.io/v1"},
                               {"kind", "Site"},
                               {"metadata", {{"name", name}}},
                               {"spec", {{"hostPort", host_port}}}}
                              .dump());
  }
  size_t Asked() {
    const std::lock_guard lock(mutex_);
    return reviews_.size();
  }
  Json LastReview() {
    const std::lock_guard lock(mutex_);
    return reviews_.empty() ? Json() : reviews_.back();
  }
  // Lets time pass until it is so; false when it is not in half a minute. What goes aside is done
  // by other threads.
  bool Eventually(const std::function<bool()>& is_so) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      Settle();
      clock_.Advance(1s);
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, 1ms);
    }
    return true;
  }
  bool DefinitionGoes() {
    return Eventually([&] { return Get(definitions_ + "/sites.g.io").code == 404; });
  }
  // Of a definition that is going.
  Json Terminating() {
    const Json definition = Get(definitions_ + "/sites.g.io").body;
    for (const Json& each : definition["status"]["conditions"]) {
      if (each["type"] == "Terminating") return each;
    }
    return Json::object();
  }
  bool FailsToGo() {
    return Eventually(
        [&] { return Terminating().value("reason", "") == "InstanceDeletionFailed"; });
  }
  void Lie(std::function<void(Json&)> lie) {
    const std::lock_guard lock(mutex_);
    lie_ = std::move(lie);
  }

  const std::string definitions_ = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Json> reviews_;
  size_t asked_ = 0;
  bool hangs_ = false;
  std::function<void(Json&)> lie_;
};

}  // namespace skiff
