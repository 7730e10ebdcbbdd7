#include "apiserver/subresources/exec_over_spdy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/mutex.h"
#include "http/server.h"
#include "http/spdy.h"
#include "http/websocket.h"

namespace skiff {
namespace {

using testing::HasSubstr;

// A container's `tee`: its input comes out of both outputs; ends with the input, with exit code 3.
class Tee final : public http::SpdyHandler {
 public:
  void OnOpen(std::shared_ptr<http::SpdySender> sender) override { sender_ = std::move(sender); }
  bool OnStream(http::SpdyStreamId stream, const http::Headers& headers) override {
    streams_[headers.find("streamtype")->second] = stream;
    return true;
  }
  size_t OnData(http::SpdyStreamId stream, std::string_view bytes) override {
    if (stream == streams_["resize"]) {
      size_ += bytes;
      return bytes.size();
    }
    const size_t take = std::min(bytes.size(), sender_->Room() / 2);
    for (const char* output : {"stdout", "stderr"}) {
      if (!streams_.contains(output)) continue;
      sender_->Send(streams_[output], std::string(bytes.substr(0, take)));
    }
    stalled_ = take < bytes.size();
    return take;
  }
  void OnFin(http::SpdyStreamId stream) override {
    if (stream != streams_["stdin"]) return;
    if (!size_.empty()) sender_->Send(streams_["stdout"], "size " + size_);
    sender_->Send(streams_["error"], R"({"status":"Failure","reason":"NonZeroExitCode"})");
    for (const char* output : {"stdout", "stderr", "error"}) {
      if (streams_.contains(output)) sender_->Finish(streams_[output]);
    }
  }
  void OnReset(http::SpdyStreamId) override {}
  void OnRoom(size_t) override {
    if (std::exchange(stalled_, false)) sender_->Wake();
  }
  void OnClose() override {}

 private:
  std::shared_ptr<http::SpdySender> sender_;
  std::map<std::string, http::SpdyStreamId> streams_;
  std::string size_;
  bool stalled_ = false;
};

// A kubelet that never ends to say how its command ended.
class LongWinded final : public http::SpdyHandler {
 public:
  static constexpr size_t kStatusBytes = 3 << 20;

  void OnOpen(std::shared_ptr<http::SpdySender> sender) override { sender_ = std::move(sender); }
  bool OnStream(http::SpdyStreamId stream, const http::Headers& headers) override {
    streams_[headers.find("streamtype")->second] = stream;
    return true;
  }
  size_t OnData(http::SpdyStreamId, std::string_view bytes) override { return bytes.size(); }
  void OnFin(http::SpdyStreamId stream) override {
    if (stream == streams_["stdin"]) Say();
  }
  void OnReset(http::SpdyStreamId) override {}
  void OnRoom(size_t) override {
    if (said_ > 0) Say();
  }
  void OnClose() override {}

 private:
  void Say() {
    while (said_ < kStatusBytes && sender_->Send(streams_["error"], std::string(16 << 10, 's'))) {
      said_ += 16 << 10;
    }
    if (said_ < kStatusBytes) return;
    for (const char* output : {"stdout", "stderr", "error"}) sender_->Finish(streams_[output]);
  }

  std::shared_ptr<http::SpdySender> sender_;
  std::map<std::string, http::SpdyStreamId> streams_;
  size_t said_ = 0;
};

class FakeKubelet final : public http::Handler {
 public:
  http::Response Handle(const http::Request& request) override {
    if (request.path == "/exec/ns/pod/c" && request.method == "POST") {
      return http::AcceptSpdy(request, {"v4.channel.k8s.io"},
                              [](const std::string&) { return std::make_unique<Tee>(); });
    }
    if (request.path == "/exec/ns/pod/long" && request.method == "POST") {
      return http::AcceptSpdy(request, {"v4.channel.k8s.io"},
                              [](const std::string&) { return std::make_unique<LongWinded>(); });
    }
    http::Response response;
    response.status = 404;
    response.content_type = "text/plain";
    response.body = "container not found (\"c\")\n";
    return response;
  }
};

// The server between: all it does is what is tested.
class Translator final : public http::Handler {
 public:
  Translator(http::Loops& loops, int kubelet_port) : loops_(loops), kubelet_port_(kubelet_port) {}
  http::Response Handle(const http::Request& request) override {
    if (!WantsExecV5(request)) return {};
    http::ClientRequest to_kubelet = http::ForwardedRequest(request);
    to_kubelet.target = request.path;
    return AcceptExecV5(request,
                        {true, true, !request.Query("tty"), request.Query("tty").has_value()},
                        loops_, {.host = "127.0.0.1", .port = kubelet_port_}, to_kubelet);
  }

 private:
  http::Loops& loops_;
  const int kubelet_port_;
};

// What came, by channel; sends what the test says, and ends its input.
class Client final : public http::MessageHandler {
 public:
  struct Seen {
    Mutex mutex;
    CondVar changed;
    std::map<int, std::string> channels GUARDED_BY(mutex);
    int close_code GUARDED_BY(mutex) = 0;
    std::string Channel(int number) {
      MutexLock lock(mutex);
      return channels[number];
    }
  };
  Client(std::shared_ptr<Seen> seen, std::vector<std::string> messages, bool text)
      : seen_(std::move(seen)), messages_(std::move(messages)), text_(text) {}
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    sender_ = std::move(sender);
    SendMore();
  }
  bool OnMessage(std::string_view data, bool) override {
    MutexLock lock(seen_->mutex);
    seen_->channels[data[0]] += data.substr(1);
    return true;
  }
  void OnRoom(size_t) override { SendMore(); }
  void OnClose(int code, std::string_view) override {
    MutexLock lock(seen_->mutex);
    seen_->close_code = code;
    seen_->changed.notify_all();
  }

 private:
  void SendMore() {
    // The byte that ends the input is no text.
    while (next_ < messages_.size() &&
           sender_->Send(messages_[next_], text_ && messages_[next_][0] != '\xff')) {
      ++next_;
    }
  }
  const std::shared_ptr<Seen> seen_;
  const std::vector<std::string> messages_;
  const bool text_;
  size_t next_ = 0;
  std::shared_ptr<http::WebSocketSender> sender_;
};

class ExecOverSpdyTest : public testing::Test {
 protected:
  ExecOverSpdyTest() {
    kubelet_server_ = *http::Server::Start({.bind_address = "127.0.0.1"}, loops_, kubelet_);
    translator_ = std::make_unique<Translator>(loops_, kubelet_server_->port());
    server_ = *http::Server::Start({.bind_address = "127.0.0.1"}, loops_, *translator_);
  }
  // Opens, sends, and waits for the end; returns the code of the close.
  int Run(const std::string& target, std::vector<std::string> messages, bool text = false) {
    const auto exchange = http::OpenWebSocket(
        loops_, {.host = "127.0.0.1", .port = server_->port()}, {.target = target},
        {"v5.channel.k8s.io"}, [&](Result<std::string> protocol) {
          EXPECT_EQ(protocol, "v5.channel.k8s.io");
          return std::make_unique<Client>(seen_, std::move(messages), text);
        });
    MutexLock lock(seen_->mutex);
    seen_->changed.wait_for(lock, 10s,
                            [this]() REQUIRES(seen_->mutex) { return seen_->close_code != 0; });
    return seen_->close_code;
  }

  http::Loops loops_{2};
  FakeKubelet kubelet_;
  std::unique_ptr<http::Server> kubelet_server_;
  std::unique_ptr<Translator> translator_;
  std::unique_ptr<http::Server> server_;
  std::shared_ptr<Client::Seen> seen_ = std::make_shared<Client::Seen>();
};

const std::string kEndOfInput("\xff\x00", 2);

TEST_F(ExecOverSpdyTest, InputEndsAndOutputsAndTheResultCome) {
  EXPECT_EQ(Run("/exec/ns/pod/c", {std::string("\0hello", 6), kEndOfInput}), 1000);
  EXPECT_EQ(seen_->Channel(1), "hello");
  EXPECT_EQ(seen_->Channel(2), "hello");
  EXPECT_EQ(seen_->Channel(3), R"({"status":"Failure","reason":"NonZeroExitCode"})");
}

TEST_F(ExecOverSpdyTest, InputMayComeInTextMessages) {
  EXPECT_EQ(Run("/exec/ns/pod/c", {std::string("\0hello", 6), kEndOfInput}, true), 1000);
  EXPECT_EQ(seen_->Channel(1), "hello");
}

TEST_F(ExecOverSpdyTest, MuchIsCarriedWholeWhoeverIsSlow) {
  std::vector<std::string> messages;
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const std::string piece(32 << 10, static_cast<char>('a' + i % 26));
    messages.emplace_back(1, '\0').append(piece);
    sent += piece;
  }
  messages.push_back(kEndOfInput);
  EXPECT_EQ(Run("/exec/ns/pod/c", messages), 1000);
  EXPECT_TRUE(seen_->Channel(1) == sent);
  EXPECT_TRUE(seen_->Channel(2) == sent);
}

TEST_F(ExecOverSpdyTest, ATerminalHasASizeAndOneOutput) {
  EXPECT_EQ(Run("/exec/ns/pod/c?tty=1", {std::string("\x04{\"Width\":80,\"Height\":24}"),
                                         std::string("\0x", 2), kEndOfInput}),
            1000);
  EXPECT_EQ(seen_->Channel(1), "xsize {\"Width\":80,\"Height\":24}\n");
  EXPECT_EQ(seen_->Channel(2), "");
}

TEST_F(ExecOverSpdyTest, ARefusalOfTheKubeletIsTheResult) {
  EXPECT_EQ(Run("/exec/ns/pod/none", {kEndOfInput}), 1000);
  EXPECT_THAT(seen_->Channel(3), HasSubstr("Internal error occurred: unable to upgrade connection: "
                                           "container not found (\\\"c\\\")"));
}

TEST_F(ExecOverSpdyTest, AKubeletThatIsAwayIsTheResult) {
  kubelet_server_->Stop(0s);
  kubelet_server_.reset();
  EXPECT_EQ(Run("/exec/ns/pod/c", {}), 1000);
  EXPECT_THAT(seen_->Channel(3), HasSubstr("error dialing backend: dial tcp 127.0.0.1:"));
}

TEST_F(ExecOverSpdyTest, OfAResultWithoutEndThereIsABeginning) {
  EXPECT_EQ(Run("/exec/ns/pod/long", {kEndOfInput}), 1000);
  EXPECT_EQ(seen_->Channel(3), std::string(1 << 20, 's'));
}

TEST_F(ExecOverSpdyTest, AMessageThatIsNoCloseEndsTheConnection) {
  EXPECT_EQ(Run("/exec/ns/pod/c", {std::string("\xff\x00\x00", 3)}), 1002);
}

}  // namespace
}  // namespace skiff
