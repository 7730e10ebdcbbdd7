// Messages of D-Bus, as far as a kubelet speaks to logind and systemd: little-endian, calls with
// texts and numbers, replies and signals whose first value is looked at. Pure.
//
//   byte  0: 'l'   1: type   2: flags   3: protocol, 1   4: length of the body   8: serial
//        12: array of fields, each a code and a variant; then the body, at a multiple of 8
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace skiff::kubelet {

enum class BusMessageType : uint8_t { kCall = 1, kReply = 2, kError = 3, kSignal = 4 };

struct BusMessage {
  // What a body may begin with here: a text, a boolean, a number, or the index of a descriptor.
  struct Descriptor {
    uint32_t index = 0;
    bool operator==(const Descriptor&) const = default;
  };
  using Value = std::variant<std::string, bool, int32_t, uint32_t, uint64_t, Descriptor>;

  BusMessageType type = BusMessageType::kCall;
  uint32_t serial = 0;
  std::string path, interface, member, error_name, destination, sender;
  uint32_t reply_serial = 0;
  uint32_t descriptors = 0;   // How many come along.
  std::vector<Value> values;  // Of a received one as many as can be read; a variant is its value.
};

std::string EncodeBusMessage(const BusMessage& message);

// The length of the whole message, once its first kBusHeadBytes are there. Fails where it is none
// that could be read.
inline constexpr size_t kBusHeadBytes = 16;
inline constexpr size_t kBusMessageBytesMax = 1 << 20;
Result<size_t> BusMessageLength(std::string_view head);

Result<BusMessage> DecodeBusMessage(std::string_view bytes);

}  // namespace skiff::kubelet
