#include "apiserver/storage/store_answers.h"

#include <fmt/format.h>

namespace skiff {

Error TooLargeForStore(Revision asked, Revision current) {
  return Error{.reason = Reason::kTimeout,
               .message = fmt::format("Too large resource version: {}, current: {}", asked.value,
                                      current.value),
               .causes = {{.reason = "ResourceVersionTooLarge",
                           .message = "Too large resource version",
                           .field = ""}},
               .details = ErrorDetails{.retry_after_s = 1}};
}

Error ListExpired() {
  return {Reason::kExpired, "The resourceVersion for the provided list is too old."};
}

Error WatchExpired() {
  return {Reason::kExpired, "The resourceVersion for the provided watch is too old."};
}

Error NoSuchKey(std::string_view key) {
  return {Reason::kNotFound, fmt::format("key not found: {}", key)};
}

Error KeyExists(std::string_view key) {
  return {Reason::kAlreadyExists, fmt::format("key exists: {}", key)};
}

Error WrongRevision(std::string_view key, Revision found, Revision expected) {
  return {Reason::kConflict, fmt::format("key {} was modified at revision {}, not {}", key,
                                         found.value, expected.value)};
}

Error ReliesOnChanged(std::string_view key) {
  return {Reason::kConflict, fmt::format("what the write of key {} relies on has changed", key)};
}

Result<> CheckWrite(const Write& write) {
  if (write.key.empty() || write.key.find('\0') != std::string::npos) {
    return Fail(Reason::kBadRequest, "a key is empty or holds a NUL byte");
  }
  CHECK(write.revision_at == std::string::npos ||
        (write.value && write.revision_at <= write.value->size()));
  return {};
}

Result<uint64_t> Store::CountAny(const std::string& prefix) {
  const ListPage page =
      TRY(List({.prefix = prefix, .any = true, .limit = 1, .count_remaining = true}));
  return page.records.size() + page.remaining;
}

std::vector<Result<Written>> Store::ApplyAll(std::vector<Write> writes) {
  std::vector<Result<Written>> results;
  results.reserve(writes.size());
  for (Write& write : writes) results.push_back(Apply(std::move(write)));
  return results;
}

Result<> CheckPrecondition(const Write& write, const RecordPtr& current) {
  using Kind = Precondition::Kind;
  const Precondition& expect = write.expect;
  if (expect.kind == Kind::kAbsent && current) return Fail(KeyExists(write.key));
  const bool needs_one = expect.kind == Kind::kRevision || expect.kind == Kind::kExists;
  if ((needs_one || !write.value) && !current) return Fail(NoSuchKey(write.key));
  if (expect.kind == Kind::kRevision && current->modified != expect.revision) {
    return Fail(WrongRevision(write.key, current->modified, expect.revision));
  }
  return {};
}

std::shared_ptr<Event> MakeEvent(Event::Kind kind, Revision revision, RecordPtr record,
                                 RecordPtr previous) {
  const bool existed = previous != nullptr;
  return MakeEvent(kind, revision, existed, std::move(record), std::move(previous));
}

std::shared_ptr<Event> MakeEvent(Event::Kind kind, Revision revision, bool existed,
                                 RecordPtr record, RecordPtr previous) {
  auto event = std::make_shared<Event>();
  event->kind = kind;
  event->revision = revision;
  event->record = std::move(record);
  event->existed = existed;
  event->previous = std::move(previous);
  return event;
}

}  // namespace skiff
