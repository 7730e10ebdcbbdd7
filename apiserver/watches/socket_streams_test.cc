// Watches and logs over WebSockets, and tokens in their protocols: the real server behind a real
// front, a kubelet that is a function, and our own client.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "api/codec/protobuf.h"
#include "apiserver/auth/token_protocol.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/server/server_fixture.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "http/test_client.h"
#include "http/test_server.h"
#include "http/websocket.h"
#include "http/x509_test_certs.h"

namespace skiff {
namespace {

using testing::ElementsAre;

const std::string kMaps = "/api/v1/namespaces/default/configmaps";
constexpr char kTokenProtocol[] = "base64url.bearer.authorization.k8s.io.";

// What a client got.
struct Inbox {
  struct Message {
    std::string data;
    bool text;
  };
  Mutex mutex;
  CondVar changed;
  std::optional<Result<std::string>> protocol GUARDED_BY(mutex);
  std::deque<Message> messages GUARDED_BY(mutex);
  int close_code GUARDED_BY(mutex) = 0;
  std::shared_ptr<http::WebSocketSender> sender GUARDED_BY(mutex);
};

class Reader final : public http::MessageHandler {
 public:
  explicit Reader(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    MutexLock lock(inbox_->mutex);
    inbox_->sender = std::move(sender);
  }
  bool OnMessage(std::string_view data, bool text) override {
    MutexLock lock(inbox_->mutex);
    inbox_->messages.push_back({std::string(data), text});
    inbox_->changed.notify_all();
    return true;
  }
  void OnClose(int code, std::string_view) override {
    MutexLock lock(inbox_->mutex);
    inbox_->close_code = code;
    inbox_->changed.notify_all();
  }

 private:
  const std::shared_ptr<Inbox> inbox_;
};

// An open WebSocket of a client, or what came instead.
class Socket {
 public:
  Socket(http::Loops& loops, int port, const std::string& target,
         const std::vector<std::string>& protocols, const http::Headers& headers) {
    exchange_ = http::OpenWebSocket(
        loops, {.host = "127.0.0.1", .port = port}, {.target = target, .headers = headers},
        protocols,
        [inbox = inbox_](Result<std::string> protocol) -> std::unique_ptr<http::MessageHandler> {
          const bool open = protocol.has_value();
          MutexLock lock(inbox->mutex);
          inbox->protocol = std::move(protocol);
          inbox->changed.notify_all();
          return open ? std::make_unique<Reader>(inbox) : nullptr;
        });
  }
  // The protocol that was chosen, or the code of the refusal.
  std::string Opened() {
    MutexLock lock(inbox_->mutex);
    Await(lock, [this]() REQUIRES(inbox_->mutex) { return inbox_->protocol.has_value(); });
    if (!inbox_->protocol) return "nothing came";
    const auto& protocol = *inbox_->protocol;
    return protocol ? *protocol : std::to_string(protocol.error().http_code);
  }
  Inbox::Message Next() {
    MutexLock lock(inbox_->mutex);
    Await(lock, [this]() REQUIRES(inbox_->mutex) { return !inbox_->messages.empty(); });
    if (inbox_->messages.empty()) return {"nothing came", false};
    Inbox::Message message = std::move(inbox_->messages.front());
    inbox_->messages.pop_front();
    return message;
  }
  int CloseCode() {
    MutexLock lock(inbox_->mutex);
    Await(lock, [this]() REQUIRES(inbox_->mutex) { return inbox_->close_code != 0; });
    return inbox_->close_code;
  }
  std::shared_ptr<http::WebSocketSender> sender() {
    MutexLock lock(inbox_->mutex);
    return inbox_->sender;
  }

 private:
  template <typename Done>
  void Await(MutexLock& lock, Done done) REQUIRES(inbox_->mutex) {
    inbox_->changed.wait_for(lock, 10s, done);
  }
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::unique_ptr<http::Exchange> exchange_;
};

class SocketStreamsTest : public ServerFixture {
 protected:
  SocketStreamsTest()
      : kubelet_([this](const http::Request& request) { return AnswerAsKubelet(request); }) {
    const auto leaf = authority_.IssueServer();
    kubelet_front_ = *http::Server::Start(
        {.tls = http::ServerTls{.certificate_pem = leaf.certificate_pem, .key_pem = leaf.key_pem}},
        loops_, kubelet_);
    served_ = *ApiServer::Create({.authorization_modes = {"RBAC"}, .token_file_text = kTokens},
                                 {*store_, clock_, random_, &nodes_});
    front_ = *http::Server::Start({}, loops_, *served_);
  }
  ~SocketStreamsTest() override {
    front_->Stop(0s);
    kubelet_front_->Stop(0s);
  }

  http::Response AnswerAsKubelet(const http::Request& request) {
    MutexLock lock(mutex_);
    asked_ = request.headers;
    if (request.HasQuery("previous")) {
      http::Response refused = http::testing::Text("previous terminated container not found\n");
      refused.status = 400;
      return refused;
    }
    return http::testing::Text("line 1\nline 2\n");
  }
  http::Headers asked() {
    MutexLock lock(mutex_);
    return asked_;
  }
  Socket Open(const std::string& target, const std::vector<std::string>& protocols = {},
              http::Headers headers = {{"Authorization", "Bearer admin"}}) {
    return Socket(loops_, front_->port(), target, protocols, headers);
  }
  // A pod on a node whose kubelet is ours.
  void MakePod() {
    Post("/api/v1/nodes", R"({"metadata": {"name": "n"}})");
    Merge("/api/v1/nodes/n/status",
          fmt::format(R"({{"status": {{
                        "addresses": [{{"type": "InternalIP", "address": "127.0.0.1"}}],
                        "daemonEndpoints": {{"kubeletEndpoint": {{"Port": {}}}}}}}}})",
                      kubelet_front_->port()));
    Post("/api/v1/namespaces/default/pods",
         R"({"metadata": {"name": "p"}, "spec": {"nodeName": "n",
             "containers": [{"name": "c", "image": "i"}]}})");
  }

  http::Loops loops_{2};
  http::testing::TestAuthority authority_;
  Mutex mutex_;
  http::Headers asked_ GUARDED_BY(mutex_);
  http::testing::FunctionHandler kubelet_;
  NodeConnections nodes_{loops_, *http::MakeClientContext({.insecure = true})};
  std::unique_ptr<http::Server> kubelet_front_;
  std::unique_ptr<ApiServer> served_;
  std::unique_ptr<http::Server> front_;
};

TEST_F(SocketStreamsTest, AWatchIsATextMessageAnEvent) {
  Post(kMaps, R"({"metadata": {"name": "a"}})");
  const std::string version = std::to_string(store_->Current().value);
  Socket socket = Open(kMaps + "?watch=1&resourceVersion=" + version);
  ASSERT_EQ(socket.Opened(), "");
  Merge(kMaps + "/a", R"({"data": {"k": "v"}})");
  Ask("DELETE", kMaps + "/a");
  const auto changed = socket.Next();
  EXPECT_TRUE(changed.text);
  EXPECT_EQ(Json::parse(changed.data)["type"], "MODIFIED");
  EXPECT_EQ(Json::parse(changed.data)["object"]["data"]["k"], "v");
  EXPECT_EQ(Json::parse(socket.Next().data)["type"], "DELETED");
  ASSERT_TRUE(socket.sender()->Send("whatever a client says", true));
  Post(kMaps, R"({"metadata": {"name": "b"}})");
  EXPECT_EQ(Json::parse(socket.Next().data)["object"]["metadata"]["name"], "b");
  socket.sender()->Close(1000);
  EXPECT_EQ(socket.CloseCode(), 1000) << "the server closes as well";
}

TEST_F(SocketStreamsTest, AWatchThatEndsClosesInOrder) {
  Socket socket = Open(kMaps + "?watch=1&resourceVersion=1&timeoutSeconds=5");
  ASSERT_EQ(socket.Opened(), "");
  clock_.Advance(6s);
  Post(kMaps, R"({"metadata": {"name": "wakes-it"}})");
  EXPECT_EQ(socket.CloseCode(), 1000);
}

TEST_F(SocketStreamsTest, AWatchOfTheLegacyPathAndOfAStateToo) {
  Socket socket = Open("/api/v1/watch/namespaces?resourceVersion=0");
  ASSERT_EQ(socket.Opened(), "");
  EXPECT_EQ(Json::parse(socket.Next().data)["type"], "ADDED");
}

TEST_F(SocketStreamsTest, AProtobufWatchIsABinaryMessageAnEvent) {
  Socket socket = Open("/api/v1/namespaces?watch=1&resourceVersion=0", {"binary.k8s.io"},
                       {{"Authorization", "Bearer admin"},
                        {"Accept", "application/vnd.kubernetes.protobuf;stream=watch"}});
  ASSERT_EQ(socket.Opened(), "binary.k8s.io") << "the one that it offers";
  const auto message = socket.Next();
  EXPECT_FALSE(message.text);
  EXPECT_EQ(message.data.substr(0, 7), "\n\x05" "ADDED") << "its length is the message's";
}

TEST_F(SocketStreamsTest, ARefusalComesBeforeTheUpgrade) {
  EXPECT_EQ(Open(kMaps + "?watch=1", {}, {{"Authorization", "Bearer alice"}}).Opened(), "403");
  EXPECT_EQ(Open(kMaps + "?watch=1", {}, {{"Authorization", "Bearer nobody"}}).Opened(), "401");
  EXPECT_EQ(Open(kMaps + "?watch=1&labelSelector=((").Opened(), "400");
}

TEST_F(SocketStreamsTest, ATokenMayBeOneOfTheProtocols) {
  const std::string token = kTokenProtocol + Base64Url("admin");
  const std::string target = "/api/v1/namespaces?watch=1&resourceVersion=0";
  EXPECT_EQ(Open(target, {token, "binary.k8s.io"}, {}).Opened(), "binary.k8s.io");
  EXPECT_EQ(Open(target, {"binary.k8s.io", token}, {}).Opened(), "binary.k8s.io");
  EXPECT_EQ(Open(target, {token}, {}).Opened(), "401") << "there is none to answer";
  EXPECT_EQ(Open(target, {token, token, "x"}, {}).Opened(), "401");
  EXPECT_EQ(Open(target, {kTokenProtocol + Base64Url("wrong"), "x"}, {}).Opened(), "401");
  EXPECT_EQ(Open(target, {kTokenProtocol + std::string("!"), "x"}, {}).Opened(), "401");
  EXPECT_EQ(Open(target, {kTokenProtocol + Base64Url("\xff\xfe"), "x"}, {}).Opened(), "401");
  http::testing::TestClient plain(front_->port());
  EXPECT_EQ(plain
                .Ask("GET /api/v1/namespaces HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Protocol: " +
                     token + ", x\r\n\r\n")
                .status(),
            403)
      << "anonymous: it counts in WebSockets alone";
}

TEST_F(SocketStreamsTest, LogsComeInMessages) {
  MakePod();
  const std::string log = "/api/v1/namespaces/default/pods/p/log";
  for (const std::string protocol : {"", "binary.k8s.io"}) {
    Socket socket = protocol.empty() ? Open(log) : Open(log, {protocol});
    ASSERT_EQ(socket.Opened(), protocol);
    const auto first = socket.Next();
    EXPECT_EQ(first.data, "");
    EXPECT_FALSE(first.text);
    const auto lines = socket.Next();
    EXPECT_EQ(lines.data, "line 1\nline 2\n");
    EXPECT_FALSE(lines.text);
    EXPECT_EQ(socket.CloseCode(), 1000);
  }
  Socket base64 = Open(log, {"base64.binary.k8s.io"});
  ASSERT_EQ(base64.Opened(), "base64.binary.k8s.io");
  EXPECT_EQ(base64.Next().data, "");
  const auto lines = base64.Next();
  EXPECT_EQ(lines.data, Base64("line 1\nline 2\n"));
  EXPECT_TRUE(lines.text);
}

TEST_F(SocketStreamsTest, TheKubeletOfALogSeesAPlainRequestAndNoToken) {
  MakePod();
  Socket socket = Open("/api/v1/namespaces/default/pods/p/log",
                       {kTokenProtocol + Base64Url("admin"), "binary.k8s.io"}, {});
  ASSERT_EQ(socket.Opened(), "binary.k8s.io");
  EXPECT_EQ(socket.CloseCode(), 1000);
  for (const auto& [name, value] : asked()) {
    EXPECT_FALSE(http::EqualsIgnoreCase(name.substr(0, 13), "sec-websocket")) << name;
    EXPECT_FALSE(http::EqualsIgnoreCase(name, "upgrade"));
    EXPECT_FALSE(http::EqualsIgnoreCase(name, "authorization"));
  }
}

TEST_F(SocketStreamsTest, WhatTheKubeletRefusesIsRefused) {
  MakePod();
  const std::string log = "/api/v1/namespaces/default/pods/p/log";
  EXPECT_EQ(Open(log + "?previous=true").Opened(), "400");
  EXPECT_EQ(Open(log, {"v4.channel.k8s.io"}).Opened(), "403");
  EXPECT_EQ(Open("/api/v1/namespaces/default/pods/none/log").Opened(), "404");
}

}  // namespace
}  // namespace skiff
