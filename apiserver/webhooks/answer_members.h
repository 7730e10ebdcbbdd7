// Documents of what webhooks answer in JSON: made of those members alone that somebody looks at,
// and no larger than he expects. Three characters of text may take a hundred bytes of memory, and
// what others answer is as they like.
#pragma once

#include <span>
#include <string_view>

#include "api/values.h"
#include "base/error.h"

namespace skiff {

// As DocumentBytesOf counts. The largest object that is stored fits, whatever it is made of.
inline constexpr size_t kAnswerDocumentBytesMax = size_t{64} << 20;
// Of all answers that are being read at one time; who comes after them waits.
inline constexpr size_t kAnswersInWorkBytesMax = size_t{256} << 20;

struct AnswerMembers {
  std::span<const std::string_view> names;
  // The one among them of which only these members are kept, where it is an object.
  std::string_view inner = {};
  std::span<const std::string_view> inner_names = {};
  size_t document_bytes_max = kAnswerDocumentBytesMax;
};
// What is no object comes as it is. What is repeated is read as Go does: an object's members come
// over those of the one before it. Fails in Go's words where the text is no JSON, even in what is
// not kept; where what is kept takes more than `document_bytes_max`; and where it is repeated ten
// thousand times.
Result<Json> ReadAnswerMembers(std::string_view text, const AnswerMembers& members);

}  // namespace skiff
