#include "dns/message_writer.h"

#include <algorithm>
#include <cstring>

namespace skiff::dns {
namespace {

constexpr size_t kPointerTargetMax = 0x3FFF;

size_t CountOffset(Section section) {
  return 6 + 2 * static_cast<size_t>(section);
}

}  // namespace

void PutOpt(uint8_t* to, uint16_t udp_bytes_max, bool dnssec_ok, uint8_t extended_rcode) {
  to[0] = 0;  // The root.
  Put16(to + 1, type::kOpt);
  Put16(to + 3, udp_bytes_max);
  Put32(to + 5, static_cast<uint32_t>(extended_rcode) << 24 | (dnssec_ok ? kDnssecOk : 0));
  Put16(to + 9, 0);
}

void MessageWriter::Start(uint16_t id, uint16_t flags) {
  std::memset(space_.data(), 0, kHeaderBytes);
  Put16(space_.data(), id);
  Put16(space_.data() + 2, flags);
  size_ = kHeaderBytes;
}

bool MessageWriter::Question(const Name& name, uint16_t type, uint16_t class_) {
  const size_t size_before = size_;
  const size_t targets_before = targets_count_;
  if (!PutName(name, true, false) || size_ + 4 > limit_) {
    size_ = size_before;
    targets_count_ = targets_before;
    return false;
  }
  Put16(space_.data() + size_, type);
  Put16(space_.data() + size_ + 2, class_);
  size_ += 4;
  Put16(space_.data() + 4, 1);
  return true;
}

bool MessageWriter::Record(Section section, const Name& owner, uint16_t type, uint32_t ttl,
                           const Rdata& rdata, uint16_t class_) {
  const size_t size_before = size_;
  const size_t targets_before = targets_count_;
  constexpr size_t kFixedBytes = 10;
  const auto put = [&] {
    if (!PutName(owner, true, false) || size_ + kFixedBytes > limit_) return false;
    uint8_t* const fixed = space_.data() + size_;
    Put16(fixed, type);
    Put16(fixed + 2, class_);
    Put32(fixed + 4, ttl);
    ttl_offset_ = size_ + 4;
    size_ += kFixedBytes;
    const size_t begin = size_;
    if (!PutBytes(rdata.head)) return false;
    for (const Name* name : rdata.names) {
      // Names inside records keep their own case: a pointer to another spelling would change it.
      if (name != nullptr && !PutName(*name, rdata.compress, true)) return false;
    }
    if (!PutBytes(rdata.tail)) return false;
    Put16(fixed + 8, static_cast<uint16_t>(size_ - begin));
    return true;
  };
  if (!put()) {
    size_ = size_before;
    targets_count_ = targets_before;
    return false;
  }
  uint8_t* const count = space_.data() + CountOffset(section);
  Put16(count, Get16({count, 2}, 0) + 1);
  return true;
}

void MessageWriter::AddFlags(uint16_t flags) {
  Put16(space_.data() + 2, Get16(space_, 2) | flags);
}

bool MessageWriter::Opt(uint16_t udp_bytes_max, bool dnssec_ok, uint8_t extended_rcode) {
  if (size_ + kOptBytes > limit_) return false;
  PutOpt(space_.data() + size_, udp_bytes_max, dnssec_ok, extended_rcode);
  size_ += kOptBytes;
  uint8_t* const count = space_.data() + CountOffset(Section::kAdditional);
  Put16(count, Get16({count, 2}, 0) + 1);
  return true;
}

bool MessageWriter::PutName(const Name& name, bool compress, bool keep_case) {
  const Bytes wire = name.wire();
  // Of this very name nothing stands yet behind the label being written.
  const size_t targets_known = targets_count_;
  size_t at = 0;
  while (wire[at] != 0) {
    if (compress) {
      for (size_t i = 0; i < targets_known; ++i) {
        // Names of many equal labels, which somebody else chose, would be walked through for each.
        if (targets_[i].name_bytes != wire.size() - at) continue;
        if (!Matches(targets_[i].offset, wire.subspan(at), keep_case)) continue;
        if (size_ + 2 > limit_) return false;
        Put16(space_.data() + size_, 0xC000 | targets_[i].offset);
        size_ += 2;
        return true;
      }
    }
    const size_t bytes = wire[at] + size_t{1};
    if (size_ + bytes > limit_) return false;
    if (targets_count_ < kTargetsMax && size_ <= kPointerTargetMax) {
      targets_[targets_count_++] = {static_cast<uint16_t>(size_),
                                    static_cast<uint8_t>(wire.size() - at)};
    }
    std::memcpy(space_.data() + size_, wire.data() + at, bytes);
    size_ += bytes;
    at += bytes;
  }
  if (size_ + 1 > limit_) return false;
  space_[size_++] = 0;
  return true;
}

bool MessageWriter::PutBytes(Bytes bytes) {
  if (size_ + bytes.size() > limit_) return false;
  if (!bytes.empty()) std::memcpy(space_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

bool MessageWriter::Matches(size_t offset, Bytes suffix, bool keep_case) const {
  size_t at = offset;
  size_t compared = 0;
  while (true) {
    const uint8_t length = space_[at];
    if ((length & 0xC0) == 0xC0) {
      at = Get16(space_, at) & kPointerTargetMax;
      continue;
    }
    if (suffix[compared] != length) return false;
    if (length == 0) return true;
    const Bytes here = Bytes(space_).subspan(at + 1, length);
    const Bytes there = suffix.subspan(compared + 1, length);
    const bool same = keep_case ? std::equal(here.begin(), here.end(), there.begin())
                                : SameIgnoringCase(here, there);
    if (!same) return false;
    at += length + size_t{1};
    compared += length + size_t{1};
  }
}

}  // namespace skiff::dns
