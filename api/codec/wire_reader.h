// Walks over protobuf's wire format, for whatever gives its fields a meaning.
// https://protobuf.dev/programming-guides/encoding
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "api/codec/protobuf_wire.h"

namespace skiff {

// One field of a message on the wire.
struct WireField {
  uint32_t number = 0;
  Wire wire = Wire::kVarint;
  uint64_t number_value = 0;  // Of varints and fixed ones.
  std::string_view bytes;     // Of the others: into the text that is read.
};

// The fields of one message, whose text outlives it. Stops for good at what is malformed. Groups,
// which nothing of ours has, are passed over with what stands in them.
class WireReader {
 public:
  explicit WireReader(std::string_view text) : text_(text) {}

  // False at the end, and where the text is no message: failed() tells which.
  bool Next(WireField& field) {
    if (failed_ || text_.empty()) return false;
    if (!Read(field)) return false;
    return !IsGroup(field.wire) || PassGroup(field);
  }
  // One of those that stand in one field, without tags.
  bool NextPacked(WireField& field) {
    if (failed_ || text_.empty()) return false;
    field.wire = Wire::kVarint;
    field.number_value = Varint();
    return !failed_;
  }
  bool failed() const { return failed_; }

 private:
  static constexpr uint64_t kNumberMax = (uint64_t{1} << 29) - 1;
  static constexpr size_t kGroupDepthMax = 100;

  static bool IsGroup(Wire wire) { return wire == Wire::kGroupBegin || wire == Wire::kGroupEnd; }

  bool Read(WireField& field) {
    field = {};
    const uint64_t tag = Varint();
    const uint64_t number = tag >> 3;
    field.number = static_cast<uint32_t>(number);
    field.wire = static_cast<Wire>(tag & 7);
    if (number == 0 || number > kNumberMax) failed_ = true;
    switch (field.wire) {
      case Wire::kVarint:
        field.number_value = Varint();
        break;
      case Wire::kFixed64:
        field.number_value = Fixed(8);
        break;
      case Wire::kFixed32:
        field.number_value = Fixed(4);
        break;
      case Wire::kBytes:
        field.bytes = Take(Varint());
        break;
      case Wire::kGroupBegin:
      case Wire::kGroupEnd:
        break;
      default:
        failed_ = true;
    }
    return !failed_;
  }

  // `field` begins or ends a group: goes on to the next one that stands in none.
  bool PassGroup(WireField& field) {
    std::vector<uint32_t> groups;  // That we are in.
    do {
      if (field.wire == Wire::kGroupBegin) {
        groups.push_back(field.number);
        failed_ |= groups.size() > kGroupDepthMax;
      } else if (field.wire == Wire::kGroupEnd) {
        failed_ |= groups.empty() || groups.back() != field.number;
        if (!failed_) groups.pop_back();
      } else if (groups.empty()) {
        return true;
      }
      if (failed_) return false;
    } while (!text_.empty() && Read(field));
    failed_ |= !groups.empty();
    return false;
  }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (text_.empty()) break;
      const auto byte = static_cast<unsigned char>(text_[0]);
      text_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      failed_ |= shift == 63 && byte > 1;  // More than 64 bits.
      return value;
    }
    failed_ = true;
    return 0;
  }
  std::string_view Take(uint64_t length) {
    failed_ |= length > text_.size();
    if (failed_) return {};
    const std::string_view taken = text_.substr(0, length);
    text_.remove_prefix(length);
    return taken;
  }
  uint64_t Fixed(int length) {
    uint64_t value = 0;
    int shift = 0;
    for (const char byte : Take(static_cast<uint64_t>(length))) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(byte)) << shift;
      shift += 8;
    }
    return value;
  }

  std::string_view text_;
  bool failed_ = false;
};

}  // namespace skiff
