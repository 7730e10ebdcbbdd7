// What a client of HTTP/2 may not do, and that it costs the server little and others nothing.
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <latch>
#include <map>
#include <optional>

#include "http/http2_test_client.h"
#include "http/http2_test_server.h"
#include "http/server.h"
#include "http/test_streams.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::Fixture;
using testing::Http2Options;
using testing::Http2TestClient;
using testing::TestClient;

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return frame + payload;
}

// GET https:/ of the static table.
const std::string kGetBlock = "\x82\x87\x84";
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;

// A client that writes its frames itself.
struct RawClient {
  explicit RawClient(int port) : socket(port, ClientTls{.insecure = true}, "\x02h2") {
    open = socket.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0, ""));
  }
  void Send(const std::string& frames) { open = open && socket.Send(frames); }
  // The code of the server's goodbye, which is the last that it says; nothing without one.
  std::optional<uint32_t> AwaitGoodbye() {
    const std::string all = socket.ReadToEnd();
    if (all.size() < 17 || all[all.size() - 14] != 7) return std::nullopt;
    return static_cast<uint8_t>(all.back());
  }
  TestClient socket;
  bool open = false;
};

// Sends ever more frames behind an ordinary request.
void ExpectParted(const std::function<std::string(uint32_t round)>& frames) {
  Fixture fixture(Echo, Http2Options());
  RawClient client(fixture.port());
  client.Send(Frame(1, kEndStream | kEndHeaders, 1, kGetBlock));
  for (uint32_t round = 0; round < 3'000; ++round) client.Send(frames(round));
  EXPECT_EQ(client.AwaitGoodbye(), NGHTTP2_ENHANCE_YOUR_CALM);
  fixture.AwaitNothingHeld();
  Http2TestClient other(fixture.port());
  EXPECT_EQ(other.AwaitClose(other.Get("/")).status, 200);
}

TEST(Http2Abuse, FloodsOfFramesThatAskForNothingEndTheConnection) {
  const std::map<std::string, std::string> floods = {
      {"SETTINGS", Frame(4, 0, 0, "")},
      {"PING", Frame(6, 0, 0, "12345678")},
      {"PING answered", Frame(6, 1, 0, "12345678")},
      {"PRIORITY", Frame(2, 0, 3, std::string(5, '\0'))},
      {"unknown", Frame(99, 0, 0, "x")},
      {"WINDOW_UPDATE", Frame(8, 0, 0, std::string("\0\0\0\1", 4))},
  };
  for (const auto& [name, frame] : floods) {
    SCOPED_TRACE(name);
    ExpectParted([&](uint32_t) { return frame; });
  }
}

// As clients do who read slowly what was sent to them at once.
TEST(Http2Abuse, WhoTellsLateWhatItTookIsHeard) {
  const size_t kAnswerBytes = 2 << 20;
  Fixture fixture([&](const Request&) { return testing::Text(std::string(kAnswerBytes, 'x')); },
                  Http2Options());
  RawClient client(fixture.port());
  const std::string window_of_streams("\0\4\x7f\0\0\0", 6);
  client.Send(Frame(4, 0, 0, window_of_streams) + Frame(8, 0, 0, std::string("\x7e\0\0\0", 4)) +
              Frame(1, kEndStream | kEndHeaders, 1, kGetBlock));
  ASSERT_GE(client.socket.Read(kAnswerBytes).size(), kAnswerBytes);
  const std::string told = Frame(8, 0, 0, std::string("\0\0\0\1", 4));
  const auto tell = [&](int times) {
    for (int i = 0; i < times; ++i) client.Send(told);
  };
  tell(3'000);
  client.Send(Frame(6, 0, 0, "heard me"));
  EXPECT_TRUE(client.socket.ReadUntil("heard me").ends_with("heard me"));
  tell(10'000);  // More than it was sent: one for each frame of half a kilobyte.
  EXPECT_EQ(client.AwaitGoodbye(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(Http2Abuse, EmptyDataEndsTheConnection) {
  ExpectParted([](uint32_t round) {
    const std::string data = Frame(0, 0, 3, "");
    return round > 0 ? data : Frame(1, kEndHeaders, 3, "\x83\x87\x84") + data;
  });
}

TEST(Http2Abuse, StreamsOpenedToBeResetEndTheConnection) {
  ExpectParted([](uint32_t round) {
    const uint32_t stream = 3 + 2 * round;
    return Frame(1, kEndStream | kEndHeaders, stream, kGetBlock) +
           Frame(3, 0, stream, std::string("\0\0\0\x08", 4));
  });
}

TEST(Http2Abuse, StreamsThatTheServerMustResetEndTheConnection) {
  ExpectParted([](uint32_t round) {
    return Frame(1, kEndStream | kEndHeaders, 3 + 2 * round, "\x82");  // Nothing but a method.
  });
}

TEST(Http2Abuse, ContinuationsWithoutEndEndTheConnection) {
  ExpectParted([](uint32_t round) {
    if (round == 0) return Frame(1, kEndStream, 3, kGetBlock);
    return Frame(9, 0, 3, std::string("\0\1a\1b", 5));
  });
}

TEST(Http2Abuse, AHeadOverTheLimitIsRefusedAndTheConnectionGoesOn) {
  Fixture fixture(Echo, Http2Options({.head_bytes_max = 10'000}));
  Http2TestClient client(fixture.port());
  EXPECT_EQ(client.AwaitClose(client.Get("/", {{"x", std::string(9'000, 'x')}})).status, 200);
  const int32_t large = client.Get("/", {{"x", std::string(12'000, 'x')}});
  EXPECT_EQ(client.AwaitClose(large).status, 431);
  EXPECT_EQ(client.answer(large).body,
            "<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>");
  EXPECT_EQ(client.AwaitClose(client.Get("/")).status, 200);
  EXPECT_EQ(fixture.server->stats().requests, 2);
}

// Small on the wire: the same long field again and again, which its table remembers.
TEST(Http2Abuse, AHeadThatGrowsWhenItIsReadEndsTheConnection) {
  Fixture fixture(Echo, Http2Options({.head_bytes_max = 100'000}));
  RawClient client(fixture.port());
  const std::string field = std::string("\x40\x01x\x7f\xa1\x1e", 6) + std::string(4'000, 'v');
  client.Send(
      Frame(1, kEndStream | kEndHeaders, 1, kGetBlock + field + std::string(10'000, '\xbe')));
  EXPECT_EQ(client.AwaitGoodbye(), NGHTTP2_ENHANCE_YOUR_CALM);
  fixture.AwaitNothingHeld();
}

TEST(Http2Abuse, MoreStreamsThanAreAllowedAreRefused) {
  struct Idle : StreamSource {
    void Attach(Waker) override {}
    Pulled Pull(size_t, std::vector<SharedBytes>&) override { return Pulled::kIdle; }
  };
  Fixture fixture([](const Request&) { return testing::Streamed(std::make_unique<Idle>()); },
                  Http2Options({.http2_streams_max = 3}));
  Http2TestClient client(fixture.port());
  // The client keeps to what it is told, so the first ones go before it has heard.
  std::vector<int32_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(client.Get("/"));
  for (int i = 3; i < 5; ++i) {
    EXPECT_EQ(client.AwaitClose(ids[i]).closed, NGHTTP2_REFUSED_STREAM);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.AwaitHead(ids[i]).status, 200);
  EXPECT_EQ(nghttp2_session_get_remote_settings(client.session(),
                                                NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
            3);
}

TEST(Http2Abuse, RequestsThatNobodyWaitsForDoNotPileUp) {
  std::promise<void> leave;
  const std::shared_future<void> left = leave.get_future().share();
  std::atomic<int> handled = 0;
  std::latch busy(2);
  Fixture fixture(
      [&](const Request& request) {
        if (++handled <= 2) busy.count_down();
        left.wait();
        return Echo(request);
      },
      Http2Options({.workers_max = 2, .http2_streams_max = 10}));
  RawClient client(fixture.port());
  // Both workers are kept, or they would let go of what is reset as fast as it comes.
  for (const uint32_t stream : {1, 3}) {
    client.Send(Frame(1, kEndStream | kEndHeaders, stream, kGetBlock));
  }
  busy.wait();
  for (uint32_t i = 2; i < 200; ++i) {
    client.Send(Frame(1, kEndStream | kEndHeaders, 1 + 2 * i, kGetBlock) +
                Frame(3, 0, 1 + 2 * i, std::string("\0\0\0\x08", 4)));
  }
  EXPECT_EQ(client.AwaitGoodbye(), NGHTTP2_ENHANCE_YOUR_CALM);
  leave.set_value();
  fixture.server->Stop(10s);
  EXPECT_LE(handled, 2) << "those whose streams were gone before a worker had them need none";
}

TEST(Http2Abuse, WhatArrivesOnAllStreamsHasTheRoomOfOneConnection) {
  Fixture fixture(
      Echo, Http2Options({.intake_bytes_max = 1 << 20, .intake_bytes_per_address_max = 200'000}));
  Http2TestClient client(fixture.port());
  std::vector<int32_t> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(client.Ask(Http2TestClient::Head("POST", "/"), std::nullopt, true));
  }
  for (const int32_t id : ids) {
    client.Flush();
    ASSERT_TRUE(client.socket().Send(Frame(0, 0, id, std::string(16'000, 'x')) +
                                     Frame(0, 0, id, std::string(16'000, 'x'))));
  }
  int refused = 0;
  for (const int32_t id : ids) {
    ASSERT_TRUE(client.socket().Send(Frame(0, kEndStream, id, "")));
  }
  for (const int32_t id : ids) {
    const auto& answer = client.AwaitHead(id);
    refused += answer.status == 429;
    if (answer.status == 429) {
      EXPECT_EQ(answer.Header("retry-after"), "1");
    }
  }
  EXPECT_GE(refused, 3);
  EXPECT_LE(refused, 7);
  for (const int32_t id : ids) {
    EXPECT_TRUE(client.Until([&] { return client.answer(id).ended; }));
  }
  fixture.AwaitNothingHeld();
}

TEST(Http2Abuse, BodiesThatDoNotKeepTheirWordResetTheirStream) {
  Fixture fixture(Echo, Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t more = client.Post("/", "four", {{"content-length", "3"}});
  EXPECT_EQ(client.AwaitClose(more).closed, NGHTTP2_PROTOCOL_ERROR);
  const int32_t fewer = client.Post("/", "four", {{"content-length", "5"}});
  EXPECT_EQ(client.AwaitClose(fewer).closed, NGHTTP2_PROTOCOL_ERROR);
  const int32_t bad = client.Ask({{":method", "GET"}, {":path", "/"}});
  EXPECT_EQ(client.AwaitClose(bad).closed, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(client.AwaitClose(client.Post("/", "four", {{"content-length", "4"}})).status, 200);
  EXPECT_EQ(fixture.server->stats().requests, 1);
}

TEST(Http2Abuse, HeadsAndBodiesHaveDeadlines) {
  Fixture fixture(Echo, Http2Options({.head_timeout = 300ms, .body_timeout = 300ms}));
  {
    Http2TestClient nothing(fixture.port());
    EXPECT_EQ(nothing.AwaitEnd(), std::nullopt);
  }
  Http2TestClient client(fixture.port());
  EXPECT_EQ(client.AwaitClose(client.Get("/")).status, 200);
  const int32_t body = client.Ask(Http2TestClient::Head("POST", "/"), std::nullopt, true);
  EXPECT_EQ(client.AwaitClose(body).closed, NGHTTP2_CANCEL);
  ASSERT_TRUE(client.socket().Send(Frame(1, kEndStream, 101, kGetBlock)));
  EXPECT_EQ(client.AwaitEnd(), std::nullopt);
}

TEST(Http2Abuse, WhatIsNotHttp2IsNotTalkedTo) {
  Fixture fixture(Echo, Http2Options());
  TestClient client(fixture.port(), ClientTls{.insecure = true}, "\x02h2");
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  client.ReadToEnd();
  EXPECT_EQ(fixture.server->stats().requests, 0);
}

}  // namespace
}  // namespace skiff::http
