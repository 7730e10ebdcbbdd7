// The server on real sockets, with another one of ours as its upstream.
#include "dns/server.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include "dns/test_server.h"

namespace skiff::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TestReply AskFrom(const std::string& own, int port, const TestQuery& query) {
  const auto from = MakeSocketAddress(own, 0);
  const auto to = MakeSocketAddress("127.0.0.1", port);
  const int fd = *BindUdp(*from);
  const auto bytes = MakeQuery(query);
  sendto(fd, bytes.data(), bytes.size(), 0, to->get(), to->length);
  pollfd ready{fd, POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, TestSocket::kWaitMs), 1);
  std::vector<uint8_t> reply(kMessageBytesMax);
  const ssize_t size = recv(fd, reply.data(), reply.size(), 0);
  close(fd);
  return ReadReply(Bytes(reply).first(static_cast<size_t>(std::max<ssize_t>(size, 0))));
}

TEST(ServerTest, AnswersOverUdpAndTcp) {
  TestServer server("cluster.local");
  const int port = server.Start();
  const TestQuery query{.name = "web.default.svc.cluster.local"};
  const auto expected = ElementsAre("web.default.svc.cluster.local. 5 IN A 10.96.0.20");
  EXPECT_THAT(AskUdp(port, query).answer, expected);
  EXPECT_THAT(AskTcp(port, query).answer, expected);
  EXPECT_EQ(AskUdp(port, {.name = "example.com"}).rcode, 5);
}

TEST(ServerTest, AnswersFromTheAddressThatWasAsked) {
  TestServer everywhere("cluster.local", {}, true, "0.0.0.0");
  const int port = everywhere.Start();
  // The socket is connected: an answer from elsewhere would not reach it.
  for (const char* host : {"127.0.0.1", "127.0.0.77"}) {
    EXPECT_EQ(AskUdp(port, {.name = "web.default.svc.cluster.local"}, host).rcode, 0) << host;
  }
  TestServer both("cluster.local", {}, true, "::");
  const int dual_port = both.Start();
  for (const char* host : {"127.0.0.1", "127.0.0.77", "::1"}) {
    EXPECT_EQ(AskUdp(dual_port, {.name = "web.default.svc.cluster.local"}, host).rcode, 0) << host;
  }
}

TEST(ServerTest, ForwardsAndKeepsWhatItHears) {
  TestServer upstream("upstream.test");
  TestServer server("cluster.local", {upstream.Start()});
  const int port = server.Start();
  const TestQuery query{.name = "wEb.default.svc.upstream.test"};
  const auto expected = ElementsAre("wEb.default.svc.upstream.test. 5 IN A 10.96.0.20");
  EXPECT_THAT(AskUdp(port, query).answer, expected);
  EXPECT_THAT(AskUdp(port, query).answer, expected);
  EXPECT_THAT(AskTcp(port, query).answer, expected);
  EXPECT_EQ(server.server().stats().queries, 3u);
  EXPECT_EQ(server.server().stats().forwarded, 1u);
  // Negative answers are kept as well.
  for (int i = 0; i < 2; ++i) {
    const TestReply reply = AskUdp(port, {.name = "nope.upstream.test"});
    EXPECT_EQ(reply.rcode, 3);
    EXPECT_THAT(reply.authority, SizeIs(1));
  }
  EXPECT_EQ(server.server().stats().forwarded, 2u);
}

TEST(ServerTest, UpstreamServersComeAndGo) {
  TestServer upstream("upstream.test");
  TestServer server("cluster.local");
  const int upstream_port = upstream.Start();
  const int port = server.Start();
  const TestQuery query{.name = "web.default.svc.upstream.test"};
  for (int i = 0; i < 2; ++i) {
    server.server().SetUpstreams({});
    EXPECT_EQ(AskUdp(port, query).rcode, 5);
    EXPECT_FALSE(AskUdp(port, {.name = "web.default.svc.cluster.local"}).recursion_available);
    // One that is the server itself is none.
    server.server().SetUpstreams({*MakeSocketAddress("127.0.0.1", port)});
    EXPECT_EQ(AskUdp(port, query).rcode, 5);
    server.server().SetUpstreams({*MakeSocketAddress("127.0.0.1", upstream_port)});
    EXPECT_THAT(AskUdp(port, query).answer,
                ElementsAre("web.default.svc.upstream.test. 5 IN A 10.96.0.20"));
    EXPECT_TRUE(AskUdp(port, {.name = "web.default.svc.cluster.local"}).recursion_available);
  }
}

TEST(ServerTest, FollowsAnExternalNameUpstream) {
  TestServer upstream("upstream.test");
  TestServer server("cluster.local", {upstream.Start()});
  const int port = server.Start();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(AskUdp(port, {.name = "ext.default.svc.cluster.local"}).answer,
                ElementsAre("ext.default.svc.cluster.local. 5 IN CNAME "
                            "web.default.svc.upstream.test.",
                            "web.default.svc.upstream.test. 5 IN A 10.96.0.20"));
  }
}

TEST(ServerTest, WhatIsTooLongForADatagramIsFetchedOverTcp) {
  TestServer upstream("upstream.test");
  TestServer server("cluster.local", {upstream.Start()});
  const int port = server.Start();
  const TestQuery query{.name = "many.default.svc.upstream.test", .udp_bytes = 1232};
  const TestReply cut = AskUdp(port, query);
  EXPECT_TRUE(cut.truncated);
  EXPECT_LE(cut.bytes, 1232u);
  const TestReply whole = AskTcp(port, query);
  EXPECT_FALSE(whole.truncated);
  EXPECT_THAT(whole.answer, SizeIs(200));
  EXPECT_EQ(server.server().stats().forwarded, 1u);
}

TEST(ServerTest, AsksAnotherUpstreamWhenOneIsDeadSilentOrFails) {
  TestServer good("upstream.test");
  TestServer failing("upstream.test", {}, false);
  const int good_port = good.Start();
  const int failing_port = failing.Start();
  // Bound, but nobody reads it.
  const int silent = *BindUdp(*MakeSocketAddress("127.0.0.1", 0));
  // Free a moment ago.
  const int dead = *BindUdp(*MakeSocketAddress("127.0.0.1", 0));
  const int dead_port = LocalAddress(dead).port();
  close(dead);
  TestServer server("cluster.local",
                    {LocalAddress(silent).port(), dead_port, failing_port, good_port});
  server.options().cache_entries_max = 0;
  const int port = server.Start();
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(AskUdp(port, {.name = "web.default.svc.upstream.test"}).answer, SizeIs(1));
  }
  close(silent);
}

TEST(ServerTest, SaysThatNobodyAnswers) {
  const int silent = *BindUdp(*MakeSocketAddress("127.0.0.1", 0));
  TestServer server("cluster.local", {LocalAddress(silent).port()});
  const int port = server.Start();
  EXPECT_EQ(AskUdp(port, {.name = "example.com"}).rcode, 2);
  close(silent);
  TestServer failing("upstream.test", {}, false);
  TestServer before_failing("cluster.local", {failing.Start()});
  EXPECT_EQ(AskUdp(before_failing.Start(), {.name = "web.default.svc.upstream.test"}).rcode, 2);
}

TEST(ServerTest, EqualQuestionsAtTheSameTimeAreAskedOnce) {
  const int silent = *BindUdp(*MakeSocketAddress("127.0.0.1", 0));
  TestServer server("cluster.local", {LocalAddress(silent).port()});
  server.options().threads = 1;
  server.options().forward.attempt_timeout = 5s;
  const int port = server.Start();
  std::vector<std::unique_ptr<TestSocket>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<TestSocket>(SOCK_DGRAM, port));
    clients.back()->Send(MakeQuery({.name = "example.com", .id = static_cast<uint16_t>(i)}));
  }
  // Of another name: it comes upstream after those before it.
  TestSocket last(SOCK_DGRAM, port);
  last.Send(MakeQuery({.name = "last.example.com"}));
  int asked = 0;
  std::vector<uint8_t> first_query(512);
  SocketAddress from;
  while (true) {
    pollfd ready{silent, POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, TestSocket::kWaitMs), 1);
    std::vector<uint8_t> bytes(512);
    SocketAddress peer;
    peer.length = sizeof peer.v6;
    const ssize_t size = recvfrom(silent, bytes.data(), bytes.size(), 0, &peer.any, &peer.length);
    bytes.resize(static_cast<size_t>(size));
    Query query;
    ASSERT_EQ(ParseQuery(bytes, &query), QueryFault::kNone);
    if (query.lower.Text() == "last.example.com.") break;
    if (query.lower.Text() != "example.com.") continue;  // A probe.
    ++asked;
    first_query = bytes;
    from = peer;
  }
  EXPECT_EQ(asked, 1);
  // A forged answer changes nothing; the right one reaches everybody.
  std::vector<uint8_t> answer = first_query;
  answer[2] |= 0x80;
  std::vector<uint8_t> forged = answer;
  forged[0] ^= 1;
  forged[3] = 3;
  sendto(silent, forged.data(), forged.size(), 0, from.get(), from.length);
  sendto(silent, answer.data(), answer.size(), 0, from.get(), from.length);
  for (int i = 0; i < 20; ++i) {
    const TestReply reply = ReadReply(clients[i]->Receive(512));
    EXPECT_EQ(reply.id, i);
    EXPECT_EQ(reply.rcode, 0);
  }
  close(silent);
}

TEST(ServerTest, ServersThatAskEachOtherNoticeIt) {
  // Two ports that are free at this moment: each server needs the other's before it starts.
  const int held = *BindUdp(*MakeSocketAddress("127.0.0.1", 0));
  const int second_port = LocalAddress(held).port();
  TestServer first("one.local", {second_port});
  const int first_port = first.Start();
  TestServer second("two.local", {first_port});
  second.options().port = second_port;
  close(held);
  ASSERT_EQ(second.Start(), second_port);
  // Whatever comes back, it comes: the question does not go round for ever.
  const TestReply reply = AskUdp(second_port, {.name = "example.com"});
  EXPECT_TRUE(reply.rcode == 2 || reply.rcode == 5) << reply.rcode;
}

TEST(ServerTest, ManyQueriesOnOneConnection) {
  TestServer upstream("upstream.test");
  TestServer server("cluster.local", {upstream.Start()});
  const int port = server.Start();
  TestSocket socket(SOCK_STREAM, port);
  constexpr int kQueries = 500;
  for (int i = 0; i < kQueries; ++i) {
    const std::string zone = i % 2 == 0 ? "cluster.local" : "upstream.test";
    socket.SendMessage(
        MakeQuery({.name = "web.default.svc." + zone, .id = static_cast<uint16_t>(i)}));
  }
  std::set<uint16_t> answered;
  for (int i = 0; i < kQueries; ++i) {
    const TestReply reply = socket.ReceiveMessage();
    ASSERT_THAT(reply.answer, SizeIs(1));
    answered.insert(reply.id);
  }
  EXPECT_THAT(answered, SizeIs(kQueries));
}

TEST(ServerTest, AClientThatHasSaidAllStillGetsItsAnswers) {
  TestServer upstream("upstream.test");
  TestServer server("cluster.local", {upstream.Start()});
  TestSocket socket(SOCK_STREAM, server.Start());
  socket.SendMessage(MakeQuery({.name = "many.default.svc.upstream.test"}));
  shutdown(socket.fd(), SHUT_WR);
  EXPECT_THAT(socket.ReceiveMessage().answer, SizeIs(200));
  EXPECT_THAT(socket.Receive(1), IsEmpty());
}

TEST(ServerTest, IdleAndForeignConnectionsAreClosed) {
  TestServer server("cluster.local");
  server.options().tcp.idle_timeout = 200ms;
  const int port = server.Start();
  TestSocket idle(SOCK_STREAM, port);
  EXPECT_THAT(idle.Receive(1), IsEmpty());
  TestSocket half(SOCK_STREAM, port);
  half.Send({0, 50, 1, 2, 3});
  EXPECT_THAT(half.Receive(1), IsEmpty());
  TestSocket foreign(SOCK_STREAM, port);
  foreign.Send({0, 3, 'G', 'E', 'T'});
  EXPECT_THAT(foreign.Receive(1), IsEmpty());
}

TEST(ServerTest, ConnectionsAreBounded) {
  TestServer server("cluster.local");
  server.options().threads = 1;
  server.options().tcp.connections_max = 4;
  const int port = server.Start();
  std::vector<std::unique_ptr<TestSocket>> sockets;
  for (int i = 0; i < 4; ++i) sockets.push_back(std::make_unique<TestSocket>(SOCK_STREAM, port));
  TestSocket fifth(SOCK_STREAM, port);
  EXPECT_THAT(fifth.Receive(1), IsEmpty());
  sockets[0]->SendMessage(MakeQuery({.name = "web.default.svc.cluster.local"}));
  EXPECT_THAT(sockets[0]->ReceiveMessage().answer, SizeIs(1));
}

TEST(ServerTest, WhoHoldsAllConnectionsKeepsNobodyElseOut) {
  TestServer server("cluster.local");
  server.options().threads = 1;
  server.options().tcp.connections_max = 4;
  const int port = server.Start();
  std::vector<std::unique_ptr<TestSocket>> sockets;
  for (int i = 0; i < 4; ++i) sockets.push_back(std::make_unique<TestSocket>(SOCK_STREAM, port));
  const TestQuery query{.name = "web.default.svc.cluster.local"};
  // All were accepted, in their order.
  sockets[3]->SendMessage(MakeQuery(query));
  EXPECT_THAT(sockets[3]->ReceiveMessage().answer, SizeIs(1));
  TestSocket other(SOCK_STREAM, port, "127.0.0.1", "127.0.0.2");
  other.SendMessage(MakeQuery(query));
  EXPECT_THAT(other.ReceiveMessage().answer, SizeIs(1));
  EXPECT_THAT(sockets[0]->Receive(1), IsEmpty());
  sockets[1]->SendMessage(MakeQuery(query));
  EXPECT_THAT(sockets[1]->ReceiveMessage().answer, SizeIs(1));
}

// An upstream server that hears questions and says nothing.
class SilentUpstream {
 public:
  SilentUpstream() : fd_(*BindUdp(*MakeSocketAddress("127.0.0.1", 0))) {}
  ~SilentUpstream() { close(fd_); }
  int port() const { return LocalAddress(fd_).port(); }
  // Whether it is asked for a name with that label.
  bool Hears(const std::string& label) const {
    std::string bytes(kMessageBytesMax, '\0');
    for (pollfd ready{fd_, POLLIN, 0}; poll(&ready, 1, TestSocket::kWaitMs) == 1;) {
      const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
      if (bytes.substr(0, static_cast<size_t>(count)).find(label) != bytes.npos) return true;
    }
    return false;
  }

 private:
  const int fd_;
};

// One thread, which forwards to whoever says nothing for that long.
void LetWait(TestServer& server, Duration timeout) {
  server.options().threads = 1;
  server.options().forward.attempt_timeout = server.options().forward.total_timeout = timeout;
}

TEST(ServerTest, WhoAsksAllThatIsForwardedKeepsNobodyElseOut) {
  const SilentUpstream upstream;
  TestServer server("cluster.local", {upstream.port()});
  LetWait(server, 60s);
  server.options().forward.exchanges_max = 3;
  const int port = server.Start();
  TestSocket greedy(SOCK_DGRAM, port);
  for (const char* label : {"first", "second", "third"}) {
    greedy.Send(MakeQuery({.name = std::string(label) + ".example"}));
    EXPECT_TRUE(upstream.Hears(label));
  }
  TestSocket other(SOCK_DGRAM, port, "127.0.0.1", "127.0.0.2");
  other.Send(MakeQuery({.name = "others.example"}));
  EXPECT_TRUE(upstream.Hears("others"));
  const TestReply gone = ReadReply(greedy.Receive(kMessageBytesMax));
  EXPECT_EQ(gone.rcode, 2);
  EXPECT_THAT(gone.question, testing::HasSubstr("first.example"));
  // Who has as many as anybody waits for his own.
  EXPECT_EQ(AskUdp(port, {.name = "fourth.example"}).rcode, 2);
}

// Who makes room is answered, and what his connection had waiting is asked at once: here the very
// name for which room was made.
TEST(ServerTest, WhoMakesRoomMayAskTheSameThingAtOnce) {
  const SilentUpstream upstream;
  TestServer server("cluster.local", {upstream.port()});
  LetWait(server, 3s);
  server.options().forward.exchanges_max = 3;
  server.options().tcp.pending_max = 3;
  const int port = server.Start();
  const auto framed = [](const std::string& label) {
    auto bytes = MakeQuery({.name = label + ".example"});
    const size_t size = bytes.size();
    bytes.insert(bytes.begin(), {static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)});
    return bytes;
  };
  TestSocket greedy(SOCK_STREAM, port);
  for (const char* label : {"first", "second"}) {
    greedy.Send(framed(label));
    EXPECT_TRUE(upstream.Hears(label));
  }
  auto two = framed("third");
  const auto same = framed("same");
  two.insert(two.end(), same.begin(), same.end());
  greedy.Send(two);
  EXPECT_TRUE(upstream.Hears("third"));
  TestSocket other(SOCK_DGRAM, port, "127.0.0.1", "127.0.0.2");
  other.Send(MakeQuery({.name = "same.example"}));
  std::string answered;
  for (int i = 0; i < 4; ++i) answered += greedy.ReceiveMessage().question + " ";
  for (const char* label : {"first", "second", "third", "same"}) {
    EXPECT_THAT(answered, testing::HasSubstr(label));
  }
  EXPECT_EQ(ReadReply(other.Receive(kMessageBytesMax)).rcode, 2);
}

TEST(ServerTest, WhoWaitsManyTimesForANameKeepsNobodyElseFromIt) {
  const SilentUpstream upstream;
  TestServer server("cluster.local", {upstream.port()});
  LetWait(server, 60s);
  server.options().forward.waiters_max = 2;
  const int port = server.Start();
  const TestQuery query{.name = "slow.example"};
  TestSocket greedy(SOCK_DGRAM, port), again(SOCK_DGRAM, port);
  greedy.Send(MakeQuery(query));
  EXPECT_TRUE(upstream.Hears("slow"));
  again.Send(MakeQuery(query));
  EXPECT_EQ(AskUdp(port, query).rcode, 2) << "there are as many as may be, all its own";
  TestSocket other(SOCK_DGRAM, port, "127.0.0.1", "127.0.0.2");
  other.Send(MakeQuery(query));
  EXPECT_EQ(ReadReply(greedy.Receive(kMessageBytesMax)).rcode, 2);
}

// A waiter is memory, whichever of many questions it waits for.
TEST(ServerTest, SoManyWaitForAllNamesTogether) {
  const SilentUpstream upstream;
  TestServer server("cluster.local", {upstream.port()});
  LetWait(server, 60s);
  server.options().forward.all_waiters_max = 3;
  const int port = server.Start();
  TestSocket greedy(SOCK_DGRAM, port);
  for (const char* label : {"first", "second", "third"}) {
    greedy.Send(MakeQuery({.name = std::string(label) + ".example"}));
    EXPECT_TRUE(upstream.Hears(label));
  }
  EXPECT_EQ(AskUdp(port, {.name = "second.example"}).rcode, 2) << "all of them are its own";
  TestSocket other(SOCK_DGRAM, port, "127.0.0.1", "127.0.0.2");
  other.Send(MakeQuery({.name = "others.example"}));
  EXPECT_TRUE(upstream.Hears("others"));
  EXPECT_EQ(ReadReply(greedy.Receive(kMessageBytesMax)).rcode, 2) << "one made room";
  EXPECT_EQ(AskUdp(port, {.name = "others.example"}).rcode, 2) << "there are as many as before";
}

TEST(ServerTest, OnlyTheAllowedMayAsk) {
  TestServer server("cluster.local", {}, true, "0.0.0.0");
  server.options().allowed = {*ParseCidr("127.0.0.1/32")};
  const int port = server.Start();
  const TestQuery query{.name = "web.default.svc.cluster.local"};
  EXPECT_EQ(AskUdp(port, query).rcode, 0);
  EXPECT_EQ(AskTcp(port, query).rcode, 0);
  EXPECT_EQ(AskFrom("127.0.0.9", port, query).rcode, 5);
  // But for the cluster's nodes.
  EXPECT_EQ(AskFrom("127.0.0.8", port, query).rcode, 0);
}

TEST(ServerTest, ATakenPortIsToldInWords) {
  TestServer server("cluster.local");
  const int port = server.Start();
  SystemRandom random;
  ViewSource views;
  ServerOptions options;
  options.bind_address = "127.0.0.1";
  options.port = port;
  const auto second = Server::Start(options, views, random);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "listen udp 127.0.0.1:" + std::to_string(port) + ": bind: address already in use");
}

TEST(UpstreamsTest, ResolvConfNamesThem) {
  EXPECT_THAT(ParseNameservers("# one\nnameserver 10.0.0.1\nsearch a b\n nameserver fd00::1 # x\n"
                               "nameserver\noptions ndots:5\n"),
              ElementsAre("10.0.0.1", "fd00::1"));
  EXPECT_EQ(ParseServerAddress("10.0.0.1", 53)->Text(), "10.0.0.1:53");
  EXPECT_EQ(ParseServerAddress("10.0.0.1:5353", 53)->Text(), "10.0.0.1:5353");
  EXPECT_EQ(ParseServerAddress("fd00::1", 53)->Text(), "[fd00::1]:53");
  EXPECT_EQ(ParseServerAddress("[fd00::1]:5353", 53)->Text(), "[fd00::1]:5353");
  for (const char* text : {"", "localhost", "10.0.0.1:x", "10.0.0.1:0", "10.0.0.1:70000"}) {
    EXPECT_FALSE(ParseServerAddress(text, 53)) << text;
  }
}

}  // namespace
}  // namespace skiff::dns
