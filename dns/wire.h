// Numbers of the DNS wire format (RFC 1035, 2308, 2782, 3596, 6891) and how they lie in a message.
#pragma once

#include <cstdint>

#include "dns/name.h"

namespace skiff::dns {

inline constexpr size_t kHeaderBytes = 12;
inline constexpr size_t kMessageBytesMax = 65535;
inline constexpr size_t kPlainUdpBytesMax = 512;  // Without EDNS.
inline constexpr size_t kOptBytes = 11;           // An OPT record without options.

namespace type {
inline constexpr uint16_t kA = 1, kNs = 2, kMd = 3, kMf = 4, kCname = 5, kSoa = 6, kMb = 7, kMg = 8,
                          kMr = 9, kPtr = 12, kHinfo = 13, kMinfo = 14, kMx = 15, kTxt = 16,
                          kRp = 17, kAfsdb = 18, kRt = 21, kAaaa = 28, kSrv = 33, kNaptr = 35,
                          kKx = 36, kDname = 39, kOpt = 41, kTsig = 250, kIxfr = 251, kAxfr = 252,
                          kMailb = 253, kMaila = 254, kAny = 255;
}  // namespace type

inline constexpr uint16_t kClassIn = 1;
inline constexpr uint16_t kClassAny = 255;

enum class Rcode : uint8_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVersion = 16,  // In the OPT record's upper bits.
};

// The second word of the header.
namespace flag {
inline constexpr uint16_t kResponse = 0x8000, kAuthoritative = 0x0400, kTruncated = 0x0200,
                          kRecursionDesired = 0x0100, kRecursionAvailable = 0x0080,
                          kAuthenticData = 0x0020, kCheckingDisabled = 0x0010;
inline constexpr uint16_t kOpcodeMask = 0x7800;
inline constexpr uint16_t kRcodeMask = 0x000F;
}  // namespace flag

// In the TTL of an OPT record.
inline constexpr uint32_t kDnssecOk = 0x8000;

inline uint16_t Get16(Bytes from, size_t at) {
  return static_cast<uint16_t>(from[at] << 8 | from[at + 1]);
}
inline uint32_t Get32(Bytes from, size_t at) {
  return static_cast<uint32_t>(Get16(from, at)) << 16 | Get16(from, at + 2);
}
inline void Put16(uint8_t* to, uint16_t value) {
  to[0] = static_cast<uint8_t>(value >> 8);
  to[1] = static_cast<uint8_t>(value);
}
inline void Put32(uint8_t* to, uint32_t value) {
  Put16(to, static_cast<uint16_t>(value >> 16));
  Put16(to + 2, static_cast<uint16_t>(value));
}

}  // namespace skiff::dns
