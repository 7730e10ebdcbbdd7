#include "dns/answer.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "dns/cluster_names.h"

namespace skiff::dns {
namespace {

constexpr uint32_t kSoaRefreshS = 7200;
constexpr uint32_t kSoaRetryS = 1800;
constexpr uint32_t kSoaExpireS = 86400;
constexpr std::string_view kSpecificationVersion = "1.1.0";

// Those of one family in any order, as many as a message holds; of more, which ones is drawn as
// well. One drawn number is enough to send clients to different addresses.
std::vector<IpAddress> Drawn(std::span<const IpAddress> all, bool v6, uint64_t random) {
  std::vector<IpAddress> list;
  const size_t first = all.empty() ? 0 : random % all.size();
  for (size_t i = 0; i < all.size() && list.size() < kAddressesMax; ++i) {
    const IpAddress& address = all[(first + i) % all.size()];
    if (address.v6 == v6) list.push_back(address);
  }
  for (size_t i = list.size(); i > 1; --i) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    std::swap(list[i - 1], list[random % i]);
  }
  return list;
}

bool IsTransfer(uint16_t type) {
  return type == type::kAxfr || type == type::kIxfr;
}

// Types that only requests or only the message itself have, and that nobody asks for.
bool IsMeta(uint16_t type) {
  return type == type::kOpt || (type >= 128 && type < type::kAny);
}

bool Wants(const Query& query, uint16_t type) {
  return query.type == type || query.type == type::kAny;
}

// Writes the reply to one query about the zone.
class ZoneAnswer {
 public:
  ZoneAnswer(const Query& query, const View& view, const ZoneOptions& options, uint64_t random,
             MessageWriter& writer)
      : query_(query), view_(view), options_(options), random_(random), writer_(writer) {}

  // False when what follows the aliases is for others to answer.
  bool Write(std::vector<Name>& aliases);

 private:
  Name InZone(std::initializer_list<std::string_view> labels) const;
  void Put(Section section, const Name& owner, uint16_t type, const Rdata& rdata);
  void PutAddress(Section section, const Name& owner, const IpAddress& address);
  void PutRecords(const Name& owner, const ClusterName& found);
  void PutTargets(const Name& owner, const ClusterName& found);
  void PutApex(const Name& owner);
  void PutSoa(Section section);
  Name TargetName(const ClusterName& found, const SrvTarget& target) const;

  const Query& query_;
  const View& view_;
  const ZoneOptions& options_;
  const uint64_t random_;
  MessageWriter& writer_;
  bool truncated_ = false;
  size_t answers_ = 0;
};

// `labels` leftmost first. They fit: the zone is short.
Name ZoneAnswer::InZone(std::initializer_list<std::string_view> labels) const {
  Name name;
  for (const std::string_view label : labels) CHECK(name.AddLabel(label));
  const Labels zone(options_.zone);
  for (size_t i = 0; i < zone.count(); ++i) CHECK(name.AddLabel(zone[i]));
  return name;
}

void ZoneAnswer::Put(Section section, const Name& owner, uint16_t type, const Rdata& rdata) {
  if (truncated_) return;
  if (writer_.Record(section, owner, type, options_.ttl_s, rdata)) {
    answers_ += section == Section::kAnswer;
    return;
  }
  // Additional records are a courtesy; the client does not come back for them.
  if (section != Section::kAdditional) writer_.AddFlags(flag::kTruncated);
  truncated_ = true;
}

void ZoneAnswer::PutAddress(Section section, const Name& owner, const IpAddress& address) {
  Put(section, owner, address.v6 ? type::kAaaa : type::kA,
      {.head = {address.bytes.data(), address.bit_count() / 8}});
}

void ZoneAnswer::PutSoa(Section section) {
  const Name server = InZone({"ns", "dns"});
  const Name mailbox = InZone({"hostmaster"});
  uint8_t numbers[20];
  const uint32_t values[] = {view_.serial(), kSoaRefreshS, kSoaRetryS, kSoaExpireS, options_.ttl_s};
  for (size_t i = 0; i < 5; ++i) Put32(numbers + 4 * i, values[i]);
  Put(section, options_.zone, type::kSoa, {.names = {&server, &mailbox}, .tail = numbers});
}

void ZoneAnswer::PutApex(const Name& owner) {
  if (Wants(query_, type::kSoa)) PutSoa(Section::kAnswer);
  if (Wants(query_, type::kNs)) {
    const Name server = InZone({"ns", "dns"});
    Put(Section::kAnswer, owner, type::kNs, {.names = {&server}});
    const auto found = FindClusterName(view_, server, options_.zone,
                                       {options_.server_namespace, options_.server_name});
    for (const IpAddress& address : found.addresses()) {
      PutAddress(Section::kAdditional, server, address);
    }
  }
}

Name ZoneAnswer::TargetName(const ClusterName& found, const SrvTarget& target) const {
  const ServiceRecord& service = *found.service;
  if (target.endpoint == nullptr) return InZone({service.name, service.namespace_, "svc"});
  return InZone({target.endpoint->label, service.name, service.namespace_, "svc"});
}

void ZoneAnswer::PutTargets(const Name& owner, const ClusterName& found) {
  if (found.targets.empty()) return;
  const auto weight = static_cast<uint16_t>(std::max<size_t>(1, 100 / found.targets.size()));
  for (const SrvTarget& target : found.targets) {
    if (truncated_) return;
    const Name name = TargetName(found, target);
    uint8_t numbers[6] = {0, 0};  // Priority, weight, port.
    Put16(numbers + 2, weight);
    Put16(numbers + 4, target.port);
    Put(Section::kAnswer, owner, type::kSrv,
        {.head = numbers, .names = {&name}, .compress = false});
  }
  if (found.targets.front().endpoint == nullptr) {
    const Name name = TargetName(found, found.targets.front());
    for (const IpAddress& address : found.service->cluster_ips) {
      PutAddress(Section::kAdditional, name, address);
    }
    return;
  }
  const EndpointRecord* last = nullptr;
  for (const SrvTarget& target : found.targets) {
    if (truncated_) return;
    // One target may have several ports, and they lie side by side.
    if (last != nullptr && last->label == target.endpoint->label) continue;
    last = target.endpoint;
    const Name name = TargetName(found, target);
    const auto& all = found.service->endpoints;
    for (const auto* each = target.endpoint;
         !truncated_ && each < all.data() + all.size() && each->label == last->label; ++each) {
      PutAddress(Section::kAdditional, name, each->address);
    }
  }
}

void ZoneAnswer::PutRecords(const Name& owner, const ClusterName& found) {
  if (found.form == ClusterName::Form::kApex) return PutApex(owner);
  if (found.form == ClusterName::Form::kVersion) {
    if (!Wants(query_, type::kTxt)) return;
    std::string text(1, static_cast<char>(kSpecificationVersion.size()));
    text += kSpecificationVersion;
    return Put(Section::kAnswer, owner, type::kTxt,
               {.head = {reinterpret_cast<const uint8_t*>(text.data()), text.size()}});
  }
  if (found.alias != nullptr) {
    return Put(Section::kAnswer, owner, type::kCname, {.names = {found.alias}});
  }
  for (const bool v6 : {false, true}) {
    if (!Wants(query_, v6 ? type::kAaaa : type::kA)) continue;
    for (const IpAddress& address : Drawn(found.addresses(), v6, random_)) {
      PutAddress(Section::kAnswer, owner, address);
    }
  }
  if (Wants(query_, type::kSrv)) PutTargets(owner, found);
}

bool ZoneAnswer::Write(std::vector<Name>& aliases) {
  Name owner = query_.name;
  Name lower = query_.lower;
  while (true) {
    ClusterName found = FindClusterName(view_, lower, options_.zone,
                                        {options_.server_namespace, options_.server_name});
    if (found.form == ClusterName::Form::kMissing) {
      // RFC 6604: the code tells of the last name of a chain.
      writer_.AddFlags(static_cast<uint16_t>(Rcode::kNxDomain));
      PutSoa(Section::kAuthority);
      return true;
    }
    const bool follow =
        found.alias != nullptr && query_.type != type::kCname && query_.type != type::kAny;
    const size_t before = answers_;
    PutRecords(owner, found);
    if (!follow) {
      if (answers_ == before) PutSoa(Section::kAuthority);
      return true;
    }
    owner = lower = *found.alias;
    lower.Lower();
    aliases.push_back(owner);
    if (!lower.EndsWith(options_.zone)) return !options_.forwards;
    if (aliases.size() == kAliasesMax) {
      writer_.AddFlags(static_cast<uint16_t>(Rcode::kServFail));
      return true;
    }
  }
}

Outcome Reply(Bytes message) {
  return {.kind = Outcome::Kind::kReply, .message = message};
}

Outcome AnswerReverse(const Query& query, const std::vector<std::string>& names,
                      const ZoneOptions& options, size_t limit, std::span<uint8_t> space) {
  MessageWriter writer(space);
  writer.LimitTo(limit - (query.edns ? kOptBytes : 0));
  writer.Start(query.id, ReplyFlags(query, options) | flag::kAuthoritative);
  writer.Question(query.name, query.type, query.class_);
  for (const std::string& text : names) {
    auto name = Name::FromText(text + "." + options.zone.Text());
    if (!name) continue;
    if (!writer.Record(Section::kAnswer, query.name, type::kPtr, options.ttl_s,
                       {.names = {&*name}})) {
      writer.AddFlags(flag::kTruncated);
      break;
    }
  }
  writer.LimitTo(limit);
  AddOpt(query, options, 0, writer);
  return Reply(writer.Finish());
}

Outcome AnswerZone(const Query& query, const View& view, const ZoneOptions& options, size_t limit,
                   uint64_t random, std::span<uint8_t> space) {
  MessageWriter writer(space);
  writer.LimitTo(limit - (query.edns ? kOptBytes : 0));
  writer.Start(query.id, ReplyFlags(query, options) | flag::kAuthoritative);
  writer.Question(query.name, query.type, query.class_);
  Outcome outcome;
  ZoneAnswer answer(query, view, options, random, writer);
  if (!answer.Write(outcome.targets)) {
    outcome.kind = Outcome::Kind::kForward;
    return outcome;
  }
  writer.LimitTo(limit);
  AddOpt(query, options, 0, writer);
  return Reply(writer.Finish());
}

}  // namespace

size_t ReplyBytesMax(const Query& query, bool tcp, const ZoneOptions& options) {
  if (tcp) return kMessageBytesMax;
  return std::min(query.udp_bytes_max, options.udp_bytes_max);
}

uint16_t ReplyFlags(const Query& query, const ZoneOptions& options) {
  constexpr uint16_t kKept = flag::kOpcodeMask | flag::kRecursionDesired | flag::kCheckingDisabled;
  return flag::kResponse | (query.flags & kKept) |
         (options.forwards ? flag::kRecursionAvailable : 0);
}

void AddOpt(const Query& query, const ZoneOptions& options, uint8_t extended_rcode,
            MessageWriter& writer) {
  if (query.edns) writer.Opt(options.udp_bytes_max, query.dnssec_ok, extended_rcode);
}

Bytes ReplyWithCode(const Query& query, Rcode rcode, const ZoneOptions& options,
                    std::span<uint8_t> space) {
  const auto code = static_cast<uint16_t>(rcode);
  MessageWriter writer(space);
  writer.Start(query.id, ReplyFlags(query, options) | (code & flag::kRcodeMask));
  if (query.has_question) writer.Question(query.name, query.type, query.class_);
  AddOpt(query, options, static_cast<uint8_t>(code >> 4), writer);
  return writer.Finish();
}

Outcome Answer(Bytes message, const View* view, const ZoneOptions& options, bool tcp,
               uint64_t random, std::span<uint8_t> space, Query* query) {
  const auto refuse = [&](Rcode rcode) {
    return Reply(ReplyWithCode(*query, rcode, options, space));
  };
  switch (ParseQuery(message, query)) {
    case QueryFault::kNotAQuery:
      return {};
    case QueryFault::kFormErr:
      return refuse(Rcode::kFormErr);
    case QueryFault::kNotImp:
      return refuse(Rcode::kNotImp);
    case QueryFault::kBadVersion:
      return refuse(Rcode::kBadVersion);
    case QueryFault::kNone:
      break;
  }
  if (query->class_ != kClassIn && query->class_ != kClassAny) return refuse(Rcode::kRefused);
  if (IsTransfer(query->type)) return refuse(Rcode::kRefused);
  if (query->type == 0) return refuse(Rcode::kFormErr);
  if (IsMeta(query->type)) return refuse(Rcode::kNotImp);
  const size_t limit = ReplyBytesMax(*query, tcp, options);
  if (query->lower.EndsWith(options.zone)) {
    if (view == nullptr) return refuse(Rcode::kServFail);
    return AnswerZone(*query, *view, options, limit, random, space);
  }
  if (query->type == type::kPtr) {
    const auto address = ReverseAddress(query->lower);
    if (address && view == nullptr) return refuse(Rcode::kServFail);
    const auto* names = address ? view->NamesOf(*address) : nullptr;
    if (names != nullptr) return AnswerReverse(*query, *names, options, limit, space);
  }
  if (!options.forwards) return refuse(Rcode::kRefused);
  return {.kind = Outcome::Kind::kForward};
}

}  // namespace skiff::dns
