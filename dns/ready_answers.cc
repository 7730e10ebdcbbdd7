#include "dns/ready_answers.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

namespace skiff::dns {
namespace {

constexpr size_t kIdBytes = 2;

size_t HashOf(Bytes key) {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(key.data()), key.size()});
}

}  // namespace

void ReadyAnswers::Clear() {
  answers_ = std::vector<Answer>(kSetsAtFirst * kWays);
}

std::span<ReadyAnswers::Answer> ReadyAnswers::SetOf(size_t hash) {
  const size_t sets = answers_.size() / kWays;
  return std::span(answers_).subspan((hash & (sets - 1)) * kWays, kWays);
}

Bytes ReadyAnswers::Find(Bytes query, uint64_t generation, Duration now, uint64_t random,
                         std::span<uint8_t> space) {
  if (query.size() < kHeaderBytes || query.size() > kBytesMax) return {};
  const Bytes key = query.subspan(kIdBytes);
  const size_t hash = HashOf(key);
  for (const Answer& answer : SetOf(hash)) {
    if (answer.hash != hash || answer.generation != generation || answer.until <= now) continue;
    if (answer.query_bytes != key.size() ||
        std::memcmp(answer.bytes.data(), key.data(), key.size()) != 0) {
      continue;
    }
    const Bytes reply = Bytes(answer.bytes).subspan(key.size());
    std::memcpy(space.data(), reply.data(), reply.size());
    std::memcpy(space.data(), query.data(), kIdBytes);
    const auto written = space.first(reply.size());
    answer.run.Rotate(written, random);
    return written;
  }
  return {};
}

void ReadyAnswers::Put(Bytes query, Bytes reply, uint64_t generation, Duration now,
                       Duration until) {
  if (query.size() < kHeaderBytes || query.size() + reply.size() > kBytesMax) return;
  const Bytes key = query.subspan(kIdBytes);
  const size_t hash = HashOf(key);
  const auto worth = [generation, now](const Answer& answer) {
    return answer.generation == generation && answer.until > now ? answer.until : Duration::zero();
  };
  const auto least = [&] {
    const auto set = SetOf(hash);
    const auto same = std::find_if(set.begin(), set.end(),
                                   [hash](const Answer& each) { return each.hash == hash; });
    if (same != set.end()) return same;
    return std::min_element(set.begin(), set.end(), [&](const Answer& one, const Answer& other) {
      return worth(one) < worth(other);
    });
  };
  auto place = least();
  while (place->hash != hash && worth(*place) > Duration::zero() && answers_.size() < kAnswersMax) {
    Grow();
    place = least();
  }
  place->hash = hash;
  place->generation = generation;
  place->until = until;
  place->query_bytes = static_cast<uint16_t>(key.size());
  place->run = FindAddressRun(reply);
  place->bytes.assign(key.begin(), key.end());
  place->bytes.insert(place->bytes.end(), reply.begin(), reply.end());
}

// Each set is split in two, so that all find their places again.
void ReadyAnswers::Grow() {
  std::vector<Answer> before(answers_.size() * 2);
  before.swap(answers_);
  for (Answer& answer : before) {
    if (answer.bytes.empty()) continue;
    const auto set = SetOf(answer.hash);
    const auto free =
        std::find_if(set.begin(), set.end(), [](const Answer& each) { return each.bytes.empty(); });
    *free = std::move(answer);
  }
}

}  // namespace skiff::dns
