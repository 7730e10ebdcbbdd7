// Replies on real sockets: each arrives by itself, however they were sent.
#include "dns/reply_batch.h"

#include <gmock/gmock.h>

#include "dns/test_socket.h"

namespace skiff::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

// A server's socket, and clients of it.
class ReplyBatchTest : public ::testing::Test {
 protected:
  ReplyBatchTest() : fd_(*BindUdp(*MakeSocketAddress("127.0.0.1", 0))) {
    for (UdpPeer& peer : peers_) {
      clients_.push_back(std::make_unique<TestSocket>(SOCK_DGRAM, LocalAddress(fd_).port()));
      peer.address = LocalAddress(clients_.back()->fd());
    }
  }
  ~ReplyBatchTest() override { close(fd_); }
  void Add(size_t client, const std::string& text) {
    const auto space = batch_.Space();
    std::copy(text.begin(), text.end(), space.begin());
    batch_.Add(space.first(text.size()), peers_[client]);
  }
  std::vector<std::string> Received(size_t client, size_t count) {
    std::vector<std::string> texts;
    while (texts.size() < count) {
      const auto bytes = clients_[client]->Receive(kMessageBytesMax);
      if (bytes.empty()) break;
      texts.emplace_back(bytes.begin(), bytes.end());
    }
    return texts;
  }

  const int fd_;
  std::array<UdpPeer, 3> peers_;
  std::vector<std::unique_ptr<TestSocket>> clients_;
  ReplyBatch batch_{1232};
};

TEST_F(ReplyBatchTest, EveryPeerGetsItsOwnOneByOne) {
  Add(0, "first");
  Add(1, "other");
  Add(0, "again");
  Add(0, "a longer one");
  Add(2, "once");
  Add(0, "third");
  batch_.Send(fd_);
  EXPECT_THAT(Received(0, 4), ElementsAre("first", "again", "third", "a longer one"));
  EXPECT_THAT(Received(1, 1), ElementsAre("other"));
  EXPECT_THAT(Received(2, 1), ElementsAre("once"));
}

TEST_F(ReplyBatchTest, ItIsEmptyAfterwards) {
  Add(0, "one");
  batch_.Send(fd_);
  batch_.Send(fd_);
  Add(0, "two");
  batch_.Send(fd_);
  EXPECT_THAT(Received(0, 2), ElementsAre("one", "two"));
}

TEST_F(ReplyBatchTest, AFullOneOfTheLongestArrivesWhole) {
  std::vector<std::string> sent;
  while (!batch_.full()) {
    sent.push_back(std::to_string(100 + sent.size()) + std::string(1229, 'x'));
    Add(0, sent.back());
  }
  EXPECT_EQ(sent.size(), ReplyBatch::kRepliesMax);
  batch_.Send(fd_);
  EXPECT_THAT(Received(0, sent.size()), ElementsAreArray(sent));
}

TEST_F(ReplyBatchTest, WhereTheyCannotGoTogetherTheyGoOneByOne) {
  // Without sums the kernel sends no several datagrams at once.
  const int one = 1;
  ASSERT_EQ(setsockopt(fd_, SOL_SOCKET, SO_NO_CHECK, &one, sizeof one), 0);
  Add(0, "one");
  Add(1, "aside");
  Add(0, "two");
  batch_.Send(fd_);
  EXPECT_THAT(Received(0, 2), ElementsAre("one", "two"));
  EXPECT_THAT(Received(1, 1), ElementsAre("aside"));
}

TEST_F(ReplyBatchTest, TheyLeaveFromTheAddressThatWasAsked) {
  const int everywhere = *BindUdp(*MakeSocketAddress("0.0.0.0", 0));
  TestSocket client(SOCK_DGRAM, LocalAddress(everywhere).port(), "127.0.0.77");
  UdpPeer peer;
  peer.address = LocalAddress(client.fd());
  peer.has_local = true;
  peer.local_family = AF_INET;
  const auto local = MakeSocketAddress("127.0.0.77", 1);
  std::memcpy(&peer.local, &local->v4.sin_addr, sizeof local->v4.sin_addr);
  peers_[0] = peer;
  Add(0, "one");
  Add(0, "two");
  batch_.Send(everywhere);
  SendDatagram(everywhere, batch_.Space().first(1), peer);
  // The client is connected: from elsewhere nothing reaches it.
  EXPECT_EQ(client.Receive(100).size(), 3u);
  EXPECT_EQ(client.Receive(100).size(), 3u);
  EXPECT_EQ(client.Receive(100).size(), 1u);
  close(everywhere);
}

}  // namespace
}  // namespace skiff::dns
