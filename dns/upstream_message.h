// Queries to upstream servers, and whether what comes back answers them. Pure.
#pragma once

#include <vector>

#include "dns/query.h"

namespace skiff::dns {

struct UpstreamQuestion {
  Name name;
  uint16_t type = 0;
  bool dnssec_ok = false;
  bool checking_disabled = false;
};

// What we take in one datagram.
inline constexpr uint16_t kUpstreamUdpBytesMax = 1232;

std::vector<uint8_t> MakeUpstreamQuery(const UpstreamQuestion& question, uint16_t id, bool edns);

enum class UpstreamAnswer {
  kForeign,    // Not the answer to this: forged, or late. Go on waiting.
  kTruncated,  // Ask over TCP.
  kNoEdns,     // The server does not know EDNS: ask without.
  kFailure,    // SERVFAIL, REFUSED and the like: others may know more.
  kGood,       // NOERROR or NXDOMAIN.
};
UpstreamAnswer JudgeUpstreamAnswer(Bytes message, const UpstreamQuestion& question, uint16_t id,
                                   bool edns);

}  // namespace skiff::dns
