#include "dns/upstream_message.h"

#include "base/error.h"
#include "dns/message_writer.h"

namespace skiff::dns {
namespace {

bool HasOpt(Bytes message, size_t offset) {
  size_t records = 0;
  for (size_t at = 6; at < kHeaderBytes; at += 2) records += Get16(message, at);
  for (; records > 0; --records) {
    RecordHead record;
    if (!ReadRecord(message, &offset, &record)) return false;
    if (record.type == type::kOpt) return true;
  }
  return false;
}

}  // namespace

std::vector<uint8_t> MakeUpstreamQuery(const UpstreamQuestion& question, uint16_t id, bool edns) {
  std::vector<uint8_t> query(kHeaderBytes + Name::kBytesMax + 4 + kOptBytes);
  MessageWriter writer(query);
  writer.Start(id, flag::kRecursionDesired | flag::kAuthenticData |
                       (question.checking_disabled ? flag::kCheckingDisabled : 0));
  CHECK(writer.Question(question.name, question.type, kClassIn));
  if (edns) CHECK(writer.Opt(kUpstreamUdpBytesMax, question.dnssec_ok, 0));
  query.resize(writer.size());
  return query;
}

UpstreamAnswer JudgeUpstreamAnswer(Bytes message, const UpstreamQuestion& question, uint16_t id,
                                   bool edns) {
  if (message.size() < kHeaderBytes || Get16(message, 0) != id) return UpstreamAnswer::kForeign;
  const uint16_t flags = Get16(message, 2);
  if ((flags & flag::kResponse) == 0 || (flags & flag::kOpcodeMask) != 0) {
    return UpstreamAnswer::kForeign;
  }
  const auto rcode = static_cast<Rcode>(flags & flag::kRcodeMask);
  const bool refuses_edns = edns && (rcode == Rcode::kFormErr || rcode == Rcode::kNotImp);
  size_t at = kHeaderBytes;
  if (Get16(message, 4) == 0 && rcode != Rcode::kNoError && rcode != Rcode::kNxDomain) {
    // Who cannot read a question cannot repeat it.
    return refuses_edns ? UpstreamAnswer::kNoEdns : UpstreamAnswer::kFailure;
  }
  Name name;
  if (Get16(message, 4) != 1 || !Name::Read(message, &at, &name) || message.size() - at < 4) {
    return UpstreamAnswer::kForeign;
  }
  if (!SameIgnoringCase(name.wire(), question.name.wire()) || Get16(message, at) != question.type ||
      Get16(message, at + 2) != kClassIn) {
    return UpstreamAnswer::kForeign;
  }
  if (refuses_edns && !HasOpt(message, at + 4)) return UpstreamAnswer::kNoEdns;
  if ((flags & flag::kTruncated) != 0) return UpstreamAnswer::kTruncated;
  if (rcode != Rcode::kNoError && rcode != Rcode::kNxDomain) return UpstreamAnswer::kFailure;
  return UpstreamAnswer::kGood;
}

}  // namespace skiff::dns
