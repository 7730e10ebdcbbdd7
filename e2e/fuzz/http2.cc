// Frames of HTTP/2 from a client, behind its preface.
#include <map>
#include <set>

#include "base/error.h"
#include "e2e/fuzz/targets.h"
#include "http/http2_wire.h"

namespace skiff::fuzz {
namespace {

using http::Http2Wire;

constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 33);
constexpr uint32_t kStreamsMax = 10;

// A server that keeps silent, or answers whatever comes with as many bytes as the path has.
class Server : public Http2Wire::Sink {
 public:
  explicit Server(bool answers)
      : answers_(answers),
        wire_({.streams_max = kStreamsMax, .head_bytes_max = 4 << 10}, *this) {}

  // False: the client has been parted with, or has said goodbye and waits for nothing.
  bool Take(std::string_view bytes) {
    return wire_.Receive(bytes) && wire_.Send() && !wire_.IsOver();
  }
  // All that was understood, stream by stream.
  const std::map<int32_t, std::string>& seen() const { return seen_; }

 private:
  void OnHeadBegin() override {}
  bool OnHeadBytes(size_t held) override { return held <= 64 << 10; }
  void OnHeadEnd() override {}
  void OnHead(int32_t stream, http::RequestHead head, bool ended) override {
    Open(stream);
    std::string& text = seen_[stream];
    text += head.method + " " + head.target + (ended ? "." : "");
    for (const auto& [name, value] : head.headers) {
      CHECK(!name.empty());
      CHECK((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
      text += ";" + name + ":" + value;
    }
    CHECK(!head.framing.chunked);
    left_[stream] = head.target.size() * 100;
    if (!answers_) return;
    wire_.Answer(stream, {{":status", "200"}, {"a", head.path}}, http::Http2Wire::Body::kWhole);
  }
  void OnBadHead(int32_t stream, const http::HeadFault& fault) override {
    Open(stream);
    seen_[stream] += "?" + std::to_string(fault.status);
    if (!answers_) return;
    wire_.Answer(stream, {{":status", std::to_string(fault.status)}}, http::Http2Wire::Body::kNone);
  }
  void Open(int32_t stream) {
    CHECK(open_.insert(stream).second);
    CHECK(open_.size() <= kStreamsMax);
  }
  void OnData(int32_t stream, std::string_view bytes) override {
    CHECK(open_.contains(stream));
    seen_[stream] += bytes;
  }
  void OnEnd(int32_t stream) override {
    CHECK(open_.contains(stream));
    seen_[stream] += "$";
  }
  void OnClosed(int32_t stream) override { open_.erase(stream); }
  bool HasRoom() const override { return true; }
  void Send(std::string_view) override {}
  Http2Wire::Ready Next(int32_t stream, size_t bytes_max) override {
    const size_t bytes = std::min(bytes_max, left_[stream]);
    return {.what = Http2Wire::Ready::What::kBytes,
            .bytes = bytes,
            .last = bytes == left_[stream]};
  }
  void SendData(int32_t stream, std::string_view, size_t bytes) override {
    CHECK(open_.contains(stream) && bytes <= left_[stream]);
    left_[stream] -= bytes;
  }
  Duration Now() const override { return 1s; }

  const bool answers_;
  std::map<int32_t, std::string> seen_;
  std::map<int32_t, size_t> left_;
  std::set<int32_t> open_;
  Http2Wire wire_;
};

bool Play(std::string_view bytes, size_t step, Server& server) {
  bool open = server.Take(kPreface);
  while (open && !bytes.empty()) {
    open = server.Take(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  return open;
}

}  // namespace

void Http2(std::string_view bytes) {
  // It is understood the same wherever it is cut. The library counts the pieces in which the head
  // of a CONTINUATION comes as so many CONTINUATIONs, so that it may part with the one sooner.
  Server whole(false), cut(false);
  const bool whole_lives = Play(bytes, bytes.size() + 1, whole);
  const bool cut_lives = Play(bytes, 1, cut);
  CHECK(!whole_lives || !cut_lives || whole.seen() == cut.seen());
  Server answering(true);
  Play(bytes, 100, answering);
}

}  // namespace skiff::fuzz
