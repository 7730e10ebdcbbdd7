#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using WaitTest = ProgramTest;

http::Response JsonAnswer(const std::string& body) {
  http::Response response;
  response.status = 200;
  response.SetHeader("Content-Type", "application/json");
  response.body = body;
  return response;
}

// A watch that is closed before it says anything.
class NothingSaid final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override { return http::Pulled::kEnd; }
};

TEST_F(WaitTest, ItIsLookedAgainOnlyAfterAPauseWhereAWatchIsClosed) {
  const std::string ready =
      R"({"metadata": {"name": "p", "uid": "u"},
          "status": {"conditions": [{"type": "Ready", "status": "True"}]}})";
  const auto pod = [](const std::string& object) {
    return std::pair<std::string, std::string>("/api/v1/namespaces/default/pods/p", object);
  };
  const std::string unready = R"({"metadata": {"name": "p", "uid": "u"}})";
  int watches = 0;
  const auto answers = ServerOf("", {}, {pod(unready)});
  server_ = [&](const http::Request& request) {
    if (request.path != "/api/v1/namespaces/default/pods") return answers(request);
    http::Response response;
    response.status = 200;
    if (request.Query("watch")) {
      ++watches;
      response.stream = std::make_unique<NothingSaid>();
      return response;
    }
    response.SetHeader("Content-Type", "application/json");
    response.body = R"({"metadata": {"resourceVersion": "7"}, "items": [)" +
                    (watches == 2 ? ready : unready) + "]}";
    return response;
  };
  EXPECT_EQ(Run("wait", {"pod/p", "--for=condition=Ready", "--timeout=9s"}), 0) << err_;
  EXPECT_EQ(watches, 2);
  EXPECT_EQ(pauses_, 2);
}

// A watch that is cut, as a balancer does that has seen nothing for a while.
class IsCut final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override {
    return http::Pulled::kAbort;
  }
};

TEST_F(WaitTest, AServerThatIsStartedAnewIsAskedAgain) {
  const std::string unready = R"({"metadata": {"name": "p", "uid": "u"}})";
  int lists = 0;
  const auto answers = ServerOf("", {}, {{"/api/v1/namespaces/default/pods/p", unready}});
  server_ = [&](const http::Request& request) {
    if (request.path != "/api/v1/namespaces/default/pods") return answers(request);
    http::Response response = JsonAnswer("");
    if (request.Query("watch")) {
      response.stream = std::make_unique<IsCut>();
      return response;
    }
    ++lists;
    if (lists == 2) response.status = 503;
    response.body = R"({"metadata": {"resourceVersion": "7"}, "items": [{"metadata":
        {"name": "p", "uid": "u"}, "status": {"phase": ")" +
                    std::string(lists == 3 ? "Running" : "Pending") + "\"}}]}";
    return response;
  };
  EXPECT_EQ(Run("wait", {"pod/p", "--for=jsonpath={.status.phase}=Running", "--timeout=1h", "-o",
                         "jsonpath={.status.phase}"}),
            0)
      << err_;
  EXPECT_EQ(lists, 3);
  EXPECT_EQ(out_, "Running") << "the object as it has become";
  EXPECT_EQ(Run("get", {"pods", "-w", "-o", "name"}), 0) << err_;
}

TEST_F(WaitTest, AValueIsOneAndMeantAsItIsWritten) {
  const std::string pod =
      R"({"metadata": {"name": "p"}, "status": {"phase": "Running", "list": ["a", "b"]}})";
  server_ = ServerOf("", {},
                     {{"/api/v1/namespaces/default/pods/p", pod},
                      {"/api/v1/namespaces/default/pods", R"({"items": [)" + pod + "]}"}});
  const auto said = [&](const std::string& goal) {
    EXPECT_EQ(Run("wait", {"pod/p", "--for=jsonpath=" + goal, "--timeout=0s"}), 1) << goal;
    return err_;
  };
  EXPECT_EQ(said("{.status.phase}=running"), "error: condition not met for pods/p\n");
  EXPECT_EQ(said("{.status.list[*]}"),
            "error: given jsonpath expression matches more than one value\n");
  EXPECT_EQ(Run("wait", {"pod/p", "--for=jsonpath={.status.phase}= Running ", "--timeout=0s"}), 0)
      << err_;
}

TEST_F(WaitTest, WhatWentBeforeItIsWaitedForDoesNotComeAgain) {
  server_ = ServerOf("", {},
                     {{"/api/v1/namespaces/default/pods/p", R"({"metadata": {"name": "p"}})"},
                      {"/api/v1/namespaces/default/pods", R"({"items": []})"}});
  EXPECT_EQ(Run("wait", {"pod/p", "--for=condition=Ready", "--timeout=1h"}), 1);
  EXPECT_EQ(err_, "Error from server (NotFound): pods \"p\" not found\n");
}

TEST_F(WaitTest, WhatMakesNoSenseIsRefusedBeforeItIsWaited) {
  EXPECT_EQ(Run("wait", {"pod/p", "--for=delete", "-o", "foo"}), 1);
  EXPECT_TRUE(
      err_.starts_with("error: unable to match a printer suitable for the output format "
                       "\"foo\", allowed formats are: "))
      << err_;
  EXPECT_EQ(Run("wait", {"pod/p", "--for=delete", "--local"}), 1);
  EXPECT_TRUE(err_.starts_with("error: you must specify resources by --filename when --local is"))
      << err_;
}

// A watch that has a pod, which changes once, and is closed.
class PodThatChanges final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    for (const char* type : {"ADDED", "MODIFIED"}) {
      out.push_back(std::make_shared<const std::string>(
          R"({"type": ")" + std::string(type) +
          R"(", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}})"
          "\n"));
    }
    return http::Pulled::kEnd;
  }
};

TEST_F(WaitTest, WhoWatchesOneObjectNeedsNoRightToListThem) {
  std::string begin;
  server_ = [&](const http::Request& request) {
    http::Response response = JsonAnswer(
        R"({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "resourceVersion": "7"}})");
    if (request.path.ends_with("/namespaces/other/pods/p")) return response;
    response.status = 403;
    if (!request.Query("watch")) return response;
    begin = request.Query("resourceVersion").value_or("");
    response.status = 200;
    response.stream = std::make_unique<PodThatChanges>();
    return response;
  };
  EXPECT_EQ(Run("get", {"pod", "p", "-n", "other", "-w", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "pod/p\npod/p\n") << "as it is, and as it has changed";
  EXPECT_EQ(begin, "0");
  EXPECT_EQ(Run("get", {"pod", "p", "-n", "other", "--watch-only", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "pod/p\n");
}

// A watch that stays open without a word.
class SaysNothing final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override {
    return http::Pulled::kIdle;
  }
};

TEST_F(WaitTest, AllOfThemHaveOneTime) {
  int watches = 0;
  const auto answers = ServerOf(
      "", {},
      {{"/api/v1/namespaces/default/pods/p", "{}"}, {"/api/v1/namespaces/default/pods/q", "{}"}});
  server_ = [&](const http::Request& request) {
    if (request.path != "/api/v1/namespaces/default/pods") return answers(request);
    if (!request.Query("watch")) return JsonAnswer(R"({"items": [{"metadata": {"name": "p"}}]})");
    ++watches;
    http::Response response;
    response.status = 200;
    response.stream = std::make_unique<SaysNothing>();
    return response;
  };
  EXPECT_EQ(Run("wait", {"pod/p", "pod/q", "--for=condition=Ready", "--timeout=50ms"}), 1);
  EXPECT_EQ(err_,
            "timed out waiting for the condition on pods/p\n"
            "timed out waiting for the condition on pods/q\n");
  EXPECT_LE(watches, 1) << "the second is only looked at";
}

// Says the same of a pod again and again.
class SaysMore final : public http::StreamSource {
 public:
  explicit SaysMore(int& said) : said_(said) {}
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    constexpr int kEnough = 100;
    if (++said_ == kEnough) return http::Pulled::kEnd;
    out.push_back(std::make_shared<const std::string>(
        R"({"type": "MODIFIED", "object": {"metadata": {"name": "p"}}})"
        "\n"));
    return http::Pulled::kMore;
  }

 private:
  int& said_;
};

TEST_F(WaitTest, WhoPrintsOnAndOnEndsWhereNobodyGetsIt) {
  int said = 0;
  const auto answers = ServerOf("", {}, {});
  server_ = [&](const http::Request& request) {
    const bool is_log = request.path.ends_with("/log");
    if (!is_log && !request.path.ends_with("/pods")) {
      return request.path.ends_with("/pods/p") ? JsonAnswer(R"({"metadata": {"name": "p"},
          "spec": {"containers": [{"name": "c"}]}})")
                                               : answers(request);
    }
    http::Response response = JsonAnswer(R"({"metadata": {"resourceVersion": "7"},
        "items": [{"metadata": {"name": "p"}}]})");
    if (is_log || request.Query("watch")) response.stream = std::make_unique<SaysMore>(said);
    return response;
  };
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"get", "pods", "-w", "-o", "name"}, {"logs", "-f", "p"}}) {
    said = 0;
    Environment environment = MakeEnvironment();
    environment.is_output_lost = [&] { return said > 1; };
    EXPECT_EQ(RunCli(environment, words[0], {words.begin() + 1, words.end()}), 0) << err_;
    EXPECT_EQ(said, 2) << words[0];
    EXPECT_TRUE(environment.ended_early);
  }
}

}  // namespace
}  // namespace skiff::cli
