#include "dns/record_copy.h"

namespace skiff::dns {
namespace {

// How the data of a type is made up: bytes, names, bytes. RFC 3597: only these types may have
// compressed names, and only they need to be known.
struct Layout {
  uint8_t head_bytes = 0;
  uint8_t names = 0;
  bool compress = true;  // Whether we may compress them again.
};

Layout LayoutOf(uint16_t type) {
  switch (type) {
    case type::kNs:
    case type::kMd:
    case type::kMf:
    case type::kCname:
    case type::kMb:
    case type::kMg:
    case type::kMr:
    case type::kPtr:
      return {0, 1};
    case type::kSoa:
    case type::kMinfo:
      return {0, 2};
    case type::kMx:
      return {2, 1};
    case type::kRp:
      return {0, 2, false};
    case type::kAfsdb:
    case type::kRt:
    case type::kKx:
      return {2, 1, false};
    case type::kSrv:
      return {6, 1, false};
    case type::kDname:
      return {0, 1, false};
    default:
      return {};
  }
}

// Flags, service and regular expression of a NAPTR record come before its name, each with a length.
bool NaptrHeadBytes(Bytes rdata, size_t* bytes) {
  size_t at = 4;
  for (int i = 0; i < 3; ++i) {
    if (at >= rdata.size()) return false;
    at += rdata[at] + size_t{1};
  }
  *bytes = at;
  return at <= rdata.size();
}

// Fixed sizes and other things that would make a record useless to a client.
bool IsSane(uint16_t type, size_t rdata_bytes) {
  if (type == type::kA) return rdata_bytes == 4;
  if (type == type::kAaaa) return rdata_bytes == 16;
  return true;
}

bool CopyOne(Bytes from, const RecordHead& head, Section section, MessageWriter& to,
             bool* malformed) {
  const Bytes rdata = from.subspan(head.rdata, head.rdata_bytes);
  // RFC 2181, 8: a TTL with the top bit set counts as 0.
  const uint32_t ttl = head.ttl > INT32_MAX ? 0 : head.ttl;
  Layout layout = LayoutOf(head.type);
  size_t head_bytes = layout.head_bytes;
  *malformed = !IsSane(head.type, rdata.size());
  if (head.type == type::kNaptr) {
    layout = {0, 1, false};
    *malformed = !NaptrHeadBytes(rdata, &head_bytes);
  }
  if (*malformed) return false;
  if (layout.names == 0) return to.Record(section, head.owner, head.type, ttl, {.head = rdata});
  *malformed = true;
  if (head_bytes > rdata.size()) return false;
  Name names[2];
  // Names may point anywhere before, but end inside the record.
  const Bytes visible = from.first(head.rdata + head.rdata_bytes);
  size_t at = head.rdata + head_bytes;
  Rdata copy{.head = rdata.first(head_bytes), .compress = layout.compress};
  for (size_t i = 0; i < layout.names; ++i) {
    if (!Name::Read(visible, &at, &names[i])) return false;
    copy.names[i] = &names[i];
  }
  copy.tail = visible.subspan(at);
  if (copy.tail.size() != (head.type == type::kSoa ? 20 : 0)) return false;
  *malformed = false;
  return to.Record(section, head.owner, head.type, ttl, copy);
}

}  // namespace

CopiedRecords CopyRecords(Bytes from, size_t offset, MessageWriter& to) {
  CopiedRecords copied;
  for (int i = 0; i < 3; ++i) {
    const auto section = static_cast<Section>(i);
    for (size_t left = Get16(from, 6 + 2 * i); left > 0; --left) {
      RecordHead head;
      if (!ReadRecord(from, &offset, &head)) return copied;
      if (head.type == type::kOpt || head.type == type::kTsig || head.class_ != kClassIn) continue;
      bool malformed = false;
      if (!CopyOne(from, head, section, to, &malformed)) {
        copied.overflow = !malformed;
        return copied;
      }
      copied.marks.push_back(
          {static_cast<uint16_t>(to.ttl_offset()), static_cast<uint16_t>(to.size()), section});
    }
  }
  copied.whole = true;
  return copied;
}

}  // namespace skiff::dns
