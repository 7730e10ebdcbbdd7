#include "apiserver/request/time_limit.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using namespace std::chrono_literals;

RequestInfo InfoOf(std::string method, std::string path) {
  http::Request request;
  request.method = std::move(method);
  request.path = request.target = std::move(path);
  return ParseRequestInfo(request);
}

TEST(TimeLimit, AQueryMayAskForLessTimeThanTheServerGrants) {
  const auto now = std::chrono::steady_clock::now();
  const auto of = [&](std::string timeout) {
    http::Request request;
    request.query = {{"timeout", std::move(timeout)}};
    ApiRequest asked{.http = request, .info = InfoOf("GET", "/api/v1/pods"), .user = {}};
    asked.deadline = now + 34s;
    EXPECT_TRUE(TakeTimeout(asked, 2min));
    return std::pair(asked.deadline - now, asked.answer_deadline - now);
  };
  for (const char* usual : {"", "0s", "-1s", "5m"}) {
    const auto [waits, takes] = of(usual);
    EXPECT_EQ(waits, 34s) << "for others: " << usual;
    EXPECT_GE(takes, 2min) << usual;
    EXPECT_LT(takes, 3min) << usual;
  }
  const auto [soon, too] = of("1s");
  EXPECT_LT(soon, 30s);
  EXPECT_EQ(soon, too);
}

TEST(TimeLimit, TheTimeOfAQueryCountsFromWhenTheRequestArrived) {
  const auto now = std::chrono::steady_clock::now();
  const auto checked = [&](std::string timeout, Duration ago = 2s) {
    http::Request request;
    request.query = {{"timeout", std::move(timeout)}};
    request.arrived = now.time_since_epoch() - ago;
    ApiRequest asked{.http = request, .info = InfoOf("GET", "/api/v1/pods"), .user = {}};
    EXPECT_TRUE(TakeTimeout(asked, 10s));
    return CheckTime(asked).has_value();
  };
  EXPECT_FALSE(checked("1s"));
  EXPECT_TRUE(checked("1h"));
  EXPECT_FALSE(checked("1h", 11s)) << "the server's own limit";
  EXPECT_FALSE(checked("", 11s));
}

TEST(TimeLimit, WhoeverWritesIsToldWhichTimeIsOver) {
  const http::Request request;
  const auto told = [&](const char* method, std::string path, auto deadline, auto answer_deadline) {
    ApiRequest asked{.http = request, .info = InfoOf(method, std::move(path)), .user = {}};
    asked.deadline = std::chrono::steady_clock::now() + deadline;
    asked.answer_deadline = std::chrono::steady_clock::now() + answer_deadline;
    const auto checked = CheckTime(asked);
    return checked ? "" : checked.error().message;
  };
  const std::string own = "Timeout: request did not complete within the allotted timeout";
  EXPECT_EQ(told("PUT", "/api/v1/nodes/a", 1h, 1h), "");
  EXPECT_EQ(told("PUT", "/api/v1/nodes/a", -1s, 1h),
            "Timeout: request did not complete within requested timeout - context deadline "
            "exceeded");
  EXPECT_EQ(told("PUT", "/api/v1/nodes/a", -1s, -1s), own);
  EXPECT_EQ(told("GET", "/api/v1/nodes/a", -1s, 1h), "") << "others are not waited for";
  EXPECT_EQ(told("GET", "/api/v1/nodes/a", -1s, -1s), own);
  EXPECT_EQ(told("DELETE", "/api/v1/nodes", -1s, 1h), "") << "of many";
  EXPECT_EQ(told("DELETE", "/api/v1/nodes", -1s, -1s), own);
  EXPECT_EQ(told("POST", "/api/v1/namespaces/a/pods/b/exec", -1s, -1s), "");
}

class TimeLimitTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
  static std::string Map(const std::string& name) {
    return R"({"metadata": {"name": ")" + name + R"("}})";
  }
};

TEST_F(TimeLimitTest, NothingIsWrittenOnceTheTimeOfTheQueryIsOver) {
  const std::string a = std::string(kMaps) + "/a";
  ASSERT_EQ(Post(std::string(kMaps) + "?timeout=30s", Map("a")).code, 201);
  const std::string before = Get(a).body["metadata"]["resourceVersion"];
  const std::vector<std::array<std::string, 4>> questions = {
      {"GET", a, "", ""},
      {"POST", kMaps, Map("b"), "application/json"},
      {"PUT", a, R"({"metadata": {"name": "a"}, "data": {"b": "c"}})", "application/json"},
      {"PATCH", a, R"({"metadata": {"labels": {"b": "c"}}})", "application/merge-patch+json"},
      {"DELETE", a, "", ""},
      {"DELETE", kMaps, "", ""},
  };
  for (const auto& [method, path, body, type] : questions) {
    const Answer answer = Ask(method, path + "?timeout=1ns", body, type);
    EXPECT_EQ(answer.code, 504) << method << " " << path;
    EXPECT_EQ(answer.body["reason"], "Timeout");
    EXPECT_EQ(answer.body["details"], Json::object());
    EXPECT_EQ(answer.message(), "Timeout: request did not complete within the allotted timeout");
  }
  // Nor is anybody told anything else.
  EXPECT_EQ(Ask("GET", a + "?timeout=1ns", "", "", "nobody").code, 504);
  EXPECT_EQ(Get(a).body["metadata"]["resourceVersion"], before);
  EXPECT_EQ(Get(std::string(kMaps) + "/b").code, 404);
  EXPECT_EQ(Ask("DELETE", a + "?timeout=0s").code, 200);
}

}  // namespace
}  // namespace skiff
