// What anybody may send to port 53, and what upstream servers, or who plays one, answer.
#include "base/error.h"
#include "dns/answer.h"
#include "dns/cache.h"
#include "dns/ready_answers.h"
#include "dns/test_world.h"
#include "dns/upstream_message.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

using dns::Bytes;

Bytes BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

dns::ZoneOptions Zone() {
  dns::ZoneOptions options;
  options.zone = *dns::Name::FromText("cluster.local.");
  return options;
}

// A datagram is no longer than that, nor is a message over TCP.
bool IsMessage(Bytes bytes) {
  return bytes.size() <= dns::kMessageBytesMax;
}

}  // namespace

void DnsQuery(std::string_view text) {
  static const auto view = dns::SmallView();
  static const dns::ZoneOptions options = Zone();
  const Bytes bytes = BytesOf(text);
  if (!IsMessage(bytes)) return;
  std::vector<uint8_t> space(dns::kMessageBytesMax), again_space(dns::kMessageBytesMax);
  for (const dns::View* known : {view.get(), static_cast<const dns::View*>(nullptr)}) {
    for (const bool tcp : {false, true}) {
      dns::Query query;
      const dns::Outcome outcome = dns::Answer(bytes, known, options, tcp, 7, space, &query);
      if (outcome.kind != dns::Outcome::Kind::kReply) continue;
      CHECK(outcome.message.size() <= dns::ReplyBytesMax(query, tcp, options));
      CHECK(dns::Get16(outcome.message, 0) == dns::Get16(bytes, 0));
      CHECK(!query.has_question || dns::IsWellFormed(outcome.message));
      if (tcp) continue;
      dns::ReadyAnswers ready;
      ready.Put(bytes, outcome.message, 1, 1s, kNever);
      const Bytes again = ready.Find(bytes, 1, 1s, 7, again_space);
      CHECK(again.empty() || again.size() == outcome.message.size());
    }
  }
}

void DnsAnswer(std::string_view text) {
  static const dns::Name name = *dns::Name::FromText("www.example.com");
  static const dns::Name alias = *dns::Name::FromText("ext.default.svc.cluster.local");
  static const dns::ZoneOptions options = Zone();
  const Bytes bytes = BytesOf(text);
  if (!IsMessage(bytes)) return;
  for (const bool edns : {false, true}) {
    (void)dns::JudgeUpstreamAnswer(bytes, {name, dns::type::kA}, 9, edns);
  }
  const auto made = dns::CachedMessage::Make(bytes, name, dns::type::kA, 0s, {});
  if (!made) return;
  dns::Query query;
  const auto asked = dns::MakeUpstreamQuery({name, dns::type::kA}, 9, true);
  CHECK(dns::ParseQuery(asked, &query) == dns::QueryFault::kNone);
  std::vector<uint8_t> space(dns::kMessageBytesMax);
  for (const bool tcp : {false, true}) {
    for (const Duration now : {0s, 70s, 100'000s}) {
      CHECK(dns::IsWellFormed(made->Reply(query, options, tcp, now, 7, space)));
      CHECK(dns::IsWellFormed(made->ReplyBehind({alias, name}, query, options, tcp, now, space)));
    }
  }
}

}  // namespace skiff::fuzz
