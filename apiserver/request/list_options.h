// The query of list, watch and deletecollection, checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/select/selector.h"
#include "api/type.h"
#include "apiserver/storage/store.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

enum class VersionMatch : uint8_t { kUnset, kExact, kNotOlderThan };

struct ListQuery {
  LabelSelector labels;
  FieldSelector fields;  // In the names of the stored object.
  std::string resource_version;
  VersionMatch match = VersionMatch::kUnset;
  int64_t limit = 0;
  std::string continue_token;
  std::optional<int64_t> timeout_seconds;
  bool allow_bookmarks = false;
  std::optional<bool> send_initial_events;

  // Whether every object is wanted.
  bool SelectsAll() const { return labels.empty() && fields.empty(); }
};

// BadRequest on what does not parse, Invalid on what does not fit together.
Result<ListQuery> ParseListOptions(const http::Request& request, const KindInfo& kind,
                                   bool is_watch);

// The number in a resourceVersion; "" and "0" are 0. The error is Go's text alone.
Result<uint64_t> ParseResourceVersion(std::string_view text);

// Where the next page of a list begins.
struct ContinueToken {
  int64_t revision = 0;  // -1: at the newest, without consistency.
  std::string start;     // Key relative to the listed prefix, the last one of the page before.
  // How many keys lie behind `start` at that revision, where the page before has counted them: the
  // next one need not.
  std::optional<int64_t> left = std::nullopt;
};
std::string EncodeContinue(const ContinueToken& token);
Result<ContinueToken> DecodeContinue(std::string_view text);

// The revision of a list that is of no other one, as its token or options say; 0: whatever is
// newest, or they do not parse.
Revision ExactRevision(const ListQuery& options);

// Go's strconv.ParseInt; BadRequest with its text.
Result<int64_t> ParseIntQuery(std::string_view text);

}  // namespace skiff
