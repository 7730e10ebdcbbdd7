// What a client asked, taken apart. Any bytes may come in; nothing outside them is read.
#pragma once

#include "dns/wire.h"

namespace skiff::dns {

struct Query {
  uint16_t id = 0;
  uint16_t flags = 0;  // As the client sent them.
  bool has_question = false;
  Name name;   // In the client's case, which answers repeat.
  Name lower;  // The same in lower case.
  uint16_t type = 0;
  uint16_t class_ = 0;
  bool edns = false;
  uint16_t udp_bytes_max = kPlainUdpBytesMax;  // What the client takes in one datagram.
  bool dnssec_ok = false;

  bool checking_disabled() const { return (flags & flag::kCheckingDisabled) != 0; }
};

enum class QueryFault {
  kNone,
  kNotAQuery,   // Too short, or itself an answer: answering could go round for ever.
  kFormErr,     // Malformed.
  kNotImp,      // An opcode other than QUERY.
  kBadVersion,  // A version of EDNS after 0.
};

// Fills what could be read, also on a fault, so that the refusal can repeat it.
QueryFault ParseQuery(Bytes message, Query* out);

// Moves `*offset` behind the record that begins there; false when it does not fit the message.
struct RecordHead {
  Name owner;
  uint16_t type = 0;
  uint16_t class_ = 0;
  uint32_t ttl = 0;
  size_t rdata = 0;  // Offset in the message.
  size_t rdata_bytes = 0;
};
bool ReadRecord(Bytes message, size_t* offset, RecordHead* out);

}  // namespace skiff::dns
