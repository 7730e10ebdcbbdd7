// Copies the records of a message that came from elsewhere into one of ours: checked, with names
// compressed anew, without what belongs to one exchange alone (OPT, TSIG). Pure.
#pragma once

#include <vector>

#include "dns/message_writer.h"
#include "dns/query.h"

namespace skiff::dns {

// Where a copied record lies in the new message.
struct RecordMark {
  uint16_t ttl_offset = 0;
  uint16_t end = 0;
  Section section = Section::kAnswer;
};

struct CopiedRecords {
  std::vector<RecordMark> marks;
  bool whole = false;     // Everything was well-formed and fitted.
  bool overflow = false;  // It was well-formed as far as it was read, and did not fit.
};

// From `offset`, which is behind the question of `from`. Classes other than IN are left out.
CopiedRecords CopyRecords(Bytes from, size_t offset, MessageWriter& to);

}  // namespace skiff::dns
