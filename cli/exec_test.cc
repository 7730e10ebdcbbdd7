#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/mutex.h"
#include "cli/environment.h"
#include "cli/json_text.h"
#include "cli/program.h"
#include "client/test_proxy.h"
#include "http/server.h"
#include "http/spdy.h"
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

// The same over SPDY: speaks once the client has opened all streams, which is when it ends the one
// for errors.
class FakeSpdyCommand final : public http::SpdyHandler {
 public:
  explicit FakeSpdyCommand(std::string status) : status_(std::move(status)) {}
  void OnOpen(std::shared_ptr<http::SpdySender> sender) override { sender_ = std::move(sender); }
  bool OnStream(http::SpdyStreamId stream, const http::Headers& headers) override {
    const auto type = headers.find("streamtype");
    if (type == headers.end()) return false;
    streams_[type->second] = stream;
    return true;
  }
  size_t OnData(http::SpdyStreamId /*stream*/, std::string_view bytes) override {
    return bytes.size();
  }
  void OnFin(http::SpdyStreamId stream) override {
    if (stream != streams_["error"]) return;
    const std::pair<const char*, std::string> outputs[] = {
        {"stdout", "hello\n"}, {"stderr", "oops\n"}, {"error", status_}};
    for (const auto& [type, text] : outputs) {
      sender_->Send(streams_[type], text);
      sender_->Finish(streams_[type]);
    }
  }
  void OnReset(http::SpdyStreamId /*stream*/) override {}
  void OnClose() override {}

 private:
  const std::string status_;
  std::shared_ptr<http::SpdySender> sender_;
  std::map<std::string, http::SpdyStreamId> streams_;
};

// What the server, or what stands before it, lets through.
enum class Upgrades : uint8_t { kWebSocket, kSpdy, kNone };

// As much of an API server as `exec` needs.
class FakeServer final : public http::Handler {
 public:
  FakeServer(std::string status, Upgrades upgrades)
      : status_(std::move(status)), upgrades_(upgrades) {}
  http::Response Handle(const http::Request& request) override {
    if (http::IsSpdy(request) && upgrades_ == Upgrades::kSpdy) {
      return http::AcceptSpdy(request, {"v4.channel.k8s.io"}, [this](const std::string&) {
        return std::make_unique<FakeSpdyCommand>(status_);
      });
    }
    if (http::IsSpdy(request) ||
        (http::IsWebSocket(request) && upgrades_ != Upgrades::kWebSocket)) {
      http::Response response;
      response.status = 400;
      response.content_type = "application/json";
      response.body = R"({"kind":"Status","status":"Failure","reason":"BadRequest","code":400,
          "message":"pod web does not have a host assigned"})";
      return response;
    }
    if (http::IsWebSocket(request)) {
      const MutexLock lock(mutex_);
      target_ = request.target;
      for (const auto& [name, value] : request.headers) {
        if (Lower(name).starts_with("impersonate-")) asked_as_ += Lower(name) + "=" + value + " ";
      }
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
  std::string asked_as() {
    const MutexLock lock(mutex_);
    return asked_as_;
  }

 private:
  const std::string status_;
  const Upgrades upgrades_;
  Mutex mutex_;
  std::string target_ GUARDED_BY(mutex_);
  std::string asked_as_ GUARDED_BY(mutex_);
};

struct Outcome {
  int code = 0;
  bool ended_early = false;
  std::string out;
  std::string err;
  std::string target;
  std::string asked_as;
  std::vector<std::string> asked_of_proxy;
};

// How it goes with what is printed.
enum class Output : uint8_t { kRead, kReaderLeaves, kDiskIsFull };

struct Ways {
  bool by_proxy = false;  // One that the environment names.
  Output output = Output::kRead;
};

// Runs `exec web ARGS` against a server whose command ends with that status.
Outcome Exec(std::vector<std::string> args, const std::string& status,
             Upgrades upgrades = Upgrades::kWebSocket, Ways ways = {}) {
  FakeServer handler(status, upgrades);
  http::Loops loops;
  const auto server = http::Server::Start({}, loops, handler);
  EXPECT_TRUE(server);
  const std::string port = std::to_string((*server)->port());
  TestProxy proxy({.server_port = (*server)->port()});
  std::map<std::string, std::string> variables;
  if (ways.by_proxy) variables["HTTP_PROXY"] = "127.0.0.1:" + std::to_string(proxy.port());
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
                          .variable = [&](const std::string& name) { return variables[name]; },
                          .connect = [](const HttpsOptions& it) { return MakeHttpsTransport(it); },
                          .pause = [](Duration) {},
                          .clock = clock};
  const auto has_said = [&] {
    const MutexLock lock(mutex);
    return !outcome.out.empty();
  };
  if (ways.output != Output::kRead) environment.is_output_lost = has_said;
  if (ways.output == Output::kReaderLeaves) environment.has_reader_left = has_said;
  args.insert(args.begin(),
              "--server=http://" + (ways.by_proxy ? "api.test" : "127.0.0.1:" + port));
  outcome.code = RunCli(environment, "exec", args);
  outcome.ended_early = environment.ended_early;
  outcome.target = handler.target();
  outcome.asked_as = handler.asked_as();
  outcome.asked_of_proxy = proxy.asked();
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

TEST(ExecTest, AsksAsWhoItIsToldTo) {
  const Outcome outcome = Exec({"web", "-c", "main", "--as=bob", "--as-group=devs", "--as-uid=u1",
                                "--as-user-extra=a/b=c", "--", "ls"},
                               R"({"status":"Success"})");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.asked_as,
            "impersonate-extra-a%2fb=c impersonate-group=devs impersonate-uid=u1 "
            "impersonate-user=bob ");
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

TEST(ExecTest, SpeaksSpdyToWhoRefusesWebSockets) {
  const Outcome outcome = Exec(
      {"web", "-c", "main", "--", "false"},
      R"({"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with non-zero exit code: exit status 3","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})",
      Upgrades::kSpdy);
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out, "hello\n");
  EXPECT_EQ(outcome.err, "oops\ncommand terminated with exit code 3\n");
}

// As kubectl ends by the signal of a broken pipe; the result is of a command that nobody waits for.
TEST(ExecTest, EndsWhereTheReaderOfItsOutputLeaves) {
  const std::string failure =
      R"({"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})";
  for (const Upgrades upgrades : {Upgrades::kWebSocket, Upgrades::kSpdy}) {
    const Outcome unread = Exec({"web", "-c", "main", "--", "yes"}, failure, upgrades,
                                {.output = Output::kReaderLeaves});
    EXPECT_TRUE(unread.ended_early);
    EXPECT_EQ(unread.code, 0);
    // A disk that is full stops no command halfway.
    const Outcome full = Exec({"web", "-c", "main", "--", "yes"}, failure, upgrades,
                              {.output = Output::kDiskIsFull});
    EXPECT_FALSE(full.ended_early);
    EXPECT_EQ(full.code, 3);
  }
}

TEST(ExecTest, GoesByAProxyOfTheEnvironment) {
  const std::string ask = "GET http://api.test/api/v1/namespaces/default/pods/web";
  for (const Upgrades upgrades : {Upgrades::kWebSocket, Upgrades::kSpdy}) {
    const Outcome outcome = Exec({"web", "-c", "main", "--", "ls"}, R"({"status":"Success"})",
                                 upgrades, {.by_proxy = true});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "hello\n");
    std::vector<std::string> asked = {ask, "CONNECT api.test:80"};
    if (upgrades == Upgrades::kSpdy) asked.emplace_back("CONNECT api.test:80");
    EXPECT_EQ(outcome.asked_of_proxy, asked);
  }
}

TEST(ExecTest, ShowsWhyTheUpgradeWasRefused) {
  const Outcome outcome = Exec({"web", "-c", "main", "--", "ls"}, "", Upgrades::kNone);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "Error from server (BadRequest): pod web does not have a host assigned\n");
}

TEST(ExecTest, TellsWhichContainerItTook) {
  EXPECT_EQ(Exec({"web", "--", "ls"}, R"({"status":"Success"})").err,
            "Defaulted container \"main\" out of: main, side\noops\n");
  EXPECT_EQ(Exec({"web", "-q", "--", "ls"}, R"({"status":"Success"})").err, "oops\n");
}

TEST(ExecTest, WithoutATerminalOfOursNoneIsAskedFor) {
  const int input = dup(STDIN_FILENO);
  const int nothing = open("/dev/null", O_RDONLY);
  ASSERT_EQ(dup2(nothing, STDIN_FILENO), STDIN_FILENO);
  const std::string success = R"({"status":"Success"})";
  const Outcome told = Exec({"web", "-it", "-c", "main", "--", "ls"}, success);
  EXPECT_EQ(told.err,
            "Unable to use a TTY - input is not a terminal or the right kind of file\noops\n");
  EXPECT_EQ(told.target.find("tty"), std::string::npos) << told.target;
  EXPECT_EQ(Exec({"web", "-itq", "-c", "main", "--", "ls"}, success).err, "oops\n");
  dup2(input, STDIN_FILENO);
  close(input);
  close(nothing);
}

TEST(ExecTest, RefusesWordsThatMakeNoCommand) {
  EXPECT_EQ(Exec({"web", "ls"}, "").err,
            "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] "
            "instead\nSee 'kubectl exec -h' for help and examples\n");
  EXPECT_EQ(Exec({"web"}, "").err,
            "error: you must specify at least one command for the container\n");
}

}  // namespace
}  // namespace skiff::cli
