#include "dns/query.h"

#include <algorithm>

namespace skiff::dns {
namespace {

// Additional records may be anything; one of them may be EDNS.
QueryFault ReadOpt(const RecordHead& record, Query* out) {
  if (out->edns || !record.owner.is_root()) return QueryFault::kFormErr;
  out->edns = true;
  out->udp_bytes_max = std::max<uint16_t>(record.class_, kPlainUdpBytesMax);
  out->dnssec_ok = (record.ttl & kDnssecOk) != 0;
  const uint8_t version = static_cast<uint8_t>(record.ttl >> 16);
  return version == 0 ? QueryFault::kNone : QueryFault::kBadVersion;
}

bool OptionsAreWhole(Bytes options) {
  size_t at = 0;
  while (at < options.size()) {
    if (options.size() - at < 4) return false;
    at += 4 + Get16(options, at + 2);
  }
  return at == options.size();
}

}  // namespace

bool ReadRecord(Bytes message, size_t* offset, RecordHead* out) {
  if (!Name::Read(message, offset, &out->owner)) return false;
  constexpr size_t kFixedBytes = 10;
  if (message.size() - *offset < kFixedBytes) return false;
  out->type = Get16(message, *offset);
  out->class_ = Get16(message, *offset + 2);
  out->ttl = Get32(message, *offset + 4);
  out->rdata_bytes = Get16(message, *offset + 8);
  out->rdata = *offset + kFixedBytes;
  if (message.size() - out->rdata < out->rdata_bytes) return false;
  *offset = out->rdata + out->rdata_bytes;
  return true;
}

QueryFault ParseQuery(Bytes message, Query* out) {
  if (message.size() < kHeaderBytes) return QueryFault::kNotAQuery;
  out->id = Get16(message, 0);
  out->flags = Get16(message, 2);
  if ((out->flags & flag::kResponse) != 0) return QueryFault::kNotAQuery;
  if ((out->flags & flag::kOpcodeMask) != 0) return QueryFault::kNotImp;
  if (Get16(message, 4) != 1) return QueryFault::kFormErr;
  size_t at = kHeaderBytes;
  if (!Name::Read(message, &at, &out->name)) return QueryFault::kFormErr;
  if (message.size() - at < 4) return QueryFault::kFormErr;
  out->type = Get16(message, at);
  out->class_ = Get16(message, at + 2);
  out->has_question = true;
  out->lower = out->name;
  out->lower.Lower();
  at += 4;
  const size_t before_additional = size_t{Get16(message, 6)} + Get16(message, 8);
  const size_t records = before_additional + Get16(message, 10);
  QueryFault fault = QueryFault::kNone;
  for (size_t i = 0; i < records; ++i) {
    RecordHead record;
    if (!ReadRecord(message, &at, &record)) return QueryFault::kFormErr;
    if (record.type != type::kOpt) continue;
    if (i < before_additional) return QueryFault::kFormErr;
    if (!OptionsAreWhole(message.subspan(record.rdata, record.rdata_bytes))) {
      return QueryFault::kFormErr;
    }
    const QueryFault opt = ReadOpt(record, out);
    if (opt == QueryFault::kFormErr) return opt;
    if (opt != QueryFault::kNone) fault = opt;
  }
  return at == message.size() ? fault : QueryFault::kFormErr;
}

}  // namespace skiff::dns
