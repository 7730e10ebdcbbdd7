// What clients of HTTP/2 get; what they may not do is in http2_abuse_test.cc.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <future>
#include <thread>

#include "base/allocated_bytes.h"
#include "http/http2_test_client.h"
#include "http/http2_test_server.h"
#include "http/server.h"
#include "http/test_streams.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::EndlessSource;
using testing::Fixture;
using testing::Http2Options;
using testing::Http2TestClient;
using testing::PushedSource;
using testing::PushedStream;
using testing::Streamed;
using testing::TestAuthority;
using testing::TestClient;
using testing::Text;

std::string Agreed(int port, std::string_view offered) {
  TestClient client(port, ClientTls{.insecure = true}, offered);
  EXPECT_TRUE(client.handshake_ok());
  return client.protocol();
}

TEST(Http2, IsChosenWhenTheClientKnowsIt) {
  Fixture fixture(Echo, Http2Options());
  EXPECT_EQ(Agreed(fixture.port(), "\x02h2"), "h2");
  EXPECT_EQ(Agreed(fixture.port(), "\x08http/1.1\x02h2"), "h2");
  EXPECT_EQ(Agreed(fixture.port(), "\x08http/1.1"), "http/1.1");
  EXPECT_EQ(Agreed(fixture.port(), ""), "");
  EXPECT_EQ(Agreed(fixture.port(), "\x06spdy/3"), "");
  TestClient old(fixture.port(), ClientTls{.insecure = true}, "\x08http/1.1");
  EXPECT_EQ(old.Get("/old").body, "GET /old");
  Server::Options without = Http2Options();
  without.http2 = false;
  Fixture only_http11(Echo, std::move(without));
  EXPECT_EQ(Agreed(only_http11.port(), "\x02h2\x08http/1.1"), "http/1.1");
}

TEST(Http2, AnswersRequestsAsHttp11Would) {
  Fixture fixture(
      [](const Request& request) {
        EXPECT_TRUE(request.http2);
        EXPECT_TRUE(request.secure);
        EXPECT_EQ(request.Header("Host"), "test");
        return Echo(request);
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t get = client.Get("/a%20b?x=%31&y=2");
  const int32_t post = client.Post("/c", "body");
  const int32_t head = client.Ask(Http2TestClient::Head("HEAD", "/d"));
  EXPECT_EQ(client.AwaitClose(get).body, "GET /a b x=1 y=2");
  EXPECT_EQ(client.answer(get).status, 200);
  EXPECT_EQ(client.answer(get).Header("content-type"), "text/plain");
  EXPECT_EQ(client.answer(get).Header("content-length"), "16");
  EXPECT_NE(client.answer(get).Header("date"), "");
  EXPECT_EQ(client.AwaitClose(post).body, "POST /c body=body");
  EXPECT_EQ(client.AwaitClose(head).Header("content-length"), "7");
  EXPECT_EQ(client.answer(head).body, "");
  EXPECT_TRUE(client.answer(head).ended);
  EXPECT_EQ(fixture.server->stats().accepted, 1);
  EXPECT_EQ(fixture.server->stats().requests, 3);
}

TEST(Http2, CarriesAHundredStreamsAtOnceOnOneConnection) {
  std::array<PushedStream, 100> streams;
  std::atomic<size_t> next = 0;
  Fixture fixture(
      [&](const Request&) { return Streamed(std::make_unique<PushedSource>(streams[next++])); },
      Http2Options());
  Http2TestClient client(fixture.port());
  std::vector<int32_t> ids;
  for (size_t i = 0; i < streams.size(); ++i) ids.push_back(client.Get("/watch"));
  for (const int32_t id : ids) EXPECT_EQ(client.AwaitHead(id).status, 200);
  for (int round = 1; round <= 3; ++round) {
    for (PushedStream& stream : streams) stream.Push("event");
    for (const int32_t id : ids) client.AwaitBody(id, 5 * round);
  }
  for (PushedStream& stream : streams) stream.End();
  for (const int32_t id : ids) {
    EXPECT_TRUE(client.AwaitClose(id).ended);
    EXPECT_EQ(client.answer(id).body, "eventeventevent");
  }
  EXPECT_EQ(fixture.server->stats().accepted, 1);
}

TEST(Http2, CarriesLargeBodiesBothWays) {
  const std::string large(3 << 20, 'x');
  const auto shared = std::make_shared<const std::string>(5 << 20, 'y');
  Fixture fixture(
      [&](const Request& request) {
        Response response = Text(request.body);
        if (!request.body.empty()) return response;
        response.body = "begin";
        response.pieces = {shared, shared};
        return response;
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t up = client.Post("/", large);
  const int32_t down = client.Get("/");
  EXPECT_TRUE(client.AwaitClose(up).body == large);
  EXPECT_TRUE(client.AwaitClose(down).body == "begin" + *shared + *shared);
  EXPECT_EQ(client.answer(down).Header("content-length"), std::to_string((10 << 20) + 5));
  fixture.AwaitNothingHeld();
}

TEST(Http2, ALongAnswerDoesNotHoldUpShortOnes) {
  std::atomic<size_t> pulled = 0;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path == "/endless") return Streamed(std::make_unique<EndlessSource>(pulled));
        return Echo(request);
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t endless = client.Get("/endless");
  client.AwaitBody(endless, 1 << 20);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.AwaitClose(client.Get("/short")).body, "GET /short");
  }
  EXPECT_FALSE(client.answer(endless).closed);
}

// Whatever lengths its pieces have.
TEST(Http2, FillsFramesAsLongAsThereIsMore) {
  static constexpr size_t kPieces = 6, kPieceBytes = 10'000, kFrameBytes = 16 << 10;
  struct Pieces : StreamSource {
    void Attach(Waker) override {}
    Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
      if (left == 0) return Pulled::kEnd;
      out.push_back(std::make_shared<const std::string>(kPieceBytes, 'x'));
      return --left == 0 ? Pulled::kEnd : Pulled::kMore;
    }
    size_t left = kPieces;
  };
  Fixture fixture([](const Request&) { return Streamed(std::make_unique<Pieces>()); },
                  Http2Options());
  Http2TestClient client(fixture.port());
  const Http2TestClient::Answer& answer = client.AwaitClose(client.Get("/"));
  EXPECT_EQ(answer.body.size(), kPieces * kPieceBytes);
  EXPECT_EQ(answer.frames, (kPieces * kPieceBytes + kFrameBytes - 1) / kFrameBytes);
}

TEST(Http2, AReaderWhoDoesNotReadHoldsLittleAndIsLetGo) {
  std::atomic<size_t> pulled = 0;
  std::promise<void> gone;
  struct Source : EndlessSource {
    Source(std::atomic<size_t>& pulled, std::promise<void>& gone)
        : EndlessSource(pulled), gone(gone) {}
    ~Source() override { gone.set_value(); }
    int PullEveryMs() const override { return 60'000; }
    std::promise<void>& gone;
  };
  Fixture fixture(
      [&](const Request& request) {
        if (request.path == "/watch") return Streamed(std::make_unique<Source>(pulled, gone));
        return Echo(request);
      },
      Http2Options({.write_timeout = 300ms}));
  // Its window for a stream is never opened again; that of the connection is.
  Http2TestClient client(fixture.port(), {.window_bytes = 20'000, .reads_all = false});
  const int32_t watch = client.Get("/watch");
  client.AwaitBody(watch, 20'000);
  EXPECT_EQ(client.AwaitClose(client.Get("/other")).body, "GET /other");
  EXPECT_EQ(client.AwaitClose(watch).closed, NGHTTP2_CANCEL);
  EXPECT_LE(pulled, 20'000U + (32 << 10));
  EXPECT_EQ(gone.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(client.AwaitClose(client.Get("/after")).body, "GET /after");
}

TEST(Http2, SourcesThatBreakOffResetTheirStreamAlone) {
  struct Broken : StreamSource {
    void Attach(Waker) override {}
    Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
      if (std::exchange(given, true)) return Pulled::kAbort;
      out.push_back(std::make_shared<const std::string>("part"));
      return Pulled::kMore;
    }
    bool given = false;
  };
  struct Throwing : Broken {
    Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
      const Pulled pulled = Broken::Pull(bytes_max, out);
      if (pulled == Pulled::kAbort) throw std::runtime_error("a library's");
      return pulled;
    }
  };
  PushedStream short_one;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path == "/broken") return Streamed(std::make_unique<Broken>());
        if (request.path == "/throws") return Streamed(std::make_unique<Throwing>());
        Response response = Streamed(std::make_unique<PushedSource>(short_one));
        response.SetHeader("Content-Length", "10");
        return response;
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  for (const char* path : {"/broken", "/throws"}) {
    const int32_t broken = client.Get(path);
    EXPECT_EQ(client.AwaitClose(broken).closed, NGHTTP2_INTERNAL_ERROR);
    EXPECT_EQ(client.answer(broken).body, "part");
    EXPECT_FALSE(client.answer(broken).ended);
  }
  const int32_t short_stream = client.Get("/short");
  short_one.Push("five!");
  short_one.End();
  EXPECT_EQ(client.AwaitClose(short_stream).closed, NGHTTP2_INTERNAL_ERROR);
  EXPECT_EQ(client.answer(short_stream).body, "five!");
}

// As a watch that has a time to end, of which nothing wakes it.
TEST(Http2, WhatIsPulledNowAndThenIsSoAfterItHasSentSomething) {
  PushedStream stream;
  Fixture fixture(
      [&](const Request&) {
        return Streamed(std::make_unique<PushedSource>(stream, /*every_ms=*/20));
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t id = client.Get("/watch");
  stream.Push("event");
  client.AwaitBody(id, 5);
  {
    const std::lock_guard lock(stream.mutex);
    stream.ended = true;
  }
  EXPECT_TRUE(client.AwaitClose(id).ended);
  EXPECT_EQ(client.answer(id).body, "event");
}

TEST(Http2, AStreamThatTheClientResetsIsLetGoAtOnce) {
  PushedStream stream;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path != "/watch") return Echo(request);
        return Streamed(std::make_unique<PushedSource>(stream));
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t watch = client.Get("/watch");
  client.AwaitHead(watch);
  nghttp2_submit_rst_stream(client.session(), NGHTTP2_FLAG_NONE, watch, NGHTTP2_CANCEL);
  client.Flush();
  EXPECT_EQ(stream.gone.get_future().wait_for(10s), std::future_status::ready);
  stream.Push("to nobody");
  EXPECT_EQ(client.AwaitClose(client.Get("/next")).body, "GET /next");
}

TEST(Http2, EveryStreamIsOfWhomTheConnectionIs) {
  TestAuthority authority;
  const auto leaf = authority.IssueServer();
  Fixture fixture(
      [](const Request& request) {
        return Text(request.peer_certificate ? request.peer_certificate->common_name : "nobody");
      },
      {.tls = ServerTls{.certificate_pem = leaf.certificate_pem,
                        .key_pem = leaf.key_pem,
                        .client_ca_pem = authority.certificate_pem()}});
  const auto admin = authority.Issue({.common_name = "admin"});
  Http2TestClient known(fixture.port(), {.tls = ClientTls{.ca_pem = authority.certificate_pem(),
                                                          .certificate_pem = admin.certificate_pem,
                                                          .key_pem = admin.key_pem}});
  Http2TestClient unknown(fixture.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(known.AwaitClose(known.Get("/")).body, "admin");
    EXPECT_EQ(unknown.AwaitClose(unknown.Get("/")).body, "nobody");
  }
}

TEST(Http2, PendingAnswersComeWhenTheyAreThere) {
  struct Later : PendingResponse {
    explicit Later(std::promise<Reply>& out) : out(out) {}
    void Start(Reply reply) override { out.set_value(std::move(reply)); }
    std::promise<Reply>& out;
  };
  std::array<std::promise<Reply>, 3> replies;
  Fixture fixture(
      [&](const Request& request) {
        Response response;
        response.pending = std::make_unique<Later>(replies[request.path[1] - '0']);
        return response;
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t first = client.Get("/0"), second = client.Get("/1"), third = client.Get("/2");
  client.Flush();
  replies[1].get_future().get()(Text("second"));
  EXPECT_EQ(client.AwaitClose(second).body, "second");
  replies[0].get_future().get()(Text("first"));
  EXPECT_EQ(client.AwaitClose(first).body, "first");
  { const Reply dropped = replies[2].get_future().get(); }
  EXPECT_EQ(client.AwaitClose(third).status, 502);
}

TEST(Http2, NothingIsTakenOver) {
  struct Wire : Duplex {
    void Attach(Waker) override {}
    Pulled Pull(size_t, std::vector<SharedBytes>&) override { return Pulled::kEnd; }
    size_t OnBytes(std::string_view bytes) override { return bytes.size(); }
    void OnPeerClosed() override {}
  };
  Fixture fixture(
      [](const Request&) {
        Response response;
        response.status = 101;
        response.upgrade = std::make_unique<Wire>();
        return response;
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  EXPECT_EQ(client.AwaitClose(client.Get("/")).status, 500);
  const int32_t upgrade = client.Get("/", {{"connection", "Upgrade"}, {"upgrade", "SPDY/3.1"}});
  EXPECT_EQ(client.AwaitClose(upgrade).status, 400);
  EXPECT_EQ(client.answer(upgrade).body, "request header \"Connection\" is not valid in HTTP/2\n");
}

TEST(Http2, AsksForTheBodyWhenTheClientWaits) {
  Fixture fixture(Echo, Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t stream = client.Ask(
      Http2TestClient::Head("POST", "/", {{"expect", "100-continue"}}), std::nullopt, true);
  EXPECT_TRUE(client.Until([&] { return client.answer(stream).asked_for_body; }));
}

TEST(Http2, ABodyOverTheLimitIsNotReadToItsEnd) {
  Fixture fixture(
      [](const Request& request) {
        Response response = Text(std::to_string(request.body.size()));
        response.status = request.body_too_large ? 413 : 200;
        return response;
      },
      Http2Options({.body_bytes_max = 1000}));
  Http2TestClient client(fixture.port());
  EXPECT_EQ(client.AwaitClose(client.Post("/", std::string(1'000'000, 'x'))).status, 413);
  const int32_t promised = client.Ask(
      Http2TestClient::Head("POST", "/", {{"content-length", "1001"}}), std::nullopt, true);
  EXPECT_EQ(client.AwaitClose(promised).status, 413);
  EXPECT_EQ(client.answer(promised).closed, NGHTTP2_NO_ERROR);
  EXPECT_EQ(client.AwaitClose(client.Post("/", std::string(1'000, 'x'))).body, "1000");
}

TEST(Http2, AnAnswerThatClosesSaysGoodbyeToTheConnection) {
  Fixture fixture(
      [](const Request& request) {
        Response response = Echo(request);
        if (request.path == "/last") response.SetHeader("Connection", "close");
        return response;
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  EXPECT_EQ(client.AwaitClose(client.Get("/first")).status, 200);
  const int32_t last = client.Get("/last");
  EXPECT_EQ(client.AwaitClose(last).body, "GET /last");
  EXPECT_EQ(client.answer(last).Header("connection"), "");
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_NO_ERROR);
  EXPECT_TRUE(client.socket().closed_in_order());
}

TEST(Http2, StoppingLetsWhatIsUnderWayFinishAndEndsStreams) {
  PushedStream stream;
  std::promise<void> entered, leave;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path == "/watch") return Streamed(std::make_unique<PushedSource>(stream));
        entered.set_value();
        leave.get_future().wait();
        return Echo(request);
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  Http2TestClient idle(fixture.port());
  const int32_t watch = client.Get("/watch");
  client.AwaitHead(watch);
  const int32_t slow = client.Get("/slow");
  client.Flush();
  entered.get_future().wait();
  std::thread stopping([&] { fixture.server->Stop(20s); });
  EXPECT_TRUE(client.Until([&] { return client.goaway().has_value(); }));
  EXPECT_EQ(client.goaway(), NGHTTP2_NO_ERROR);
  leave.set_value();
  EXPECT_EQ(client.AwaitClose(slow).body, "GET /slow");
  EXPECT_TRUE(client.AwaitClose(watch).ended);
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_NO_ERROR);
  EXPECT_EQ(idle.AwaitEnd(), NGHTTP2_NO_ERROR);
  client.socket().Close();
  idle.socket().Close();
  stopping.join();
}

TEST(Http2, WhatEndsByItselfIsFinishedWhenTheServerStopsOrCut) {
  PushedStream whole, part;
  whole.ends_by_itself = part.ends_by_itself = true;
  Fixture fixture(
      [&](const Request& request) {
        return Streamed(std::make_unique<PushedSource>(request.path == "/whole" ? whole : part));
      },
      Http2Options());
  Http2TestClient client(fixture.port());
  const int32_t finished = client.Get("/whole"), cut = client.Get("/part");
  client.AwaitHead(finished);
  client.AwaitHead(cut);
  part.Push("part");
  client.AwaitBody(cut, 4);
  std::thread stopping([&] { fixture.server->Stop(1s); });
  EXPECT_TRUE(client.Until([&] { return client.goaway().has_value(); }));
  whole.Push("whole");
  whole.End();
  EXPECT_EQ(client.AwaitClose(finished).body, "whole");
  EXPECT_TRUE(client.answer(finished).ended);
  client.AwaitEnd();
  EXPECT_FALSE(client.answer(cut).ended);
  stopping.join();
}

TEST(Http2, AnIdleConnectionIsLeftInOrder) {
  Fixture fixture(Echo, Http2Options({.idle_timeout = 200ms}));
  Http2TestClient client(fixture.port());
  EXPECT_EQ(client.AwaitClose(client.Get("/")).status, 200);
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_NO_ERROR);
  EXPECT_TRUE(client.socket().closed_in_order());
}

// They pack their frames in one place: heads of several frames, bodies, and clients that read late.
TEST(Http2, ConnectionsOfALoopDoNotGetEachOthersFrames) {
  constexpr size_t kHeadBytes = 40'000, kBodyBytes = 300'000;
  const auto letter = [](const std::string& path) { return path.back(); };
  Fixture fixture(
      [&](const Request& request) {
        Response response = Text(std::string(kBodyBytes, letter(request.path)));
        response.SetHeader("x-long", std::string(kHeadBytes, letter(request.path)));
        return response;
      },
      Http2Options(), 1);
  std::deque<Http2TestClient> clients;
  std::vector<int32_t> ids;
  for (const char* path : {"/a", "/b", "/c", "/d"}) {
    Http2TestClient& client = clients.emplace_back(fixture.port());
    ids.push_back(client.Get(path));
    client.Flush();
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    const auto& answer = clients[i].AwaitClose(ids[i]);
    const char expected = static_cast<char>('a' + i);
    EXPECT_EQ(answer.Header("x-long"), std::string(kHeadBytes, expected));
    EXPECT_EQ(answer.body, std::string(kBodyBytes, expected));
  }
}

TEST(Http2, AnIdleConnectionHoldsNoRoomForFrames) {
  if (!AllocatedBytes()) GTEST_SKIP() << "this allocator does not count";
  // OpenSSL's on both sides are the most of it.
  constexpr size_t kClients = 40, kBytesMax = 65'000;
  Fixture fixture(Echo, Http2Options());
  std::deque<TestClient> clients;
  const auto connect = [&] {
    for (size_t i = 0; i < kClients; ++i) {
      TestClient& client =
          clients.emplace_back(fixture.port(), ClientTls{.insecure = true}, "\x02h2");
      ASSERT_TRUE(client.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
      ASSERT_EQ(client.Read(9).size(), 9) << "settings";
    }
  };
  connect();
  const size_t before = *AllocatedBytes();
  connect();
  EXPECT_LT((*AllocatedBytes() - before) / kClients, kBytesMax);
}

}  // namespace
}  // namespace skiff::http
