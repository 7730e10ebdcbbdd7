#include "http/websocket.h"

#include <gtest/gtest.h>

#include <future>
#include <semaphore>
#include <thread>

#include "http/test_client.h"
#include "http/test_server.h"
#include "http/tunnel.h"

namespace skiff::http {
namespace {

using testing::Fixture;
using testing::TestClient;
using testing::Text;

// Sends every message back, "close" aside; tells the test how it ended.
class EchoMessages : public MessageHandler {
 public:
  explicit EchoMessages(std::promise<int>* closed = nullptr) : closed_(closed) {}
  void OnOpen(std::shared_ptr<WebSocketSender> sender) override { sender_ = std::move(sender); }
  bool OnMessage(std::string_view data, bool text) override {
    if (data == "close") {
      sender_->Send("last");
      sender_->Close(1000, "done");
      return true;
    }
    return sender_->Send(std::string(data), text);
  }
  void OnRoom(size_t) override {}
  void OnClose(int code, std::string_view) override {
    if (closed_ != nullptr) closed_->set_value(code);
  }

 private:
  std::shared_ptr<WebSocketSender> sender_;
  std::promise<int>* closed_;
};

const std::string kHandshake =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

// As clients frame: masked, here with zeros, so that the payload stays readable.
std::string Frame(int opcode, const std::string& payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size());
  }
  return frame + std::string(4, '\0') + payload;
}

Fixture EchoServer(std::promise<int>* closed = nullptr) {
  return Fixture([closed](const Request& request) {
    const auto chosen = ChooseSubprotocol(request, {"v5", "v4", ""});
    if (!chosen) return Text("nothing in common");
    return AcceptWebSocket(request, *chosen, std::make_unique<EchoMessages>(closed),
                           {.message_bytes_max = 1'000});
  });
}

TEST(WebSocket, ShakesHandsAsTheStandardShows) {
  auto fixture = EchoServer();
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(kHandshake + "Sec-WebSocket-Protocol: v9, v4, v5\r\n\r\n"));
  const auto head = client.ReadHead();
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.headers.find("Sec-WebSocket-Accept")->second, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(head.headers.find("Sec-WebSocket-Protocol")->second, "v4") << "the client's order";
  TestClient plain(fixture.port());
  ASSERT_TRUE(plain.Send(kHandshake + "\r\n"));
  EXPECT_EQ(plain.ReadHead().headers.count("Sec-WebSocket-Protocol"), 0);
  TestClient strange(fixture.port());
  EXPECT_EQ(strange.Ask(kHandshake + "Sec-WebSocket-Protocol: v9\r\n\r\n").body,
            "nothing in common");
  TestClient keyless(fixture.port());
  EXPECT_EQ(keyless
                .Ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n")
                .status(),
            400);
}

TEST(WebSocket, CarriesMessagesAnswersPingsAndCloses) {
  std::promise<int> closed;
  auto fixture = EchoServer(&closed);
  TestClient client(fixture.port());
  // The first message right behind the handshake.
  ASSERT_TRUE(client.Send(kHandshake + "\r\n" + Frame(2, "hello")));
  client.ReadHead();
  EXPECT_EQ(client.Read(7), "\x82\x05hello");
  ASSERT_TRUE(client.Send(Frame(1, "text")));
  EXPECT_EQ(client.Read(6), "\x81\x04text");
  ASSERT_TRUE(client.Send(Frame(9, "p")));
  EXPECT_EQ(client.Read(3), "\x8a\x01p");
  for (const char c : Frame(2, std::string(300, 'b'))) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(client.Read(304).substr(4), std::string(300, 'b'));
  ASSERT_TRUE(client.Send(Frame(2, "close")));
  EXPECT_EQ(client.Read(6), "\x82\x04last");
  EXPECT_EQ(client.Read(8), std::string("\x88\x06\x03\xe8", 4) + "done");
  ASSERT_TRUE(client.Send(Frame(8, "\x03\xe8")));
  EXPECT_EQ(closed.get_future().get(), 1000);
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(client.closed_in_order());
}

// Yields the pieces it was given, one a pull, and then ends.
class ListedPieces : public StreamSource {
 public:
  explicit ListedPieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  void Attach(Waker waker) override { waker_ = std::move(waker); }
  Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
    if (next_ == pieces_.size()) return Pulled::kEnd;
    out.push_back(std::make_shared<const std::string>(pieces_[next_++]));
    return Pulled::kMore;
  }

 private:
  const std::vector<std::string> pieces_;
  size_t next_ = 0;
  Waker waker_;
};

TEST(WebSocket, CarriesAStreamAMessageAPiece) {
  Fixture fixture([](const Request& request) {
    MessageForm form{.text = request.HasQuery("text")};
    if (!form.text) {
      form.begins_empty = true;
      form.encode = [](const std::string& piece) { return "<" + piece + ">"; };
    }
    auto pieces = std::make_unique<ListedPieces>(std::vector<std::string>{"one", "two"});
    return AcceptWebSocket(request, "", SourceInMessages(std::move(pieces), std::move(form)));
  });
  TestClient binary(fixture.port());
  ASSERT_TRUE(binary.Send(kHandshake + "\r\n" + Frame(1, "ignored")));
  binary.ReadHead();
  EXPECT_EQ(binary.Read(16), std::string("\x82\x00", 2) + "\x82\x05<one>\x82\x05<two>");
  EXPECT_EQ(binary.Read(4), "\x88\x02\x03\xe8");
  ASSERT_TRUE(binary.Send(Frame(8, "\x03\xe8")));
  EXPECT_EQ(binary.ReadToEnd(), "");
  TestClient texts(fixture.port());
  std::string handshake = kHandshake;
  handshake.replace(0, 7, "GET /ws?text=1");
  ASSERT_TRUE(texts.Send(handshake + "\r\n"));
  texts.ReadHead();
  EXPECT_EQ(texts.Read(10), "\x81\x03one\x81\x03two");
}

TEST(WebSocket, AnswersThePeersClose) {
  std::promise<int> closed;
  auto fixture = EchoServer(&closed);
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(kHandshake + "\r\n" + Frame(8, "\x0f\xa1 bye")));
  client.ReadHead();
  EXPECT_EQ(client.Read(4).substr(0, 1), "\x88");
  EXPECT_EQ(closed.get_future().get(), 4001);
  client.ReadToEnd();
  EXPECT_TRUE(client.closed_in_order());
}

TEST(WebSocket, NoticesAPeerThatJustLeaves) {
  std::promise<int> closed;
  auto fixture = EchoServer(&closed);
  auto client = std::make_unique<TestClient>(fixture.port());
  ASSERT_TRUE(client->Send(kHandshake + "\r\n"));
  client->ReadHead();
  client.reset();
  EXPECT_EQ(closed.get_future().get(), 1006);
}

TEST(WebSocket, RefusesBadFramesAndGreatMessages) {
  auto fixture = EchoServer();
  TestClient big(fixture.port());
  ASSERT_TRUE(big.Send(kHandshake + "\r\n" + Frame(2, std::string(1'001, 'x'))));
  big.ReadHead();
  EXPECT_EQ(big.Read(4).substr(2), "\x03\xf1") << "1009, message too big";
  TestClient unmasked(fixture.port());
  ASSERT_TRUE(unmasked.Send(kHandshake + "\r\n" + "\x82\x01x"));
  unmasked.ReadHead();
  EXPECT_EQ(unmasked.Read(4).substr(2), "\x03\xea") << "1002, protocol error";
}

// Who only watches could else have as much kept on each connection as who has something to say.
TEST(WebSocket, KeepsNoGreatMessageThatMeansNothing) {
  class Silence final : public StreamSource {
   public:
    void Attach(Waker) override {}
    Pulled Pull(size_t, std::vector<SharedBytes>&) override { return Pulled::kIdle; }
  };
  Fixture fixture([](const Request& request) {
    return AcceptWebSocket(request, "", SourceInMessages(std::make_unique<Silence>(), {}));
  });
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(kHandshake + "\r\n" + Frame(2, std::string(40'000, 'x'))));
  client.ReadHead();
  EXPECT_EQ(client.Read(4).substr(2), "\x03\xf1") << "1009, message too big";
}

TEST(WebSocket, ReadsOnWhenAFloodOfPingsIsAnswered) {
  auto fixture = EchoServer();
  TestClient client(fixture.port());
  constexpr size_t kPings = 5'000;
  std::string flood;
  for (size_t i = 0; i < kPings; ++i) flood += Frame(9, "");
  std::jthread sending(
      [&] { EXPECT_TRUE(client.Send(kHandshake + "\r\n" + flood + Frame(2, "end"))); });
  client.ReadHead();
  std::string pongs;
  for (size_t i = 0; i < kPings; ++i) pongs += std::string("\x8a\x00", 2);
  EXPECT_EQ(client.Read(2 * kPings), pongs);
  EXPECT_EQ(client.Read(5), "\x82\x03" "end");
}

TEST(WebSocket, GivesUpAMessageOfCountlessFragments) {
  auto fixture = EchoServer();
  TestClient client(fixture.port());
  std::string fragments = Frame(2, "");
  fragments[0] = 2;  // Not the last one.
  for (int i = 0; i < 5'000; ++i) fragments += std::string("\x00\x80\0\0\0\0", 6);
  (void)client.Send(kHandshake + "\r\n" + fragments);
  client.ReadHead();
  EXPECT_EQ(client.ReadToEnd(), "");
}

// Takes messages only while willing.
class Reluctant : public MessageHandler {
 public:
  struct State {
    std::atomic<bool> willing = false;
    std::atomic<size_t> offered = 0;
    std::promise<std::shared_ptr<WebSocketSender>> sender;
    std::promise<std::string> taken;
  };
  explicit Reluctant(State& state) : state_(state) {}
  void OnOpen(std::shared_ptr<WebSocketSender> sender) override {
    state_.sender.set_value(std::move(sender));
  }
  bool OnMessage(std::string_view data, bool) override {
    ++state_.offered;
    state_.offered.notify_all();
    if (!state_.willing) return false;
    taken_ += data;
    return true;
  }
  void OnClose(int, std::string_view) override { state_.taken.set_value(taken_); }

 private:
  State& state_;
  std::string taken_;
};

TEST(WebSocket, KeepsARefusedMessageAndReadsNoMore) {
  Reluctant::State state;
  Fixture fixture([&](const Request& request) {
    return AcceptWebSocket(request, "", std::make_unique<Reluctant>(state));
  });
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(kHandshake + "\r\n" + Frame(2, "a") + Frame(2, "b")));
  client.ReadHead();
  const auto sender = state.sender.get_future().get();
  state.offered.wait(0);
  ASSERT_TRUE(client.Send(Frame(2, "c") + Frame(8, "\x03\xe8")));
  state.willing = true;
  sender->Wake();
  EXPECT_EQ(state.taken.get_future().get(), "abc");
}

TEST(WebSocket, BoundsWhatIsQueuedForASlowPeer) {
  Reluctant::State state;
  Fixture fixture([&](const Request& request) {
    return AcceptWebSocket(request, "", std::make_unique<Reluctant>(state));
  });
  auto client = std::make_unique<TestClient>(fixture.port());
  ASSERT_TRUE(client->Send(kHandshake + "\r\n"));
  client->ReadHead();
  const auto sender = state.sender.get_future().get();
  size_t refused = 0;
  size_t sent = 0;
  // Refused again and again: the kernel's buffers are full, and so is the backlog.
  while (refused < 100) {
    if (sender->Send(std::string(10'000, 'x'))) {
      ++sent;
      refused = 0;
    } else {
      ++refused;
      std::this_thread::yield();
    }
  }
  EXPECT_GT(sent, 10U);
  EXPECT_LT(sent * 10'000, 32U << 20);
  client.reset();
  state.taken.get_future().wait();
  EXPECT_FALSE(sender->Send("to nobody"));
}

// A client's handler: sends, collects, and tells of the end.
class Collector : public MessageHandler {
 public:
  struct State {
    std::promise<std::pair<std::string, int>> ended;
  };
  Collector(State& state, std::vector<std::string> sends)
      : state_(state), sends_(std::move(sends)) {}
  void OnOpen(std::shared_ptr<WebSocketSender> sender) override {
    for (const auto& message : sends_) EXPECT_TRUE(sender->Send(message));
  }
  bool OnMessage(std::string_view data, bool) override {
    got_ += data;
    return true;
  }
  void OnClose(int code, std::string_view) override { state_.ended.set_value({got_, code}); }

 private:
  State& state_;
  const std::vector<std::string> sends_;
  std::string got_;
};

TEST(WebSocket, SpeaksAsAClient) {
  auto fixture = EchoServer();
  Collector::State state;
  std::promise<std::string> chosen;
  const auto exchange = OpenWebSocket(
      fixture.loops, {.host = "127.0.0.1", .port = fixture.port()}, {.target = "/ws"}, {"v9", "v5"},
      [&](Result<std::string> subprotocol) {
        chosen.set_value(subprotocol.value_or("failed"));
        return std::make_unique<Collector>(
            state, std::vector<std::string>{"one ", std::string(900, 'x'), "close"});
      },
      {.ping_every = 1ms});
  EXPECT_EQ(chosen.get_future().get(), "v5");
  const auto [got, code] = state.ended.get_future().get();
  EXPECT_EQ(got, "one " + std::string(900, 'x') + "last");
  EXPECT_EQ(code, 1000);
}

TEST(WebSocket, TellsAClientWhyItWasRefused) {
  Fixture fixture([](const Request&) {
    Response response = Text("go away");
    response.status = 403;
    return response;
  });
  std::promise<Error> error;
  const auto exchange =
      OpenWebSocket(fixture.loops, {.host = "127.0.0.1", .port = fixture.port()}, {}, {},
                    [&](Result<std::string> subprotocol) -> std::unique_ptr<MessageHandler> {
                      error.set_value(subprotocol.error());
                      return nullptr;
                    });
  const Error why = error.get_future().get();
  EXPECT_EQ(why.message, "websocket: bad handshake");
  EXPECT_EQ(why.http_code, 403);
}

TEST(WebSocket, CarriesAByteStreamInMessages) {
  std::counting_semaphore<> arrived(0);
  std::unique_ptr<Duplex> far;
  Fixture fixture([&](const Request& request) {
    auto [near, other] = MakeTunnel();
    far = std::move(other);
    return AcceptWebSocket(request, "", BytesInMessages(std::move(near)));
  });
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(kHandshake + "\r\n" + Frame(2, "ab") + Frame(2, "cd")));
  client.ReadHead();
  far->Attach([&] { arrived.release(); });
  std::string got;
  for (;;) {
    std::vector<SharedBytes> pieces;
    far->Pull(100, pieces);
    for (const auto& piece : pieces) got += *piece;
    if (got.size() >= 4) break;
    arrived.acquire();
  }
  EXPECT_EQ(got, "abcd");
  EXPECT_EQ(far->OnBytes("back"), 4);
  EXPECT_EQ(client.Read(6),
            "\x82\x04"
            "back");
  far->OnPeerClosed();
  EXPECT_EQ(client.Read(4), std::string("\x88\x02\x03\xe8", 4));
}

// Has no more to say than it is told to.
class GivesSender : public MessageHandler {
 public:
  explicit GivesSender(std::shared_ptr<WebSocketSender>& sender) : sender_(sender) {}
  void OnOpen(std::shared_ptr<WebSocketSender> sender) override { sender_ = std::move(sender); }
  bool OnMessage(std::string_view, bool) override { return true; }
  void OnClose(int, std::string_view) override {}

 private:
  std::shared_ptr<WebSocketSender>& sender_;
};

TEST(WebSocket, AMessageCountsForTheMemoryThatItIsHeldBy) {
  std::shared_ptr<WebSocketSender> sender;
  const auto socket = MakeWebSocket(WebSocketRole::kServer, std::make_unique<GivesSender>(sender));
  socket->Attach([] {});
  const size_t room = sender->Room();
  size_t count = 0;
  while (sender->Send("a")) ++count;
  EXPECT_GT(count, 1'000U);
  EXPECT_LT(count, 256U * 1024 / sizeof(std::string));
  std::vector<SharedBytes> out;
  socket->Pull(1 << 20, out);
  EXPECT_EQ(sender->Room(), room) << "none of them is held any more";
}

// Takes so many messages, and then none until it is given room again.
class FullSender : public WebSocketSender {
 public:
  bool Send(std::string data, bool) override {
    if (room == 0) return false;
    --room;
    got += data;
    return true;
  }
  size_t Room() const override { return room; }
  void Close(int code, std::string) override { closed = code; }
  void Wake() override {}

  size_t room = 1;
  std::string got;
  int closed = 0;
};

TEST(WebSocket, KeepsOfAByteStreamWhatFindsNoRoom) {
  auto [near, far] = MakeTunnel();
  const auto sender = std::make_shared<FullSender>();
  const auto handler = BytesInMessages(std::move(near));
  handler->OnOpen(sender);
  // Too large to be sent as one.
  const std::string first(5'000, 'a');
  const std::string second(5'000, 'b');
  EXPECT_EQ(far->OnBytes(first), first.size());
  EXPECT_EQ(far->OnBytes(second), second.size());
  far->OnPeerClosed();
  handler->OnRoom(1 << 20);
  EXPECT_EQ(sender->got, first);
  EXPECT_EQ(sender->closed, 0);
  sender->room = 1;
  handler->OnRoom(1 << 20);
  EXPECT_EQ(sender->got, first + second);
  EXPECT_EQ(sender->closed, 1000);
}

// Has something to say from time to time, as a session of SPDY has its pings.
class Ticking final : public Duplex {
 public:
  void Attach(Waker) override {}
  Pulled Pull(size_t, std::vector<SharedBytes>&) override { return Pulled::kIdle; }
  int PullEveryMs() const override { return 10'000; }
  size_t OnBytes(std::string_view bytes) override { return bytes.size(); }
  void OnPeerClosed() override {}
};

TEST(WebSocket, PullsWhatItCarriesAsOftenAsThatWants) {
  EXPECT_EQ(BytesInMessages(std::make_unique<Ticking>())->PullEveryMs(), 10'000);
  EXPECT_EQ(SourceInMessages(std::make_unique<Ticking>(), {})->PullEveryMs(), 10'000);
}

}  // namespace
}  // namespace skiff::http
