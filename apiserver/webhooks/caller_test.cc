// Webhooks that send elsewhere, or ask to be asked again.
#include "apiserver/webhooks/caller.h"

#include <gtest/gtest.h>

#include <deque>
#include <mutex>

#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

WholeAnswer AnswerOf(int status, const char* header, const std::string& value) {
  WholeAnswer answer{.status = status};
  answer.headers.emplace(header, value);
  return answer;
}

TEST(RedirectTarget, IsOfTheSameServerAlone) {
  const auto target = [](int status, const std::string& location) {
    return RedirectTarget(AnswerOf(status, "Location", location), "hook.example.com:8443");
  };
  EXPECT_EQ(target(307, "/a/?timeout=5s"), "/a/?timeout=5s");
  EXPECT_EQ(target(308, "https://hook.example.com:8443/a#part"), "/a");
  for (const char* elsewhere :
       {"//other/a", "https://other:8443/a", "https://hook.example.com/a", "a/b", "", "/a b",
        "http://hook.example.com:8443/a", "https://hook.example.com:84430/a",
        "https://hook.example.com:8443.other/a"}) {
    EXPECT_EQ(target(307, elsewhere), std::nullopt) << elsewhere;
  }
  for (const int status : {200, 301, 302, 303, 304, 500}) {
    EXPECT_EQ(target(status, "/a"), std::nullopt) << status;
  }
}

TEST(RetryAfter, IsANumberOfSecondsOfWhoCannotAnswerNow) {
  const auto after = [](int status, const std::string& text) {
    return RetryAfter(AnswerOf(status, "Retry-After", text));
  };
  EXPECT_EQ(after(429, "3"), std::chrono::seconds(3));
  EXPECT_EQ(after(503, "0"), std::chrono::seconds(0));
  EXPECT_EQ(after(500, "-5"), std::chrono::seconds(0));
  EXPECT_EQ(after(404, "3"), std::nullopt);
  EXPECT_EQ(after(200, "3"), std::nullopt);
  for (const char* text : {"", "soon", "3s", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999"}) {
    EXPECT_EQ(after(429, text), std::nullopt) << text;
  }
}

class WebhookDetours : public HookFixture, public http::Handler {
 protected:
  WebhookDetours() {
    StartHook(*this);
    Configure("mutatingwebhookconfigurations", "m", {Hook("m")});
  }
  ~WebhookDetours() override { StopHook(); }

  struct Step {
    int status;
    const char* header;
    std::string value;
  };

  // Answers what is left of `steps_`, and at their end allows.
  http::Response Handle(const http::Request& request) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back(request.method + " " + request.target);
    const Json review = Json::parse(request.body, nullptr, false);
    if (steps_.empty()) return Says(review, {{"allowed", true}});
    http::Response answer;
    answer.status = steps_.front().status;
    answer.SetHeader(steps_.front().header, steps_.front().value);
    steps_.pop_front();
    return answer;
  }
  Answer MakeMapAfter(std::deque<Step> steps) {
    {
      const std::lock_guard lock(mutex_);
      steps_ = std::move(steps);
      asked_.clear();
    }
    return Post("/api/v1/namespaces/default/configmaps", R"({"metadata": {"generateName": "a"}})");
  }
  std::vector<std::string> Asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  std::mutex mutex_;
  std::deque<Step> steps_;
  std::vector<std::string> asked_;
};

TEST_F(WebhookDetours, ARedirectToTheSameServerIsFollowedWithTheReview) {
  const auto made = MakeMapAfter({{307, "Location", "/m/?timeout=20s"},
                                  {308, "Location", Url("/n")}});
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Asked(), (std::vector<std::string>{"POST /m?timeout=20s", "POST /m/?timeout=20s",
                                               "POST /n"}));
}

TEST_F(WebhookDetours, ARedirectElsewhereIsAnAnswer) {
  const auto refused = MakeMapAfter({{307, "Location", "https://127.0.0.1:1/m"}});
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.message().find("the server responded with the status code 307"),
            std::string::npos)
      << refused.message();
  EXPECT_EQ(Asked().size(), 1u);
}

TEST_F(WebhookDetours, TenRedirectsAreFollowedAndNoMore) {
  const std::deque<Step> round(11, Step{307, "Location", "/m"});
  const auto refused = MakeMapAfter(round);
  EXPECT_NE(refused.message().find("stopped after 10 redirects"), std::string::npos)
      << refused.message();
  EXPECT_EQ(Asked().size(), 11u);
}

TEST_F(WebhookDetours, WhoAsksToBeAskedAgainIs) {
  const auto made = MakeMapAfter({{429, "Retry-After", "0"}, {503, "Retry-After", "0"}});
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Asked().size(), 3u);
}

TEST_F(WebhookDetours, NobodyIsAskedAgainForEver) {
  const auto refused = MakeMapAfter(std::deque<Step>(20, Step{503, "Retry-After", "0"}));
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(Asked().size(), 11u);
}

TEST_F(WebhookDetours, NobodyWaitsForWhatComesTooLate) {
  const auto began = std::chrono::steady_clock::now();
  const auto refused = MakeMapAfter({{429, "Retry-After", "600"}});
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(Asked().size(), 1u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace skiff
