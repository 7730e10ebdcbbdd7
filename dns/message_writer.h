// Writes one message into memory that the caller owns, with names compressed (RFC 1035, 4.1.4).
//
//   MessageWriter writer(space);
//   writer.Start(id, flags);
//   writer.Question(name, type::kA, kClassIn);
//   writer.Record(Section::kAnswer, name, type::kA, 5, {.head = address});
//   Bytes message = writer.Finish();
//
// What does not fit is left out as a whole record, and the caller is told.
#pragma once

#include <algorithm>

#include "dns/wire.h"

namespace skiff::dns {

enum class Section : uint8_t { kAnswer, kAuthority, kAdditional };

// The data of a record: bytes, then up to two names, then bytes.
struct Rdata {
  Bytes head = {};
  const Name* names[2] = {nullptr, nullptr};
  Bytes tail = {};
  bool compress = true;  // The names; newer types forbid it.
};

// Writes kOptBytes: an EDNS record without options.
void PutOpt(uint8_t* to, uint16_t udp_bytes_max, bool dnssec_ok, uint8_t extended_rcode);

class MessageWriter {
 public:
  // At least a header's bytes.
  explicit MessageWriter(std::span<uint8_t> space) : space_(space), limit_(space.size()) {}
  // Records end before this many bytes, so that what is written last has room.
  void LimitTo(size_t bytes) { limit_ = std::min(bytes, space_.size()); }

  void Start(uint16_t id, uint16_t flags);
  bool Question(const Name& name, uint16_t type, uint16_t class_);
  // Sections come in their order. False, and nothing is written, when it does not fit.
  bool Record(Section section, const Name& owner, uint16_t type, uint32_t ttl, const Rdata& rdata,
              uint16_t class_ = kClassIn);
  void AddFlags(uint16_t flags);
  // With the server's own payload size. `extended_rcode`: the upper bits of a code over 15.
  bool Opt(uint16_t udp_bytes_max, bool dnssec_ok, uint8_t extended_rcode);
  Bytes Finish() const { return space_.first(size_); }

  size_t size() const { return size_; }
  // Where the TTL of the last record stands.
  size_t ttl_offset() const { return ttl_offset_; }

 private:
  static constexpr size_t kTargetsMax = 48;
  // A name that stands in the message, or the end of one: where a pointer may lead to.
  struct Target {
    uint16_t offset;
    uint8_t name_bytes;  // Without pointers.
  };

  bool PutName(const Name& name, bool compress, bool keep_case);
  bool PutBytes(Bytes bytes);
  bool Matches(size_t offset, Bytes suffix, bool keep_case) const;

  std::span<uint8_t> space_;
  size_t limit_;
  size_t size_ = 0;
  size_t ttl_offset_ = 0;
  size_t targets_count_ = 0;
  Target targets_[kTargetsMax];
};

}  // namespace skiff::dns
