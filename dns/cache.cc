#include "dns/cache.h"

#include <algorithm>
#include <cstring>

namespace skiff::dns {
namespace {

// The type stands before the class and the TTL.
uint16_t TypeOf(Bytes message, const RecordMark& mark) {
  return Get16(message, mark.ttl_offset - 4);
}

// How long a negative answer lasts: its SOA says so (RFC 2308, 5). nullopt: not at all.
std::optional<uint32_t> NegativeSeconds(Bytes message, const std::vector<RecordMark>& marks) {
  for (const RecordMark& mark : marks) {
    if (mark.section != Section::kAuthority || TypeOf(message, mark) != type::kSoa) continue;
    // The last number of an SOA is its minimum.
    return std::min(Get32(message, mark.ttl_offset), Get32(message, mark.end - 4));
  }
  return std::nullopt;
}

}  // namespace

CacheKey::CacheKey(const Name& lower, uint16_t type, bool dnssec_ok, bool checking_disabled)
    : size_(lower.size() + 3) {
  std::memcpy(bytes_.data(), lower.view().data(), lower.size());
  uint8_t rest[3];
  Put16(rest, type);
  rest[2] = static_cast<uint8_t>(dnssec_ok | checking_disabled << 1);
  std::memcpy(bytes_.data() + lower.size(), rest, sizeof rest);
}

std::shared_ptr<const CachedMessage> CachedMessage::Make(Bytes from, const Name& target,
                                                         uint16_t type, Duration now,
                                                         const CacheTimes& times) {
  if (from.size() < kHeaderBytes || Get16(from, 4) != 1) return nullptr;
  size_t offset = kHeaderBytes;
  Name asked;
  if (!Name::Read(from, &offset, &asked) || from.size() - offset < 4) return nullptr;
  std::vector<uint8_t> space(dns::kMessageBytesMax);
  MessageWriter writer(space);
  constexpr uint16_t kKept = flag::kRcodeMask | flag::kAuthenticData;
  writer.Start(0, flag::kResponse | (Get16(from, 2) & kKept));
  if (!writer.Question(target, type, kClassIn)) return nullptr;
  auto made = std::make_shared<CachedMessage>();
  CopiedRecords copied = CopyRecords(from, offset + 4, writer);
  if (!copied.whole) return nullptr;
  const Bytes wire = writer.Finish();
  made->wire_.assign(wire.begin(), wire.end());
  made->marks_ = std::move(copied.marks);
  made->SetTimes(now, times);
  made->run_ = FindAddressRun(made->wire_);
  return made;
}

void CachedMessage::SetTimes(Duration now, const CacheTimes& times) {
  uint32_t seconds = 0;
  bool answers = false;
  for (const RecordMark& mark : marks_) {
    if (mark.section != Section::kAnswer) continue;
    const uint32_t ttl = Get32(wire_, mark.ttl_offset);
    seconds = answers ? std::min(seconds, ttl) : ttl;
    answers = true;
  }
  seconds = std::min(seconds, times.positive_max_s);
  const Rcode code = rcode();
  if (code != Rcode::kNoError && code != Rcode::kNxDomain) {
    seconds = times.failure_s;
  } else if (const auto negative = NegativeSeconds(wire_, marks_)) {
    // An alias that leads to nothing lasts as long as both say.
    const bool leads_to_nothing = code == Rcode::kNxDomain || !answers;
    const uint32_t bounded = std::min(*negative, times.negative_max_s);
    if (leads_to_nothing) seconds = answers ? std::min(seconds, bounded) : bounded;
  } else if (code == Rcode::kNxDomain || !answers) {
    seconds = 0;
  }
  made_ = now;
  expires_ = now + std::chrono::seconds(seconds);
}

size_t CachedMessage::QuestionEnd() const {
  size_t at = kHeaderBytes;
  while (wire_[at] != 0) at += wire_[at] + size_t{1};
  return at + 5;
}

Duration CachedMessage::UnchangedUntil(Duration now) const {
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - made_);
  return std::min<Duration>(expires_, made_ + age + 1s);
}

void CachedMessage::CountDown(Duration now, std::span<uint8_t> message) const {
  const auto age =
      static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now - made_).count());
  if (age == 0) return;
  for (const RecordMark& mark : marks_) {
    if (mark.end > message.size()) break;
    const uint32_t ttl = Get32(message, mark.ttl_offset);
    Put32(message.data() + mark.ttl_offset, ttl > age ? ttl - age : 0);
  }
}

size_t CachedMessage::FittingRecords(size_t bytes) const {
  size_t count = marks_.size();
  while (count > 0 && marks_[count - 1].end > bytes) --count;
  return count;
}

Bytes CachedMessage::Reply(const Query& query, const ZoneOptions& options, bool tcp, Duration now,
                           uint64_t random, std::span<uint8_t> space) const {
  const size_t limit = ReplyBytesMax(query, tcp, options) - (query.edns ? kOptBytes : 0);
  const size_t records = FittingRecords(limit);
  const size_t size = records == 0 ? QuestionEnd() : marks_[records - 1].end;
  std::memcpy(space.data(), wire_.data(), size);
  const auto message = space.first(size);
  uint16_t flags = ReplyFlags(query, options) | (Get16(wire_, 2) & flag::kRcodeMask);
  // RFC 6840, 5.7: only who asks for it hears that the data was validated.
  if (query.dnssec_ok || (query.flags & flag::kAuthenticData) != 0) {
    flags |= Get16(wire_, 2) & flag::kAuthenticData;
  }
  if (records < marks_.size()) {
    uint16_t counts[3] = {0, 0, 0};
    for (size_t i = 0; i < records; ++i) ++counts[static_cast<size_t>(marks_[i].section)];
    for (size_t i = 0; i < 3; ++i) Put16(message.data() + 6 + 2 * i, counts[i]);
    if (marks_[records].section != Section::kAdditional) flags |= flag::kTruncated;
  }
  Put16(message.data(), query.id);
  Put16(message.data() + 2, flags);
  // The same name in the client's spelling.
  std::memcpy(message.data() + kHeaderBytes, query.name.wire().data(), query.name.size());
  Put16(message.data() + kHeaderBytes + query.name.size() + 2, query.class_);
  run_.Rotate(message, random);
  CountDown(now, message);
  if (!query.edns) return message;
  PutOpt(space.data() + size, options.udp_bytes_max, query.dnssec_ok, 0);
  Put16(message.data() + 10, Get16(message, 10) + 1);
  return space.first(size + kOptBytes);
}

Bytes CachedMessage::ReplyBehind(const std::vector<Name>& aliases, const Query& query,
                                 const ZoneOptions& options, bool tcp, Duration now,
                                 std::span<uint8_t> space) const {
  const size_t limit = ReplyBytesMax(query, tcp, options);
  MessageWriter writer(space);
  writer.LimitTo(limit - (query.edns ? kOptBytes : 0));
  writer.Start(query.id, ReplyFlags(query, options) | flag::kAuthoritative |
                             (Get16(wire_, 2) & flag::kRcodeMask));
  bool fits = writer.Question(query.name, query.type, query.class_);
  const Name* owner = &query.name;
  for (const Name& alias : aliases) {
    fits = fits && writer.Record(Section::kAnswer, *owner, type::kCname, options.ttl_s,
                                 {.names = {&alias}});
    owner = &alias;
  }
  if (fits) {
    std::vector<uint8_t> aged = wire_;
    CountDown(now, aged);
    const size_t copied = CopyRecords(aged, QuestionEnd(), writer).marks.size();
    fits = copied == marks_.size() || marks_[copied].section == Section::kAdditional;
  }
  if (!fits) writer.AddFlags(flag::kTruncated);
  writer.LimitTo(limit);
  AddOpt(query, options, 0, writer);
  return writer.Finish();
}

Cache::Cache(size_t entries_max) : entries_per_shard_((entries_max + kShards - 1) / kShards) {
  // Keys of the index point into the entries, which therefore never move.
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    shard.entries.reserve(entries_per_shard_);
  }
}

Cache::Shard& Cache::ShardOf(const CacheKey& key) {
  return shards_[std::hash<std::string_view>()(key.view()) >> 16 & (kShards - 1)];
}

std::shared_ptr<const CachedMessage> Cache::Find(const CacheKey& key, Duration now) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mutex);
  const auto found = shard.index.find(key.view());
  if (found == shard.index.end()) return nullptr;
  Entry& entry = shard.entries[found->second];
  if (entry.message->expired(now)) return nullptr;
  entry.used = true;
  return entry.message;
}

void Cache::Put(const CacheKey& key, std::shared_ptr<const CachedMessage> message) {
  if (entries_per_shard_ == 0 || message->size() > kMessageBytesMax || !message->lasts()) return;
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mutex);
  if (const auto known = shard.index.find(key.view()); known != shard.index.end()) {
    shard.entries[known->second].message = std::move(message);
    return;
  }
  if (shard.entries.size() < entries_per_shard_) {
    shard.entries.push_back({std::string(key.view()), std::move(message), false});
    shard.index[shard.entries.back().key] = shard.entries.size() - 1;
    return;
  }
  while (shard.entries[shard.hand].used) {
    shard.entries[shard.hand].used = false;
    shard.hand = (shard.hand + 1) % shard.entries.size();
  }
  Entry& victim = shard.entries[shard.hand];
  shard.index.erase(victim.key);
  victim = {std::string(key.view()), std::move(message), false};
  shard.index[victim.key] = shard.hand;
  shard.hand = (shard.hand + 1) % shard.entries.size();
}

size_t Cache::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    size += shard.entries.size();
  }
  return size;
}

}  // namespace skiff::dns
