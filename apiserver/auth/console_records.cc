#include "apiserver/auth/console_records.h"

#include <algorithm>
#include <utility>

#include "api/codec/json.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

int64_t SecondsAt(TimePoint moment) {
  return std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count();
}

std::string MemberOfRecord(const Json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

tl::unexpected<Error> TooManyLogins() {
  return Fail(Reason::kTooManyRequests, "too many people log in to the console; try again later");
}

}  // namespace

std::optional<ConsoleRecord> ReadConsoleRecord(const Record& record) {
  const auto document = ParseJson(record.value);
  if (!document || !document->is_object()) return std::nullopt;
  const auto until = document->find("until");
  if (until == document->end() || !until->is_number_integer()) return std::nullopt;
  return ConsoleRecord{.id = record.key.substr(record.key.rfind('/') + 1),
                       .owner = MemberOfRecord(*document, "owner"),
                       .until = TimePoint(std::chrono::seconds(until->get<int64_t>())),
                       .text = MemberOfRecord(*document, "text")};
}

ConsoleRecords::ConsoleRecords(Store& store, const Clock& clock, std::string_view set,
                               Limits limits)
    : store_(store),
      clock_(clock),
      prefix_(StorePrefix("skiff-console/" + std::string(set))),
      limits_(limits) {}

Result<std::vector<ConsoleRecord>> ConsoleRecords::Current() {
  const ListPage page = TRY(store_.List({.prefix = prefix_}));
  const TimePoint now = clock_.Now();
  std::vector<ConsoleRecord> current;
  for (const RecordPtr& each : page.records) {
    auto record = ReadConsoleRecord(*each);
    if (record && record->until > now) {
      current.push_back(*std::move(record));
    } else {
      // Another server may just have done the same.
      (void)store_.Apply(
          {.key = each->key,
           .expect = {.kind = Precondition::Kind::kRevision, .revision = each->modified}});
    }
  }
  return current;
}

Result<> ConsoleRecords::Write(const ConsoleRecord& record, Precondition expect) {
  const Json document = {
      {"owner", record.owner}, {"until", SecondsAt(record.until)}, {"text", record.text}};
  TRY(store_.Apply({.key = prefix_ + record.id, .expect = expect, .value = DumpJson(document)}));
  return {};
}

// One that is gone already is what was wanted.
void ConsoleRecords::Remove(const std::string& id) {
  (void)store_.Apply({.key = prefix_ + id, .expect = {}});
}

Result<> ConsoleRecords::Add(const ConsoleRecord& record) {
  std::vector<ConsoleRecord> current = TRY(Current());
  const auto others = std::partition(current.begin(), current.end(),
                                     [&](const auto& each) { return each.owner == record.owner; });
  const auto own = static_cast<size_t>(others - current.begin());
  const bool one_goes = own >= limits_.own_max;
  if (one_goes && !limits_.oldest_goes) return TooManyLogins();
  if (current.size() - (one_goes ? 1 : 0) >= limits_.all_max) return TooManyLogins();
  if (one_goes) {
    Remove(std::min_element(current.begin(), others, [](const auto& a, const auto& b) {
             return a.until < b.until;
           })->id);
  }
  return Write(record, {.kind = Precondition::Kind::kAbsent});
}

Result<> ConsoleRecords::PutForAll(const ConsoleRecord& record) {
  const std::vector<ConsoleRecord> current = TRY(Current());
  const auto is_own = [&](const ConsoleRecord& each) { return each.owner == record.owner; };
  const bool has_any = std::any_of(current.begin(), current.end(), is_own);
  if (!has_any && current.size() >= limits_.all_max) return TooManyLogins();
  TRY(Write(record, {}));
  for (const ConsoleRecord& each : current) {
    if (is_own(each) && each.id != record.id) Remove(each.id);
  }
  return {};
}

Result<ConsoleRecord> ConsoleRecords::Take(const std::string& id) {
  const RecordPtr found = TRY(store_.Get(prefix_ + id));
  TRY(store_.Apply(
      {.key = found->key,
       .expect = {.kind = Precondition::Kind::kRevision, .revision = found->modified}}));
  auto record = ReadConsoleRecord(*found);
  if (!record || record->until <= clock_.Now()) return Fail(Reason::kNotFound, "it is over");
  return *std::move(record);
}

}  // namespace skiff
