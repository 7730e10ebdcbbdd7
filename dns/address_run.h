// Addresses in an answer that may change places, so that clients who take the first one are spread
// over all of them. Pure.
#pragma once

#include "dns/wire.h"

namespace skiff::dns {

// Records that lie in a row, of the same type, size and owner. Fewer than two: there are none.
struct AddressRun {
  uint16_t begin = 0;
  uint16_t record_bytes = 0;
  uint16_t count = 0;

  // Of the message it was found in, or a part of it: then only if the part holds all of them.
  void Rotate(std::span<uint8_t> message, uint64_t random) const;
};

// All addresses of the answer, behind its aliases; none when they are not alike.
AddressRun FindAddressRun(Bytes message);

}  // namespace skiff::dns
