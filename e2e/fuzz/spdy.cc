// SPDY frames from a peer.
#include "base/error.h"
#include "e2e/fuzz/targets.h"
#include "http/spdy_frames.h"

namespace skiff::fuzz {
namespace {

class Seen : public http::SpdyReader::Sink {
 public:
  void OnControl(http::SpdyControl control) override {
    text += std::to_string(static_cast<int>(control.type)) + "/" + std::to_string(control.stream);
    for (const auto& [name, value] : control.headers) text += " " + name + ":" + value;
    text += ";";
  }
  size_t OnData(http::SpdyStreamId stream, std::string_view bytes) override {
    for (const char c : bytes) text += std::to_string(stream) + c;
    return bytes.size();
  }
  void OnFin(http::SpdyStreamId stream) override { text += "fin" + std::to_string(stream); }
  std::string text;
};

// False: they were no frames.
bool Read(std::string_view bytes, size_t step, Seen& seen) {
  http::SpdyReader reader(seen);
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, step);
    const auto taken = reader.Read(part);
    if (!taken) return false;
    CHECK(*taken == part.size());
    bytes.remove_prefix(part.size());
  }
  return true;
}

}  // namespace

void Spdy(std::string_view bytes) {
  Seen whole, cut;
  const bool good = Read(bytes, bytes.size() + 1, whole);
  CHECK(Read(bytes, 1, cut) == good);
  CHECK(whole.text == cut.text);
}

}  // namespace skiff::fuzz
