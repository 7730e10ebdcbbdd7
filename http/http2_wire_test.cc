// What a session holds, and what of that grows with its streams.
#include "http/http2_wire.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "base/allocated_bytes.h"

namespace skiff::http {
namespace {

using StreamId = Http2Wire::StreamId;

constexpr std::string_view kClientGreeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kEmptySettings("\0\0\0\4\0\0\0\0\0", 9);

// HEADERS of a GET of "/", with the last of it.
std::string GetFrame(StreamId stream) {
  constexpr std::string_view kHead = "\x82\x87\x84\x41\x01Z";
  std::string frame("\0\0\6\1\5\0\0\0\0", 9);
  for (int i = 0; i < 4; ++i) frame[5 + i] = static_cast<char>(stream >> (24 - 8 * i));
  return frame.append(kHead);
}

// RST_STREAM of CANCEL.
std::string CancelFrame(StreamId stream) {
  std::string frame("\0\0\4\3\0\0\0\0\0\0\0\0\x8", 13);
  for (int i = 0; i < 4; ++i) frame[5 + i] = static_cast<char>(stream >> (24 - 8 * i));
  return frame;
}

// Answers each request at once, by a head as watches have it, and says nothing more.
class AnsweringPeer final : private Http2Wire::Sink {
 public:
  AnsweringPeer(std::span<char> scratch, Http2Wire::Body body)
      : body_(body), wire_({.scratch = scratch}, *this) {
    Receive(std::string(kClientGreeting) + std::string(kEmptySettings));
  }

  void Receive(std::string_view bytes) {
    ASSERT_TRUE(wire_.Receive(bytes));
    ASSERT_TRUE(wire_.Send());
  }
  const std::vector<StreamId>& opened() const { return opened_; }
  const std::vector<StreamId>& closed() const { return closed_; }
  Http2Wire& wire() { return wire_; }

 private:
  void OnHeadBegin() override {}
  bool OnHeadBytes(size_t) override { return true; }
  void OnHeadEnd() override {}
  void OnHead(StreamId stream, RequestHead, bool) override {
    opened_.push_back(stream);
    wire_.Answer(stream,
                 {{":status", "200"},
                  {"cache-control", "no-cache, private"},
                  {"content-type", "application/json"},
                  {"date", "Thu, 01 Jan 1970 00:00:00 GMT"},
                  {"x-kubernetes-pf-flowschema-uid", "11f4ba5e-8a8d-4b36-9d7e-000000000001"},
                  {"x-kubernetes-pf-prioritylevel-uid", "11f4ba5e-8a8d-4b36-9d7e-000000000002"}},
                 body_);
  }
  void OnBadHead(StreamId, const HeadFault&) override { ADD_FAILURE(); }
  void OnData(StreamId, std::string_view) override {}
  void OnEnd(StreamId) override {}
  void OnClosed(StreamId stream) override { closed_.push_back(stream); }
  bool HasRoom() const override { return true; }
  void Send(std::string_view) override {}
  Http2Wire::Ready Next(StreamId, size_t) override { return {}; }
  void SendData(StreamId, std::string_view, size_t) override {}
  Duration Now() const override { return std::chrono::seconds(1); }

  const Http2Wire::Body body_;
  std::vector<StreamId> opened_;
  std::vector<StreamId> closed_;
  Http2Wire wire_;
};

size_t BytesOfAnIdleWatch(Http2Wire::Body body) {
  constexpr size_t kSessions = 1'000;
  std::vector<char> scratch(64 << 10);
  std::deque<AnsweringPeer> servers;
  const size_t before = *AllocatedBytes();
  for (size_t i = 0; i < kSessions; ++i) servers.emplace_back(scratch, body).Receive(GetFrame(1));
  return (*AllocatedBytes() - before) / kSessions;
}

TEST(Http2Wire, AnIdleWatchHoldsLittle) {
  if (!AllocatedBytes()) GTEST_SKIP() << "this allocator does not count";
  // The library's session and its two rings of fields are 5,100 of it.
  const size_t bytes = BytesOfAnIdleWatch(Http2Wire::Body::kEndless);
  EXPECT_LT(bytes, 6'800);
  EXPECT_GT(bytes, 5'100);
  // What the head of an answer leaves for those to come.
  EXPECT_GT(BytesOfAnIdleWatch(Http2Wire::Body::kWhole), bytes + 400);
}

TEST(Http2Wire, StreamsAreFoundHoweverManyThereAre) {
  std::vector<char> scratch(64 << 10);
  AnsweringPeer server(scratch, Http2Wire::Body::kEndless);
  std::vector<StreamId> ids;
  for (StreamId id = 1; id < 200; id += 2) ids.push_back(id);
  for (const StreamId id : ids) server.Receive(GetFrame(id));
  EXPECT_EQ(server.opened(), ids);
  EXPECT_TRUE(server.closed().empty());
  for (const StreamId id : ids) server.Receive(CancelFrame(id));
  EXPECT_EQ(server.closed(), ids);
  server.Receive(GetFrame(201));
  EXPECT_EQ(server.opened().back(), 201);
}

}  // namespace
}  // namespace skiff::http
