// What a client seals behind a handshake. The input says what, in which shape, and how it is cut:
//
//   one byte what: 0-199 a record of so many times 83 bytes of the rest; 200-219 a new key;
//   220-255 the rest as it is, sealed by nobody
#include <algorithm>
#include <string>

#include "base/error.h"
#include "e2e/fuzz/targets.h"
#include "http/test_records.h"
#include "http/tls_records.h"

namespace skiff::fuzz {
namespace {

using http::TlsRecords;

std::string SentOf(std::string_view text) {
  constexpr std::string_view kKeyUpdate("\x18\0\0\1\1\x16", 6);
  constexpr size_t kSentMax = 1 << 20;
  constexpr int kUpdatesMax = 32;  // As many as may come at once, however it is cut.
  int updates = 0;
  http::testing::AnyClientRecords client({1});
  std::string sent;
  while (!text.empty() && sent.size() < kSentMax) {
    const auto what = static_cast<uint8_t>(text.front());
    text.remove_prefix(1);
    if (what >= 220) return sent.append(text);
    if (what >= 200) {
      if (++updates > kUpdatesMax) continue;
      sent += client.Seal(kKeyUpdate);
      client.TakeNextKey();
      continue;
    }
    const std::string_view inner = text.substr(0, size_t{what} * 83);
    text.remove_prefix(inner.size());
    sent += client.Seal(inner);
  }
  return sent;
}

struct Outcome {
  TlsRecords::End end = TlsRecords::End::kNone;
  std::string text;
  bool operator==(const Outcome&) const = default;
};

// As it comes in, so much at a time.
Outcome Opened(std::string_view sent, size_t part_bytes) {
  static const auto cipher = http::RecordCipher::Make();
  TlsRecords records({1}, {2}, {*cipher, *cipher});
  Outcome outcome;
  while (!sent.empty() && outcome.end == TlsRecords::End::kNone) {
    const std::string_view part = sent.substr(0, part_bytes);
    sent.remove_prefix(part.size());
    std::string out(part.size() + records.held_bytes(), '\0');
    size_t length = 0;
    outcome.end = records.Open(part, out.data(), length);
    CHECK(length <= out.size());
    CHECK(records.held_bytes() <= TlsRecords::kTextBytesMax + 300);
    outcome.text.append(out, 0, length);
  }
  // Whatever came, an answer and a goodbye can be sealed.
  std::string sealed(TlsRecords::SealedBytesMax(2), '\0');
  const std::string_view parts[] = {"o", "k"};
  CHECK(records.Seal(parts, sealed.data()) <= sealed.size());
  CHECK(!records.SealAlert(records.alert()).empty());
  return outcome;
}

}  // namespace

void Records(std::string_view text) {
  const std::string sent = SentOf(text);
  const Outcome whole = Opened(sent, sent.size());
  for (const size_t part_bytes : {size_t{1}, size_t{7}, size_t{4'096}}) {
    if (sent.size() / part_bytes < 20'000) CHECK(Opened(sent, part_bytes) == whole);
  }
}

}  // namespace skiff::fuzz
