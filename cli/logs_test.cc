#include <gmock/gmock.h>

#include <deque>

#include "cli/api.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

// A log that comes in these pieces, and then ends so.
class LogInPieces final : public http::StreamSource {
 public:
  LogInPieces(std::deque<std::string> pieces, http::Pulled end)
      : pieces_(std::move(pieces)), end_(end) {}
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    if (pieces_.empty()) return end_;
    out.push_back(std::make_shared<const std::string>(std::move(pieces_.front())));
    pieces_.pop_front();
    return http::Pulled::kMore;
  }

 private:
  std::deque<std::string> pieces_;
  const http::Pulled end_;
};

class LogsTest : public ProgramTest {
 protected:
  static Json Pod(const char* name) {
    Json pod;
    pod["metadata"] = {{"name", name}, {"namespace", "default"}};
    pod["spec"]["containers"] = Json::array({{{"name", "c"}}});
    return pod;
  }
  // Pods "a" and "b", each with one container, and the log of each.
  void Serve() {
    const std::string pods = "/api/v1/namespaces/default/pods";
    const Json list = {{"items", Json::array({Pod("a"), Pod("b")})}};
    const auto answers = ServerOf("", {}, {{pods, list.dump()}, {pods + "/a", Pod("a").dump()}});
    server_ = [=, this](const http::Request& request) {
      if (!request.path.ends_with("/log")) return answers(request);
      asked_.push_back(std::string(request.Query("tailLines").value_or("all")) + " " +
                       std::string(request.Query("sinceSeconds").value_or("ever")));
      http::Response response;
      response.status = 200;
      if (request.path.ends_with("/b/log") && is_b_refused_) {
        response.status = 400;
        response.body = R"({"kind": "Status", "reason": "BadRequest", "message": "is waiting"})";
      } else if (request.Query("follow")) {
        const bool is_a = request.path.ends_with("/a/log");
        response.stream =
            std::make_unique<LogInPieces>(is_a ? std::deque<std::string>{"one ", "two\nrest"}
                                               : std::deque<std::string>{"three\n"},
                                          is_a ? end_of_a_ : http::Pulled::kEnd);
      } else {
        response.body = "line\n";
      }
      return response;
    };
  }
  http::Pulled end_of_a_ = http::Pulled::kEnd;
  bool is_b_refused_ = false;
  std::vector<std::string> asked_;
};

TEST_F(LogsTest, LinesOfSeveralLogsComeWhole) {
  Serve();
  EXPECT_EQ(Run("logs", {"-l", "app=x", "-f"}), 0) << err_;
  EXPECT_EQ(out_, "three\none two\nrest");
  EXPECT_EQ(Run("logs", {"-l", "app=x", "-f", "--prefix"}), 0) << err_;
  EXPECT_EQ(out_, "[pod/b/c] three\n[pod/a/c] one two\n[pod/a/c] rest");
}

TEST_F(LogsTest, ALogThatIsCutIsAnError) {
  Serve();
  end_of_a_ = http::Pulled::kAbort;
  EXPECT_EQ(Run("logs", {"a", "-f"}), 1);
  EXPECT_EQ(out_, "one two\nrest");
  EXPECT_EQ(err_, "error: unexpected EOF\n");
  EXPECT_EQ(Run("logs", {"a", "-f", "--ignore-errors"}), 0) << err_;
  EXPECT_EQ(out_, "one two\nresterror: unexpected EOF\n");
}

// Logs may be larger than the memory that there is.
TEST_F(LogsTest, WhatIsNotFollowedIsPrintedPieceByPieceToo) {
  Serve();
  const auto others = server_;
  std::string printed_before_last;
  server_ = [&](const http::Request& request) {
    http::Response response = others(request);
    if (!request.path.ends_with("/log")) return response;
    EXPECT_TRUE(request.wants_stream);
    // The last piece is made once those before it have been printed.
    class Log final : public http::StreamSource {
     public:
      Log(const std::string& printed, std::string& before) : printed_(printed), before_(before) {}
      void Attach(http::Waker) override {}
      http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
        if (count_ == 2) before_ = printed_;
        if (count_ == 3) return http::Pulled::kEnd;
        out.push_back(std::make_shared<const std::string>(fmt::format("{}\n", ++count_)));
        return http::Pulled::kMore;
      }

     private:
      const std::string& printed_;
      std::string& before_;
      int count_ = 0;
    };
    response.stream = std::make_unique<Log>(out_, printed_before_last);
    return response;
  };
  EXPECT_EQ(Run("logs", {"a"}), 0) << err_;
  EXPECT_EQ(out_, "1\n2\n3\n");
  EXPECT_EQ(printed_before_last, "1\n2\n");
}

TEST_F(LogsTest, ALogHasTheTimeThatARequestHas) {
  Environment environment = MakeEnvironment();
  LogInPieces silent({"a"}, http::Pulled::kIdle);
  std::string got;
  const auto pulled =
      PullAll(environment, silent, Duration(0), [&](std::string_view piece) { got += piece; });
  ASSERT_FALSE(pulled);
  EXPECT_EQ(
      pulled.error().message,
      "context deadline exceeded (Client.Timeout or context cancellation while reading body)");
  EXPECT_EQ(got, "a");
}

TEST_F(LogsTest, ErrorsThatAreIgnoredStandAmongTheLines) {
  Serve();
  is_b_refused_ = true;
  EXPECT_EQ(Run("logs", {"-l", "app=x", "--ignore-errors"}), 0) << err_;
  EXPECT_EQ(out_, "line\nerror: is waiting\n");
  EXPECT_EQ(err_, "");
  EXPECT_EQ(Run("logs", {"-l", "app=x"}), 1);
}

TEST_F(LogsTest, HowMuchIsAskedForIsWhatWasSaid) {
  Serve();
  const auto asked = [&](std::vector<std::string> args) {
    asked_.clear();
    EXPECT_EQ(Run("logs", args), 0) << err_;
    return asked_.front();
  };
  EXPECT_EQ(asked({"-l", "app=x"}), "10 ever");
  EXPECT_EQ(asked({"-l", "app=x", "--tail=-1"}), "all ever");
  EXPECT_EQ(asked({"a", "--since=1400ms"}), "all 1");
  EXPECT_EQ(asked({"a", "--since=1500ms"}), "all 2");
  EXPECT_EQ(asked({"a", "--since=100ms"}), "all 1");
}

}  // namespace
}  // namespace skiff::cli
