// For tests: the real server over the real store in memory, on one thread and a clock that stands
// still.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "api/values.h"
#include "apiserver/server/api_server.h"
#include "apiserver/storage/rocksdb_store.h"
#include "base/control_loop.h"

namespace skiff {

// An answer that is made on the thread that waits for it.
class AwaitedReply final : public http::LateReply {
 public:
  void OnLoop(Make make) override { make_.set_value(std::move(make)); }
  void OnWorker(Make make) override { make_.set_value(std::move(make)); }
  http::Response Await() { return make_.get_future().get()(); }

 private:
  std::promise<Make> make_;
};

class ServerFixture : public testing::Test {
 protected:
  // What is not on by default: ApiServerOptions has them.
  struct OnRequest {
    std::vector<const KindInfo*> kinds = {};
    bool mutating_policies_act = false;
    Duration watch_time_min = kWatchTimeMin;
  };
  ServerFixture() : ServerFixture(OnRequest{}) {}
  explicit ServerFixture(const OnRequest& wanted) : env_(NewMemoryDisk()) {
    store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
    server_ = *ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7",
                                  .enabled_admission_plugins = {"NodeRestriction"},
                                  .kinds_on_request = wanted.kinds,
                                  .mutating_policies_act = wanted.mutating_policies_act,
                                  .watch_time_min = wanted.watch_time_min},
                                 {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
    Post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata": {"name": "default"}})");
  }
  ~ServerFixture() override {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
  }

  // The same with another server, over this store, which lives until the next call.
  void UseStore(Store& store) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    server_ = *ApiServer::Create({.authorization_modes = {"RBAC"}, .token_file_text = kTokens},
                                 {store, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  // Lets the server's own loops do what is due.
  void Settle() { ASSERT_TRUE(executor_.RunUntilIdle()); }

  struct Answer {
    int code;
    Json body;  // Discarded when it is no JSON.
    http::Response response;
    std::string message() const { return body.is_object() ? body.value("message", "") : ""; }
  };
  struct Question {
    std::string method = "GET";
    std::string path;  // With the query, which needs no escapes.
    std::string body = {};
    std::string type = {};  // Content-Type
    std::string token = "admin";
    std::string accept = {};
    http::Headers headers = {};
    bool http2 = false;
    std::string from = {};  // Over a connection.
  };
  Answer Ask(const Question& question) {
    http::Request request;
    request.method = question.method;
    request.target = question.path;
    const size_t mark = question.path.find('?');
    request.path = question.path.substr(0, mark);
    if (mark != std::string::npos) request.query = http::ParseQuery(question.path.substr(mark + 1));
    request.body = question.body;
    request.headers = question.headers;
    request.http2 = question.http2;
    request.remote_address = question.from;
    const auto set = [&](const char* name, const std::string& value) {
      if (!value.empty()) request.headers.emplace(name, value);
    };
    set("Content-Type", question.type);
    set("Accept", question.accept);
    set("Authorization", question.token.empty() ? "" : "Bearer " + question.token);
    Answer answer{0, Json(), Awaited(Handled(request))};
    answer.code = answer.response.status;
    answer.body = Json::parse(answer.response.body, nullptr, false);
    return answer;
  }
  // As over a connection: no thread waits for what is written but this one.
  http::Response Handled(const http::Request& request) {
    const auto reply = std::make_shared<AwaitedReply>();
    auto response = server_->HandleLater(request, reply);
    return response ? *std::move(response) : reply->Await();
  }
  // An answer that was still to come.
  static http::Response Awaited(http::Response response) {
    if (!response.pending) return response;
    std::promise<http::Response> answer;
    response.pending->Start([&](http::Response late) { answer.set_value(std::move(late)); });
    return answer.get_future().get();
  }
  Answer Ask(std::string method, std::string path, std::string body = "", std::string type = "",
             std::string token = "admin") {
    return Ask({.method = std::move(method),
                .path = std::move(path),
                .body = std::move(body),
                .type = std::move(type),
                .token = std::move(token)});
  }
  Answer Get(std::string path) { return Ask("GET", std::move(path)); }
  Answer Post(std::string path, std::string body) {
    return Ask("POST", std::move(path), std::move(body));
  }
  Answer Merge(std::string path, std::string patch) {
    return Ask("PATCH", std::move(path), std::move(patch), "application/merge-patch+json");
  }

  // What a stream has to say by now.
  static std::string Streamed(http::Response& response) {
    std::vector<http::SharedBytes> chunks;
    while (response.stream->Pull(1 << 20, chunks) == http::Pulled::kMore) {
    }
    std::string text;
    for (const auto& chunk : chunks) text += *chunk;
    return text;
  }
  // The same of a watch, a line an event.
  static std::vector<Json> Events(http::Response& response) {
    std::vector<Json> events;
    const std::string text = Streamed(response);
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      events.push_back(Json::parse(text.substr(at, end - at)));
      at = end + 1;
    }
    return events;
  }

  static constexpr const char* kTokens =
      "admin,admin,u1,\"system:masters\"\nalice,alice,u2,\"dev\"\n"
      "node1,system:node:node1,u3,\"system:nodes\"\n";
  FakeClock clock_;
  SeededRandom random_{7};
  SteppedExecutor executor_{clock_, 7};
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<ApiServer> server_;
};

}  // namespace skiff
