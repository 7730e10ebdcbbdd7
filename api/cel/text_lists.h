// Lists of texts that functions make, without a value of its own for each text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/cel/limits.h"
#include "api/cel/value.h"

namespace skiff::cel {

// Collects parts of one text, which stay where they are: the text lives as long as one of them.
class TextParts {
 public:
  // `whole`: a text of kTextBytesMax at most, or one of a document.
  explicit TextParts(const Value& whole) : whole_(whole) {}
  // For when it is known how many there will be.
  void Reserve(size_t count);
  size_t size() const { return parts_.size(); }
  // Too many, or there is no room for them: no more need be added.
  bool IsTooLong() const { return is_refused_ || parts_.size() > kListItemsMax; }
  // `part` lies within the text.
  void Add(std::string_view part) {
    if (parts_.size() == parts_.capacity() && !MayGrow(parts_.size() + 1)) return;
    parts_.push_back({static_cast<uint32_t>(part.data() - whole_.text().data()),
                      static_cast<uint32_t>(part.size())});
  }
  // An error where there are too many.
  Value List() &&;

 private:
  friend class PartsList;
  struct Part {
    uint32_t begin;
    uint32_t size;
  };
  // Scratch of a call (MakeScratch) for so many in another place.
  bool MayGrow(size_t count);

  const Value whole_;
  std::vector<Part> parts_;
  bool is_refused_ = false;
};

// A list that holds its texts itself.
Value ListOfTexts(std::vector<std::string> texts);

}  // namespace skiff::cel
