// An Entrance with Kubernetes' own schemas and levels, and those who ask it. For tests alone.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "api/codec/struct_text.h"
#include "apiserver/flow_control/entrance.h"
#include "apiserver/server/bootstrap.h"

namespace skiff::flow_control {

template <typename T>
std::shared_ptr<const T> ObjectOf(const Json& document) {
  auto object = std::make_shared<T>();
  EXPECT_TRUE(DecodeStruct(T::Describe(), document.dump(), FieldValidation::kIgnore, object.get()));
  return object;
}

inline User PersonOf(std::string name) {
  return {.name = std::move(name), .groups = {std::string(kGroupAuthenticated)}};
}

inline const User kMaster{.name = "root",
                   .groups = {std::string(kGroupMasters), std::string(kGroupAuthenticated)}};

class EntranceTest : public testing::Test {
 protected:
  EntranceTest() { Open({.read_slots = 4, .write_slots = 4}); }
  ~EntranceTest() override { entrance_->Stop(); }

  void Open(Entrance::Options options) {
    entrance_ = nullptr;
    registry_ = std::make_unique<MetricRegistry>();
    entrance_ = std::make_unique<Entrance>(
        options, Entrance::Parts{.clock = clock_,
                                 .metrics = *registry_,
                                 .count_objects = [this](auto, auto) { return objects_; },
                                 .finish_refusal = {}});
    schemas_.clear();
    levels_.clear();
    for (const Json& document : FlowControlObjects()) {
      Json named = document;
      named["metadata"]["uid"] = "uid-of-" + document["metadata"]["name"].get<std::string>();
      if (document["kind"] == "FlowSchema") {
        schemas_.push_back(ObjectOf<flowcontrol_v1::FlowSchema>(named));
      } else {
        levels_.push_back(ObjectOf<flowcontrol_v1::PriorityLevelConfiguration>(named));
      }
    }
    entrance_->Configure(schemas_, levels_);
  }
  // A level of few seats, and a schema of the same name that leads one user to it.
  void AddLevel(const std::string& name, const std::string& user, Json queuing) {
    Json response = {{"type", queuing.is_null() ? "Reject" : "Queue"}};
    if (!queuing.is_null()) response["queuing"] = queuing;
    levels_.push_back(ObjectOf<flowcontrol_v1::PriorityLevelConfiguration>(
        {{"metadata", {{"name", name}, {"uid", "level-" + name}}},
         {"spec",
          {{"type", "Limited"},
           {"limited",
            {{"nominalConcurrencyShares", 1},
             {"borrowingLimitPercent", 0},
             {"limitResponse", response}}}}}}));
    const Json rule = {
        {"subjects", Json::array({{{"kind", "User"}, {"user", {{"name", user}}}}})},
        {"resourceRules",
         Json::array({{{"verbs", Json::array({"*"})}, {"apiGroups", Json::array({"*"})},
                       {"resources", Json::array({"*"})}, {"clusterScope", true},
                       {"namespaces", Json::array({"*"})}}})}};
    schemas_.push_back(ObjectOf<flowcontrol_v1::FlowSchema>(
        {{"metadata", {{"name", name}, {"uid", "schema-" + name}}},
         {"spec",
          {{"matchingPrecedence", 20},
           {"priorityLevelConfiguration", {{"name", name}}},
           {"rules", Json::array({rule})}}}}));
    entrance_->Configure(schemas_, levels_);
  }

  struct Asked {
    http::Request http;
    RequestInfo info;
    User user;
    Question question() const { return {http, info, user}; }
  };
  Asked& Make(User user, const std::string& target, const std::string& method = "GET") {
    http::Request request;
    request.method = method;
    request.target = target;
    const size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) request.query = http::ParseQuery(target.substr(mark + 1));
    RequestInfo info = ParseRequestInfo(request);
    return asked_.emplace_back(Asked{std::move(request), std::move(info), std::move(user)});
  }
  Pass Enter(const User& user, const std::string& target = "/api/v1/namespaces/a/pods/p",
             const std::string& method = "GET") {
    return entrance_->Enter(Make(user, target, method).question());
  }
  // Enters as often as it is let in, at most `count_max` times; those stay in hand.
  int Fill(const User& user, int count_max = 100) {
    for (int count = 0; count < count_max; ++count) {
      Pass pass = Enter(user);
      if (pass.state() != Pass::State::kIn) return count;
      in_hand_.push_back(std::move(pass));
    }
    return count_max;
  }

  // One that waits: its code when it has been answered, and the order in which that happened.
  struct Waiting {
    http::Response response;
    std::promise<int> code;
    std::future<int> answered = code.get_future();
    std::string retry_after = {};
  };
  Waiting& Wait(const User& user, const std::string& target = "/api/v1/namespaces/a/pods/p",
                const std::string& body = "", Duration arrived = Duration::zero()) {
    Asked& asked = Make(user, target);
    asked.http.body = body;
    asked.http.arrived = arrived;
    Pass pass = entrance_->Enter(asked.question());
    EXPECT_EQ(pass.state(), Pass::State::kMustWait);
    Waiting& waiting = waiting_.emplace_back();
    waiting.response = entrance_->Wait(
        std::move(pass), asked.question(),
        [this, name = user.name](const auto&, Pass own, const http::LateReplyPtr&) {
          const MutexLock lock(mutex_);
          order_.push_back(name);
          if (keep_) in_hand_.push_back(std::move(own));
          http::Response response;
          response.status = 200;
          return response;
        });
    if (!waiting.response.pending) {
      waiting.code.set_value(waiting.response.status);
    } else {
      waiting.response.pending->Start([&waiting](http::Response late) {
        waiting.retry_after = late.Header("Retry-After");
        waiting.code.set_value(late.status);
      });
    }
    return waiting;
  }
  static bool IsAnswered(Waiting& waiting) {
    return waiting.answered.wait_for(0s) == std::future_status::ready;
  }

  FakeClock clock_;
  int64_t objects_ = 0;
  std::unique_ptr<MetricRegistry> registry_;
  Classifier::Objects schemas_;
  std::vector<std::shared_ptr<const flowcontrol_v1::PriorityLevelConfiguration>> levels_;
  std::list<Asked> asked_;
  Mutex mutex_;
  std::vector<std::string> order_;
  bool keep_ = false;
  std::unique_ptr<Entrance> entrance_;
  std::list<Waiting> waiting_;
  std::list<Pass> in_hand_;
};

}  // namespace skiff::flow_control
