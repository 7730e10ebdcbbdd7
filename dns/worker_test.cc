// What one thread does with many queries, and with the same one again.
#include "dns/worker.h"

#include <gmock/gmock.h>

#include <set>

#include "dns/test_server.h"

namespace skiff::dns {
namespace {

using ::testing::ElementsAre;

TEST(WorkerTest, AChangeShowsAtOnceWhateverWasAnsweredBefore) {
  TestServer server("cluster.local");
  const int port = server.Start();
  const TestQuery query{.name = "web.default.svc.cluster.local"};
  // One socket, so that one thread hears all of it.
  TestSocket socket(SOCK_DGRAM, port);
  for (const char* address : {"10.96.0.21", "10.96.0.22", "10.96.0.23"}) {
    server.SetWeb(address);
    for (int i = 0; i < 2; ++i) {
      socket.Send(MakeQuery(query));
      EXPECT_THAT(ReadReply(socket.Receive(kMessageBytesMax)).answer,
                  ElementsAre(std::string("web.default.svc.cluster.local. 5 IN A ") + address));
    }
  }
}

TEST(WorkerTest, WhoAsksALotAtOnceHearsAllOfIt) {
  TestServer server("cluster.local");
  const int port = server.Start();
  TestSocket socket(SOCK_DGRAM, port);
  constexpr uint16_t kQueries = 200;
  for (uint16_t id = 0; id < kQueries; ++id) {
    const char* const name =
        id % 3 == 0 ? "nope.default.svc.cluster.local" : "web.default.svc.cluster.local";
    socket.Send(MakeQuery({.name = name, .id = id}));
  }
  std::set<uint16_t> heard;
  for (int i = 0; i < kQueries; ++i) {
    const TestReply reply = ReadReply(socket.Receive(kMessageBytesMax));
    ASSERT_TRUE(reply.parsed);
    EXPECT_EQ(reply.rcode, reply.id % 3 == 0 ? 3 : 0);
    heard.insert(reply.id);
  }
  EXPECT_EQ(heard.size(), kQueries);
}

}  // namespace
}  // namespace skiff::dns
