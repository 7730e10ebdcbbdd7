// The wire format of protobuf, as far as both directions share it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "api/type.h"

namespace skiff {

enum class Wire : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroupBegin = 3,
  kGroupEnd = 4,
  kFixed32 = 5
};

inline constexpr std::string_view kProtobufMagic{"k8s\0", 4};

// The numbers that lead to a field: of the messages that inlined types make, then its own.
struct WirePath {
  std::array<uint32_t, 3> numbers = {};
  int depth = 0;  // How many messages it is nested in.

  explicit WirePath(const Field& field) {
    if (field.inline_number != 0) numbers[depth++] = field.inline_number;
    if (field.inline_inner != 0) numbers[depth++] = field.inline_inner;
    numbers[depth] = field.number;
  }
  // Whether it goes through a message with this number, so deep.
  bool Leads(int at, uint32_t number) const { return depth > at && numbers[at] == number; }
};

}  // namespace skiff
