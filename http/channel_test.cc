// What TLS brings in: many records at once, and what stands behind them; and what goes out so.
#include "http/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>
#include <vector>

#include "http/event_loop.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

// Puts down what each call of Read gave, until the other side has ended; on its loop.
class Listening final : public LoopListener {
 public:
  Listening(Loop& loop, int fd, const TlsContext& context) : channel_(loop, *this, fd) {
    channel_.AcceptTls(context);
  }

  // On its loop. What the channel holds then.
  size_t Say(const std::vector<std::string>& pieces) {
    for (const std::string& piece : pieces) channel_.Send(piece);
    EXPECT_NE(channel_.Flush(), Channel::Io::kError);
    return channel_.queued_bytes();
  }
  void SayGoodbye() { channel_.CloseWrite(); }
  size_t queued_bytes() const { return channel_.queued_bytes(); }
  uint64_t sent_bytes() const { return channel_.sent_bytes(); }

  std::vector<std::string> reads;
  bool answers = false;
  std::promise<void> ended;

 private:
  void OnReady(uint32_t events) override {
    if (is_open_ && (events & EPOLLOUT) != 0) {
      EXPECT_NE(channel_.Flush(), Channel::Io::kError);
    }
    if ((events & EPOLLIN) == 0) return;
    if (!is_open_) {
      is_open_ = channel_.Handshake() == Channel::Io::kDone;
      if (!is_open_) return;
    }
    std::string_view bytes;
    switch (channel_.Read(bytes)) {
      case Channel::Io::kAgain:
        return;
      case Channel::Io::kDone:
        reads.emplace_back(bytes);
        if (answers) {
          channel_.Send(std::string("an answer"));
          EXPECT_EQ(channel_.Flush(), Channel::Io::kError);
        }
        return;
      default:
        channel_.Close();
        ended.set_value();
    }
  }

  Channel channel_;
  bool is_open_ = false;
};

// The blocking other side, which collects what it says and sends it as one.
class Peer {
 public:
  Peer(int fd, const char* suites) : fd_(fd), ssl_(nullptr, SSL_free) {
    const auto context = MakeClientContext({.insecure = true});
    CHECK(SSL_CTX_set_ciphersuites(context->get(), suites) == 1);
    ssl_.reset(SSL_new(context->get()));
    SSL_set_fd(ssl_.get(), fd_);
    CHECK(SSL_connect(ssl_.get()) == 1);
    SSL_set0_wbio(ssl_.get(), BIO_new(BIO_s_mem()));
  }
  ~Peer() { close(fd_); }
  void Say(const std::string& record) {
    CHECK(SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size())) > 0);
  }
  void SayGoodbye() { SSL_shutdown(ssl_.get()); }
  std::string TakeSaid() {
    char* begin = nullptr;
    const long length = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &begin);
    const std::string said(begin, length);
    (void)BIO_reset(SSL_get_wbio(ssl_.get()));
    return said;
  }
  // The next bytes, at most so many.
  std::string Hear(size_t bytes_max) {
    std::string heard(bytes_max, '\0');
    const int count = SSL_read(ssl_.get(), heard.data(), static_cast<int>(bytes_max));
    CHECK(count > 0);
    heard.resize(count);
    return heard;
  }
  // Why nothing more comes: a reason of the library's; 0: an end in order.
  int HearError() {
    char byte;
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), &byte, 1);
    CHECK(count <= 0);
    if (SSL_get_error(ssl_.get(), count) == SSL_ERROR_ZERO_RETURN) return 0;
    return ERR_GET_REASON(ERR_peek_last_error());
  }
  void Send(std::string_view bytes) {
    CHECK(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
  }

 private:
  const int fd_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

// With records of our own, and with a suite that is left to the library.
class ChannelTest : public ::testing::TestWithParam<const char*> {
 protected:
  ChannelTest() {
    testing::TestAuthority authority;
    const auto issued = authority.IssueServer();
    const auto context = MakeServerContext({issued.certificate_pem, issued.key_pem, ""}, false);
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    OnLoop([&] { listening_ = std::make_unique<Listening>(loop_, ends[0], *context); });
    peer_ = std::make_unique<Peer>(ends[1], GetParam());
  }
  ~ChannelTest() override {
    OnLoop([this] { listening_.reset(); });
  }
  void OnLoop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  void AwaitEnd() {
    ASSERT_EQ(listening_->ended.get_future().wait_for(10s), std::future_status::ready);
  }

  Loop loop_;
  std::unique_ptr<Listening> listening_;
  std::unique_ptr<Peer> peer_;
};

TEST_P(ChannelTest, ReadsAllRecordsThatAreThere) {
  std::string whole;
  for (int i = 0; i < 50; ++i) {
    const std::string record = "record " + std::to_string(i) + ";";
    peer_->Say(record);
    whole += record;
  }
  peer_->Send(peer_->TakeSaid());
  peer_->SayGoodbye();
  peer_->Send(peer_->TakeSaid());
  AwaitEnd();
  EXPECT_EQ(listening_->reads, std::vector<std::string>{whole});
}

// The socket itself stays open, and has nothing more to tell.
TEST_P(ChannelTest, TellsOfTheEndThatCameWithBytes) {
  peer_->Say("last words");
  peer_->SayGoodbye();
  peer_->Send(peer_->TakeSaid());
  AwaitEnd();
  EXPECT_EQ(listening_->reads, std::vector<std::string>{"last words"});
}

// Records lie across the bounds of what is asked for at once, wherever these are.
TEST_P(ChannelTest, ReadsRecordsThatComeInParts) {
  constexpr size_t kRecordBytes = 16'000, kRecords = 40;
  std::string whole;
  for (size_t i = 0; i < kRecords; ++i) {
    const std::string record(kRecordBytes + i, static_cast<char>('a' + i % 26));
    peer_->Say(record);
    whole += record;
  }
  peer_->SayGoodbye();
  const std::string sent = peer_->TakeSaid();
  std::string_view rest = sent;
  for (size_t part = 1; !rest.empty(); part = part * 7 % 30'011) {
    peer_->Send(rest.substr(0, part));
    rest.remove_prefix(std::min(part, rest.size()));
  }
  AwaitEnd();
  std::string read;
  for (const std::string& bytes : listening_->reads) read += bytes;
  EXPECT_EQ(read, whole);
}

// What has room in the socket goes there piece by piece all the same, so that others on the loop
// have their turn in between.
TEST_P(ChannelTest, SendsNoMoreAtATimeThanATurnsWorth) {
  const std::string whole(100'000, 'x');
  size_t queued = 0;
  OnLoop([&] { queued = listening_->Say({whole}); });
  EXPECT_EQ(queued, whole.size() - Channel::kFlushBytes);
  std::string heard;
  while (heard.size() < whole.size()) heard += peer_->Hear(whole.size());
  EXPECT_EQ(heard, whole);
  peer_->SayGoodbye();
  peer_->Send(peer_->TakeSaid());
  AwaitEnd();
}

// As TCP would send it: a few bytes more would be a packet of their own each time.
TEST_P(ChannelTest, SendsAPacketsWorthAtATime) {
  const std::string whole(100'000, 'x');
  uint64_t before = 0, sent = 0;
  OnLoop([&] {
    before = listening_->sent_bytes();
    listening_->Say({whole});
    sent = listening_->sent_bytes() - before;
  });
  EXPECT_EQ(sent, Channel::kPacketBytes);
  for (size_t heard = 0; heard < whole.size();) heard += peer_->Hear(whole.size()).size();
  peer_->SayGoodbye();
  peer_->Send(peer_->TakeSaid());
  AwaitEnd();
}

// More than the socket holds, in pieces that fit neither records nor what is sent at once.
TEST_P(ChannelTest, SendsInOrderToWhoTakesLittleAtATime) {
  constexpr size_t kPieces = 300;
  std::vector<std::string> pieces;
  std::string whole;
  for (size_t i = 0; i < kPieces; ++i) {
    pieces.emplace_back(1 + i * 7919 % 20'011, static_cast<char>('a' + i % 26));
    whole += pieces.back();
  }
  size_t queued = 0;
  OnLoop([&] { queued = listening_->Say(pieces); });
  EXPECT_GT(queued, whole.size() / 2) << "the socket holds all of it, so this shows nothing";
  uint64_t sent = 0;
  OnLoop([&] { sent = listening_->sent_bytes(); });
  std::string heard;
  for (size_t part = 1; heard.size() < whole.size(); part = part * 7 % 30'011) {
    heard += peer_->Hear(part);
  }
  EXPECT_EQ(heard, whole);
  OnLoop([&] {
    EXPECT_EQ(listening_->queued_bytes(), 0u);
    EXPECT_GT(listening_->sent_bytes(), sent);
  });
  peer_->SayGoodbye();
  peer_->Send(peer_->TakeSaid());
  AwaitEnd();
}

// Who tampers gets an alert, and no word of what came.
TEST_P(ChannelTest, TellsOfRecordsThatAreNone) {
  peer_->Say("well");
  std::string said = peer_->TakeSaid();
  said.back() = static_cast<char>(said.back() ^ 1);
  peer_->Send(said);
  AwaitEnd();
  EXPECT_TRUE(listening_->reads.empty());
  EXPECT_EQ(peer_->HearError(), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
}

// What came before is told of; an answer to it is not sent behind the alert.
TEST_P(ChannelTest, SendsNothingBehindAnAlertThatEndsIt) {
  peer_->Say("well");
  peer_->Say("ill");
  std::string said = peer_->TakeSaid();
  said.back() = static_cast<char>(said.back() ^ 1);
  OnLoop([&] { listening_->answers = true; });
  peer_->Send(said);
  AwaitEnd();
  EXPECT_EQ(listening_->reads, std::vector<std::string>{"well"});
  EXPECT_EQ(peer_->HearError(), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
}

TEST_P(ChannelTest, EndsInOrder) {
  OnLoop([&] {
    listening_->Say({"last words"});
    listening_->SayGoodbye();
  });
  EXPECT_EQ(peer_->Hear(100), "last words");
  EXPECT_EQ(peer_->HearError(), 0);
  peer_->SayGoodbye();
  peer_->Send(peer_->TakeSaid());
  AwaitEnd();
}

INSTANTIATE_TEST_SUITE_P(Suites, ChannelTest,
                         ::testing::Values("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"));

}  // namespace
}  // namespace skiff::http
