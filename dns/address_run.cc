#include "dns/address_run.h"

#include <algorithm>

#include "dns/query.h"

namespace skiff::dns {
namespace {

constexpr size_t kAnswerCount = 6;

}  // namespace

void AddressRun::Rotate(std::span<uint8_t> message, uint64_t random) const {
  const size_t bytes = size_t{record_bytes} * count;
  if (count < 2 || begin + bytes > message.size()) return;
  const auto run = message.subspan(begin, bytes);
  std::rotate(run.begin(), run.begin() + record_bytes * (random % count), run.end());
}

AddressRun FindAddressRun(Bytes message) {
  if (message.size() < kHeaderBytes || Get16(message, 4) != 1) return {};
  size_t at = kHeaderBytes;
  Name question;
  if (!Name::Read(message, &at, &question) || message.size() - at < 4) return {};
  at += 4;
  AddressRun run;
  Bytes first;  // The owner and type of the run's first record, byte for byte.
  for (size_t left = Get16(message, kAnswerCount); left > 0; --left) {
    const size_t begin = at;
    RecordHead head;
    if (!ReadRecord(message, &at, &head)) return {};
    if (run.count == 0 && head.type == type::kCname) continue;
    if (head.type != type::kA && head.type != type::kAaaa) return {};
    const size_t fixed_bytes = 8;  // Class, TTL and the length of the data.
    const auto owner = message.subspan(begin, head.rdata - fixed_bytes - begin);
    if (run.count++ == 0) {
      first = owner;
      run.begin = static_cast<uint16_t>(begin);
      run.record_bytes = static_cast<uint16_t>(at - begin);
    } else if (!std::equal(owner.begin(), owner.end(), first.begin(), first.end())) {
      return {};
    }
  }
  return run;
}

}  // namespace skiff::dns
