#include <gtest/gtest.h>

#include "base/mutex.h"
#include "cli/environment.h"
#include "cli/program.h"
#include "http/server.h"
#include "http/websocket.h"

namespace skiff::cli {
namespace {

// The far end of a command: prints on both outputs and ends with a status.
class FakeCommand final : public http::MessageHandler {
 public:
  explicit FakeCommand(std::string status) : status_(std::move(status)) {}
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    sender->Send(std::string("\x01hello\n"));
    sender->Send(std::string("\x02oops\n"));
    sender->Send("\x03" + status_);
    sender->Close(1000);
  }
  bool OnMessage(std::string_view /*data*/, bool /*text*/) override { return true; }
  void OnClose(int /*code*/, std::string_view /*reason*/) override {}

 private:
  const std::string status_;
};

// As much of an API server as `exec` needs.
class FakeServer final : public http::Handler {
 public:
  explicit FakeServer(std::string status) : status_(std::move(status)) {}
  http::Response Handle(const http::Request& request) override {
    if (http::IsWebSocket(request)) {
      const MutexLock lock(mutex_);
      target_ = request.target;
      return http::AcceptWebSocket(request, "v5.channel.k8s.io",
                                   std::make_unique<FakeCommand>(status_));
    }
    http::Response response;
    response.content_type = "application/json";
    response.body = R"({"kind":"Pod","metadata":{"name":"web","namespace":"default"},
        "spec":{"containers":[{"name":"main"},{"name":"side"}]},"status":{"phase":"Running"}})";
    return response;
  }
  std::string target() {
    const MutexLock lock(mutex_);
    return target_;
  }

 private:
  const std::string status_;
  Mutex mutex_;
  std::string target_ GUARDED_BY(mutex_);
};

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
  std::string target;
};

// Runs `exec web ARGS` against a server whose command ends with that status.
Outcome Exec(std::vector<std::string> args, const std::string& status) {
  FakeServer handler(status);
  http::Loops loops;
  const auto server = http::Server::Start({}, loops, handler);
  EXPECT_TRUE(server);
  const SystemClock clock;
  Mutex mutex;  // Output comes on a loop's thread.
  Outcome outcome;
  Environment environment{.out =
                              [&](std::string_view text) {
                                const MutexLock lock(mutex);
                                outcome.out += text;
                              },
                          .err =
                              [&](std::string_view text) {
                                const MutexLock lock(mutex);
                                outcome.err += text;
                              },
                          .read_input = [] { return std::string(); },
                          .variable = [](const std::string&) { return std::string(); },
                          .connect = [](const HttpsOptions& it) { return MakeHttpsTransport(it); },
                          .pause = [](Duration) {},
                          .clock = clock};
  args.insert(args.begin(), "--server=http://127.0.0.1:" + std::to_string((*server)->port()));
  outcome.code = RunCli(environment, "exec", args);
  outcome.target = handler.target();
  return outcome;
}

TEST(ExecTest, PassesTheWordsAndBothOutputs) {
  const Outcome outcome =
      Exec({"web", "-c", "side", "--", "sh", "-c", "echo a b"}, R"({"status":"Success"})");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "hello\n");
  EXPECT_EQ(outcome.err, "oops\n");
  EXPECT_EQ(outcome.target,
            "/api/v1/namespaces/default/pods/web/exec?command=sh&command=-c&command=echo%20a%20b&"
            "container=side&stdout=true&stderr=true");
}

TEST(ExecTest, EndsWithTheExitCodeOfTheCommand) {
  const Outcome outcome = Exec(
      {"web", "--", "false"},
      R"({"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with non-zero exit code: exit status 3","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.err,
            "Defaulted container \"main\" out of: main, side\noops\n"
            "command terminated with exit code 3\n");
}

TEST(ExecTest, RefusesAContainerThatThePodDoesNotHave) {
  const Outcome outcome = Exec({"web", "-c", "zz", "--", "ls"}, "");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "error: container zz not found in pod web\n");
}

}  // namespace
}  // namespace skiff::cli
