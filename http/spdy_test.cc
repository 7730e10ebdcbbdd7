#include "http/spdy.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <vector>

#include "http/client.h"
#include "http/test_client.h"
#include "http/test_server.h"

namespace skiff::http {
namespace {

using testing::Fixture;
using testing::TestClient;

// What a reader saw, in words.
class Transcript : public SpdyReader::Sink {
 public:
  void OnControl(SpdyControl control) override {
    text += std::to_string(static_cast<int>(control.type)) + "/" + std::to_string(control.stream) +
            "=" + std::to_string(control.value) + (control.fin ? "f" : "");
    for (const auto& [name, value] : control.headers) text += " " + name + ":" + value;
    text += "; ";
  }
  size_t OnData(SpdyStreamId stream, std::string_view bytes) override {
    data[stream] += bytes;
    return bytes.size();
  }
  void OnFin(SpdyStreamId stream) override { text += "fin/" + std::to_string(stream) + "; "; }
  std::string text;
  std::map<SpdyStreamId, std::string> data;
};

TEST(SpdyFrames, AreReadWhereverTheyAreCut) {
  SpdyWriter writer;
  std::string bytes = writer.SynStream(1, {{"streamType", "stdin"}, {"x", "1"}, {"x", "2"}});
  bytes += writer.SynStream(3, {{"streamtype", "stdout"}});
  bytes += writer.SynReply(2);
  bytes += SpdyWriter::DataHead(1, 5, false) + "hello" + SpdyWriter::DataHead(1, 0, true);
  bytes += SpdyWriter::RstStream(3, 5) + SpdyWriter::Ping(9) + SpdyWriter::GoAway(3, 0);
  bytes += std::string("\x80\x03\x00\x09\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x10\x00", 16);
  for (size_t step = 1; step <= bytes.size(); ++step) {
    Transcript seen;
    SpdyReader reader(seen);
    for (size_t at = 0; at < bytes.size(); at += step) {
      const std::string_view part = std::string_view(bytes).substr(at, step);
      ASSERT_EQ(reader.Read(part), part.size());
    }
    EXPECT_EQ(seen.text,
              "1/1=0 streamtype:stdin x:1 x:2; 1/3=0 streamtype:stdout; 2/2=0; fin/1; 3/3=5; "
              "6/9=9; 7/3=0; ");
    EXPECT_EQ(seen.data[1], "hello");
  }
}

TEST(SpdyFrames, BeginWithTheDictionaryThatPeersKnow) {
  SpdyWriter writer;
  const std::string block = writer.SynStream(1, {{"streamtype", "error"}}).substr(18);
  // zlib's header with FDICT, then the dictionary's Adler-32.
  EXPECT_TRUE(static_cast<unsigned char>(block[1]) & 0x20);
  EXPECT_EQ(block.substr(2, 4), "\xe3\xc6\xa7\xc2");
}

TEST(SpdyFrames, RefuseWhatIsNoSpdy) {
  SpdyWriter writer;
  std::string broken = writer.SynStream(1, {{"a", "b"}});
  broken[broken.size() - 9] ^= 0x55;
  for (const std::string& bytes :
       {std::string("\x80\x02\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01", 12),
        std::string("\x80\x03\x00\x01\x00\xff\xff\xff", 8),
        std::string("\x80\x03\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01", 12), broken}) {
    Transcript seen;
    SpdyReader reader(seen);
    EXPECT_FALSE(reader.Read(bytes));
  }
}

// Sends back on each stream what comes on it; refuses streams of type "bad".
class EchoStreams : public SpdyHandler {
 public:
  explicit EchoStreams(std::promise<void>* closed) : closed_(closed) {}
  void OnOpen(std::shared_ptr<SpdySender> sender) override { sender_ = std::move(sender); }
  bool OnStream(SpdyStreamId, const Headers& headers) override {
    return headers.find("streamtype")->second != "bad";
  }
  size_t OnData(SpdyStreamId stream, std::string_view bytes) override {
    if (bytes == "quit") {
      sender_->Close();
      return bytes.size();
    }
    const size_t take = std::min(bytes.size(), sender_->Room());
    sender_->Send(stream, std::string(bytes.substr(0, take)));
    stalled_ = take < bytes.size();
    return take;
  }
  void OnFin(SpdyStreamId stream) override {
    sender_->Send(stream, "bye");
    sender_->Finish(stream);
  }
  void OnReset(SpdyStreamId) override {}
  void OnRoom(size_t) override {
    if (std::exchange(stalled_, false)) sender_->Wake();
  }
  void OnClose() override {
    if (closed_ != nullptr) closed_->set_value();
  }

 private:
  std::shared_ptr<SpdySender> sender_;
  std::promise<void>* closed_;
  bool stalled_ = false;
};

struct EchoServer : Fixture {
  explicit EchoServer(std::promise<void>* closed = nullptr)
      : Fixture([closed](const Request& request) {
          return AcceptSpdy(
              request, {"v4.channel.k8s.io", "channel.k8s.io"},
              [closed](const std::string&) { return std::make_unique<EchoStreams>(closed); });
        }) {}
};

const std::string kPost = "POST /exec HTTP/1.1\r\nHost: h\r\n";
const std::string kUpgrade = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";

TEST(Spdy, NegotiatesInKubernetesWords) {
  EchoServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.Send(kPost + kUpgrade +
                          "X-Stream-Protocol-Version: v5.channel.k8s.io\r\n"
                          "X-Stream-Protocol-Version: v4.channel.k8s.io, channel.k8s.io\r\n\r\n"));
  const auto head = client.ReadHead();
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.headers.find("X-Stream-Protocol-Version")->second, "v4.channel.k8s.io");
  EXPECT_EQ(head.headers.find("Upgrade")->second, "SPDY/3.1");
  TestClient strange(server.port());
  const auto refused = strange.Ask(kPost + kUpgrade + "X-Stream-Protocol-Version: v9, v8\r\n\r\n");
  EXPECT_EQ(refused.status(), 403);
  EXPECT_EQ(refused.body,
            "unable to upgrade: unable to negotiate protocol: client supports [v9 v8], server "
            "accepts [v4.channel.k8s.io channel.k8s.io]\n");
  EXPECT_EQ(refused.head.headers.count("X-Accepted-Stream-Protocol-Versions"), 2);
  TestClient silent(server.port());
  EXPECT_EQ(silent.Ask(kPost + kUpgrade + "\r\n").status(), 400);
  TestClient plain(server.port());
  EXPECT_EQ(plain.Ask(kPost + "\r\n").status(), 400);
}

// A peer made of a reader and a writer, over a blocking socket.
struct RawPeer {
  explicit RawPeer(int port) : client(port), reader(seen) {
    EXPECT_TRUE(client.Send(kPost + kUpgrade +
                            "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n" +
                            // Right behind the head, as spdystream does.
                            writer.SynStream(1, {{"streamtype", "stdin"}})));
    EXPECT_EQ(client.ReadHead().status, 101);
  }
  void ReadUntil(const std::string& mark) {
    while (seen.text.find(mark) == std::string::npos) {
      const std::string byte = client.Read(1);
      ASSERT_FALSE(byte.empty()) << "closed; saw " << seen.text;
      ASSERT_TRUE(reader.Read(byte));
    }
  }
  TestClient client;
  SpdyWriter writer;
  Transcript seen;
  SpdyReader reader;
};

TEST(Spdy, CarriesStreams) {
  std::promise<void> closed;
  EchoServer server(&closed);
  RawPeer peer(server.port());
  peer.ReadUntil("2/1=0; ");
  std::string frames = SpdyWriter::DataHead(1, 5, false) + "hello" + SpdyWriter::Ping(7);
  frames += peer.writer.SynStream(3, {{"streamtype", "bad"}});
  frames += peer.writer.SynStream(5, {{"streamtype", "stdout"}});
  frames += peer.writer.SynStream(3, {{"streamtype", "again"}});
  frames += SpdyWriter::DataHead(5, 3, true) + "abc";
  peer.client.Send(frames);
  peer.ReadUntil("fin/5; ");
  EXPECT_EQ(peer.seen.data[1], "hello");
  EXPECT_EQ(peer.seen.data[5], "abcbye");
  EXPECT_EQ(peer.seen.text, "2/1=0; 6/7=7; 3/3=5; 2/5=0; 3/3=1; fin/5; ");
  peer.client.Send(SpdyWriter::DataHead(1, 4, false) + "quit");
  peer.ReadUntil("7/5=0; ");
  EXPECT_NE(peer.seen.text.find("3/1=5; 7/5=0; "), std::string::npos) << "streams are reset first";
  EXPECT_EQ(peer.client.ReadToEnd(), "");
  closed.get_future().wait();
}

TEST(Spdy, EndsOnNonsenseAndWhenThePeerLeaves) {
  std::promise<void> nonsense;
  EchoServer server(&nonsense);
  RawPeer peer(server.port());
  peer.client.Send("\xff\xff not SPDY at all");
  peer.ReadUntil("7/1=1; ");
  nonsense.get_future().wait();
  std::promise<void> left;
  EchoServer second(&left);
  { RawPeer leaving(second.port()); }
  left.get_future().wait();
}

TEST(Spdy, WhoAsksForMoreAndMoreAndTakesNoAnswerIsShownOut) {
  std::promise<void> closed;
  EchoServer server(&closed);
  RawPeer peer(server.port());
  peer.ReadUntil("2/1=0; ");
  // Twelve bytes each, and as many come back: more than sockets hold by themselves.
  constexpr int kPings = 1'000'000;
  std::string pings;
  for (int i = 0; i < kPings; ++i) pings += SpdyWriter::Ping(2 * i + 1);
  peer.client.Send(pings);
  closed.get_future().wait();
  EXPECT_LT(peer.client.ReadToEnd().size(), pings.size());
}

// Hands its sender out and does nothing.
class SilentSpdy : public SpdyHandler {
 public:
  explicit SilentSpdy(std::shared_ptr<SpdySender>& sender) : sender_(sender) {}
  void OnOpen(std::shared_ptr<SpdySender> sender) override { sender_ = std::move(sender); }
  bool OnStream(SpdyStreamId, const Headers&) override { return false; }
  size_t OnData(SpdyStreamId, std::string_view bytes) override { return bytes.size(); }
  void OnFin(SpdyStreamId) override {}
  void OnReset(SpdyStreamId) override {}
  void OnClose() override {}

 private:
  std::shared_ptr<SpdySender>& sender_;
};

TEST(Spdy, HoldsLittleOfWhatIsToldAgainAndAgainToAPeerThatTakesNothing) {
  std::shared_ptr<SpdySender> sender;
  const auto session = MakeSpdy(SpdyRole::kClient, std::make_unique<SilentSpdy>(sender));
  session->Attach([] {});
  const SpdyStreamId input = sender->Open({{"streamType", "stdin"}});
  const SpdyStreamId resize = sender->Open({{"streamType", "resize"}});
  for (int i = 0; i < 100'000; ++i) {
    sender->Finish(input);
    sender->Reset(resize);
  }
  EXPECT_GT(sender->Room(), 0u);
  std::vector<SharedBytes> out;
  session->Pull(1 << 20, out);
  Transcript seen;
  SpdyReader reader(seen);
  for (const auto& frame : out) ASSERT_EQ(reader.Read(*frame), frame->size());
  EXPECT_EQ(seen.text, "1/1=0 streamtype:stdin; 1/3=0 streamtype:resize; fin/1; 3/3=5; ");
}

TEST(Spdy, JoinsSmallPiecesOfAStreamAndBoundsThoseOfSeveral) {
  std::shared_ptr<SpdySender> sender;
  const auto session = MakeSpdy(SpdyRole::kClient, std::make_unique<SilentSpdy>(sender));
  session->Attach([] {});
  const SpdyStreamId input = sender->Open({{"streamType", "stdin"}});
  const SpdyStreamId resize = sender->Open({{"streamType", "resize"}});
  constexpr int kPieces = 100'000;
  for (int i = 0; i < kPieces; ++i) ASSERT_TRUE(sender->Send(input, "x"));
  std::vector<SharedBytes> out;
  session->Pull(1 << 20, out);
  EXPECT_LT(out.size(), 100u);
  Transcript seen;
  SpdyReader reader(seen);
  for (const auto& frame : out) ASSERT_EQ(reader.Read(*frame), frame->size());
  EXPECT_EQ(seen.data[input], std::string(kPieces, 'x'));
  int taken = 0;
  while (taken < kPieces && sender->Send(taken % 2 == 0 ? input : resize, "x")) ++taken;
  EXPECT_LT(taken, 10'000);
  EXPECT_EQ(sender->Room(), 0u);
}

TEST(Spdy, TellsOfTheRoomThatWhatIsQueuedForAStreamThatIsDoneLeaves) {
  std::shared_ptr<SpdySender> sender;
  const auto session = MakeSpdy(SpdyRole::kClient, std::make_unique<SilentSpdy>(sender));
  session->Attach([] {});
  const SpdyStreamId input = sender->Open({{"streamType", "stdin"}});
  sender->Reset(input);
  std::vector<SharedBytes> out;
  while (session->Pull(1 << 20, out) == Pulled::kMore) out.clear();
  while (sender->Send(input, std::string(5'000, 'x'))) continue;
  EXPECT_EQ(sender->Room(), 0u);
  EXPECT_EQ(session->Pull(1 << 20, out), Pulled::kMore) << "who was refused is called";
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(session->Pull(1 << 20, out), Pulled::kIdle);
}

// Opens two streams, sends on one, and collects.
class ClientStreams : public SpdyHandler {
 public:
  struct State {
    std::promise<std::string> got;
    std::atomic<int> replies = 0;
  };
  ClientStreams(State& state, std::string message) : state_(state), message_(std::move(message)) {}
  void OnOpen(std::shared_ptr<SpdySender> sender) override {
    sender_ = std::move(sender);
    idle_ = sender_->Open({{"streamType", "error"}});
    busy_ = sender_->Open({{"streamType", "stdin"}});
  }
  bool OnStream(SpdyStreamId, const Headers&) override { return false; }
  void OnReply(SpdyStreamId) override { ++state_.replies; }
  void OnRoom(size_t bytes_max) override {
    while (!finished_ && state_.replies == 2) {
      const size_t count = std::min({bytes_max, message_.size() - sent_, sender_->Room()});
      if (sent_ == message_.size()) {
        finished_ = true;
        sender_->Finish(busy_);
      } else if (count == 0 || !sender_->Send(busy_, message_.substr(sent_, count))) {
        return;
      }
      sent_ += count;
    }
  }
  size_t OnData(SpdyStreamId stream, std::string_view bytes) override {
    EXPECT_EQ(stream, busy_);
    got_ += bytes;
    return bytes.size();
  }
  void OnFin(SpdyStreamId) override { sender_->Close(); }
  void OnReset(SpdyStreamId) override {}
  void OnClose() override { state_.got.set_value(got_); }

 private:
  State& state_;
  const std::string message_;
  std::shared_ptr<SpdySender> sender_;
  SpdyStreamId idle_ = 0;
  SpdyStreamId busy_ = 0;
  size_t sent_ = 0;
  bool finished_ = false;
  std::string got_;
};

TEST(Spdy, CarriesMuchBothWaysInLittleMemory) {
  EchoServer server;
  std::string message;
  for (int i = 0; message.size() < 5'000'000; ++i) message += std::to_string(i);
  ClientStreams::State state;
  ClientRequest request{.method = "POST", .target = "/exec"};
  AskForSpdy(request.headers, {"v4.channel.k8s.io"});
  const auto exchange =
      Open(server.loops, {.host = "127.0.0.1", .port = server.port()}, request,
           [&](Result<Opened> opened) {
             ASSERT_TRUE(opened && opened->raw);
             opened->raw->Carry(MakeSpdy(SpdyRole::kClient,
                                         std::make_unique<ClientStreams>(state, message),
                                         {.ping_every = 1ms}));
           });
  EXPECT_EQ(state.got.get_future().get(), message + "bye");
  EXPECT_EQ(state.replies, 2);
}

}  // namespace
}  // namespace skiff::http
