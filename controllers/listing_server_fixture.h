// A server for tests of what controllers do before and after they know what there is: it lists what
// the test puts there, but for lists that the test holds back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/manager.h"
#include "client/transport.h"

namespace skiff {

// The controller under test is added to `manager_` and starts with Run. Writes are taken, and
// change nothing.
class ListingServerTest : public testing::Test {
 protected:
  ~ListingServerTest() override { manager_.Stop(); }

  // An object of the list at `list`; itself it is at `path`. Its uid is its name.
  void Put(const std::string& list, const std::string& path, Json object) {
    Json& metadata = object["metadata"];
    metadata["name"] = metadata["uid"] = path.substr(path.rfind('/') + 1);
    metadata["resourceVersion"] = "1";
    if (path.find("/namespaces/") != std::string::npos) metadata["namespace"] = "default";
    lists_[list].push_back(object);
    answers_[path] = {200, std::move(object)};
  }
  void Run(Duration length) {
    if (!std::exchange(started_, true)) manager_.Start(executor_);
    executor_.RunFor(length);
  }
  // What was asked for beside events, as "PATCH /api/v1/nodes/n".
  const std::vector<std::string>& written() const { return written_; }
  // What was sent along, in the same order.
  const std::vector<std::string>& bodies() const { return bodies_; }
  // Reasons of the events that were made, their messages, and the kinds that they are about, in the
  // same order.
  const std::vector<std::string>& told() const { return told_; }
  const std::vector<std::string>& messages() const { return messages_; }
  const std::vector<std::string>& told_of() const { return told_of_; }

  FakeClock clock_{TimePoint(std::chrono::seconds(1'800'000'000))};
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  // Paths, answered by 503, and writes as written() has them, by that code.
  std::set<std::string> refused_;
  int refusal_ = 503;
  bool watches_expire_ = false;  // Who watches lists anew; else he hears of nothing.
  std::map<std::string, std::pair<int, Json>> answers_;  // Codes and bodies.
  std::map<std::string, Json> after_writes_;  // What "POST /api/v1/nodes" is answered; else {}.
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};

 private:
  http::Response Answer(const http::Request& request) {
    if (request.method != "GET") {
      if (!request.path.ends_with("/events") &&
          request.path.find("/events/") == std::string::npos) {
        written_.push_back(request.method + " " + request.path);
        bodies_.push_back(request.body);
      }
      if (request.method == "POST" && request.path.ends_with("/events")) {
        const Json event = Json::parse(request.body);
        told_.push_back(event.value("reason", ""));
        messages_.push_back(event.value("message", ""));
        told_of_.push_back(event.value(Json::json_pointer("/involvedObject/kind"), ""));
      }
      const std::string write = request.method + " " + request.path;
      if (refused_.contains(write)) return {.status = refusal_, .body = "{}"};
      const auto told = after_writes_.find(write);
      return {.status = 200, .body = told == after_writes_.end() ? "{}" : told->second.dump()};
    }
    const bool is_watch = std::any_of(request.query.begin(), request.query.end(),
                                      [](const auto& it) { return it.first == "watch"; });
    if (is_watch && watches_expire_) return {.status = 410, .body = "{}"};
    if (is_watch || refused_.contains(request.path)) return {.status = 503, .body = "{}"};
    if (const auto found = answers_.find(request.path); found != answers_.end()) {
      return {.status = found->second.first, .body = found->second.second.dump()};
    }
    Json items = lists_.contains(request.path) ? lists_[request.path] : Json::array();
    const Json list = {{"metadata", {{"resourceVersion", "1"}}}, {"items", std::move(items)}};
    return {.status = 200, .content_type = "application/json", .body = list.dump()};
  }

  bool started_ = false;
  std::map<std::string, Json> lists_;
  std::vector<std::string> written_;
  std::vector<std::string> bodies_;
  std::vector<std::string> told_;
  std::vector<std::string> messages_;
  std::vector<std::string> told_of_;
};

}  // namespace skiff
